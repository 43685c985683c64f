"""Answers without end, and such as unpack to gigabytes: a bound on memory and time."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
import gc
import time
import tracemalloc

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients import transport
from custom_components.fleet_upgrade.clients.transport import LARGEST_ANSWER
from custom_components.fleet_upgrade.const import CONF_PLATFORM
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind

from .enos_account import answers_for
from .test_enos_faults import message, states, told

MEGABYTE = 1024**2

TOO_LARGE = "answer_too_large"
SLOW = "one byte a second"

BLANKS = b" " * MEGABYTE
"""JSON may begin with as many as it likes."""

HOSTILE: dict[str, tuple[Callable[[], Fault], str]] = {
    "a hundred megabytes": (
        lambda: Fault(kind=FaultKind.MALFORMED, body=100 * BLANKS, count=None),
        TOO_LARGE,
    ),
    "chunks without end": (
        lambda: Fault(kind=FaultKind.FLOOD, body=BLANKS[:65536], count=None),
        TOO_LARGE,
    ),
    "empty lists without end": (
        lambda: Fault(kind=FaultKind.FLOOD, body=b"[" * 65536, count=None),
        TOO_LARGE,
    ),
    "a gigabyte, packed": (
        lambda: Fault(kind=FaultKind.BOMB, size=1024 * MEGABYTE, count=None),
        TOO_LARGE,
    ),
    SLOW: (
        lambda: Fault(kind=FaultKind.DRIP, delay=1.0, count=None),
        "timeout_connect",
    ),
    "sixteen million brackets": (
        lambda: Fault(
            kind=FaultKind.MALFORMED,
            body=b'{"data":' + b"[" * (LARGEST_ANSWER - 100),
            count=None,
        ),
        "not_the_platform",
    ),
    "millions of numbers": (
        lambda: Fault(
            kind=FaultKind.MALFORMED,
            body=b'{"data":[' + b"0," * (LARGEST_ANSWER // 2 - 100) + b"0]}",
            count=None,
        ),
        "malformed_answer",
    ),
}

each_hostile = pytest.mark.parametrize(
    ("fault", "key"), HOSTILE.values(), ids=HOSTILE.keys()
)


@pytest.fixture
def credentials(enos: EnosSimulator) -> dict[str, str]:
    """Return an account on a platform with one job; it speaks plain HTTP."""
    enos.reset(jobs=1)
    return {CONF_PLATFORM: "enos", **answers_for(enos)}


@pytest.fixture(autouse=True)
def impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a whole answer for two seconds at most, where it does not come."""
    if SLOW in request.node.name:
        monkeypatch.setattr(transport, "TOTAL_TIMEOUT", 2.0)


@contextmanager
def bounded(*, seconds: float, megabytes: float) -> Generator[None]:
    """Let something take no more time and memory than this, and keep next to none."""
    tracemalloc.start()
    began = time.monotonic()
    try:
        yield
        gc.collect()
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < seconds
    assert peak < megabytes * MEGABYTE
    assert kept < 4 * MEGABYTE


@each_hostile
async def test_a_hostile_answer_costs_a_poll_and_a_line(
    hass: HomeAssistant,
    enos: EnosSimulator,
    account: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[], Fault],
    key: str,
) -> None:
    """Memory and time are bounded, and the next poll is as ever."""
    coordinator = account.runtime_data
    before = coordinator.data
    caplog.clear()
    enos.faults.add(fault())
    # The answer, grown while it was read, and what the server holds of it.
    with bounded(seconds=40, megabytes=5 * LARGEST_ANSWER / MEGABYTE):
        await coordinator.async_refresh()
    assert states(hass, account, "sensor") == {"unavailable"}
    enos.faults.clear()
    await coordinator.async_refresh()
    placeholders = {"limit": "16"} if key == TOO_LARGE else {}
    assert told(caplog) == [
        f"Error fetching {account.title} data: {message(key, placeholders)}",
        f"Fetching {account.title} data recovered",
    ]
    assert coordinator.data == before
