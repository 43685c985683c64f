"""Watches and triggers upgrades of IoT fleets on their platforms."""

from ssl import SSLContext

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.typing import ConfigType

from .askers import DATA_ASKERS, Askers
from .clients.errors import InvalidFieldError
from .clients.platform import CredentialNotes, Credentials
from .clients.registry import PLATFORMS as UPGRADE_PLATFORMS
from .const import CONF_PLATFORM, DOMAIN
from .coordinator import FleetConfigEntry, FleetCoordinator
from .credential_issues import (
    async_end_certificate_issues,
    async_end_credential_issues,
    async_watch_credentials,
)
from .dashboard import async_offer_dashboard
from .entity import account_identifier, async_remove_untracked_devices, task_id_of
from .issues import async_clear_issues, async_end_access
from .journal import async_get_journal
from .options_flow import DEFAULT_OPTIONS
from .plan_check import async_watch_plans
from .plan_entity import async_remove_wave_entities, plan_identifier
from .plans import async_reload_with_plans
from .push import async_start_push
from .push_subscriptions import async_take_back
from .services import async_setup_services
from .store import AccountStore, SessionStore
from .wave_runner import async_remove_runs

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.SENSOR,
]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions; remember who may be behind their calls; offer a dashboard."""
    hass.data[DATA_ASKERS] = Askers(hass)
    async_setup_services(hass)
    await async_offer_dashboard(hass)
    return True


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Bring an account that an earlier release stored up to date.

    Home Assistant itself refuses a later major version; a later minor version is
    still understood.
    """
    if entry.minor_version < 2:
        # Each option is stored, so that a new default changes no account there is.
        hass.config_entries.async_update_entry(
            entry, options=DEFAULT_OPTIONS | entry.options, minor_version=2
        )
    return True


async def async_setup_entry(hass: HomeAssistant, entry: FleetConfigEntry) -> bool:
    """Set up an account."""
    key = entry.data[CONF_PLATFORM]
    if (platform := UPGRADE_PLATFORMS.get(key)) is None:
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="platform_unknown",
            translation_placeholders={"platform": key},
        )
    credentials = _credentials(entry)

    def check() -> tuple[SSLContext | None, CredentialNotes]:
        return platform.check(credentials), platform.credential_notes(credentials)

    try:
        context, notes = await hass.async_add_executor_job(check)
    except InvalidFieldError as err:
        # A certificate that has expired, most likely: new credentials are the cure.
        async_end_certificate_issues(hass, entry)
        raise ConfigEntryAuthFailed(
            translation_domain=DOMAIN,
            translation_key=err.key,
            translation_placeholders=err.placeholders,
        ) from err
    async_watch_credentials(hass, entry, notes)

    client = platform.client(async_get_clientsession(hass), credentials, context)
    async_reload_with_plans(hass, entry)
    coordinator = FleetCoordinator(hass, entry, platform, client)
    await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = coordinator

    # Before the tasks' devices, which are reached by way of it.
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        entry_type=dr.DeviceEntryType.SERVICE,
        identifiers={account_identifier(entry)},
        manufacturer=platform.name,
        name=entry.title,
    )

    @callback
    def remove_untracked_devices() -> None:
        async_remove_untracked_devices(coordinator)

    remove_untracked_devices()
    async_remove_wave_entities(coordinator)
    entry.async_on_unload(coordinator.async_add_listener(remove_untracked_devices))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_on_unload(async_at_started(hass, coordinator.async_start_telling))
    entry.async_on_unload(async_at_started(hass, coordinator.async_start_plans))
    coordinator.writer.async_start_settling()
    async_watch_plans(
        hass, entry, platform, client, list(coordinator.plans.all.values())
    )
    coordinator.push = await async_start_push(
        hass, entry, coordinator, platform, client
    )
    return True


def _credentials(entry: ConfigEntry) -> Credentials:
    return {name: value for name, value in entry.data.items() if name != CONF_PLATFORM}


async def async_unload_entry(hass: HomeAssistant, entry: FleetConfigEntry) -> bool:
    """Unload an account."""
    async_end_access(hass, entry)
    if entry.disabled_by is not None:
        async_end_credential_issues(hass, entry)
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Forget an account: its pushes, its tasks, its session and its journal."""
    if (platform := UPGRADE_PLATFORMS.get(entry.data[CONF_PLATFORM])) is not None:
        await async_take_back(hass, entry, platform, _credentials(entry))
    await AccountStore(hass, entry.entry_id).async_remove()
    await SessionStore(hass, entry.entry_id).async_remove()
    await async_remove_runs(hass, entry.entry_id)
    await async_get_journal(hass, entry.entry_id).async_remove()
    async_clear_issues(hass, entry)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: FleetConfigEntry, device: dr.AnyDeviceEntry
) -> bool:
    """Let a device be deleted when it is known that nothing would bring it back."""
    return (
        entry.state is ConfigEntryState.LOADED
        and account_identifier(entry) not in device.identifiers
        and task_id_of(entry, device) not in entry.runtime_data.data.tracked
        and device.identifiers.isdisjoint(map(plan_identifier, entry.subentries))
    )
