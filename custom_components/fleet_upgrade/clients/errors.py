"""What can go wrong between a client and its platform.

Every error carries a ``key`` and ``placeholders``: the key names the text that a
user sees, the placeholders fill it. Neither ever holds a secret.
"""

from enum import StrEnum
import traceback

LONGEST_TEXT = 500
"""Characters of a platform's text that are kept."""


def readable(text: str) -> str:
    """Return a platform's text as one line of bounded length, fit for log and screen."""
    few = text[: 10 * LONGEST_TEXT]
    plain = "".join(sign if sign.isprintable() else " " for sign in few)
    line = " ".join(plain.split())
    if len(line) > LONGEST_TEXT:
        return f"{line[: LONGEST_TEXT - 1]}…"
    return line


class PlatformError(Exception):
    """Base of all errors that a client raises."""

    key: str = "platform_error"

    def __init__(self, message: str = "", **placeholders: str) -> None:
        """Keep a message for the log and the placeholders of the user's text."""
        super().__init__(readable(message) or self.key)
        self.placeholders: dict[str, str] = placeholders


def let_go(err: BaseException | None) -> None:
    """Let an error that is kept for long keep nothing of the answer it came from.

    Its traceback keeps the local variables of all that it passed through, and an
    answer may have megabytes.
    """
    while err is not None:
        traceback.clear_frames(err.__traceback__)
        err = err.__cause__ or err.__context__


class InvalidFieldError(PlatformError):
    """A value that was refused here, before anything was sent.

    ``field`` is the key of the form or action field, ``key`` the broken rule.
    """

    def __init__(self, field: str, rule: str, **placeholders: str) -> None:
        """Name the field and the rule."""
        super().__init__(f"{field}: {rule}", field=field, **placeholders)
        self.field = field
        self.key = rule


class AuthenticationProblem(StrEnum):
    """Why a platform does not let an application in."""

    CREDENTIALS = "invalid_auth"
    FROZEN = "application_frozen"
    UNKNOWN = "application_unknown"
    ORGANIZATION = "organization_denied"
    """The application is known, but has no access to this organization."""


class AuthenticationError(PlatformError):
    """The platform does not accept the credentials."""

    def __init__(self, problem: AuthenticationProblem, code: str = "") -> None:
        """Keep the platform's code for the log."""
        super().__init__(f"{problem} ({code})", code=code)
        self.problem = problem
        self.key = problem.value


class ClockProblem(StrEnum):
    """How this computer's clock differs from the platform's."""

    AHEAD = "clock_ahead"
    BEHIND = "clock_behind"


class ClockError(PlatformError):
    """The platform refuses what is signed with a time so far from its own."""

    def __init__(self, problem: ClockProblem, minutes: int) -> None:
        """Say in which direction our clock is wrong, and by how many minutes."""
        super().__init__(f"{problem} by {minutes} min", minutes=str(minutes))
        self.problem = problem
        self.key = problem.value


class ThrottledError(PlatformError):
    """The platform, or our own share of its call budget, allows no call now."""

    key = "throttled"

    def __init__(self, retry_after: float, *, by_platform: bool = False) -> None:
        """Say who throttled, and after how many seconds a call is worth it."""
        super().__init__(
            f"throttled for {retry_after:.0f} s", seconds=f"{retry_after:.0f}"
        )
        self.retry_after = retry_after
        self.by_platform = by_platform


