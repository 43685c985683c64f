"""The actions as Home Assistant offers them: who may, which fields, which texts."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
import json
from typing import Any
from unittest.mock import Mock

from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant, SupportsResponse
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.setup import async_setup_component
import pytest
import voluptuous as vol

from custom_components.fleet_upgrade.action_answers import MAX_ROWS
from custom_components.fleet_upgrade.clients.model import TaskStatus, UpgradeKind
from custom_components.fleet_upgrade.clients.platform import (
    CreateAction,
    Field,
    FieldKind,
    Platform,
)
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.entity import MODELS

from .translations import INTEGRATION, english

CREATE_ACTIONS = {
    "create_firmware_upgrade_task",
    "create_ota_upgrade_task",
    "create_software_upgrade_task",
}
CHANGE_ACTIONS = {
    "cancel_subtasks",
    "delete_upgrade_task",
    "retry_failed_devices",
    "retry_subtasks",
    "start_upgrade_task",
    "stop_upgrade_task",
}
GET_ACTIONS = {
    "get_device_groups",
    "get_devices",
    "get_failure_report",
    "get_journal",
    "get_packages",
    "get_subtasks",
    "get_upgrade_task",
    "get_upgrade_tasks",
}
SELECTORS = {
    FieldKind.TEXT: "text",
    FieldKind.TEXTS: "text",
    FieldKind.INTEGER: "number",
    FieldKind.BOOLEAN: "boolean",
    FieldKind.MAPPING: "object",
    FieldKind.CHOICE: "select",
    FieldKind.LOCAL_TIME: "datetime",
}

type Fields = dict[str, Mapping[str, Any]]


@pytest.fixture(autouse=True)
async def integration(hass: HomeAssistant) -> None:
    """Load the integration, without any account."""
    assert await async_setup_component(hass, DOMAIN, {})


@pytest.fixture
async def offered(hass: HomeAssistant) -> dict[str, Fields]:
    """Return the fields of the actions as a form shows them, sections taken apart."""
    descriptions = await async_get_all_descriptions(hass)
    return {
        name: dict(flat(description["fields"]))
        for name, description in descriptions[DOMAIN].items()
    }


def flat(fields: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the fields of an action and of its sections."""
    for key, field in fields.items():
        if "fields" in field:
            yield from flat(field["fields"])
        else:
            yield key, field


def schema_of(hass: HomeAssistant, name: str) -> Mapping[Any, Any]:
    """Return the schema that an action was registered with."""
    schema = hass.services.async_services_for_domain(DOMAIN)[name].schema
    assert isinstance(schema, vol.Schema)
    fields: Mapping[Any, Any] = schema.schema
    return fields


def declared() -> dict[str, list[Field]]:
    """Return the fields that the platforms declare, by action."""
    fields: dict[str, dict[str, Field]] = {}
    for platform in PLATFORMS.values():
        for action in platform.create_actions:
            fields.setdefault(action.name, {}).update(
                {field.key: field for field in action.fields}
            )
    return {name: list(by_key.values()) for name, by_key in fields.items()}


def test_actions_are_there_before_any_account(hass: HomeAssistant) -> None:
    """An automation can be checked while an account does not load."""
    responses = {
        name: action.supports_response
        for name, action in hass.services.async_services_for_domain(DOMAIN).items()
    }
    assert responses == (
        dict.fromkeys(CREATE_ACTIONS | CHANGE_ACTIONS, SupportsResponse.OPTIONAL)
        | dict.fromkeys(GET_ACTIONS, SupportsResponse.ONLY)
    )


@pytest.mark.parametrize("name", sorted(CREATE_ACTIONS))
async def test_only_an_administrator_may_create(
    hass: HomeAssistant, hass_read_only_user: User, name: str
) -> None:
    """Nobody else can send an upgrade out."""
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            name,
            {"config_entry_id": "unknown", "package": "pkg-1", "dry_run": True},
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )


@pytest.mark.parametrize("name", sorted(CHANGE_ACTIONS))
async def test_only_an_administrator_may_change(
    hass: HomeAssistant, hass_read_only_user: User, name: str
) -> None:
    """Nobody else can stop an upgrade, or make it begin again."""
    data: dict[str, Any] = {"config_entry_id": "unknown", "task_id": "task-1"}
    if "devices" in schema_of(hass, name):
        data["devices"] = ["meter-1"]
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            name,
            data,
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )


@pytest.mark.parametrize("name", sorted(GET_ACTIONS))
async def test_everyone_may_look(
    hass: HomeAssistant, hass_read_only_user: User, name: str
) -> None:
    """What fails here is the account that does not exist, not the permission."""
    schema = schema_of(hass, name)
    with pytest.raises(ServiceValidationError) as raised:
        await hass.services.async_call(
            DOMAIN,
            name,
            {"config_entry_id": "unknown"}
            | ({"task_id": "task-1"} if "task_id" in schema else {}),
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )
    assert raised.value.translation_key == "service_config_entry_not_found"


