"""What differs between deployments, or what the documents leave open."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How this deployment behaves; the defaults are the likeliest reading."""

    error_status: int = 200
    """The HTTP status that a business code comes with."""
    clock_tolerance: float = 300.0
    """Seconds by which a caller's clock may be wrong; documented nowhere."""
    wrong_clock_code: Literal[1004, 1003] = 1004
    """What the token service answers to a timestamp beyond the tolerance."""
    old_token: Literal["dies", "lives"] = "dies"
    """What a refresh does to the token before: ends it, or lets it run out."""
    token_business: Literal["apim-token-service", "edge-iam"] = "apim-token-service"
    """Who answers a token call: the cloud, or an edge."""
    retry_after: bool = True
    """Whether a 429 says in `Retry-After` when to come back."""
    numbers_as_text: bool = False
    """Whether numbers in `data` and `pagination` are strings."""
    ota_pagination: bool = True
    """Whether the searches for jobs, OTA tasks, firmware and upgrading devices tell
    `pagination`."""
    unset: Literal["null", "absent"] = "null"
    """How a field without a value is sent."""
    task_order: Literal["updated", "created", "unordered"] = "updated"
    """The order of OTA tasks, which is unspecified: what moved last comes first, in
    the order of creation, or another one in each answer."""
    created_as: Literal["started", "stopped"] = "started"
    """What a job is right after it was made."""
    mixed_lists: Literal["refuse", "some"] = "refuse"
    """Whether cancel and retry with a list of which only a part can be done refuse
    all of it, or do that part."""
    verify_timeout_from: Literal["upgrading", "published"] = "upgrading"
    """From when the time limit of a verification counts; the pages disagree."""
    device_groups: bool = True
    """Whether there is the device group service, which later versions do not list."""
    largest_body: int = 101 * 1024 * 1024
    """Bytes of a body that the gateway lets pass."""
