"""Fails every test in which a user would have read a text that does not exist.

`check_translations` wraps what brings texts to a user: the steps of flows, issues
and errors. The fixture is autouse once a ``conftest.py`` imports it.
"""

from collections.abc import Generator, Mapping
from functools import cache
import json
from pathlib import Path
import string
from typing import Any

from homeassistant.components.repairs.issue_handler import RepairsFlowManager
from homeassistant.config_entries import (
    ConfigEntriesFlowManager,
    ConfigSubentryFlowManager,
    OptionsFlowManager,
)
from homeassistant.core import ServiceRegistry
from homeassistant.data_entry_flow import FlowHandler, FlowManager, FlowResultType
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import IssueEntry, IssueRegistry
from homeassistant.helpers.selector import SelectSelector
import pytest

from custom_components.fleet_upgrade.const import DOMAIN

INTEGRATION = Path(__file__).parents[1] / "custom_components" / DOMAIN
TRANSLATIONS = INTEGRATION / "translations"


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return all texts of a tree by their path, joined with dots."""
    texts: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, str):
            texts[f"{prefix}{key}"] = value
        else:
            texts |= flatten(value, f"{prefix}{key}.")
    return texts


@cache
def english() -> Mapping[str, str]:
    """Return all English texts by their path."""
    return flatten(json.loads((TRANSLATIONS / "en.json").read_bytes()))


def placeholders_of(text: str) -> set[str]:
    """Return the names of the placeholders in a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


class TranslationCheck:
    """Collects what is wrong with the texts that a user would have read."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Look texts up in ``texts``, by path."""
        self.texts = texts
        self.problems: list[str] = []

    def text(self, path: str, placeholders: Mapping[str, str] | None = None) -> None:
        """Check that there is a text and that its placeholders are given."""
        if path not in self.texts:
            self.problems.append(f"no text {path}")
        elif lacking := placeholders_of(self.texts[path]) - set(placeholders or ()):
            self.problems.append(f"{path} lacks {', '.join(sorted(lacking))}")

    def error(self, err: HomeAssistantError) -> None:
        """Check the text of a translated error."""
        self.text(
            f"exceptions.{err.translation_key}.message", err.translation_placeholders
        )

    def issue(self, issue: IssueEntry) -> None:
        """Check the texts of an issue; a fixable one shows a dialog instead."""
        path = f"issues.{issue.translation_key}"
        self.text(f"{path}.title", issue.translation_placeholders)
        if not issue.is_fixable:
            self.text(f"{path}.description", issue.translation_placeholders)
        elif not any(key.startswith(f"{path}.fix_flow.step.") for key in self.texts):
            self.problems.append(f"no texts {path}.fix_flow")

    def flow_result(self, category: str, result: Mapping[str, Any]) -> None:
        """Check the texts of what a step shows; ``category`` tells flows apart."""
        placeholders = result.get("description_placeholders")
        match result["type"]:
            case FlowResultType.FORM:
                self.form(category, result, placeholders)
            case FlowResultType.MENU:
                step = self.step(category, result, placeholders)
                for option in result["menu_options"]:
                    self.text(f"{step}.menu_options.{option}", placeholders)
            case FlowResultType.ABORT:
                if result.get("translation_domain", DOMAIN) == DOMAIN:
                    self.text(f"{category}.abort.{result['reason']}", placeholders)
            case FlowResultType.CREATE_ENTRY:
                pass
            case other:
                self.problems.append(f"nobody checks the texts of a step {other}")

    def step(
        self,
        category: str,
        result: Mapping[str, Any],
        placeholders: Mapping[str, str] | None,
    ) -> str:
        """Check the texts that each step has, and return the path to all of them."""
        step = f"{category}.step.{result['step_id']}"
        self.text(f"{step}.title", placeholders)
        if f"{step}.description" in self.texts:
            self.text(f"{step}.description", placeholders)
        return step

    def form(
        self,
        category: str,
        result: Mapping[str, Any],
        placeholders: Mapping[str, str] | None,
    ) -> None:
        """Check the texts of a form: its own, its fields', its choices', its errors'."""
        step = self.step(category, result, placeholders)
        for field, selector in result["data_schema"].schema.items():
            self.text(f"{step}.data.{field}", placeholders)
            self.text(f"{step}.data_description.{field}", placeholders)
            if isinstance(selector, SelectSelector) and (
                choice := selector.config.get("translation_key")
            ):
                for option in selector.config["options"]:
                    self.text(f"selector.{choice}.options.{option}")
        for error in (result["errors"] or {}).values():
            self.text(f"{category}.error.{error}", placeholders)


