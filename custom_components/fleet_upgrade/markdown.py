"""Keeps what others wrote from being taken for Markdown."""

import re

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~#&@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What Markdown, or a template around it, would take for more than text."""


def escaped(text: str) -> str:
    """Return a text so that Markdown shows it as it is, in one line."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))
