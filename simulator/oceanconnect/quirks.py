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
    logout_status: Literal[200, 204] = 204
