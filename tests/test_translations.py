"""Every text that the code can show exists, and none is left over."""

import ast
from collections.abc import Callable, Iterator
from enum import Enum
from fnmatch import filter as matching
import importlib
import inspect
from itertools import product
import json
from pathlib import Path
import re
from typing import Any, get_type_hints
from unittest.mock import Mock

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.fleet_upgrade import PLATFORMS as ENTITY_PLATFORMS
from custom_components.fleet_upgrade.clients.causes import Cause
from custom_components.fleet_upgrade.clients.errors import (
    InvalidFieldError,
    PlatformError,
)
from custom_components.fleet_upgrade.clients.model import ChangeKind, UpgradeKind
from custom_components.fleet_upgrade.clients.platform import Capability
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.config_flow import CONF_REMOVE_STORED, UPDATE
from custom_components.fleet_upgrade.const import (
    CONF_PLATFORM,
    CONF_PUSH_ADDRESS,
    DOMAIN,
    SUBENTRY_PLAN,
)
from custom_components.fleet_upgrade.issues import UNSETTLED
from custom_components.fleet_upgrade.options_flow import OPTIONS
from custom_components.fleet_upgrade.plan_fields import plannable, planned_fields
from custom_components.fleet_upgrade.plan_waves import WaveKind, waves_schema
from custom_components.fleet_upgrade.waves import StopReason
from custom_components.fleet_upgrade.writes import PlanDeed, WriteState

from .translations import (
    INTEGRATION,
    TRANSLATIONS,
    TranslationCheck,
    english,
    flatten,
    placeholders_of,
)

type Need = tuple[str, set[str]]
"""Path of a text, in which * stands for anything, and placeholders that are given."""

