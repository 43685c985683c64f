"""A malformed answer costs at most one poll, little time and one line in the log."""

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.oceanconnect import auth
from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator, Quirks

from .common_simulator import credentials_for
from .enos_account import answers_for
from .tiny_platform import set_up
from .wire_fuzz import Fuzz, counts_on_enos, counts_on_oceanconnect

SHARES = 2
"""Parts that the answers of a platform are divided into, each with a seed."""

type Share = tuple[int, int]


@pytest.fixture(params=range(SHARES))
def share(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Share:
    """Return how many answers to spoil, and the seed."""
    answers = pytestconfig.getoption("fuzz_answers") // (2 * SHARES)
    return answers, pytestconfig.getoption("torture_seed") + request.param


def has_seen_much(fuzz: Fuzz) -> bool:
    """Whether many polls and actions failed, and others went well all the same."""
    ends = fuzz.ends
    return bool(ends[""] and ends["malformed_answer"] and ends["not_the_platform"])


@pytest.mark.parametrize(
    "quirks",
    [Quirks(), Quirks(task_order="oldest", counts_as_text=True)],
    ids=["newest first", "oldest first"],
)
async def test_spoiled_answers_of_oceanconnect_cost_a_poll(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    share: Share,
    quirks: Quirks,
) -> None:
    """Each task and each count is right again with the next one."""
    # Who gives way to another program for an hour has only been told of a wrong token.
    monkeypatch.setattr(auth, "HOUR", 0.0)
    oceanconnect.reset(rate_limit=1_000_000, tasks=6, devices=30, quirks=quirks)
    for _ in range(2):
        oceanconnect.add_task(status="processing")
    credentials = credentials_for(oceanconnect)
    entry = MockConfigEntry(domain=DOMAIN, title="OceanConnect", data=credentials)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    answers, seed = share
    fuzz = Fuzz(
        hass,
        entry,
        oceanconnect,
        lambda: counts_on_oceanconnect(oceanconnect),
        caplog,
        seed,
    )
    await fuzz.run(answers // 2)
    assert has_seen_much(fuzz)


async def test_spoiled_answers_of_enos_cost_a_poll(
    hass: HomeAssistant,
    enos: EnosSimulator,
    caplog: pytest.LogCaptureFixture,
    share: Share,
) -> None:
    """Each job and each count is right again with the next one."""
    enos.reset(jobs=6, devices=40)
    for _ in range(2):
        enos.add_job(status="upgrading")
    entry = MockConfigEntry(
        domain=DOMAIN, title="EnOS", data={CONF_PLATFORM: "enos", **answers_for(enos)}
    )
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    answers, seed = share
    fuzz = Fuzz(hass, entry, enos, lambda: counts_on_enos(enos), caplog, seed)
    await fuzz.run(answers)
    assert has_seen_much(fuzz)
