"""Someone who fills in the forms, as in a browser."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import FormData
from aiohttp.test_utils import TestClient
from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.fleet_upgrade.clients.budget import CallBudget
from custom_components.fleet_upgrade.const import DOMAIN
from simulator.oceanconnect import OceanConnectSimulator

FILES = ("client_certificate", "client_key", "ca")
SECRETS = {"secret", "client_key_password", *FILES}


def suggested(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what a form shows in its fields at first."""
    schema = result["data_schema"]
    assert schema is not None
    return {
        str(key): key.description["suggested_value"]
        for key in schema.schema
        if key.description
    }


def fields(result: ConfigFlowResult) -> set[str]:
    """Return the keys of a form's fields."""
    schema = result["data_schema"]
    assert schema is not None
    return {str(key) for key in schema.schema}


@dataclass(kw_only=True)
class FormFiller:
    """Someone who fills in the forms of a platform."""

    hass: HomeAssistant
    browser: TestClient[Any, Any]
    budget: CallBudget
    """Of the account to be added, with short pauses; kept as long as this person."""
    credentials: dict[str, Any]
    """The data of an account that works."""
    answers: dict[str, Any] = field(default_factory=dict)

    async def upload(self, content: bytes) -> str:
        """Upload a file and return its ID."""
        form = FormData()
        form.add_field("file", content, filename="some.pem")
        response = await self.browser.post("/api/file_upload", data=form)
        assert response.status == 200
        file_id: str = (await response.json())["file_id"]
        return file_id

    async def prepare(self) -> None:
        """Look up all that works, and upload the files."""
        self.answers = {
            key: await self.upload(value.encode()) if key in FILES else value
            for key, value in self.credentials.items()
            if key != "platform"
        }

    async def start(self, platform: str | None = None) -> str:
        """Choose a platform for a new account and return the flow's ID."""
        platform = platform or str(self.credentials["platform"])
        flow = self.hass.config_entries.flow
        result = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        assert result["type"] is FlowResultType.FORM
        assert result["step_id"] == "user"
        result = await flow.async_configure(result["flow_id"], {"platform": platform})
        assert result["type"] is FlowResultType.FORM
        assert result["step_id"] == platform
        assert result["errors"] == {}
        return result["flow_id"]

    async def send(self, flow_id: str, **changes: Any) -> ConfigFlowResult:
        """Send the form with what works, but for some answers.

        ``None`` leaves a field empty; bytes are uploaded first.
        """
        answers = self.answers | changes
        return await self.hass.config_entries.flow.async_configure(
            flow_id,
            {
                key: await self.upload(answer) if isinstance(answer, bytes) else answer
                for key, answer in answers.items()
                if answer is not None
            },
        )


@dataclass(kw_only=True)
class Person(FormFiller):
    """Someone with the files of the simulated OceanConnect."""

    oceanconnect: OceanConnectSimulator
