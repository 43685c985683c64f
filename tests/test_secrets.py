"""No secret is told to anyone, and no device to whoever reads a log or a bug report.

Each platform's account lives through all that may go wrong, with everything logged at
debug level, while all that Home Assistant tells is taken down.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
import json
import logging
from pathlib import Path
from typing import Any

from aiohttp import FormData
from aiohttp.test_utils import TestClient
from homeassistant.components import file_upload
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import voluptuous as vol

from custom_components.fleet_upgrade.clients.budget import (
    AdaptiveBudget,
    CallBudget,
    shared_budget,
)
from custom_components.fleet_upgrade.clients.platform import Capability, FieldKind
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import CONF_PUSH_ADDRESS, DOMAIN
from custom_components.fleet_upgrade.plan import Plan, Wave
from custom_components.fleet_upgrade.push_subscriptions import PushStore
from custom_components.fleet_upgrade.store import SessionStore
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator
from simulator.tls import KEY_PASSWORD

from .planning import press
from .told import BUS, Told, all_texts, lines_of
from .wave_plans import put_plan

TOKENS = ("access", "refresh")
"""What is secret of a session that is kept."""

FLOWS = "/api/config/config_entries/flow"
OPTIONS_FLOWS = "/api/config/config_entries/options/flow"
SECRET = "mark/of the secret+1"
SHOWS_ADDRESS = {
    f"answer {OPTIONS_FLOWS}",
    "log aiohttp.access",
    "log homeassistant.components.http.auth",
    "log homeassistant.components.webhook",
    "log homeassistant.helpers.http",
}
"""Where the address of the webhook may stand: where it is shown to whoever needs it,
and where Home Assistant's own server takes down what it is asked."""

WRONG = "mark/of a wrong secret?"
NEW = "mark/of the next secret&1"

type Data = dict[str, Any]
type Calls = list[tuple[str, Data]]


@dataclass(kw_only=True)
class Story:
    """A platform and an account on it."""

    key: str
    platform: OceanConnectSimulator | EnosSimulator
    answers: Data
    """What a person enters in the form; files as their content."""
    secret: str
    """The field with the password."""
    create: str
    """The action that creates an upgrade task, and what it needs."""
    upgrade: Data
    task_id: str
    device: str
    devices: list[str]
    refusal: Callable[[str], bytes]
    """An answer that says something."""
    budget: CallBudget
    group: str
    """A device group for a plan, without the devices of any other task."""
    others: Calls = field(default_factory=list)
    """What only this platform's actions can be asked for."""

    @property
    def calls(self) -> Calls:
        """All actions, each as it should be called and with what does not exist."""
        task = {"task_id": self.task_id}
        subtasks = task | {"devices": [self.device]}
        nothing = {"task_id": "no such task"}
        of_a_task = ("upgrade_task", "subtasks", "failure_report")
        return [
            *((f"get_{each}", {}) for each in ("packages", "journal", "upgrade_tasks")),
            ("get_device_groups", {}),
            ("get_device_groups", {"name": "no such group"}),
            ("get_devices", {}),
            ("get_devices", {"device_group": "no such group"}),
            ("get_packages", {"version": "V9"}),
            *((f"get_{each}", task) for each in of_a_task),
            *((f"get_{each}", nothing) for each in of_a_task),
            (self.create, self.upgrade | {"dry_run": True}),
            (self.create, self.upgrade),
            (self.create, self.upgrade),
            (self.create, self.upgrade | {"package": "no such package"}),
            (self.create, self.upgrade | {"devices": ["no such device"]}),
            (self.create, self.upgrade | {"devices": self.devices * 300}),
            (self.create, self.upgrade | {"nonsense": True}),
            ("cancel_subtasks", subtasks),
            ("cancel_subtasks", nothing | {"devices": [self.device]}),
            ("stop_upgrade_task", task),
            ("start_upgrade_task", task),
            ("start_upgrade_task", nothing),
            ("retry_subtasks", subtasks),
            ("retry_failed_devices", task),
            ("retry_failed_devices", nothing),
            ("delete_upgrade_task", nothing),
            *self.others,
        ]