@pytest.mark.parametrize("name", sorted(CREATE_ACTIONS))
def test_the_form_has_the_fields_that_platforms_declare(
    offered: dict[str, Fields], name: str
) -> None:
    """A field that a platform gains cannot be forgotten here."""
    form = offered[name]
    fields = declared()[name]
    common = {"config_entry_id", "dry_run", "force", "allow_downgrade"}
    assert set(form) == common | {field.key for field in fields}
    assert form["config_entry_id"]["required"]
    assert form["config_entry_id"]["selector"] == {
        "config_entry": {"integration": DOMAIN}
    }
    for switch in ("dry_run", "force", "allow_downgrade"):
        assert form[switch]["selector"] == {"boolean": {}}
        assert form[switch]["default"] is False
    for field in fields:
        shown = form[field.key]
        assert set(shown["selector"]) == {SELECTORS[field.kind]}, field
        assert shown.get("required", False) == field.required, field
        assert shown.get("default") == field.default, field
        selector = shown["selector"][SELECTORS[field.kind]]
        assert selector.get("options", []) == list(field.choices), field
        if SELECTORS[field.kind] == "text":
            assert selector["multiple"] is (field.kind is FieldKind.TEXTS), field


@pytest.mark.parametrize("name", sorted(GET_ACTIONS | CHANGE_ACTIONS))
def test_the_form_has_the_fields_of_the_schema(
    hass: HomeAssistant, offered: dict[str, Fields], name: str
) -> None:
    """Whoever adds a field to a query adds it to its form."""
    markers = schema_of(hass, name)
    form = offered[name]
    assert set(form) == set(markers)
    required = {marker for marker in markers if isinstance(marker, vol.Required)}
    assert {key for key in form if form[key].get("required")} == required


def test_the_choices_of_the_queries_are_the_common_words(
    offered: dict[str, Fields],
) -> None:
    """They are the same on every platform."""
    for name, key, words in (
        ("get_upgrade_tasks", "status", TaskStatus),
        ("get_subtasks", "status", TaskStatus),
        ("get_upgrade_tasks", "kind", UpgradeKind),
        ("get_packages", "kind", UpgradeKind),
    ):
        assert offered[name][key]["selector"]["select"]["options"] == list(words)
    for name in GET_ACTIONS - {"get_upgrade_task"}:
        limit = offered[name]["limit"]
        assert limit["default"] == limit["selector"]["number"]["max"] == MAX_ROWS


@pytest.mark.parametrize(
    "name",
    sorted(CHANGE_ACTIONS | {"get_failure_report", "get_subtasks", "get_upgrade_task"}),
)
def test_only_upgrade_tasks_are_offered_as_upgrade_task(
    offered: dict[str, Fields], name: str
) -> None:
    """The device of an account is not one."""
    assert offered[name]["device_id"]["selector"]["device"]["filter"] == [
        {"integration": DOMAIN, "model": MODELS[kind]} for kind in UpgradeKind
    ]


async def test_whatever_a_form_shows_has_a_text_and_an_icon(
    hass: HomeAssistant,
) -> None:
    """And there is no text or icon for what does not exist."""
    texts: set[str] = set()
    choices: set[str] = set()
    icons: dict[str, Any] = {}
    descriptions = await async_get_all_descriptions(hass)
    for name, description in descriptions[DOMAIN].items():
        fields = description["fields"]
        sections = [key for key, field in fields.items() if "fields" in field]
        paths = [
            f"services.{name}",
            *(f"services.{name}.sections.{key}" for key in sections),
            *(f"services.{name}.fields.{key}" for key, _ in flat(fields)),
        ]
        texts |= {
            f"{path}.{text}" for path in paths for text in ("name", "description")
        }
        icons[name] = sections
        for _, field in flat(fields):
            if select := field["selector"].get("select"):
                choices |= {
                    f"selector.{select['translation_key']}.options.{option}"
                    for option in select["options"]
                }
    assert {path for path in english() if path.startswith("services.")} == texts
    assert choices <= set(english())
    shown = json.loads((INTEGRATION / "icons.json").read_bytes())["services"]
    assert {name: list(icon.get("sections", ())) for name, icon in shown.items()} == (
        icons
    )
    assert all("service" in icon for icon in shown.values())


async def test_a_further_platform_brings_its_own_actions(
    hass: HomeAssistant,
    hass_read_only_user: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever it declares is offered, to administrators only, with its fields."""
    [known, *_] = PLATFORMS.values()
    further = CreateAction(
        name="create_module_upgrade_task",
        fields=(Field(key="module", required=True),),
        build=Mock(),
    )
    shared = replace(
        known.create_actions[0],
        fields=(*known.create_actions[0].fields, Field(key="product")),
    )
    platform: Platform = replace(known, key="acme", create_actions=(further, shared))
    monkeypatch.setitem(PLATFORMS, platform.key, platform)
    for name in list(hass.services.async_services_for_domain(DOMAIN)):
        hass.services.async_remove(DOMAIN, name)
    hass.config.components.remove(DOMAIN)
    assert await async_setup_component(hass, DOMAIN, {})

    actions = set(hass.services.async_services_for_domain(DOMAIN))
    assert actions == CREATE_ACTIONS | CHANGE_ACTIONS | GET_ACTIONS | {further.name}
    assert set(schema_of(hass, further.name)) == {
        "config_entry_id",
        "dry_run",
        "force",
        "allow_downgrade",
        "module",
    }
    assert {"package", "product"} <= set(schema_of(hass, shared.name))
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            further.name,
            {"config_entry_id": "unknown", "module": "modem"},
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )
