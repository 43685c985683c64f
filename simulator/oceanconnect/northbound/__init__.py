"""The calls of the northbound API, each with its path."""

from . import (
    access,
    device_changes,
    devices,
    group_changes,
    groups,
    subscriptions,
    upgrade,
)
from .base import Handler

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", f"{access.SECURITY}/login", access.login),
    ("POST", f"{access.SECURITY}/refreshToken", access.refresh),
    ("POST", f"{access.SECURITY}/logout", access.logout),
    ("GET", f"{upgrade.UPGRADE}/category", upgrade.list_packages),
    ("GET", f"{upgrade.UPGRADE}/category/{{file_id}}", upgrade.get_package),
    ("DELETE", f"{upgrade.UPGRADE}/category/{{file_id}}", upgrade.delete_package),
    (
        "POST",
        f"{upgrade.UPGRADE}/operations/softwareUpgrade",
        upgrade.create_software_task,
    ),
    (
        "POST",
        f"{upgrade.UPGRADE}/operations/firmwareUpgrade",
        upgrade.create_firmware_task,
    ),
    ("GET", f"{upgrade.UPGRADE}/operations", upgrade.list_tasks),
    ("GET", f"{upgrade.UPGRADE}/operations/{{operation_id}}", upgrade.get_task),
    (
        "GET",
        f"{upgrade.UPGRADE}/operations/{{operation_id}}/subOperations",
        upgrade.list_subtasks,
    ),
    ("GET", groups.GROUPS, groups.list_groups),
    ("GET", f"{groups.GROUPS}/{{group_id}}", groups.get_group),
    ("POST", groups.GROUPS, group_changes.create_group),
    ("PUT", f"{groups.GROUPS}/{{group_id}}", group_changes.modify_group),
    ("DELETE", f"{groups.GROUPS}/{{group_id}}", group_changes.delete_group),
    ("GET", groups.MEMBERS, groups.list_members),
    ("POST", group_changes.ADD_MEMBERS, group_changes.add_members),
    ("POST", group_changes.REMOVE_MEMBERS, group_changes.remove_members),
    ("GET", devices.DEVICES, devices.list_devices),
    ("GET", f"{devices.DEVICES}/{{device_id}}", devices.get_device),
    ("PUT", f"{devices.DEVICES}/{{device_id}}", device_changes.modify_device),
    ("DELETE", f"{devices.DEVICES}/{{device_id}}", device_changes.delete_device),
    ("POST", device_changes.REGISTRATIONS, device_changes.register_device),
    *(("GET", path, devices.list_devices_as_before) for path in devices.OLD_DEVICES),
    *(
        ("GET", f"{path}/{{device_id}}", devices.get_device_as_before)
        for path in devices.OLD_DEVICES
    ),
    ("POST", subscriptions.SUBSCRIPTIONS, subscriptions.subscribe),
    ("GET", subscriptions.SUBSCRIPTIONS, subscriptions.list_subscriptions),
    ("DELETE", subscriptions.SUBSCRIPTIONS, subscriptions.delete_subscriptions),
    (
        "GET",
        f"{subscriptions.SUBSCRIPTIONS}/{{subscription_id}}",
        subscriptions.get_subscription,
    ),
    (
        "DELETE",
        f"{subscriptions.SUBSCRIPTIONS}/{{subscription_id}}",
        subscriptions.delete_subscription,
    ),
    ("POST", subscriptions.MANAGEMENT, subscriptions.subscribe_management),
)