ABORT_HELPERS = {
    "_abort_if_unique_id_configured": "already_configured",
    "_abort_if_unique_id_mismatch": "unique_id_mismatch",
}
"""Home Assistant's own ways to end a flow, and the reason that each gives."""


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Yield the modules of the integration, parsed."""
    for path in sorted(INTEGRATION.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def calls(module: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of functions, methods or classes with these names."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            func = node.func
            name = func.attr if isinstance(func, ast.Attribute) else None
            name = func.id if isinstance(func, ast.Name) else name
            if not names or name in names:
                yield node


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    """Return the keyword arguments of a call."""
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def strings(node: ast.AST) -> list[str]:
    """Return the string constants in an expression."""
    return [
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


def keys(node: ast.expr | None, module: ast.Module) -> list[str]:
    """Return what an expression for a text's key can be.

    A name stands for all strings that the module gives to a variable or parameter
    of this name; what is put into an f-string may be anything.
    """
    match node:
        case ast.Constant(value=str(value)):
            return [value]
        case ast.IfExp(body=body, orelse=orelse):
            return keys(body, module) + keys(orelse, module)
        case ast.JoinedStr(values=values):
            return [
                "".join(
                    part.value if isinstance(part, ast.Constant) else "*"  # type: ignore[misc]
                    for part in values
                )
            ]
        case ast.Name(id=name):
            return [key for given in _given_to(name, module) for key in strings(given)]
    return []


def _given_to(name: str, module: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value):
                if target == name:
                    yield value
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value):
                if target == name:
                    yield value
            case ast.keyword(arg=arg, value=value) if arg == name:
                yield value
            case ast.arguments(kwonlyargs=parameters, kw_defaults=defaults):
                for parameter, default in zip(parameters, defaults, strict=True):
                    if parameter.arg == name and default is not None:
                        yield default


def every_error() -> Iterator[PlatformError]:
    """Make every error of the clients in all its kinds."""
    classes: list[type[PlatformError]] = [PlatformError]
    for error in classes:
        classes.extend(error.__subclasses__())
        if issubclass(error, InvalidFieldError):
            continue  # its rules stand where it is raised
        hints = get_type_hints(error.__init__)
        kinds: list[list[Any]] = []
        by_name = inspect.signature(error).parameters.values()
        parameters = [each for each in by_name if each.kind is not each.VAR_KEYWORD]
        for parameter in parameters:
            hint = hints[parameter.name]
            if hint is bool:
                kinds.append([False, True])
            elif isinstance(hint, type) and issubclass(hint, Enum):
                kinds.append(list(hint))
            elif hint == tuple[str, ...]:
                kinds.append([(), ("a", "b")])
            elif parameter.default is parameter.empty:
                kinds.append([hint(1)])
            else:
                kinds.append([parameter.default])
        for values in product(*kinds):
            named = dict(zip((p.name for p in parameters), values, strict=True))
            yield error(**named)


def form_texts() -> Iterator[Need]:
    """Yield what the forms of all platforms show."""
    yield "title", set()
    for step, name in (
        ("config.step.user", CONF_PLATFORM),
        *(("options.step.init", option.key) for option in OPTIONS),
        ("options.step.init", CONF_PUSH_ADDRESS),
    ):
        yield f"{step}.title", set()
        yield f"{step}.data.{name}", set()
        given = {"example", "push_url"} if name == CONF_PUSH_ADDRESS else set[str]()
        yield f"{step}.data_description.{name}", given
    for platform in PLATFORMS.values():
        removable = [f.key for f in platform.form if f.is_secret and not f.required]
        names = [field.key for field in platform.form]
        for key in removable:
            yield f"selector.{CONF_REMOVE_STORED}.options.{key}", set()
        for field in platform.form:
            for choice in field.choices:
                yield f"selector.{field.key}.options.{choice}", set()
        removal = [CONF_REMOVE_STORED] if removable else []
        for step, fields, given in (
            (platform.key, names, set[str]()),
            (f"{platform.key}{UPDATE}", names + removal, {"name"}),
        ):
            yield f"config.step.{step}.title", given
            yield f"config.step.{step}.description", given
            for field_key in fields:
                yield f"config.step.{step}.data.{field_key}", set()
                yield f"config.step.{step}.data_description.{field_key}", set()


def flow_texts() -> Iterator[Need]:
    """Yield the errors and the ends of flows that the flows themselves name."""
    module = ast.parse((INTEGRATION / "config_flow.py").read_text())
    for helper, reason in ABORT_HELPERS.items():
        for _ in calls(module, helper):
            yield f"config.abort.{reason}", set()
    for node in ast.walk(module):
        match node:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id="errors"))], value=value
            ):
                for key in keys(value, module):
                    yield f"config.error.{key}", set()


def plan_texts() -> Iterator[Need]:
    """Yield what the forms of upgrade plans show, for each platform."""
    plan = f"config_subentries.{SUBENTRY_PLAN}"
    yield f"{plan}.entry_type", set()
    for source in ("user", "reconfigure"):
        yield f"{plan}.initiate_flow.{source}", set()
    shown: dict[str, set[str]] = {
        "user": {"name", "waves"},
        "upgrade": {"device_groups"},
        "waves": {
            str(field)
            for kind in (WaveKind.SHARES, WaveKind.GROUPS)
            for field in waves_schema(kind).schema
        },
    }
    for kind in WaveKind:
        yield f"selector.plan_waves.options.{kind}", set()
    for platform in PLATFORMS.values():
        actions = plannable(platform)
        if len(actions) > 1:
            shown["user"].add("action")
            for action in actions:
                yield f"selector.plan_action.options.{action.name}", set()
        for action in actions:
            shown["upgrade"].update(
                field.key for field in planned_fields(action, has_waves=False)
            )
    for step, fields in shown.items():
        given = {"plan"} if step != "user" else set[str]()
        yield f"{plan}.step.{step}.title", given
        for field in fields:
            yield f"{plan}.step.{step}.data.{field}", given
            yield f"{plan}.step.{step}.data_description.{field}", given
    module = ast.parse((INTEGRATION / "plan_flow.py").read_text())
    given = {"plan", "refusal", "reason"}
    for node in ast.walk(module):
        match node:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id="errors"))], value=value
            ):
                for key in keys(value, module):
                    yield f"{plan}.error.{key}", given
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="errors"), attr="setdefault"),
                args=[_, value],
            ):
                for key in keys(value, module):
                    yield f"{plan}.error.{key}", given


def error_texts() -> Iterator[Need]:
    """Yield what errors say: those of the clients in a form too."""
    for error in every_error():
        if ".clients." in type(error).__module__:
            yield f"config.error.{error.key}", set(error.placeholders)
        yield f"exceptions.{error.key}.message", set(error.placeholders)


def repair_texts() -> Iterator[Need]:
    """Yield the errors and the ends of the dialog that repairs an issue.

    It talks to the platform, so whatever a client raises can be said in it.
    """
    dialog = f"issues.{UNSETTLED}.fix_flow"
    shown = {"account", "kind", "version", "target", "time"}
    module = ast.parse((INTEGRATION / "repairs.py").read_text())
    for error in every_error():
        if ".clients." in type(error).__module__:
            yield f"{dialog}.error.{error.key}", shown | set(error.placeholders)
    for node in ast.walk(module):
        match node:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id="errors"))], value=value
            ):
                for key in keys(value, module):
                    yield f"{dialog}.error.{key}", shown
    for call in calls(module, "AbortFlow"):
        for key in keys(call.args[0], module):
            yield f"{dialog}.abort.{key}", set()


def account_issue_texts() -> Iterator[Need]:
    """Yield what the issues that an account has once say, and their dialog."""
    dialog = ast.parse((INTEGRATION / "repair_reconfigure.py").read_text())
    named: dict[str, set[str]] = {}
    for _, module in modules():
        for call in calls(module, "async_sync_issue"):
            for key in keys(call.args[2], module):
                named.setdefault(key, set()).update(keywords(call))
    for key, names in named.items():
        given = {"account", *names - {"severity", "is_fixable", "is_persistent"}}
        yield f"issues.{key}.title", given
        if "is_persistent" in names:
            for text in ("title", "description"):
                yield f"issues.{key}.fix_flow.step.confirm.{text}", given
        elif "is_fixable" in names:
            yield from _dialog_texts(f"issues.{key}.fix_flow", dialog, given)
        else:
            yield f"issues.{key}.description", given


def _dialog_texts(path: str, module: ast.Module, given: set[str]) -> Iterator[Need]:
    for text in ("title", "description", "menu_options.reconfigure"):
        yield f"{path}.step.init.{text}", given
    for call in calls(module, "AbortFlow"):
        for key in strings(call):
            yield f"{path}.abort.{key}", set()
    for call in calls(module, "async_abort"):
        for key in keys(keywords(call).get("reason"), module):
            yield f"{path}.abort.{key}", set()


def journal_texts() -> Iterator[Need]:
    """Yield what the activity view says of the journal."""
    told = {"kind", "version", "target", "task_id", "asked_by"}
    for state in WriteState:
        yield f"common.journal_{state}", told
        yield f"common.journal_change_{state}", {*told, "change"}
    for change in (*ChangeKind, *PlanDeed):
        yield f"common.journal_{change}", told
    for kind in UpgradeKind:
        yield f"common.kind_{kind}", set()
    yield "common.journal_asked_by", told


def wave_texts() -> Iterator[Need]:
    """Yield what the event of a plan of waves says, and its waves in the calendar."""
    for reason in StopReason:
        shown = {"wave", "wanted", "minimum", "platform", "detail"}
        yield f"common.plan_stopped_{reason}", shown
    for key in ("approve", "goes_no_further", "task_stopping", "task_goes_on"):
        yield f"common.plan_{key}", set()
    yield "common.plan_task_read_only", {"platform"}
    yield "common.plan_wave_expected", {"plan", "wave", "waves"}


def dashboard_texts() -> Iterator[Need]:
    """Yield what the dashboard says, as its script names it."""
    script = (INTEGRATION / "frontend" / "dashboard.js").read_text()
    yield from ((path, set()) for path in re.findall(r'"(common\.\w+)"', script))
    for start in re.findall(r"`(common\.\w+)\$\{key\}`", script):
        yield from ((f"{start}{key}", set()) for key in ("active", "ended"))


def warning_texts() -> Iterator[Need]:
    """Yield what a warning says is to be done, for each platform.

    How a task is stopped by hand may be told for a platform that has no call for it.
    """
    for key in ("look_stalled", "look_failing", "stop_by_action", "stop_by_hand"):
        yield f"common.{key}", {"platform"}
    for platform in PLATFORMS.values():
        path = f"common.stop_by_hand_{platform.key}"
        if Capability.STOP not in platform.capabilities and path in english():
            yield path, {"platform"}


def report_texts() -> Iterator[Need]:
    """Yield what a failure report says: of each cause, and around it."""
    for cause in Cause:
        yield f"common.cause_{cause}", set()
        yield f"common.advice_{cause}", set()
    for key in ("cause_none", "advice_other", "report_none"):
        yield f"common.{key}", set()
    yield "common.report_devices", {"devices"}
    for key in ("report_more", "report_rest"):
        yield f"common.{key}", {"count"}


def rule_texts() -> Iterator[Need]:
    """Yield what broken rules say where they can come up.

    The rules of the forms' fields are also checked when an account is set up.
    """
    form = {field.key for platform in PLATFORMS.values() for field in platform.form}
    for path, module in modules():
        raised = list(calls(module, "InvalidFieldError"))
        is_flow = path.name == "config_flow.py"
        is_form = any(form & set(strings(call.args[0])) for call in raised)
        for call in raised:
            for key in keys(call.args[1], module):
                given = {"field", *keywords(call)}
                if CONF_PUSH_ADDRESS in strings(call.args[0]):
                    yield f"options.error.{key}", set()
                    continue
                if is_flow or is_form:
                    yield f"config.error.{key}", given
                if not is_flow:
                    yield f"exceptions.{key}.message", given


def raised_texts() -> Iterator[Need]:
    """Yield what is shown by a translation key that stands in the code."""
    paths = {"DeviceInfo": "device.{}.name", "async_create_issue": "issues.{}.title"}
    for _, module in modules():
        for call in calls(module):
            named = keywords(call)
            func = ast.unparse(call.func).rpartition(".")[2]
            if "translation_domain" not in named and func not in paths:
                continue
            given = named.get("translation_placeholders")
            names = set(strings(given)) if given else set()
            for key in keys(named.get("translation_key"), module):
                path = paths.get(func, "exceptions.{}.message")
                yield path.format(key), names


def is_entity_description(value: object) -> bool:
    """Return whether a value describes an entity.

    Home Assistant makes the classes of some descriptions anew, without their base.
    """
    return not isinstance(value, type) and all(
        hasattr(value, name)
        for name in ("key", "translation_key", "entity_registry_enabled_default")
    )


def entity_texts() -> Iterator[Need]:
    """Yield what entities show, by their descriptions."""
    for platform in ENTITY_PLATFORMS:
        module = importlib.import_module(f"custom_components.{DOMAIN}.{platform}")
        found = [
            each
            for value in vars(module).values()
            for each in (value if isinstance(value, tuple) else (value,))
            if is_entity_description(each)
        ]
        assert found, f"{platform} has entities without a description"
        for description in found:
            if description.translation_key is None:
                # Then its device class names it.
                assert getattr(description, "device_class", None), description.key
                continue
            path = f"entity.{platform}.{description.translation_key}"
            yield f"{path}.name", set()
            for option in getattr(description, "options", None) or ():
                yield f"{path}.state.{option}", set()
            for event in getattr(description, "event_types", None) or ():
                yield f"{path}.state_attributes.event_type.state.{event}", set()


def action_texts() -> Iterator[Need]:
    """Yield what the actions' own pages show."""
    for action, described in load_yaml_dict(INTEGRATION / "services.yaml").items():
        yield f"services.{action}.name", set()
        yield f"services.{action}.description", set()
        fields: dict[str, Any] = {}
        for name, field in described["fields"].items():
            if "fields" in field:
                yield f"services.{action}.sections.{name}.name", set()
                fields |= field["fields"]
            else:
                fields[name] = field
        for name, field in fields.items():
            yield f"services.{action}.fields.{name}.name", set()
            yield f"services.{action}.fields.{name}.description", set()
            select = field["selector"].get("select") or {}
            if "translation_key" in select:
                for option in select["options"]:
                    yield (
                        f"selector.{select['translation_key']}.options.{option}",
                        set(),
                    )


