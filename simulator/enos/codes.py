"""The codes of the token service and the connection service, as documented."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A code in the body of an answer, with its message."""

    code: int
    text: str


class Refusal(Exception):
    """The platform refuses a call."""

    def __init__(self, code: Code, text: str | None = None) -> None:
        """Refuse with this code (and another text than its usual one)."""
        super().__init__(text or code.text)
        self.code = code
        self.text = text or code.text


class GatewayRefusal(Exception):
    """The gateway refuses a call with an HTTP status before the platform sees it."""

    def __init__(self, status: int, text: str | None = None) -> None:
        """Refuse with this status (and another text than its usual one)."""
        super().__init__(text or GATEWAY[status])
        self.status = status
        self.text = text or GATEWAY[status]


# The gateway's texts for its HTTP statuses.
GATEWAY = {
    400: "Cannot process request body",
    401: "Invalid authentication credentials",
    403: "Your IP address is not allowed",
    404: "no Route matched with those values",
    413: "Request size limit exceeded",
    429: "API rate limit exceeded",
    500: "An unexpected error occurred",
    503: "Service unavailable",
}

# Token service: the field `status`.
TOKEN_REPEATED = Code(1001, "Repeated request: duplicated encryption")
TOKEN_UNKNOWN_KEY = Code(1002, "The appKey does not exist")
TOKEN_BAD_ENCRYPTION = Code(1003, "The encryption is not valid")
TOKEN_INVALID_PARAMETER = Code(1004, "Invalid parameter")
TOKEN_INTERNAL = Code(1005, "Internal service exception")
TOKEN_EMPTY = Code(1202, "The parameter is empty")
TOKEN_EXPIRED = Code(1203, "The access token has expired")
TOKEN_REFRESH_FAILED = Code(1204, "Failed to refresh the access token")

# Connection service and asset tree service: the field `code`.
INVALID_ARGUMENT = Code(99400, "Invalid Argument")
DENIED = Code(99403, "Denied resource")
NOT_FOUND = Code(99404, "object does not exist")
INTERNAL = Code(99500, "Internal Server Error")

JOB_NOT_FOUND = Code(24404, "Job not found")
FIRMWARE_NOT_FOUND = Code(24404, "Firmware not found")
OTA_INTERNAL = Code(24500, "OTA service internal error")
VERSION_EXISTS = Code(24601, "Firmware version already exists")
NAME_EXISTS = Code(24602, "Firmware name already exists")
CONCURRENT_CREATE = Code(24603, "Not allowed to create firmware concurrently")
CANNOT_DELETE = Code(24604, "Firmware cannot be deleted")
NOT_VERIFIED = Code(
    24610,
    "Not allowed to create job as firmware is not verified while enable verification "
    "is switched on",
)
TOTAL_NOT_ALLOWED = Code(
    24611, "upgradeScope type total is not allowed for verification task"
)
TOO_MANY_TO_VERIFY = Code(24612, "Exceeded max verification deviceKeys, max[%d]")
JOB_STARTED = Code(24615, "Job has started")
JOB_STOPPED = Code(24616, "Job has stopped")
JOB_NOT_RUNNING = Code(24617, "Job not running")
JOB_RUNNING = Code(24618, "Not allowed to delete running job")
NOT_CANCELABLE = Code(24620, "Only init or published tasks can be canceled")
NOT_RETRIABLE = Code(24621, "Only failed tasks can be retried")

# Device groups (V2.5) and the firmware report have codes of their own.
GROUP_NOT_FOUND = Code(404, "Device group does not exist")
GROUP_NAME_EXISTS = Code(902, "Device group name already exists")
DEVICE_NOT_FOUND = Code(404, "Device does not exist")
REPORT_INVALID = Code(400, "Invalid Argument")

# Asset trees.
TREE_NOT_FOUND = Code(17404, "Asset tree not found")


def invalid(name: str, why: str) -> Refusal:
    """Return the refusal of an argument, in the platform's wording."""
    return Refusal(INVALID_ARGUMENT, f"{INVALID_ARGUMENT.text} {name}:{name} {why}")
