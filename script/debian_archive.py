"""Print where this machine gets Debian's packages, as lines of a deb822 source.

"URIs:" and, where the machine's own apt sources name a key, "Signed-By:". Prints
nothing on a machine that is not Debian. Runs on Python 3.9.
"""

from collections.abc import Iterator
from pathlib import Path
import re
import sys

#: Address of an archive, its suites, its components, its key ("" where none is named).
Source = tuple[str, set[str], set[str], str]


def one_line_sources(text: str) -> Iterator[Source]:
    """Yield what a file in apt's one-line format names."""
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+([^#\s]+)([^#]*)", line)
        if found:
            options, uri, suite, components = found.groups()
            key = re.search(r"signed-by=(\S+)", options or "", re.IGNORECASE)
            yield uri, {suite}, set(components.split()), key[1] if key else ""


def deb822_sources(text: str) -> Iterator[Source]:
    """Yield what a file in apt's deb822 format names."""
    text = re.sub(r"(?m)^#.*\n?", "", text)
    for stanza in re.split(r"\n\s*\n", text):
        pairs = re.findall(r"(?m)^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza)
        fields = {name.lower(): value.rstrip() for name, value in pairs}
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in {"no", "false", "0", "off"}:
            continue
        suites = set(fields.get("suites", "").split())
        components = set(fields.get("components", "").split())
        for uri in fields.get("uris", "").split():
            yield uri, suites, components, fields.get("signed-by", "")


def sources(etc: Path) -> Iterator[Source]:
    """Yield what the apt sources below this /etc name, without the disabled ones."""
    apt = etc / "apt"
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            continue
        if path.suffix == ".list":
            yield from one_line_sources(text)
        elif path.suffix == ".sources":
            yield from deb822_sources(text)


def archive(etc: Path) -> list[str]:
    """Return the lines for Debian's archive, none where the machine has none."""
    try:
        text = (etc / "os-release").read_text(encoding="utf-8")
    except OSError:
        return []
    release = dict(re.findall(r'(?m)^(\w+)="?([^"\n]*)', text))
    if release.get("ID") != "debian":
        return []
    names = {
        release.get("VERSION_CODENAME", ""),
        "stable",
        "testing",
        "unstable",
        "sid",
    }
    found = [
        (uri, key)
        for uri, suites, components, key in sources(etc)
        if suites & names and "main" in components
    ]
    # Others may use Debian's names for their suites too; Debian's mirrors end so.
    found.sort(key=lambda source: not source[0].rstrip("/").endswith("/debian"))
    for uri, key in found[:1]:
        return [f"URIs: {uri}", *([f"Signed-By: {key}"] if key else [])]
    return []


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in archive(Path("/etc")))
