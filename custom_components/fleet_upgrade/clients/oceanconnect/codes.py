"""Error codes of OceanConnect's northbound API, and what they mean to us.

Source: error code tables of "Device Upgrade", "Secure Application Access" and
"Device Group Management" in the Northbound API Reference.
"""

from ..errors import Advice, AuthenticationProblem

TOKEN_REFUSED = "1010005"
THROTTLED = "1010009"
THROTTLED_TEXT = b"throttle exceed"
"""What a gateway says that throttles without a code."""

APPLICATION_GONE_TEXT = "Application not found"
"""What newer gateways say, with HTTP 404 and without a code, about a dead ID."""

AUTHENTICATION = {
    "100203": AuthenticationProblem.UNKNOWN,
    "100208": AuthenticationProblem.CREDENTIALS,
    "100247": AuthenticationProblem.FROZEN,
    "100449": AuthenticationProblem.FROZEN,
}

ADVICE = {
    "100217": Advice.NOT_AUTHORIZED,
    "100418": Advice.PACKAGE_OR_DEVICE_MISSING,
    "102202": Advice.BAD_REQUEST,
    "102833": Advice.BAD_REQUEST,
    "107001": Advice.GROUP_INVALID,
    "107002": Advice.GROUP_INVALID,
    "120015": Advice.BAD_REQUEST,
    "123002": Advice.PACKAGE_OR_DEVICE_MISSING,
    "123009": Advice.TASK_MISSING,
    "123016": Advice.PACKAGE_MISMATCH,
    "123019": Advice.MANUFACTURER_MISSING,
    "123020": Advice.DEVICE_TYPE_MISSING,
    "123021": Advice.MODEL_MISSING,
    "123022": Advice.TARGETS_MISSING,
    "123023": Advice.TARGETS_BOTH,
    "123024": Advice.TARGETS_TOO_MANY,
    "123025": Advice.POLICY_INVALID,
    "123026": Advice.WINDOW_INVALID,
    "123028": Advice.RETRIES_INVALID,
    "123029": Advice.PAGE_INVALID,
    "123032": Advice.WINDOW_ORDER,
    "123033": Advice.WINDOW_PAST,
    "123034": Advice.WINDOW_SHORT,
    "50400": Advice.BAD_REQUEST,
}

NOT_FOUND = frozenset({"100418", "123002", "123009"})
