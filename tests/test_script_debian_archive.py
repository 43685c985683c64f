"""Where a Debian machine gets its packages, out of its own apt sources."""

from collections.abc import Callable
from pathlib import Path

import pytest

from script.debian_archive import archive

DEBIAN = 'ID=debian\nVERSION_CODENAME="trixie"\n'

type Write = Callable[[str, str], None]


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Return the /etc of a Debian machine without any apt source."""
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    (tmp_path / "os-release").write_text(DEBIAN)
    return tmp_path


@pytest.fixture
def write(etc: Path) -> Write:
    """Return a function that writes one of apt's files."""

    def write_file(name: str, text: str) -> None:
        (etc / "apt" / name).write_text(text)

    return write_file


def test_a_source_in_deb822_format(etc: Path, write: Write) -> None:
    """The format of new Debian machines."""
    write(
        "sources.list.d/debian.sources",
        "# The installer wrote this.\n"
        "Types: deb deb-src\n"
        "# a mirror nearby\n"
        "URIs: https://mirror.example/debian/\n"
        "Suites: trixie trixie-updates\n"
        "Components: main contrib\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp\n",
    )

    assert archive(etc) == [
        "URIs: https://mirror.example/debian/",
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp",
    ]


def test_a_key_that_stands_in_the_source_itself(etc: Path, write: Write) -> None:
    """It is handed on as it is, over all its lines."""
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQENB\n -----END-----"
    write(
        "sources.list.d/debian.sources",
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: stable\n"
        f"Components: main\nSigned-By:{key}\n",
    )

    uris, signed_by = archive(etc)

    assert uris == "URIs: http://mirror.example/debian"
    assert signed_by.split("\n")[1:] == key.split("\n")[1:]


def test_a_source_in_one_line_format(etc: Path, write: Write) -> None:
    """The format of machines that were upgraded over the years."""
    write(
        "sources.list",
        "#deb http://old.example/debian trixie main\n"
        "deb-src http://source.example/debian trixie main\n"
        "deb [arch=amd64 signed-by=/etc/apt/k.gpg] http://one.example/debian trixie main"
        " # ours\n",
    )

    assert archive(etc) == [
        "URIs: http://one.example/debian",
        "Signed-By: /etc/apt/k.gpg",
    ]


def test_a_source_that_names_no_key(etc: Path, write: Write) -> None:
    """Then apt takes the keys that it trusts for everything."""
    write("sources.list", "deb http://one.example/debian trixie main contrib\n")

    assert archive(etc) == ["URIs: http://one.example/debian"]


def test_sources_of_others_are_passed_over(etc: Path, write: Write) -> None:
    """They have no Python, and their keys sign other things."""
    write(
        "sources.list.d/a-vendor.list",
        "deb https://vendor.example/apt stable main\n"
        "deb https://tools.example/debian tools-trixie main\n"
        "deb https://containers.example/debian trixie stable\n",
    )
    write(
        "sources.list.d/debian.sources",
        "Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: trixie\n"
        "Components: main\n"
        "\n"
        "Types: deb-src\nURIs: http://source.example/debian\nSuites: trixie\n"
        "Components: main\n"
        "\n"
        "Types: deb\nURIs: http://security.example/debian-security\n"
        "Suites: trixie-security\nComponents: main\n"
        "\n"
        "Types: deb\nURIs: http://one.example/debian\nSuites: trixie\n"
        "Components: main\n",
    )
    write("sources.list.d/saved.sources.save", "Types: deb\nURIs: http://x.example\n")

    assert archive(etc) == ["URIs: http://one.example/debian"]


@pytest.mark.parametrize("release", ["ID=ubuntu\nVERSION_CODENAME=noble\n", ""])
def test_a_machine_that_is_not_debian(etc: Path, write: Write, release: str) -> None:
    """Its archive has none of the suites that are wanted."""
    (etc / "os-release").write_text(release)
    write("sources.list", "deb http://one.example/debian stable main\n")

    assert archive(etc) == []


def test_a_machine_without_apt_or_without_a_name(tmp_path: Path) -> None:
    """It is not an error; there is just nothing to be had."""
    assert archive(tmp_path) == []

    (tmp_path / "os-release").write_text(DEBIAN)
    assert archive(tmp_path) == []
