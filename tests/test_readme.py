"""What README.md and docs/ promise: their names are the real ones, links lead on."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
import re
from typing import Any

from aiohttp import ClientSession
from homeassistant.util.yaml import load_yaml_dict, parse_yaml
import pytest

from custom_components.fleet_upgrade.account import TaskEventType
from custom_components.fleet_upgrade.clients.causes import Cause
from custom_components.fleet_upgrade.clients.model import (
    Device,
    DeviceGroup,
    Package,
    Policy,
    StatusCounts,
    Subtask,
    Targets,
    UpgradeTask,
    Value,
)
from custom_components.fleet_upgrade.clients.platform import Capability
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.failure_report import FailureReason
from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator

from .enos_account import answers_for, with_one_job
from .translations import INTEGRATION, english

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md")), ROOT / "CONTRIBUTING.md"]

QUOTED = re.compile(r'^\| "([^"]+)"', re.MULTILINE)


def page(name: str) -> str:
    """Return a page of the documentation."""
    return (DOCS / f"{name}.md").read_text()


def sections(text: str, level: int) -> dict[str, str]:
    """Return the text under each heading of a level, up to the next such one."""
    parts = re.split(rf"^#{{{level}}} (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        heading: re.split(rf"^#{{1,{level - 1}}} ", body, flags=re.MULTILINE)[0]
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    }


def rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of the tables in a text, without the headings."""
    found = []
    for line in text.splitlines():
        if line.startswith("|"):
            found.append([cell.strip() for cell in line.strip("|").split(" | ")])
        else:
            found.append([])
    return [
        cells
        for before, cells in zip([[]] * 2 + found, found, strict=False)
        if cells and before and not set("".join(cells)) <= set("-|")
    ]


def code(cell: str) -> set[str]:
    """Return what stands in a cell as code."""
    return set(re.findall(r"`([^`]+)`", cell))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in headings
    }


# Links


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_each_link_between_the_pages_leads_somewhere(path: Path) -> None:
    """To a file of the repository, and to a heading in it."""
    astray = []
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        is_there = target.is_relative_to(ROOT) and target.exists()
        if not is_there or (anchor and anchor not in anchors(target)):
            astray.append(link)
    assert astray == []


def test_each_page_is_found_from_the_readme() -> None:
    """A page that nothing links to is not read."""
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)", README.read_text()))
    assert linked == {path.name for path in DOCS.glob("*.md")}


# The forms


def test_each_field_of_a_platforms_form_is_on_its_page() -> None:
    """By the label that is on the screen, and whether it is required."""
    texts = english()
    for key, platform in PLATFORMS.items():
        form = sections(page(f"setup-{key}"), 2)["The form"]
        assert [(row[0], row[1]) for row in rows(form)] == [
            (
                texts[f"config.step.{key}.data.{field.key}"],
                "yes" if field.required else "no",
            )
            for field in platform.form
        ]


def test_each_option_is_in_the_readme() -> None:
    """By the label that is on the screen."""
    options = sections(README.read_text(), 3)["Options"]
    labels = {
        text
        for key, text in english().items()
        if key.startswith("options.step.init.data.")
    }
    assert {row[0] for row in rows(options)} == labels


def test_each_error_of_a_form_is_explained() -> None:
    """Those of the platform's codes are on a page of their own."""
    explained = QUOTED.findall(
        page("troubleshooting") + "".join(page(f"setup-{key}") for key in PLATFORMS)
    )
    errors = {
        key: text
        for key, text in english().items()
        if re.match(r"config\.(error|abort)\.(?!rejected_)", key)
    }
    told_by_itself = {
        "config.error.answer_lost",
        "config.error.malformed_answer",
        "config.error.platform_error",
        "config.error.unknown",
    }
    assert {
        key
        for key, text in errors.items()
        if not any(text.startswith(start) for start in explained)
    } <= told_by_itself


@pytest.mark.parametrize(
    "name", ["troubleshooting", "plans", *(f"setup-{key}" for key in PLATFORMS)]
)
def test_each_message_that_is_explained_is_the_real_one(name: str) -> None:
    """A user searches for what is on the screen."""
    texts = " ".join(english().values())
    quoted = QUOTED.findall(page(name))
    assert len(quoted) > 5
    assert [message for message in quoted if message not in texts] == []


# What each platform can do


def platform_table(heading: str) -> list[list[str]]:
    """Return the rows of a table of all platforms whose first column is this."""
    table = page("platforms").partition(f"| {heading} |")[2].partition("\n\n")[0]
    names = [platform.name for platform in PLATFORMS.values()]
    assert table.splitlines()[0].strip(" |").split(" | ")[1:] == names
    return [[*code(row[0]), *row[2:]] for row in rows(f"| {heading} |{table}")]


def yes(*each: bool) -> list[str]:
    """Return what the table says of each platform."""
    return ["yes" if one else "no" for one in each]


