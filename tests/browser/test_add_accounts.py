"""Accounts added through the forms, as a person does it.

The other files of this folder use the accounts; by its name this one is run first.
"""

from pathlib import Path
import re

from playwright.sync_api import expect

from demo.frontend import Form, Frontend
from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator
from tests.mistakes import CONNECTIONS, LOCAL, REFUSALS
from tests.translations import english

from .conftest import ENOS, OCEANCONNECT

TOLD_ON_SCREEN = {
    name: mistake
    for name, mistake in (REFUSALS | CONNECTIONS | LOCAL).items()
    # The frontend does not send a form with these at all.
    if name not in ("a secret that is empty", "a file that is not there any more")
    # Nothing is uploaded.
    and not name.startswith(("no ", "a private key only"))
}


def labels(platform: str) -> dict[str, str]:
    """Return the labels of a form's fields by their keys."""
    start = f"config.step.{platform}.data."
    return {
        key.removeprefix(start): text
        for key, text in english().items()
        if key.startswith(start)
    }


def error(key: str) -> re.Pattern[str]:
    """Return what a form says of an error, whatever its placeholders are."""
    parts = re.split(r"\{\w+\}", english()[f"config.error.{key}"])
    return re.compile(rf"^\s*{'.+'.join(map(re.escape, parts))}\s*$")


def enter(form: Form, answers: dict[str, object], folder: Path) -> None:
    """Enter values and upload files, of which there is the content, by their keys."""
    label = labels("oceanconnect")
    for key, answer in answers.items():
        if isinstance(answer, bytes):
            file = folder / f"{key}-{len(list(folder.iterdir()))}.pem"
            file.write_bytes(answer)
            form.upload({label[key]: file})
        else:
            form.fill({label[key]: str(answer)})


def test_oceanconnect_is_added_after_all_that_can_go_wrong(
    screen: Frontend, oceanconnect_server: OceanConnectSimulator, tmp_path: Path
) -> None:
    """A wrong secret first; each error is on the screen, and what was entered stays."""
    simulator = oceanconnect_server
    right: dict[str, object] = {
        "host": simulator.host,
        "port": simulator.port,
        "app_id": simulator.app_id,
        "secret": simulator.secret,
        "client_certificate": simulator.tls.client_pem,
        "client_key": simulator.tls.client_key,
        "ca": simulator.tls.ca_pem,
    }
    form = screen.add_integration()
    form.choose("Huawei OceanConnect")
    form.submit()
    enter(form, right, tmp_path)

    for mistake in TOLD_ON_SCREEN.values():
        mistake.platform(simulator)
        answers = mistake.answers(simulator)
        enter(form, answers, tmp_path)
        form.submit()
        [key] = mistake.says.values()
        expect(form.alert).to_have_text(error(key))
        expect(form.field("Application ID")).to_have_value(
            str((right | answers)["app_id"])
        )
        mistake.repair(simulator)
        simulator.faults.clear()
        enter(form, {key: right.get(key, "") for key in answers}, tmp_path)

    form.submit()
    screen.page.get_by_role("button", name="Skip and finish").click()
    screen.open_accounts()
    expect(screen.account(OCEANCONNECT)).to_contain_text("Software 1.4.0 Harbour")


def test_enos_is_added_after_a_wrong_organization(
    screen: Frontend, enos_server: EnosSimulator
) -> None:
    """The error is on the screen; then it works."""
    form = screen.add_integration()
    form.choose("Envision EnOS")
    form.submit()
    form.fill(
        {
            "Gateway address": f"{enos_server.url}/somewhere",
            "Access key": enos_server.access_key,
            "Secret key": "wrong",
            "Organization ID": "somebody-else",
        }
    )
    form.submit()
    expect(form.alert).to_have_text(error("address_invalid"))
    form.fill({"Gateway address": enos_server.url})
    form.submit()
    expect(form.alert).to_have_text(error("invalid_auth"))
    form.fill({"Secret key": enos_server.secret_key})
    form.submit()
    expect(form.alert).to_have_text(error("organization_denied"))

    form.fill({"Organization ID": enos_server.org_id})
    form.submit()
    screen.page.get_by_role("button", name="Skip and finish").click()
    screen.open_accounts()
    expect(screen.account(ENOS)).to_contain_text("Firmware 1.1 Charger")


def test_an_account_is_not_added_twice(
    screen: Frontend, accounts: object, oceanconnect_server: OceanConnectSimulator
) -> None:
    """The form says so before it signs in, which would end the other's session."""
    calls = oceanconnect_server.calls.count()
    form = screen.add_integration()
    form.submit()
    form.fill(
        {
            "Host": oceanconnect_server.host,
            "Port": oceanconnect_server.port,
            "Application ID": oceanconnect_server.app_id,
            "Secret": "any",
        }
    )
    form.submit()
    expect(form.dialog).to_contain_text(english()["config.abort.already_configured"])
    assert oceanconnect_server.calls.count() == calls