@pytest.fixture
def oceanconnect_story(oceanconnect: OceanConnectSimulator) -> Story:
    """An account on OceanConnect, with a key that needs a password."""
    oceanconnect.reset(secret=SECRET, tasks=2, rate_limit=100_000)
    package = oceanconnect.packages("firmware")[0]
    devices = [device.device_id for device in oceanconnect.devices(package)]
    task_id = oceanconnect.add_task(
        package=package, devices=devices[:3], status="processing"
    )
    software = oceanconnect.packages("software")[0]
    return Story(
        key="oceanconnect",
        platform=oceanconnect,
        answers={
            "host": oceanconnect.host,
            "port": oceanconnect.port,
            "app_id": oceanconnect.app_id,
            "secret": oceanconnect.secret,
            "client_certificate": oceanconnect.tls.client_pem.decode(),
            "client_key": oceanconnect.tls.encrypted_client_key.decode(),
            "client_key_password": KEY_PASSWORD,
            "ca": oceanconnect.tls.ca_pem.decode(),
            "server_check": "full",
        },
        secret="secret",
        create="create_firmware_upgrade_task",
        upgrade={"package": package.file_id, "devices": devices[3:5]},
        task_id=task_id,
        device=devices[0],
        devices=[device.device_id for device in oceanconnect.devices()],
        refusal=lambda text: json.dumps(
            {"error_code": "987654", "error_desc": text}
        ).encode(),
        budget=shared_budget("oceanconnect", oceanconnect.app_id),
        group=next(
            group.name
            for group in oceanconnect.groups()
            if set(group.members).isdisjoint(devices[:5])
            and not set(group.members).isdisjoint(devices)
        ),
        others=[
            (
                "create_software_upgrade_task",
                {"package": software.file_id, "device_groups": ["no such group"]},
            )
        ],
    )


@pytest.fixture
def enos_story(enos: EnosSimulator, oceanconnect: OceanConnectSimulator) -> Story:
    """An account on EnOS, with a CA that its gateway does without."""
    enos.reset(secret_key=SECRET, jobs=1, index_lag=0)
    firmware = enos.firmware(verified=True)[0]
    keys = [device.device_key for device in enos.devices(firmware)]
    idle = set(keys[5:])
    job = enos.add_job(firmware=firmware, devices=keys[:3], status="upgrading")
    return Story(
        key="enos",
        platform=enos,
        answers={
            "address": enos.url,
            "access_key": enos.access_key,
            "secret_key": enos.secret_key,
            "org_id": enos.org_id,
            "ca": oceanconnect.tls.ca_pem.decode(),
        },
        secret="secret_key",
        create="create_ota_upgrade_task",
        upgrade={"package": firmware.firmware_id, "devices": keys[3:5]},
        task_id=job,
        device=keys[0],
        devices=[device.device_key for device in enos.devices()]
        + [device.asset_id for device in enos.devices()],
        refusal=lambda text: json.dumps(
            {"code": 987654, "msg": text, "requestId": "1", "data": None}
        ).encode(),
        budget=shared_budget("enos", enos.access_key, make=AdaptiveBudget),
        group=next(
            group.group_id
            for group in enos.groups(firmware)
            if idle.issuperset(
                device.device_key for device in enos.devices(firmware, group)
            )
        ),
    )


@pytest.fixture
def story(
    request: pytest.FixtureRequest, oceanconnect_story: Story, enos_story: Story
) -> Story:
    """The account of a platform."""
    stories = {each.key: each for each in (oceanconnect_story, enos_story)}
    assert stories.keys() == PLATFORMS.keys()
    return stories[request.param]