def test_what_each_platform_can_do_is_in_its_table() -> None:
    """A row for each capability, in the order of the code; so for what creates."""
    platforms = PLATFORMS.values()
    assert platform_table("Capability") == [
        [name, *yes(*(name in platform.capabilities for platform in platforms))]
        for name in Capability
    ]
    actions = [
        {action.name: action for action in platform.create_actions}
        for platform in platforms
    ]
    names = list(dict.fromkeys(name for each in actions for name in each))
    assert sorted(platform_table("Action")) == sorted(
        [name, *yes(*(name in each for each in actions))] for name in names
    )
    fields = [
        {field.key for action in each.values() for field in action.fields}
        for each in actions
    ]
    assert sorted(platform_table("Field")) == sorted(
        [name, *yes(*(name in each for each in fields))]
        for name in set().union(*fields)
    )


async def test_the_counts_that_each_platform_has_are_in_its_table(
    credentials: dict[str, Any],
    oceanconnect: OceanConnectSimulator,
    enos: EnosSimulator,
) -> None:
    """As a poll of each finds them."""
    oceanconnect.add_task()
    with_one_job(enos)
    found: list[StatusCounts] = []
    async with ClientSession() as session:
        for platform, given in zip(
            PLATFORMS.values(), (credentials, answers_for(enos)), strict=True
        ):
            client = platform.client(session, given, platform.check(given))
            since = datetime.now(UTC) - timedelta(days=1)
            polled = await client.poll({}, {}, since)
            found.append(next(task.counts for task in polled.tasks if task.is_active))
    assert platform_table("Count") == [
        [
            name,
            *("unknown" if getattr(each, name) is None else "known" for each in found),
        ]
        for name in StatusCounts.__struct_fields__
    ]


# Entities


def test_each_entity_and_each_attribute_is_described() -> None:
    """By the name that is on the screen."""
    texts = english()
    names = {
        text
        for key, text in texts.items()
        if re.fullmatch(r"entity\.\w+\.\w+\.name", key)
    }
    described = {row[0] for row in rows(page("entities"))}
    assert names - described == set()
    attributes = {
        key.split(".")[4] for key in texts if "entity.event.upgrade_task.state_a" in key
    }
    in_code = set().union(*(code(cell) for cell in described))
    assert attributes - {"event_type"} - in_code == set()


def test_each_type_of_event_is_described() -> None:
    """None is missing, none is invented."""
    events = sections(page("entities"), 2)["Events"]
    table = events.partition("Each event has these attributes")[0]
    assert {name for row in rows(table) for name in code(row[0])} == {
        event_type.value for event_type in TaskEventType
    }


# Actions


def flat(fields: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the fields of an action, those in sections too."""
    found: dict[str, dict[str, Any]] = {}
    for key, field in fields.items():
        found |= flat(field["fields"]) if "fields" in field else {key: field}
    return found


def test_each_action_is_described_with_all_its_fields() -> None:
    """Under the name that is on the screen; none is missing, none is invented."""
    texts = english()
    actions = load_yaml_dict(INTEGRATION / "services.yaml")
    described = set()
    for heading, text in sections(page("actions"), 3).items():
        for action in re.findall(rf"`{DOMAIN}\.(\w+)`", text.partition("|")[0]):
            described.add(action)
            assert texts[f"services.{action}.name"] in heading.split(", ")
            assert {
                (*code(row[0]), row[1], row[2])
                for row in rows(text)
                if len(row) == 4  # beside tables of answers
            } == {
                (
                    key,
                    texts[f"services.{action}.fields.{key}.name"],
                    "yes" if field.get("required") else "no",
                )
                for key, field in flat(actions[action]["fields"]).items()
            }
    assert described == set(actions)


@pytest.mark.parametrize(
    ("heading", "value"),
    [
        ("An upgrade task", UpgradeTask),
        ("Targets", Targets),
        ("A policy", Policy),
        ("A subtask", Subtask),
        ("A failure reason", FailureReason),
        ("A package", Package),
        ("A device group", DeviceGroup),
        ("A device", Device),
    ],
)
def test_each_key_of_an_answer_is_described(heading: str, value: type[Value]) -> None:
    """In the order of the answer or not: all of them, and no other."""
    table = sections(page("actions"), 3)[heading]
    assert _keys(table) == set(value.__struct_fields__)


def test_each_cause_is_described() -> None:
    """In the words of the reports."""
    texts = english()
    table = sections(page("actions"), 3)["Causes"]
    assert {next(iter(code(row[0]))): row[1:] for row in rows(table)} == {
        cause.value: [texts[f"common.cause_{cause}"], texts[f"common.advice_{cause}"]]
        for cause in Cause
    }


def _keys(table: str) -> set[str]:
    return {name for row in rows(table) for name in code(row[0])}


# Examples


def blocks(paths: Iterable[Path]) -> list[Any]:
    """Return what stands in the pages as YAML."""
    return [
        parse_yaml(block)
        for path in paths
        for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)
    ]


def test_the_example_in_the_readme_is_one_of_the_automations() -> None:
    """The automations are tried out in a test of their own."""
    (example,) = blocks([README])
    assert example in blocks([DOCS / "automations.md"])
