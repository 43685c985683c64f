"""What comes in, however it is written."""

from datetime import UTC, datetime

import pytest

from custom_components.fleet_upgrade.clients.enos.wire import (
    I18n,
    WireName,
    decode,
    milliseconds,
    name_of,
    page_of,
    time_of,
)
from custom_components.fleet_upgrade.clients.errors import MalformedError


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, None),
        ("", None),
        ("Meter", "Meter"),
        (I18n(default_value="Meter", i18n_value={"en_US": "Other"}), "Meter"),
        (I18n(i18n_value={"zh_CN": None, "en_US": "Meter"}), "Meter"),
        (I18n(default_value="", i18n_value={"en_US": "Meter"}), "Meter"),
        (I18n(), None),
    ],
)
def test_a_name_is_the_default_one_or_that_of_any_language(
    given: WireName, name: str | None
) -> None:
    """Some services send plain text."""
    assert name_of(given) == name


@pytest.mark.parametrize(
    ("given", "time"),
    [
        (1572574909697, datetime(2019, 11, 1, 2, 21, 49, 697000, UTC)),
        (None, None),
        (0, None),
        (-1, None),
        (10**18, None),
    ],
)
def test_a_time_is_in_milliseconds_or_none(
    given: int | None, time: datetime | None
) -> None:
    """And goes back as it came."""
    assert time_of(given) == time
    if time is not None:
        assert milliseconds(time) == given


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (b'{"code": 0}', "0"),
        (b'{"code": "0"}', "0"),
        (b'{"code": 24404, "msg": "Job not found"}', "24404"),
        (b'{"status": 1003}', "1003"),
        (b'{"code": 0, "status": 1003}', "0"),
        (b'{"message": "no"}', None),
    ],
)
def test_the_result_is_in_one_of_two_fields(body: bytes, result: str | None) -> None:
    """The gateway alone has neither."""
    assert decode(body).result == result


@pytest.mark.parametrize(
    ("body", "length", "total"),
    [
        (b'{"data": [1, 2], "pagination": {"totalSize": 7}}', 2, 7),
        (b'{"data": [1, 2], "pagination": {"totalSize": "7"}}', 2, 7),
        (b'{"data": [1, 2], "pagination": null}', 2, None),
        (b'{"data": [1], "pagination": {"totalSize": -1}}', 1, None),
        (b'{"data": null, "pagination": {"totalSize": 0}}', 0, 0),
        (b'{"pagination": {"totalSize": 0}}', 0, 0),
        (b'{"data": []}', 0, None),
    ],
)
def test_a_page_has_rows_or_a_total(
    body: bytes, length: int, total: int | None
) -> None:
    """Numbers may be text."""
    page = page_of(decode(body))
    assert (page.length, page.total) == (length, total)


def test_a_page_without_either_is_none() -> None:
    """It does not say that there is nothing."""
    with pytest.raises(MalformedError):
        page_of(decode(b'{"data": null}'))