class Advice(StrEnum):
    """What a person can do about a refusal, in words common to all platforms."""

    ADDRESS_DENIED = "address_denied"
    ALREADY_SUBSCRIBED = "already_subscribed"
    ASSET_TREE_MISSING = "asset_tree_missing"
    BAD_REQUEST = "bad_request"
    CALLBACK_INVALID = "callback_invalid"
    DEVICE_TYPE_MISSING = "device_type_missing"
    GROUPS_TOO_MANY = "groups_too_many"
    GROUP_FULL = "group_full"
    GROUP_INVALID = "group_invalid"
    GROUP_MISSING = "group_missing"
    GROUP_NAME_TAKEN = "group_name_taken"
    MANUFACTURER_MISSING = "manufacturer_missing"
    MODEL_MISSING = "model_missing"
    NOT_AUTHORIZED = "not_authorized"
    OBJECT_MISSING = "object_missing"
    OTHER = "other"
    PACKAGE_CONCURRENT = "package_concurrent"
    PACKAGE_IN_USE = "package_in_use"
    PACKAGE_MISMATCH = "package_mismatch"
    PACKAGE_MISSING = "package_missing"
    PACKAGE_NAME_TAKEN = "package_name_taken"
    PACKAGE_NOT_VERIFIED = "package_not_verified"
    PACKAGE_OR_DEVICE_MISSING = "package_or_device_missing"
    PACKAGE_VERSION_TAKEN = "package_version_taken"
    PAGE_INVALID = "page_invalid"
    POLICY_INVALID = "policy_invalid"
    REQUEST_TOO_LARGE = "request_too_large"
    RETRIES_INVALID = "retries_invalid"
    SUBSCRIPTION_MISSING = "subscription_missing"
    SUBTASKS_NOT_CANCELLABLE = "subtasks_not_cancellable"
    SUBTASKS_NOT_RETRIABLE = "subtasks_not_retriable"
    TARGETS_BOTH = "targets_both"
    TARGETS_MISSING = "targets_missing"
    TARGETS_TOO_MANY = "targets_too_many"
    TASK_MISSING = "task_missing"
    TASK_NOT_RUNNING = "task_not_running"
    TASK_RUNNING = "task_running"
    TASK_STARTED = "task_started"
    TASK_STOPPED = "task_stopped"
    TRY_LATER = "try_later"
    VERIFICATION_OF_ALL = "verification_of_all"
    VERIFICATION_TOO_MANY = "verification_too_many"
    WINDOW_INVALID = "window_invalid"
    WINDOW_ORDER = "window_order"
    WINDOW_PAST = "window_past"
    WINDOW_SHORT = "window_short"


class RejectedError(PlatformError):
    """The platform answered and refused; it has done nothing."""

    def __init__(
        self, code: str, detail: str, advice: Advice, *, status: int = 400
    ) -> None:
        """Keep the platform's code and text, the advice and the HTTP status."""
        code, detail = readable(code), readable(detail)
        super().__init__(
            f"{status} {code}: {detail}", code=code or str(status), detail=detail
        )
        self.code = code
        self.detail = detail
        self.advice = advice
        self.status = status
        self.key = f"rejected_{advice}"


class NotFoundError(RejectedError):
    """What was asked for is not on the platform (any more)."""


class ConnectionProblem(StrEnum):
    """How a connection failed."""

    CONNECT = "cannot_connect"
    """No connection: address, port or network."""
    TIMEOUT = "timeout_connect"
    HUNG_UP = "hung_up"
    """Closed before any answer; under TLS 1.3 also a refused client certificate."""
    UNKNOWN_CA = "tls_unknown_ca"
    HOST_NAME = "tls_host_name"
    EXPIRED = "tls_expired"
    TLS = "tls_failed"
    SERVER = "server_error"
    """An HTTP 5xx answer."""


class UnreachableError(PlatformError):
    """No usable answer came.

    ``sent`` is true when the request may have reached the platform.
    """

    def __init__(
        self, problem: ConnectionProblem, message: str = "", *, sent: bool = False
    ) -> None:
        """Keep how it failed and whether the request may have arrived."""
        super().__init__(f"{problem}: {message}" if message else problem)
        self.problem = problem
        self.key = problem.value
        self.sent = sent


class SessionTakenError(PlatformError):
    """The platform ended our session right after it had begun.

    Another program signs in with the same application.
    """

    key = "session_taken"


class AmbiguousError(PlatformError):
    """A write was sent and its answer lost: it may or may not have been done.

    Never send the write again; look whether its result exists.
    """

    key = "answer_lost"


class MalformedError(PlatformError):
    """The answer is not what the platform's API answers.

    ``foreign`` is true when it is not even JSON: not the platform at all.
    """

    def __init__(
        self, message: str, *, foreign: bool = False, status: int | None = None
    ) -> None:
        """Keep where the answer is wrong (never its content) and its HTTP status."""
        super().__init__(message)
        self.foreign = foreign
        self.status = status
        self.key = "not_the_platform" if foreign else "malformed_answer"


class AnswerTooLargeError(MalformedError):
    """The answer has more bytes than any that the platform gives."""

    def __init__(self, limit: int) -> None:
        """Name the limit, in bytes."""
        super().__init__(f"answer of more than {limit} bytes")
        self.placeholders = {"limit": str(limit // 1024**2)}
        self.key = "answer_too_large"
