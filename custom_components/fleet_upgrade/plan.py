"""What an operator plans to upgrade, again and again, and in which waves."""

from .clients.model import Value


class Wave(Value, frozen=True):
    """Some of a plan's devices that are upgraded together.

    Either ``share``, a percentage of the plan's devices, or ``device_groups``, some of
    the plan's own.
    """

    share: int | None = None
    device_groups: tuple[str, ...] = ()


class Plan(Value, frozen=True):
    """An upgrade of device groups that can be started at any time.

    ``action`` is the name of the platform's create action, ``values`` holds its
    fields beside the device groups. Without ``waves`` all devices are upgraded at
    once. A wave has succeeded when at least ``minimum`` devices have ended and
    ``wanted_share`` percent of those that ended succeeded.
    """

    plan_id: str
    name: str
    action: str
    values: dict[str, object]
    device_groups: tuple[str, ...]
    waves: tuple[Wave, ...] = ()
    wanted_share: int = 95
    """Percent."""
    minimum: int = 1
    """Devices."""
    soak_minutes: int = 0
    """How long nothing is begun after a wave has succeeded."""
    needs_approval: bool = False
    """Whether a person has to let each wave but the first begin."""
