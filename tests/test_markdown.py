"""What others wrote stays text in Markdown."""

import html
import re

from markdown_it import MarkdownIt
import pytest

from custom_components.fleet_upgrade.markdown import escaped

NASTY = [
    "a | b",
    "<img src=x onerror=alert(1)>",
    "<b>bold</b> <!-- comment -->",
    "{{ states('person.me') }}",
    "{% for x in y %}",
    "**bold** _it_ ~gone~ ~~struck~~ `code` __x__",
    "[link](http://evil) ![image](http://evil) [x]: http://evil",
    "see http://evil or www.evil or me@evil or <http://evil>",
    "# heading & entity &lt;",
    "> quoted",
    "back\\slash",
    "two\n\nparagraphs",
    "under\n===",
    "list\n- item\n1. item",
    "table\n| a |\n|---|\n| b |",
    "```\ncode\n```",
]
"""What a package, a device or its reason to fail may be called."""


def rendered(markdown: str) -> str:
    """Return Markdown as the text that is seen; fails if it is more than text."""
    renderer = MarkdownIt("commonmark", {"html": True})
    page = renderer.enable(["table", "strikethrough"]).render(markdown).strip()
    shown = re.fullmatch(r"<p>([^<>]*)</p>", page)
    assert shown, page
    return html.unescape(shown[1])


@pytest.mark.parametrize("text", NASTY)
def test_a_text_is_shown_as_it_is(text: str) -> None:
    """In one line; no template begins in it either."""
    assert rendered(f"Called {escaped(text)}") == f"Called {' '.join(text.split())}"
    safe = escaped(text)
    for sign in ("|", "<", "{", "*", "_", "~", "`", "[", "#", "&", "@", "://", "www."):
        assert safe.count(sign) == safe.count("\\" + sign)