def system_health_texts() -> Iterator[Need]:
    """Yield what the page with the system's health says: the keys of its figures."""
    module = ast.parse((INTEGRATION / "system_health.py").read_text())
    for node in ast.walk(module):
        if isinstance(node, ast.Dict):
            for key in node.keys:
                for name in keys(key, module):
                    yield f"system_health.info.{name}", set()


SOURCES = (
    form_texts,
    flow_texts,
    plan_texts,
    error_texts,
    repair_texts,
    account_issue_texts,
    journal_texts,
    wave_texts,
    dashboard_texts,
    warning_texts,
    report_texts,
    rule_texts,
    raised_texts,
    entity_texts,
    action_texts,
    system_health_texts,
)

OPTIONAL = re.compile(
    r"(config|options|config_subentries\.\w+)\.step\.\w+\.description"
    r"|services\.\w+\.sections\.\w+\.description"
    r"|issues\.\w+\.(description|fix_flow\.step\..+)"
    r"|entity\.\w+\.\w+\.(unit_of_measurement|state_attributes\..+)"
)
"""Texts that may be there for what shows another one."""


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_every_text_is_there(source: Callable[[], Iterator[Need]]) -> None:
    """What the code can show has a text, with no placeholder that it lacks."""
    needs = list(source())
    assert needs
    lacking = [
        (path, name)
        for path, given in needs
        for name in placeholders_of(english().get(path, "")) - given
    ]
    missing = [pattern for pattern, _ in needs if not matching(english(), pattern)]

    assert missing == []
    assert lacking == []


