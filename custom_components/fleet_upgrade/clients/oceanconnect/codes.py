"""Error codes of OceanConnect's northbound API, and what they mean to us.

Source: error code tables of "Secure Application Access", "Device Upgrade", "Device
Group Management", "Subscription Management" and "Data Collection" in the Northbound
API Reference. Where each one comes up stands in docs/oceanconnect.md.
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
    "100019": Advice.BAD_REQUEST,
    "100216": Advice.BAD_REQUEST,
    "100217": Advice.NOT_AUTHORIZED,
    "100218": Advice.PAGE_INVALID,
    "100222": Advice.CALLBACK_INVALID,
    "100224": Advice.BAD_REQUEST,
    "100225": Advice.SUBSCRIPTION_MISSING,
    "100227": Advice.ALREADY_SUBSCRIBED,
    "100228": Advice.BAD_REQUEST,
    "100403": Advice.PACKAGE_OR_DEVICE_MISSING,
    "100405": Advice.BAD_REQUEST,
    "100418": Advice.PACKAGE_OR_DEVICE_MISSING,
    "100501": Advice.TRY_LATER,
    "100601": Advice.GROUP_FULL,
    "100602": Advice.GROUP_NAME_TAKEN,
    "100603": Advice.GROUP_MISSING,
    "100604": Advice.GROUP_INVALID,
    "100607": Advice.GROUPS_TOO_MANY,
    "100609": Advice.GROUP_FULL,
    "102202": Advice.BAD_REQUEST,
    "102833": Advice.BAD_REQUEST,
    "107001": Advice.GROUP_INVALID,
    "107002": Advice.GROUP_INVALID,
    "107003": Advice.GROUP_INVALID,
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
    "200001": Advice.SUBSCRIPTION_MISSING,
    "50400": Advice.BAD_REQUEST,
}

NOT_FOUND = frozenset(
    {"100225", "100403", "100418", "100603", "123002", "123009", "200001"}
)

FAULTS = frozenset({"101017", "50252"})
"""The platform's own errors: whether the work was done is not certain."""

CONGESTED = "100501"
"""The one code with HTTP 503 that says what is the matter."""
