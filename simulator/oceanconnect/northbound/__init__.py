"""The calls of the northbound API, each with its path."""

from . import access, devices, groups, upgrade
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
    ("GET", groups.MEMBERS, groups.list_members),
    ("GET", devices.DEVICES, devices.list_devices),
    ("GET", f"{devices.DEVICES}/{{device_id}}", devices.get_device),
)
