"""Home Assistant's recorder on a PostgreSQL server: what it recorded, it has again."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from homeassistant.components.recorder import history
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.components.sensor import ATTR_STATE_CLASS
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import recorder as recorder_helper
from homeassistant.helpers.recorder import get_instance
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_recorder_block_till_done,
    async_wait_recording_done,
    do_adhoc_statistics,
)

from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from demo.database import open_database
from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator

from ..common_simulator import credentials_for
from ..enos_account import answers_for

CALLED = "Night'; DROP TABLE states; -- \N{CRESCENT MOON}"
NAME = f"{CALLED}\0{{{{ 1 }}}} <b>"
"""What somebody may call an upgrade task; the server has no place for a zero byte."""

type History = dict[str, list[tuple[str, datetime]]]
type Statistics = dict[str, list[Any]]


@pytest.fixture
def database(socket_enabled: None) -> Iterator[str]:
    """Run a server with an empty database; return its URL."""
    with open_database() as url:
        yield url


@pytest.fixture
def accounts(
    oceanconnect: OceanConnectSimulator, enos: EnosSimulator
) -> dict[str, dict[str, Any]]:
    """Return the data of accounts on both platforms, with the demo's fleet."""
    oceanconnect.reset(seed=0, speed=0)
    enos.reset(seed=7, speed=0, index_lag=0)
    return {
        "oceanconnect": credentials_for(oceanconnect),
        "enos": {CONF_PLATFORM: "enos", **answers_for(enos)},
    }


@asynccontextmanager
async def home_assistant(
    database: str, accounts: dict[str, dict[str, Any]]
) -> AsyncGenerator[HomeAssistant]:
    """Run a Home Assistant that records in the database, with all accounts."""
    async with async_test_home_assistant() as hass:
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        recorder_helper.async_initialize_recorder(hass)
        config = {"recorder": {"db_url": database, "commit_interval": 0}}
        try:
            assert await async_setup_component(hass, "recorder", config)
            for key, credentials in accounts.items():
                platform = PLATFORMS[key]
                entry = MockConfigEntry(
                    domain=DOMAIN,
                    entry_id=f"01DATABASE{key.upper()}",
                    title=platform.title(credentials),
                    unique_id=f"{key}_{platform.account_id(credentials)}",
                    data=credentials,
                )
                entry.add_to_hass(hass)
                assert await hass.config_entries.async_setup(entry.entry_id)
            await hass.async_block_till_done(wait_background_tasks=True)
            await async_wait_recording_done(hass)
            yield hass
        finally:
            await hass.async_stop(force=True)


def account_sensors(hass: HomeAssistant) -> list[str]:
    """Return the sensors that have long-term statistics: those of the accounts."""
    return sorted(
        state.entity_id
        for state in hass.states.async_all("sensor")
        if ATTR_STATE_CLASS in state.attributes
    )


async def told(hass: HomeAssistant, entity_ids: list[str], since: datetime) -> History:
    """Return the history of entities."""
    found = await get_instance(hass).async_add_executor_job(
        lambda: history.get_significant_states(
            hass, since, entity_ids=entity_ids, include_start_time_state=False
        )
    )
    return {
        entity_id: [
            (state.state, state.last_updated)
            for state in states
            if isinstance(state, State)
        ]
        for entity_id, states in found.items()
    }


async def counted(
    hass: HomeAssistant, entity_ids: list[str], since: datetime, period: Any
) -> Statistics:
    """Return the statistics of sensors."""
    found = await get_instance(hass).async_add_executor_job(
        lambda: statistics_during_period(
            hass, since, None, set(entity_ids), period, None, {"max", "mean", "min"}
        )
    )
    return dict(found)


async def count(hass: HomeAssistant, start: datetime) -> None:
    """Have Home Assistant make the statistics of the five minutes that begin then."""
    do_adhoc_statistics(hass, start=start)
    await async_recorder_block_till_done(hass)


@pytest.mark.usefixtures("hass_storage")
async def test_history_and_statistics_are_there_after_a_restart(
    database: str,
    accounts: dict[str, dict[str, Any]],
    enos: EnosSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of all sensors of the accounts, whatever upgrade tasks are called."""
    since = dt_util.utcnow()
    async with home_assistant(database, accounts) as hass:
        assert get_instance(hass).dialect_name == "postgresql"
        sensors = account_sensors(hass)
        assert {entity_id.partition("_")[0] for entity_id in sensors} == {
            "sensor.enos",
            "sensor.oceanconnect",
        }
        enos.add_job(name=NAME)
        for entry in hass.config_entries.async_entries(DOMAIN):
            await entry.runtime_data.async_refresh()
        await async_wait_recording_done(hass)
        now = dt_util.utcnow()
        five = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
        # Home Assistant counts the hour together with its last five minutes.
        await count(hass, five)
        await count(hass, five.replace(minute=55))

        [task] = [
            state.entity_id
            for state in hass.states.async_all("sensor")
            if state.entity_id.endswith("_status") and CALLED in state.name
        ]
        before = await told(hass, [*sensors, task], since)
        assert sorted(before) == sorted([*sensors, task])
        assert any(len(states) > 1 for states in before.values())
        values = {
            state.entity_id: float(state.state)
            for entity_id in sensors
            if (state := hass.states.get(entity_id))
        }
        short = await counted(hass, sensors, five - timedelta(hours=1), "5minute")
        long = await counted(hass, sensors, five - timedelta(hours=1), "hour")
        assert sorted(short) == sorted(long) == sensors
        assert {key: rows[0]["max"] for key, rows in long.items()} == values

    async with home_assistant(database, accounts) as hass:
        after = await told(hass, [*sensors, task], since)
        for entity_id, states in before.items():
            assert after[entity_id][: len(states)] == states
        for period, rows in (("5minute", short), ("hour", long)):
            assert (
                await counted(hass, sensors, five - timedelta(hours=1), period) == rows
            )
        assert account_sensors(hass) == sensors
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []
