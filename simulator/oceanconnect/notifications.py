"""What the platform tells subscribers of upgrades: the bodies of its pushes."""

from collections.abc import Callable
from typing import override

from .engine import IDLE, Watcher
from .model import Kind, Status, Subtask, Task
from .platform import Platform
from .wire import Json, encode

# A state as the firmware notification numbers it; texts, not numbers.
_STEPS = {IDLE: "0", "downloading": "1", "downloaded": "2", "updating": "3"}
_NEWER = ("otacreated", "RequestDownload")
_SUCCEEDED = "success"
# Chosen: the documents give the code no values but say that a device reports it.
_NO_ERROR, _ERROR = "0", "1"

type Post = Callable[[str, str, bytes], None]
"""Takes an address, the type of notification and the body to send there."""


class Notifier(Watcher):
    """Writes the four upgrade notifications and hands them over to be sent."""

    def __init__(self, platform: Platform, post: Post) -> None:
        """Write for the subscriptions of this platform."""
        self._platform = platform
        self._post = post

    @override
    def moved(self, task: Task, subtask: Subtask, state: str) -> None:
        if task.kind is Kind.SOFTWARE:
            for word in (*self._before(state), state):
                self._tell(
                    "swUpgradeStateChangeNotify", task, subtask, swUpgradeState=word
                )
        else:
            self._tell(
                "fwUpgradeStateChangeNotify",
                task,
                subtask,
                step=_STEPS[state],
                stepDesc=state,
            )

    def _before(self, state: str) -> tuple[str, ...]:
        """Return the states that newer documents put in front of this one."""
        newer = self._platform.quirks.newer_states and state == "downloading"
        return _NEWER if newer else ()

    @override
    def ended(self, task: Task, subtask: Subtask) -> None:
        # The documents know two words; what was stopped has not succeeded.
        succeeded = subtask.status is Status.SUCCESS
        word = "SUCCESS" if succeeded else "FAIL"
        cause = subtask.detail or _SUCCEEDED
        versions: Json = {
            "curVersion": self._version(task, subtask),
            "targetVersion": task.package.version,
            "sourceVersion": subtask.source_version or self._version(task, subtask),
        }
        duration = _duration(subtask)
        time: Json = {
            "upgradeTime": str(duration)
            if self._platform.quirks.upgrade_time_as_text
            else duration
        }
        if task.kind is Kind.SOFTWARE:
            self._tell(
                "swUpgradeResultNotify",
                task,
                subtask,
                **versions,
                swUpgradeResult=word,
                **time,
                resultDesc=cause,
                errorCode=_NO_ERROR if succeeded else _ERROR,
                description=cause,
            )
        else:
            self._tell(
                "fwUpgradeResultNotify",
                task,
                subtask,
                **versions,
                status=word,
                statusDesc=cause,
                **time,
            )

    def _version(self, task: Task, subtask: Subtask) -> str:
        device = self._platform.devices.get(subtask.device_id)
        return "" if device is None else device.version(task.kind)

    def _tell(
        self, notify_type: str, task: Task, subtask: Subtask, **more: object
    ) -> None:
        subscription = self._platform.subscriptions.of_type(notify_type)
        if subscription is None:
            return
        body = encode(
            {
                "notifyType": notify_type,
                "deviceId": subtask.device_id,
                "appId": self._platform.settings.app_id,
                "operationId": task.task_id,
                "subOperationId": subtask.subtask_id,
                **more,
            }
        )
        self._post(subscription.callback_url, notify_type, body)


def _duration(subtask: Subtask) -> int:
    """Return whole seconds; the documents name no unit."""
    if subtask.started is None or subtask.stopped is None:
        return 0
    return max(0, round(subtask.stopped - subtask.started))