class Life:
    """An account that is set up, used, broken, mended and removed."""

    def __init__(
        self,
        hass: HomeAssistant,
        browser: TestClient[Any, Any],
        story: Story,
        told: Told,
    ) -> None:
        """Live it in a browser."""
        self.hass = hass
        self.browser = browser
        self.story = story
        self.told = told
        self.marks: set[str] = {WRONG}
        self.session: set[str] = set()
        """The tokens that were kept last."""
        self.acted: set[str] = set()

    def mark(self, secret: str) -> None:
        """Look for a secret from now on, and for what was told of it before."""
        self.marks |= set(lines_of(secret) if "-----" in secret else [secret])

    async def post(self, path: str, **data: Any) -> Data:
        """Send something, and return what the browser is shown."""
        response = await self.browser.post(path, json=data)
        assert response.status == HTTPStatus.OK, await response.text()
        shown: Data = await response.json()
        self.take_down(path, shown, typed=set(all_texts(data)))
        return shown

    def take_down(self, path: str, shown: Data, typed: set[str]) -> None:
        """Take down what is shown, without what was typed into the same form."""
        for each in shown.get("data_schema") or ():
            described = each.get("description") or {}
            if described.get("suggested_value") in typed:
                del described["suggested_value"]
        flows = path.removesuffix(f"/{shown.get('flow_id')}")
        self.told.add(f"answer {flows}", shown)

    async def upload(self, content: str) -> str:
        """Upload a file and return its ID."""
        form = FormData()
        form.add_field("file", content.encode(), filename="some.pem")
        response = await self.browser.post("/api/file_upload", data=form)
        file_id: str = (await response.json())["file_id"]
        return file_id

    async def fill_in(self, flow_id: str, **changes: Any) -> Data:
        """Send the form with what works, but for some answers."""
        answers = {}
        for each in PLATFORMS[self.story.key].form:
            answer = (self.story.answers | changes).get(each.key)
            if answer is not None:
                is_file = each.kind is FieldKind.PEM_FILE
                answers[each.key] = await self.upload(answer) if is_file else answer
        return await self.post(f"{FLOWS}/{flow_id}", **answers)

    async def add(self) -> Any:
        """Add the account, after some mistakes, and return its entry."""
        shown = await self.post(FLOWS, handler=DOMAIN)
        flow_id = shown["flow_id"]
        await self.post(f"{FLOWS}/{flow_id}", platform=self.story.key)
        for each in PLATFORMS[self.story.key].form:
            if each.is_secret:
                shown = await self.fill_in(flow_id, **{each.key: WRONG})
                assert shown["errors"], each.key
        self.fail(FaultKind.STATUS, 400)
        shown = await self.fill_in(flow_id)
        assert shown["errors"]
        self.story.platform.faults.clear()
        shown = await self.fill_in(flow_id)
        assert shown["type"] == "create_entry"
        await self.hass.async_block_till_done(wait_background_tasks=True)
        [account] = self.hass.config_entries.async_entries(DOMAIN)
        return account

    def fail(
        self, kind: FaultKind, status: int = 200, count: int | None = None
    ) -> None:
        """Let calls fail; the platform repeats the secrets that it was sent."""
        secret = self.story.answers[self.story.secret]
        text = " ".join((secret, *self.session))
        body = self.story.refusal(text) if status < 500 else text.encode()
        self.story.platform.faults.add(
            Fault(kind=kind, status=status, body=body, count=count)
        )

    async def act(self, account: Any, *, well: bool = False) -> None:
        """Call every action: well and badly, or only as it should be called."""
        calls = self.story.calls
        for name, data in dict(reversed(calls)).items() if well else calls:
            self.acted.add(name)
            try:
                answer = await self.hass.services.async_call(
                    DOMAIN,
                    name,
                    {"config_entry_id": account.entry_id, **data},
                    blocking=True,
                    return_response=True,
                )
            except (HomeAssistantError, vol.Invalid) as err:
                self.told.add_error(f"error {name}", err)
            else:
                self.told.add(f"response {name}", answer)
        await self.press(account)
        await self.hass.async_block_till_done(wait_background_tasks=True)
        self.told.look()

    async def plan(self, account: Any) -> None:
        """Let the account have a plan of two waves."""
        put_plan(
            self.hass,
            account,
            Plan(
                plan_id="plan",
                name="Meters",
                action=self.story.create,
                values={"package": self.story.upgrade["package"]},
                device_groups=(self.story.group,),
                waves=(Wave(share=10), Wave(share=90)),
            ),
        )
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def press(self, account: Any) -> None:
        """Press all buttons of the plan."""
        for button in ("start_plan", "approve_wave", "stop_plan"):
            try:
                await press(self.hass, account, "plan", button)
            except HomeAssistantError as err:
                self.told.add_error(f"error {button}", err)

    async def poll(self, account: Any) -> None:
        """Poll, and look."""
        await account.runtime_data.async_refresh()
        await self.hass.async_block_till_done(wait_background_tasks=True)
        self.told.look()

    async def update(self, flow_id: str, **changes: Any) -> None:
        """Fill in the form of an account that is there, badly and well."""
        shown = await self.fill_in(flow_id, **{self.story.secret: WRONG})
        assert shown["errors"]
        shown = await self.fill_in(flow_id, **changes)
        assert shown["type"] == "abort", shown
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def report(self, account: Any) -> None:
        """Download the diagnostics, and look at the system's health."""
        path = f"/api/diagnostics/config_entry/{account.entry_id}"
        response = await self.browser.get(path)
        assert response.status == HTTPStatus.OK
        self.told.add("diagnostics", await response.text())
        self.told.add("health", await get_system_health_info(self.hass, DOMAIN))
        self.told.look()