def _check_flows(patches: pytest.MonkeyPatch, check: TranslationCheck) -> None:
    original = FlowManager._async_handle_step  # noqa: SLF001
    repairs: dict[str, str] = {}

    async def handle_step(
        manager: FlowManager[Any, Any, Any],
        flow: FlowHandler[Any, Any, Any],
        step_id: str,
        user_input: Any,
    ) -> Any:
        match manager:
            case ConfigEntriesFlowManager():
                domain, category = flow.handler, "config"
            case OptionsFlowManager():
                entry = manager.hass.config_entries.async_get_known_entry(flow.handler)
                domain, category = entry.domain, "options"
            case ConfigSubentryFlowManager():
                entry_id, subentry_type = flow.handler
                entry = manager.hass.config_entries.async_get_known_entry(entry_id)
                domain, category = entry.domain, f"config_subentries.{subentry_type}"
            case RepairsFlowManager():
                registry = ir.async_get(manager.hass)
                issue = registry.async_get_issue(flow.handler, flow.context["issue_id"])
                if issue is not None:  # a dialog may outlive its issue
                    repairs[flow.flow_id] = f"issues.{issue.translation_key}.fix_flow"
                domain, category = flow.handler, repairs[flow.flow_id]
            case other:
                domain, category = flow.handler, type(other).__name__
        result = await original(manager, flow, step_id, user_input)
        if domain == DOMAIN:
            check.flow_result(category, result)
        return result

    patches.setattr(FlowManager, "_async_handle_step", handle_step)


def _check_issues(patches: pytest.MonkeyPatch, check: TranslationCheck) -> None:
    original = IssueRegistry.async_get_or_create

    def get_or_create(
        registry: IssueRegistry, domain: str, issue_id: str, **values: Any
    ) -> IssueEntry:
        issue = original(registry, domain, issue_id, **values)
        if domain == DOMAIN:
            check.issue(issue)
        return issue

    patches.setattr(IssueRegistry, "async_get_or_create", get_or_create)


def _check_errors(patches: pytest.MonkeyPatch, check: TranslationCheck) -> None:
    original_init = HomeAssistantError.__init__
    original_call = ServiceRegistry.async_call

    def init(err: HomeAssistantError, *args: Any, **values: Any) -> None:
        original_init(err, *args, **values)
        if err.translation_domain == DOMAIN:
            check.error(err)

    async def call(
        registry: ServiceRegistry, domain: str, service: str, *args: Any, **values: Any
    ) -> Any:
        try:
            return await original_call(registry, domain, service, *args, **values)
        except Unauthorized:
            raise
        except HomeAssistantError as err:
            if domain == DOMAIN and err.translation_key is None:
                check.problems.append(f"{service} says without translation: {err}")
            raise

    patches.setattr(HomeAssistantError, "__init__", init)
    patches.setattr(ServiceRegistry, "async_call", call)


@pytest.fixture(autouse=True)
def check_translations() -> Generator[TranslationCheck]:
    """Fail the test when a text that a user would have read does not exist."""
    check = TranslationCheck(english())
    with pytest.MonkeyPatch.context() as patches:
        _check_flows(patches, check)
        _check_issues(patches, check)
        _check_errors(patches, check)
        yield check
    if check.problems:
        pytest.fail("; ".join(check.problems))