def test_each_action_that_a_text_names_is_there() -> None:
    """A user calls it by this name."""
    actions = load_yaml_dict(INTEGRATION / "services.yaml")
    named = re.findall(rf"\b{DOMAIN}\.(\w+)", " ".join(english().values()))
    assert named
    assert set(named) <= actions.keys()


def test_no_text_is_left_over() -> None:
    """A text that nothing shows any more is removed."""
    needed = {
        path
        for source in SOURCES
        for pattern, _ in source()
        for path in matching(english(), pattern)
    }
    left_over = english().keys() - needed
    assert [path for path in left_over if not OPTIONAL.fullmatch(path)] == []


def test_the_same_error_has_the_same_placeholders_everywhere() -> None:
    """A placeholder is not forgotten in one of two texts about one thing."""
    texts = english()
    for error in every_error():
        said = placeholders_of(texts[f"exceptions.{error.key}.message"])
        in_a_form = texts.get(f"config.error.{error.key}")
        assert in_a_form is None or placeholders_of(in_a_form) == said


@pytest.mark.parametrize(
    "path", sorted(TRANSLATIONS.glob("*.json")), ids=lambda path: path.stem
)
def test_translations_are_sorted_and_plain(path: Path) -> None:
    """Home Assistant's own checks refuse markup, addresses and loose blanks."""
    content = path.read_text()
    tree = json.loads(content)
    assert (
        content == json.dumps(tree, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    )
    for key, text in flatten(tree).items():
        assert re.fullmatch(r"[a-z0-9_.-]+", key)
        assert text, key
        assert text == text.strip(), key
        assert not re.search(r"[<>]|\w://|www\.|'\{|\[%key", text), key
        assert placeholders_of(text) <= placeholders_of(english()[key]), key


async def test_a_form_without_texts_is_found(
    hass: HomeAssistant, check_translations: TranslationCheck
) -> None:
    """The guard of all tests sees titles, fields, descriptions and choices."""
    lost = "config.step.user.data_description.platform"
    check_translations.texts = {
        path: text for path, text in english().items() if path != lost
    }
    await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert check_translations.problems == [f"no text {lost}"]
    check_translations.problems.clear()


def test_an_error_of_a_form_without_its_text_is_found() -> None:
    """The guard sees errors, ends and what they lack."""
    check = TranslationCheck(
        {
            "config.step.user.title": "Hello {name}",
            "config.step.user.description": "{host}",
            "config.error.throttled": "{seconds}",
        }
    )
    form = {
        "type": FlowResultType.FORM,
        "step_id": "user",
        "data_schema": Mock(schema={}),
        "errors": {"base": "throttled", "host": "nonsense"},
        "description_placeholders": {"name": "Demo"},
    }
    check.flow_result("config", form)
    check.flow_result("config", {"type": FlowResultType.ABORT, "reason": "enough"})
    menu = {"type": FlowResultType.MENU, "step_id": "user", "menu_options": ["one"]}
    check.flow_result("config", menu | {"description_placeholders": {"name": "Demo"}})
    check.flow_result("config", {"type": FlowResultType.SHOW_PROGRESS})

    assert check.problems == [
        "config.step.user.description lacks host",
        "config.error.throttled lacks seconds",
        "no text config.error.nonsense",
        "no text config.abort.enough",
        "config.step.user.description lacks host",
        "no text config.step.user.menu_options.one",
        "nobody checks the texts of a step progress",
    ]


def test_an_error_without_its_text_is_found(
    check_translations: TranslationCheck,
) -> None:
    """The guard sees each error as it is made."""
    HomeAssistantError(translation_domain=DOMAIN, translation_key="nonsense")
    HomeAssistantError(translation_domain=DOMAIN, translation_key="throttled")

    assert check_translations.problems == [
        "no text exceptions.nonsense.message",
        "exceptions.throttled.message lacks seconds",
    ]
    check_translations.problems.clear()


async def test_an_action_that_fails_without_translation_is_found(
    hass: HomeAssistant, check_translations: TranslationCheck
) -> None:
    """The guard sees what an action raises in plain words."""
    hass.services.async_register(
        DOMAIN, "fail", Mock(side_effect=HomeAssistantError("in plain words"))
    )
    with pytest.raises(HomeAssistantError):
        await hass.services.async_call(DOMAIN, "fail", blocking=True)

    assert check_translations.problems == [
        "fail says without translation: in plain words"
    ]
    check_translations.problems.clear()


@pytest.mark.parametrize(
    ("is_fixable", "problems"),
    [
        (False, ["no text issues.odd.title", "no text issues.odd.description"]),
        (True, ["no text issues.odd.title", "no texts issues.odd.fix_flow"]),
    ],
)
def test_an_issue_without_its_texts_is_found(
    hass: HomeAssistant,
    check_translations: TranslationCheck,
    is_fixable: bool,
    problems: list[str],
) -> None:
    """The guard sees issues, with or without a dialog that repairs them."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        "odd",
        is_fixable=is_fixable,
        severity=ir.IssueSeverity.WARNING,
        translation_key="odd",
    )
    assert check_translations.problems == problems
    check_translations.problems.clear()
