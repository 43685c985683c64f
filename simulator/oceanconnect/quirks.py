"""What differs between deployments, or what the documents leave open."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How this deployment behaves; the defaults are what Huawei's texts agree on."""

    error_keys: Literal["error_code", "gateway", "resultcode"] = "error_code"
    """Which keys an error has: `error_code`/`error_desc` in all; `resultcode`/
    `resultmsg` in the gateway's refusals (token, throttle); or the latter in all."""
    html_refusals: bool = False
    """Whether token and throttle refusals are a load balancer's HTML page."""
    task_order: Literal["newest", "oldest", "unordered"] = "newest"
    """The order of the task list, which is documented nowhere."""
    task_total: Literal["totalCount", "totalSize"] = "totalCount"
    """The task list's key of the total: the documents' one, or the Java SDK's."""
    counts_as_text: bool = False
    """Whether the counters of a task are strings."""
    unset: Literal["null", "absent"] = "null"
    """How a field without a value is sent."""
    timeouts: Literal["inside", "beside"] = "inside"
    """Whether `timeout` is a part of `fail` or stands beside it."""
    extend_para: Literal["object", "text", "null"] = "object"
    """The type of `extendPara`; the Java SDK takes an object or null only."""
    token_type: str = "bearer"
    execute_type_required: bool = True
    """Whether a policy without `executeType` is refused (123025), or means `now`."""
    group_ids_as_targets: bool = False
    """Whether a task's `deviceGroups` may hold IDs besides names."""
    unpaged_without_number: bool = False
    """Whether the upgrade lists answer everything where `pageNo` is absent."""
    group_page_size: int = 1
    """The group list's page size where none is asked for."""
    frozen_code: Literal["100247", "100449"] = "100247"
    """What a login of a frozen application answers; the second is the older text."""
    unknown_application: Literal["100208", "100203"] = "100208"
    """What a login with an unknown application ID answers."""
    unknown_application_status: Literal[200, 403, 500] = 403
    """The HTTP status of 100203, documented with all three."""
    refresh_days: int = 1
    """How long a refresh token lives: a day, or a month as the SDK pages say."""
    logout_status: Literal[200, 204] = 204
    login_input: Literal["50400", "102833"] = "50400"
    """What a login with impossible values answers; the second is the v3 edition's."""
    group_create_status: Literal[200, 201] = 200
    """The table of the documents, or their sample."""
    group_void_status: Literal[200, 204] = 200
    """How the deletion of a group, or of its members, is answered."""
    group_limit: int = 1000
    """How many device groups the licence allows."""
    one_group_per_device: bool = False
    """Whether a device can be in one group only, as the later edition says."""
    resubscription: Literal["conflict", "replace"] = "conflict"
    """What subscribing to upgrade notifications a second time does: it is refused, or
    the newer address counts."""
    nothing_subscribed: Literal["200001", "100225"] = "200001"
    """What deleting no subscription at all answers."""
    newer_states: bool = False
    """Whether a software upgrade also tells the states that newer documents add."""
    upgrade_time_as_text: bool = False
    """Whether `upgradeTime` in a notification is a string, as in the samples."""
