"""Device groups as people name them."""

from collections.abc import AsyncIterator, Collection

from .errors import InvalidFieldError
from .model import DeviceGroup, Page


async def group_ids(
    field: str, wanted: Collection[str], groups: AsyncIterator[Page[DeviceGroup]]
) -> tuple[str, ...]:
    """Return the IDs of device groups that are given by ID or by name, each once.

    An ID goes before a name that is spelled the same. Reads no more of the listing
    than needed. Raises `InvalidFieldError` for the field.
    """
    ids: set[str] = set()
    named: dict[str, list[str]] = {}
    async for page in groups:
        for group in page.items:
            ids.add(group.group_id)
            named.setdefault(group.name, []).append(group.group_id)
        if ids.issuperset(wanted):
            break
    found: list[str] = []
    for each in wanted:
        same = [each] if each in ids else list(dict.fromkeys(named.get(each, ())))
        if not same:
            raise InvalidFieldError(field, "group_not_found", group=each)
        if len(same) > 1:
            raise InvalidFieldError(
                field, "group_name_ambiguous", group=each, ids=", ".join(same)
            )
        found += same
    return tuple(dict.fromkeys(found))