@pytest.fixture
async def life(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    story: Story,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Life]:
    """An account that is about to be added, while all is taken down."""
    monkeypatch.setattr(file_upload, "TEMP_DIR_NAME", str(tmp_path / "uploads"))
    for component in (
        "config",
        "diagnostics",
        "file_upload",
        "repairs",
        "system_health",
        "webhook",
    ):
        assert await async_setup_component(hass, component, {})
    story.budget.pause = 0
    story.budget.limit = 100_000
    told = Told(hass)
    life = Life(hass, await hass_client(), story, told)
    for each in PLATFORMS[story.key].form:
        if each.is_secret:
            life.mark(story.answers[each.key])

    def take_down(store: SessionStore, kept: Mapping[str, object]) -> None:
        life.session = {str(kept[key]) for key in TOKENS if kept.get(key)}
        life.marks |= life.session
        save(store, kept)

    save = SessionStore.async_save
    monkeypatch.setattr(SessionStore, "async_save", take_down)
    hass.loop.set_debug(False)  # which takes most of the time, and logs no more
    with caplog.at_level(logging.DEBUG):
        logging.getLogger().addHandler(told)
        yield life
        logging.getLogger().removeHandler(told)


async def change_options(life: Life, account: Any) -> str:
    """Switch pushes on and let some come; return the ID of the webhook.

    The form shows the whole address: that is what it is to tell.
    """
    shown = await life.post(OPTIONS_FLOWS, handler=account.entry_id)
    answers = {
        each["name"]: each["description"]["suggested_value"]
        for each in shown["data_schema"]
        if each["name"] != CONF_PUSH_ADDRESS
    }
    for address in ("nonsense", "https://127.0.0.1:8123"):
        shown = await life.post(
            f"{OPTIONS_FLOWS}/{shown['flow_id']}",
            **answers,
            **{CONF_PUSH_ADDRESS: address},
        )
    assert shown["type"] == "create_entry"
    await life.hass.async_block_till_done(wait_background_tasks=True)
    state = await PushStore(life.hass, account.entry_id).async_load()
    assert state is not None
    for body in (b"nonsense", life.story.refusal(life.story.device), b"x" * 100_000):
        response = await life.browser.post(state.path, data=body)
        assert response.status == HTTPStatus.OK
    await life.browser.get(state.path)
    return state.webhook_id


async def ask_for_new_credentials(life: Life, account: Any) -> None:
    """Change the secret on the platform, so that the user has to be asked."""
    life.mark(NEW)
    life.story.platform.change_secret(NEW)
    life.story.platform.drop_token()
    await life.act(account, well=True)  # polling may have to give way
    [flow] = account.async_get_active_flows(life.hass, {SOURCE_REAUTH})
    response = await life.browser.get(f"{FLOWS}/{flow['flow_id']}")
    life.take_down("reauth", await response.json(), set())
    life.story.answers[life.story.secret] = NEW
    await life.update(flow["flow_id"])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("story", PLATFORMS, indirect=True)
async def test_no_secret_is_told(hass: HomeAssistant, life: Life) -> None:
    """Neither by what works nor by what fails, in whatever way."""
    story, told = life.story, life.told
    account = await life.add()
    await life.plan(account)
    await life.act(account)
    assert account.runtime_data.plans.waves.runs["plan"].task_ids
    webhook_id = ""
    if Capability.PUSH in PLATFORMS[story.key].capabilities:
        webhook_id = await change_options(life, account)
    for kind, status in (
        (FaultKind.STATUS, 400),
        (FaultKind.STATUS, 500),
        (FaultKind.MALFORMED, 200),
        (FaultKind.DROP_TOKEN, 200),
        (FaultKind.RESET_AFTER, 200),
    ):
        life.fail(kind, status)
        await life.act(account, well=True)
        await life.poll(account)
        story.platform.faults.clear()
    await life.report(account)
    await ask_for_new_credentials(life, account)
    shown = await life.post(FLOWS, handler=DOMAIN, entry_id=account.entry_id)
    await life.update(shown["flow_id"])
    assert account.state is ConfigEntryState.LOADED
    await life.poll(account)
    await hass.config_entries.async_unload(account.entry_id)
    await life.report(account)
    await hass.config_entries.async_remove(account.entry_id)

    others = {
        action.name
        for platform in PLATFORMS.values()
        if platform.key != story.key
        for action in platform.create_actions
    }
    assert life.acted == hass.services.async_services_for_domain(DOMAIN).keys() - others
    assert {where.partition(" ")[0] for where, _ in told.texts} >= {
        *("answer", "diagnostics", "error", "event", "health", "issues", "log"),
        *("response", "states"),
    }
    assert len(life.marks) > 4
    assert list(told.where(life.marks)) == []
    if webhook_id:
        assert {where for where, *_ in told.where([webhook_id])} <= SHOWS_ADDRESS
    in_log = told.where(story.devices, ("diagnostics", "log "))
    assert [leak for leak in in_log if leak[0] != f"log {BUS}"] == []
