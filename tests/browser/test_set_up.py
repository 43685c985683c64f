"""Accounts set up through the forms, as a person does it."""

from pathlib import Path

from playwright.sync_api import expect

from demo.frontend import Frontend
from simulator.oceanconnect import OceanConnectSimulator


def oceanconnect_files(simulator: OceanConnectSimulator) -> dict[str, Path]:
    """Return the files that the platform's operator gives, by their labels."""
    folder = simulator.tls.folder
    return {
        "Client certificate": folder / "client.pem",
        "Private key": folder / "client.key",
        "CA certificate": folder / "ca.pem",
    }


def test_oceanconnect_is_set_up_after_a_wrong_password(
    screen: Frontend, oceanconnect_server: OceanConnectSimulator
) -> None:
    """The error is on the screen, what was entered still stands, and then it works."""
    form = screen.add_integration()
    form.choose("Huawei OceanConnect")
    form.submit()
    form.fill(
        {
            "Host": oceanconnect_server.host,
            "Port": oceanconnect_server.port,
            "Application ID": oceanconnect_server.app_id,
            "Secret": "not the secret",
        }
    )
    form.upload(oceanconnect_files(oceanconnect_server))
    form.submit()
    expect(form.alert).to_have_text(
        "The platform does not accept these credentials."
        " Check the application ID or access key, and the secret."
    )
    expect(form.field("Host")).to_have_value(oceanconnect_server.host)

    form.fill({"Secret": oceanconnect_server.secret})
    form.submit()
    screen.page.get_by_role("button", name="Skip and finish").click()

    screen.open("/config/integrations/integration/fleet_upgrade")
    expect(screen.page.get_by_text("OceanConnect demo").first).to_be_visible()
