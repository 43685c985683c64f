"""Who is behind a call: a user, an automation, a script."""

from typing import Any

from homeassistant.core import Context, HomeAssistant, ServiceCall, callback
from homeassistant.setup import async_setup_component
import pytest

from custom_components.fleet_upgrade import askers as askers_module
from custom_components.fleet_upgrade.askers import Asker, AskerKind, Askers

ASK = {"action": "test.ask"}
NIGHTLY = Asker(
    kind=AskerKind.AUTOMATION, entity_id="automation.nightly", name="Nightly"
)


def by_hand(user_id: str | None) -> Asker:
    """Return the script that asks, as started by a user."""
    return Asker(
        kind=AskerKind.SCRIPT,
        user_id=user_id,
        entity_id="script.by_hand",
        name="By hand",
    )


@pytest.fixture
def askers(hass: HomeAssistant) -> Askers:
    """Return what remembers from now on who started what."""
    return Askers(hass)


@pytest.fixture
def asked(hass: HomeAssistant, askers: Askers) -> list[Asker]:
    """Return who has called the action that asks."""
    asked: list[Asker] = []

    @callback
    def ask(call: ServiceCall) -> None:
        asked.append(askers.asker_of(call.context))

    hass.services.async_register("test", "ask", ask)
    return asked


async def set_up_automation(hass: HomeAssistant, action: dict[str, Any]) -> None:
    """Set up an automation that acts at night."""
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "alias": "Nightly",
                "triggers": {"trigger": "event", "event_type": "night"},
                "actions": action,
            }
        },
    )


async def set_up_scripts(hass: HomeAssistant) -> None:
    """Set up a script that asks, and one that starts it."""
    assert await async_setup_component(
        hass,
        "script",
        {
            "script": {
                "by_hand": {"alias": "By hand", "sequence": [ASK]},
                "outer": {
                    "alias": "Outer",
                    "sequence": [{"action": "script.by_hand"}],
                },
            }
        },
    )


async def test_a_user_asks(hass: HomeAssistant, asked: list[Asker]) -> None:
    """From the developer tools, say."""
    await hass.services.async_call(
        "test", "ask", blocking=True, context=Context(user_id="someone")
    )
    assert asked == [Asker(kind=AskerKind.USER, user_id="someone")]


@pytest.mark.parametrize("context", [None, Context(), Context(parent_id="gone")])
async def test_it_may_be_unknown_who_asks(
    hass: HomeAssistant, asked: list[Asker], context: Context | None
) -> None:
    """Another integration, say."""
    await hass.services.async_call("test", "ask", blocking=True, context=context)
    assert asked == [Asker(kind=AskerKind.UNKNOWN)]


async def test_an_automation_asks(hass: HomeAssistant, asked: list[Asker]) -> None:
    """Its calls carry a context that names nobody."""
    await set_up_automation(hass, ASK)
    hass.bus.async_fire("night")
    await hass.async_block_till_done()
    assert asked == [NIGHTLY]


async def test_an_automation_asks_even_if_a_user_gave_the_reason(
    hass: HomeAssistant, asked: list[Asker]
) -> None:
    """Who switches a light on does not ask for what an automation does then."""
    await set_up_automation(hass, ASK)
    hass.bus.async_fire("night", context=Context(user_id="someone"))
    await hass.async_block_till_done()
    assert asked == [NIGHTLY]


@pytest.mark.parametrize("user_id", ["someone", None])
async def test_a_script_asks(
    hass: HomeAssistant, asked: list[Asker], user_id: str | None
) -> None:
    """And it is known who started it, if that was a user."""
    await set_up_scripts(hass)
    await hass.services.async_call(
        "script", "by_hand", blocking=True, context=Context(user_id=user_id)
    )
    assert asked == [by_hand(user_id)]


async def test_a_script_asks_that_nobody_waits_for(
    hass: HomeAssistant, asked: list[Asker]
) -> None:
    """Turning a script on returns before it has run."""
    await set_up_scripts(hass)
    await hass.services.async_call(
        "script",
        "turn_on",
        {"entity_id": "script.by_hand"},
        blocking=True,
        context=Context(user_id="someone"),
    )
    await hass.async_block_till_done()
    assert asked == [by_hand("someone")]


async def test_of_scripts_in_scripts_the_outermost_asks(
    hass: HomeAssistant, asked: list[Asker]
) -> None:
    """That is the one that somebody started."""
    await set_up_scripts(hass)
    await hass.services.async_call(
        "script", "outer", blocking=True, context=Context(user_id="someone")
    )
    assert asked == [
        Asker(
            kind=AskerKind.SCRIPT,
            user_id="someone",
            entity_id="script.outer",
            name="Outer",
        )
    ]


@pytest.mark.parametrize(
    "action",
    [
        {"action": "script.by_hand"},
        {"action": "script.turn_on", "target": {"entity_id": "script.by_hand"}},
        {"action": "script.outer"},
    ],
    ids=["called", "turned on", "in a script"],
)
async def test_an_automation_asks_through_a_script(
    hass: HomeAssistant, asked: list[Asker], action: dict[str, Any]
) -> None:
    """The script does what the automation says."""
    await set_up_scripts(hass)
    await set_up_automation(hass, action)
    hass.bus.async_fire("night")
    await hass.async_block_till_done()
    assert asked == [NIGHTLY]


async def test_each_run_has_its_own_asker(
    hass: HomeAssistant, asked: list[Asker]
) -> None:
    """The same script may be started by anyone."""
    await set_up_scripts(hass)
    await set_up_automation(hass, {"action": "script.by_hand"})
    for user_id in ("someone", "someone else"):
        await hass.services.async_call(
            "script", "by_hand", blocking=True, context=Context(user_id=user_id)
        )
    hass.bus.async_fire("night")
    await hass.async_block_till_done()
    assert asked == [by_hand("someone"), by_hand("someone else"), NIGHTLY]


async def test_what_a_run_causes_is_asked_by_the_run(
    hass: HomeAssistant, asked: list[Asker]
) -> None:
    """Some integrations call on, in a context of their own."""
    run = Context(user_id="someone")
    await set_up_scripts(hass)
    await hass.services.async_call("script", "by_hand", blocking=True, context=run)
    await hass.services.async_call(
        "test", "ask", blocking=True, context=Context(parent_id=run.id)
    )
    assert asked == [by_hand("someone")] * 2


async def test_only_the_latest_runs_are_remembered(
    hass: HomeAssistant, askers: Askers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant runs for months."""
    monkeypatch.setattr(askers_module, "MOST_REMEMBERED", 3)
    runs = [Context() for _ in range(5)]
    for number, run in enumerate(runs):
        hass.bus.async_fire(
            "automation_triggered", {"name": f"Run {number}"}, context=run
        )
    await hass.async_block_till_done()
    assert [askers.asker_of(run).name for run in runs] == [
        None,
        None,
        "Run 2",
        "Run 3",
        "Run 4",
    ]


async def test_events_of_others_may_hold_anything(
    hass: HomeAssistant, askers: Askers
) -> None:
    """What is kept in the journal has to be readable again."""
    run = Context()
    hass.bus.async_fire("script_started", {"name": 5, "entity_id": []}, context=run)
    await hass.async_block_till_done()
    assert askers.asker_of(run) == Asker(kind=AskerKind.SCRIPT)
