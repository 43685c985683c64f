"""The error codes of the northbound API, with the texts of its documents."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """An error code with its HTTP status and description."""

    code: str
    status: int
    text: str


class Refusal(Exception):
    """The platform refuses a call."""

    def __init__(self, code: Code, status: int | None = None) -> None:
        """Refuse with this code (and another status than its usual one)."""
        super().__init__(code.text)
        self.code = code
        self.status = status or code.status


# Secure access (api-iothub iot_06_0007, 0008).
WRONG_SECRET = Code("100208", 401, "AppId or secret is not right.")
PARAMETER_EMPTY = Code("102202", 400, "Required Parameter is null or empty.")
INPUT_INVALID = Code("50400", 400, "The input is invalid.")
# The v3 edition lists it for a login; its text is in no stored page.
INPUT_INVALID_V3 = Code("102833", 400, "The input is invalid.")
APPLICATION_FROZEN = Code(
    "100247", 400, "Operation not allowed. The application has been frozen."
)
DEVICE_FROZEN = Code("100449", 400, "The device is freezed cant operate.")
APPLICATION_UNKNOWN = Code("100203", 403, "The application is not existed.")
NOT_AUTHORISED = Code("100217", 403, "The application hasn't been authorized.")
INTERNAL = Code("50252", 500, "Internal server error.")

# The gateway, before any call that needs a token.
TOKEN_INVALID = Code("1010005", 403, "Invalid access token or appId.")
THROTTLED = Code("1010009", 403, "app throttle exceed.")

# Device upgrade (api-IoT iot_06_0075 to 0082, 2481 to 2488).
BAD_REQUEST = Code("120015", 400, "Bad request error.")
NOT_FOUND = Code("123002", 404, "Device or package file not found.")
TASK_UNKNOWN = Code("123009", 404, "The requested task does not exist.")
VERSION_MISMATCH = Code(
    "123016", 400, "The parameter is error, targetversion not match with device."
)
MANUFACTURER_NULL = Code("123019", 400, "manufacturerName is null.")
DEVICE_TYPE_NULL = Code("123020", 400, "deviceType is null")
MODEL_NULL = Code("123021", 400, "model is null.")
TARGETS_NULL = Code("123022", 400, "deviceGroups and devices cannot be null together")
TARGETS_BOTH = Code("123023", 400, "deviceGroups and devices cannot be exist together")
TARGETS_TOO_MANY = Code(
    "123024", 400, "The number of deviceGroups or devices reached upper limit"
)
EXECUTE_TYPE = Code("123025", 400, "executeType is error or can not to be null.")
TIME_NULL = Code("123026", 400, "startTime or endTime is null or error.")
RETRY_TIMES = Code("123028", 400, "retryTimes is null or beyond the limit.")
PAGE_LIMIT = Code("123029", 400, "pageNo or pageSize beyond the limit.")
START_AFTER_END = Code("123032", 400, "startTime can not be later than the endTime.")
START_IN_PAST = Code("123033", 400, "startTime can not be earlier than the now.")
WINDOW_TOO_SHORT = Code("123034", 400, "endtime must be greater than 5 minutes.")

# Devices and groups (api-iothub iot_06_0061 to 0071).
DEVICE_INPUT = Code("100216", 400, "The application input is invalid.")
DEVICE_PAGE_MISSING = Code(
    "100218", 400, "The gatewayId and pageNo can't be both null."
)
DEVICE_PARAMETER = Code("100405", 400, "The request parameter is invalid.")
DEVICE_GONE = Code("100403", 404, "The device is not existed.")
NODE_USED = Code("100426", 400, "The nodeId is duplicated.")
DEVICE_UNKNOWN = Code("100418", 404, "The deviceData is not existed.")
# Errors with status 200 are what the group pages document.
GROUP_FULL = Code("100601", 200, "The number of device in the group has reach the max.")
GROUP_NAME_USED = Code("100602", 200, "The device group name has been used.")
GROUP_UNKNOWN = Code("100603", 200, "The device group is not existed.")
GROUP_PARAMETER = Code("100604", 400, "The device group request parameter is invalid.")
GROUPS_TOO_MANY = Code("100607", 200, "The devGroup has reached the limit.")
GROUP_DEVICES_TOO_MANY = Code("100609", 400, "Too much devices to add.")
GROUP_ID_MISSING = Code("107001", 400, "The serviceId is not exist.")
GROUP_MEMBERS_UNKNOWN = Code("107002", 400, "The properties is empty in database.")
GROUP_MEMBERS_STATE = Code("107003", 400, "The request properties is unknown.")

# Subscriptions (api-iothub iot_06_0025 to 0030). The callback's lookup and congestion
# are the platform's own troubles: only a fault answers with them.
ILLEGAL_REQUEST = Code("100019", 400, "Illegal request.")
CALLBACK_ILLEGAL = Code("100222", 400, "The request callbackurl is illegal.")
SUBSCRIPTION_UNKNOWN = Code("100225", 404, "The resource is not found.")
SUBSCRIPTION_CONFLICT = Code("100227", 409, "The resource is conflicted.")
APPLICATION_INPUT = Code("100228", 400, "The application input is invalid.")
NOTHING_SUBSCRIBED = Code("200001", 404, "The resource is not found.")
CALLBACK_LOOKUP = Code("101017", 500, "Get newCallbackUrl from oss failed.")
CONGESTION = Code(
    "100501", 503, "Congestion occurs, and the current network is under flow control."
)

GATEWAY_CODES = frozenset({TOKEN_INVALID, THROTTLED})
