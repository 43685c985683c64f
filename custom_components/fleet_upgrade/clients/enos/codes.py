"""Error codes of EnOS's token, connection and asset tree services, and their meaning.

Source: the error code tables of "Managing OTA", "Managing firmware", "Device group"
and "Access token" in the EnOS API documentation, and its general chapters.
"""

from ..errors import Advice, AuthenticationProblem

REPEATED = "1001"
"""The token service has seen this timestamp of this access key before."""

DENIED = "99403"
ORGANIZATION_TEXT = "orgId"
"""Stands in the text of `DENIED` when the organization is the matter."""

SIGNED_WRONGLY = frozenset({"1003", "1004"})
"""What the token service may say to a timestamp too far from its own clock."""

AUTHENTICATION = {
    "1002": AuthenticationProblem.UNKNOWN,
    "1003": AuthenticationProblem.CREDENTIALS,
}

ADVICE = {
    "404": Advice.GROUP_MISSING,
    "400": Advice.BAD_REQUEST,
    "900": Advice.GROUP_INVALID,
    "901": Advice.GROUP_INVALID,
    "902": Advice.GROUP_INVALID,
    "903": Advice.GROUP_INVALID,
    "904": Advice.GROUP_INVALID,
    "905": Advice.GROUP_INVALID,
    "906": Advice.GROUP_INVALID,
    "1001": Advice.TRY_LATER,
    "1004": Advice.BAD_REQUEST,
    "1202": Advice.BAD_REQUEST,
    "1203": Advice.TRY_LATER,
    "1204": Advice.TRY_LATER,
    "17404": Advice.ASSET_TREE_MISSING,
    "24404": Advice.TASK_MISSING,
    "24601": Advice.PACKAGE_VERSION_TAKEN,
    "24602": Advice.PACKAGE_NAME_TAKEN,
    "24603": Advice.PACKAGE_CONCURRENT,
    "24604": Advice.PACKAGE_IN_USE,
    "24610": Advice.PACKAGE_NOT_VERIFIED,
    "24611": Advice.VERIFICATION_OF_ALL,
    "24612": Advice.VERIFICATION_TOO_MANY,
    "24615": Advice.TASK_STARTED,
    "24616": Advice.TASK_STOPPED,
    "24617": Advice.TASK_NOT_RUNNING,
    "24618": Advice.TASK_RUNNING,
    "24620": Advice.SUBTASKS_NOT_CANCELLABLE,
    "24621": Advice.SUBTASKS_NOT_RETRIABLE,
    "99400": Advice.BAD_REQUEST,
    "99403": Advice.NOT_AUTHORIZED,
    "99404": Advice.OBJECT_MISSING,
}

NOT_FOUND = frozenset({"404", "17404", "24404", "99404"})

FIRMWARE_TEXT = "Firmware"
"""Begins the text of 24404 when it is not a job that is missing."""

FAULTS = frozenset({"500", "1005", "24500", "99500"})
"""The platform's own errors: whether the work was done is not certain."""

GATEWAY_ADVICE = {
    400: Advice.BAD_REQUEST,
    403: Advice.ADDRESS_DENIED,
    413: Advice.REQUEST_TOO_LARGE,
}
"""What an HTTP status of the gateway means that no service has answered."""
