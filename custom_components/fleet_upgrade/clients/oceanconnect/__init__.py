"""Huawei OceanConnect: its northbound API for device upgrades."""

from ..platform import Capability, Platform
from .account import FORM, account_id, check, client, credential_notes, title
from .create import CREATE_ACTIONS
from .push import check_push_address

PLATFORM = Platform(
    key="oceanconnect",
    name="Huawei OceanConnect",
    form=FORM,
    account_id=account_id,
    title=title,
    check=check,
    credential_notes=credential_notes,
    client=client,
    create_actions=CREATE_ACTIONS,
    capabilities=frozenset(
        {Capability.DEVICE_GROUPS, Capability.DEVICES, Capability.PUSH}
    ),
    check_push_address=check_push_address,
)
