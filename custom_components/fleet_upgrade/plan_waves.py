"""The form for the waves of an upgrade plan, and what it makes of the answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
import re
from typing import Any, Final

from homeassistant.helpers.selector import (
    BooleanSelector,
    TextSelector,
    TextSelectorConfig,
)
from msgspec import structs
import voluptuous as vol

from .clients.errors import InvalidFieldError
from .options_flow import whole_number
from .plan import Plan, Wave

CONF_SHARES: Final = "wave_shares"
CONF_GROUPS: Final = "wave_groups"
CONF_WANTED_SHARE: Final = "wanted_share"
CONF_MINIMUM: Final = "minimum"
CONF_SOAK: Final = "soak_minutes"
CONF_APPROVAL: Final = "needs_approval"

ALL: Final = 100
"""Percent that the shares of all waves are together."""

MOST_DEVICES: Final = 1_000_000
LONGEST_SOAK: Final = 30 * 24 * 60
"""Minutes."""


class WaveKind(StrEnum):
    """How the devices of a plan are divided."""

    NONE = "none"
    SHARES = "shares"
    GROUPS = "groups"


_DIVISION: Final[Mapping[WaveKind, tuple[str, TextSelector]]] = {
    WaveKind.SHARES: (CONF_SHARES, TextSelector()),
    WaveKind.GROUPS: (CONF_GROUPS, TextSelector(TextSelectorConfig(multiline=True))),
}
"""The field that says what each wave upgrades."""


def wave_kind(plan: Plan) -> WaveKind:
    """Return how the devices of a plan are divided."""
    if not plan.waves:
        return WaveKind.NONE
    return WaveKind.GROUPS if plan.waves[0].share is None else WaveKind.SHARES


def waves_schema(kind: WaveKind) -> vol.Schema:
    """Return what the form asks for."""
    field, selector = _DIVISION[kind]
    return vol.Schema(
        {
            vol.Required(field): selector,
            vol.Required(CONF_WANTED_SHARE): whole_number(1, ALL),
            vol.Required(CONF_MINIMUM): whole_number(1, MOST_DEVICES),
            vol.Required(CONF_SOAK): whole_number(0, LONGEST_SOAK),
            vol.Required(CONF_APPROVAL): BooleanSelector(),
        }
    )


def shown_waves(plan: Plan) -> dict[str, Any]:
    """Return what the form shows of a plan at first.

    Groups that have come to the plan since get a wave of their own, at the end.
    """
    lines = [
        ", ".join(name for name in wave.device_groups if name in plan.device_groups)
        for wave in plan.waves
    ]
    placed = {name for wave in plan.waves for name in wave.device_groups}
    lines += [name for name in plan.device_groups if name not in placed]
    return {
        CONF_SHARES: ", ".join(
            str(wave.share) for wave in plan.waves if wave.share is not None
        ),
        CONF_GROUPS: "\n".join(filter(None, lines)),
        CONF_WANTED_SHARE: plan.wanted_share,
        CONF_MINIMUM: plan.minimum,
        CONF_SOAK: plan.soak_minutes,
        CONF_APPROVAL: plan.needs_approval,
    }


def with_waves(plan: Plan, kind: WaveKind, user_input: Mapping[str, Any]) -> Plan:
    """Return a plan with the waves that were given; raises `InvalidFieldError`."""
    return structs.replace(
        plan,
        waves=(
            _by_share(user_input[CONF_SHARES])
            if kind is WaveKind.SHARES
            else _by_groups(user_input[CONF_GROUPS], plan.device_groups)
        ),
        wanted_share=user_input[CONF_WANTED_SHARE],
        minimum=user_input[CONF_MINIMUM],
        soak_minutes=user_input[CONF_SOAK],
        needs_approval=user_input[CONF_APPROVAL],
    )


def _by_share(given: str) -> tuple[Wave, ...]:
    """Read percentages of all devices, one for each wave."""
    parts = [part for part in re.split(r"[\s,;%]+", given) if part]
    shares = [int(part) for part in parts if re.fullmatch(r"[0-9]{1,3}", part)]
    if len(shares) < len(parts) or len(shares) < 2 or 0 in shares:
        raise InvalidFieldError(CONF_SHARES, "wave_shares_malformed")
    if sum(shares) != ALL:
        raise InvalidFieldError(
            CONF_SHARES, "wave_shares_not_all", percent=str(sum(shares))
        )
    return tuple(Wave(share=share) for share in shares)


def _by_groups(given: str, groups: Sequence[str]) -> tuple[Wave, ...]:
    """Read the groups of each wave, one wave a line; each group is in one of them."""
    lines = [names for line in given.splitlines() if (names := _names(line, groups))]
    found = Counter(name for line in lines for name in line)
    if unknown := [name for name in found if name not in groups]:
        raise InvalidFieldError(
            CONF_GROUPS, "wave_group_unknown", groups=_list(unknown)
        )
    if twice := [name for name in found if found[name] > 1]:
        raise InvalidFieldError(CONF_GROUPS, "wave_group_twice", groups=_list(twice))
    if left_out := [name for name in groups if name not in found]:
        raise InvalidFieldError(
            CONF_GROUPS, "wave_group_left_out", groups=_list(left_out)
        )
    if len(lines) < 2:
        raise InvalidFieldError(CONF_GROUPS, "wave_groups_single")
    return tuple(Wave(device_groups=line) for line in lines)


def _names(line: str, groups: Sequence[str]) -> tuple[str, ...]:
    """Return what is named in a line; a group's name may have commas of its own."""
    names: list[str] = []
    parts = line.split(",")
    while parts:
        length = next(
            (
                length
                for length in range(len(parts), 1, -1)
                if ",".join(parts[:length]).strip() in groups
            ),
            1,
        )
        names.append(",".join(parts[:length]).strip())
        del parts[:length]
    return tuple(filter(None, names))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
