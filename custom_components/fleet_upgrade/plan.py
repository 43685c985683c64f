"""What an operator plans to upgrade, again and again, and in which waves."""

from collections.abc import Mapping
from typing import Any, Final, Self, override

import msgspec

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


def plan_of(plan_id: str, name: str, stored: Mapping[str, Any]) -> Plan:
    """Return a plan as it was stored; raises `msgspec.ValidationError`."""
    return msgspec.convert({**stored, "plan_id": plan_id, "name": name}, Plan)


def stored_plan(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data, beside its ID and its name."""
    stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(plan))
    del stored["plan_id"], stored["name"]
    return stored


_PLAN: Final = "plan"


class PlanOrigin(Value, frozen=True):
    """What the journal says that a creation belongs to: the run of a plan."""

    plan_id: str
    run_id: str
    wave: int | None = None
    """From 1, of a run that goes wave by wave."""

    @override
    def __str__(self) -> str:
        parts = (_PLAN, self.plan_id, self.run_id, self.wave)
        return ":".join(str(part) for part in parts if part is not None)

    @classmethod
    def read(cls, origin: str | None) -> Self | None:
        """Return what an origin says; ``None`` for one that is no plan's."""
        kind, *parts = (origin or "").split(":")
        if kind != _PLAN:
            return None
        plan_id, run_id, *wave = parts
        return cls(plan_id, run_id, int(wave[0]) if wave else None)
