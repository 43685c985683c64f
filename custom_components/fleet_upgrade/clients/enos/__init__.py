"""Envision EnOS: the OTA jobs of its connection service."""

from ..platform import Capability, Platform
from .account import FORM, account_id, check, client, credential_notes, title
from .create import CREATE_ACTIONS

PLATFORM = Platform(
    key="enos",
    name="Envision EnOS",
    form=FORM,
    account_id=account_id,
    title=title,
    check=check,
    credential_notes=credential_notes,
    client=client,
    create_actions=CREATE_ACTIONS,
    capabilities=frozenset(
        {
            Capability.DEVICE_GROUPS,
            Capability.DEVICES,
            Capability.START,
            Capability.STOP,
            Capability.DELETE,
            Capability.CANCEL_SUBTASKS,
            Capability.RETRY_SUBTASKS,
        }
    ),
)
