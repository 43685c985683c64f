"""Every language says all that English says."""

import json
import re

from homeassistant.generated.languages import LANGUAGES as KNOWN
import pytest

from .translations import INTEGRATION

FOLDER = INTEGRATION / "translations"
LANGUAGES = ["es", "zh-Hans"]
"""Those of the platforms' own pages, beside English."""

SAME = {
    "Access Key",
    "Fleet Upgrade",
    "Firmware",
    "Firmware {task}",
    "Host",
    "Secret Key",
    "Software",
    "Software {task}",
    "firmware",
    "software",
}
"""Texts that may be the same in another language."""


def texts(language: str) -> dict[str, str]:
    """Return all texts of a language by their path."""
    found: dict[str, str] = {}

    def walk(value: object, path: str) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                walk(each, f"{path}.{key}" if path else key)
        else:
            assert isinstance(value, str)
            found[path] = value

    walk(json.loads((FOLDER / f"{language}.json").read_text()), "")
    return found


def placeholders(text: str) -> list[str]:
    """Return the placeholders of a text, however often it has each."""
    return sorted(re.findall(r"\{\w+\}", text))


def test_these_are_the_languages() -> None:
    """One that is begun is made whole."""
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(["en", *LANGUAGES])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing_or_left_over(language: str) -> None:
    """As many as English has."""
    assert texts(language).keys() == texts("en").keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_has_the_placeholders_of_the_english_one(language: str) -> None:
    """Else a name or a number is not told."""
    english = texts("en")
    assert [
        path
        for path, text in texts(language).items()
        if placeholders(text) != placeholders(english[path])
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_is_translated(language: str) -> None:
    """None is English still, but for names and words that are the same."""
    english = texts("en")
    assert {
        text
        for path, text in texts(language).items()
        if text == english[path] and text not in SAME
    } == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_english_text_is_translated_in_one_way(language: str) -> None:
    """Or a message is not found under the words that the page has."""
    ways: dict[str, set[str]] = {}
    english = texts("en")
    for path, text in texts(language).items():
        ways.setdefault(english[path], set()).add(text)
    assert {text: several for text, several in ways.items() if len(several) > 1} == {}


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_each_text_is_clean(language: str) -> None:
    """No blanks around it, no markup, no address, and keys in order."""
    for path, text in texts(language).items():
        assert text == text.strip(), path
        assert not re.search(r"<[a-zA-Z/]|https?://|'\{", text), path
    content = (FOLDER / f"{language}.json").read_text()
    assert content == (
        json.dumps(json.loads(content), indent=2, ensure_ascii=False, sort_keys=True)
        + "\n"
    )


def test_chinese_is_written_with_chinese_marks() -> None:
    """A sentence ends as a Chinese reader expects."""
    assert [
        path
        for path, text in texts("zh-Hans").items()
        if re.search(r"[\u4e00-\u9fff][,.:;?!]", text)
    ] == []


def test_the_brand_is_the_same_everywhere() -> None:
    """So are the platforms' names."""
    names = re.compile(r"Fleet Upgrade|Home Assistant|OceanConnect|EnOS")
    english = texts("en")
    for language in LANGUAGES:
        for path, text in texts(language).items():
            assert set(names.findall(text)) <= set(names.findall(english[path])) | {
                "Home Assistant"
            }, path


def test_home_assistant_knows_the_languages() -> None:
    """Under these codes."""
    assert set(LANGUAGES) <= set(KNOWN)
