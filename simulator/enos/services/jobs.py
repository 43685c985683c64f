"""OTA jobs and OTA tasks (V2.1)."""

from random import Random

from .. import codes
from ..asked import Asked, Handler, Reply, listed, names
from ..codes import Refusal, invalid
from ..expression import Fields, field
from ..model import Job, Task, TaskStatus
from ..order import order

_JOB_FIELDS: Fields[Job] = {
    "productKey": field(lambda job: job.firmware.product_key, "=", "in"),
    "firmwareId": field(lambda job: job.firmware.firmware_id, "=", "in"),
    "firmwareVersion": field(lambda job: job.firmware.version, "=", "in"),
    "type": field(lambda job: job.kind, "="),
    "status": field(lambda job: job.status, "="),
    "firmwareName": field(lambda job: job.firmware.name, "like"),
    "name": field(lambda job: job.name, "like"),
}
_TASK_FIELDS: Fields[Task] = {
    "jobId": field(lambda task: task.job_id, "=", "in"),
    "deviceKey": field(lambda task: task.device_key, "=", "in"),
    "fromVersion": field(lambda task: task.from_version, "=", "in"),
    "toVersion": field(lambda task: task.to_version, "=", "in"),
    "status": field(lambda task: task.status, "=", "in"),
    "desc": field(lambda task: task.description, "=", "in"),
}


def create(asked: Asked) -> Reply:
    """Make a job; it is started, unless this deployment makes them stopped."""
    job, devices = order(asked)
    asked.platform.create_job(job, devices)
    return Reply({"jobId": job.job_id})


def get(asked: Asked) -> Reply:
    """Return one job."""
    return Reply(asked.wire.job(_job(asked)))


def search(asked: Asked) -> Reply:
    """Return jobs, the newest first."""
    page, rows = asked.found(asked.platform.job_index.rows(), _JOB_FIELDS)
    rows.sort(key=lambda job: -job.created)
    return _without_pagination(asked, listed(asked, page, rows, asked.wire.job))


def search_tasks(asked: Asked) -> Reply:
    """Return OTA tasks, in no order that could be relied on."""
    page, rows = asked.found(asked.platform.task_index.rows(), _TASK_FIELDS)
    match asked.platform.quirks.task_order:
        case "updated":
            rows.sort(key=lambda task: -task.updated)
        case "unordered":
            Random(asked.platform.request_id()).shuffle(rows)
    return _without_pagination(asked, listed(asked, page, rows, asked.wire.task))


def _without_pagination(asked: Asked, reply: Reply) -> Reply:
    return reply if asked.platform.quirks.ota_pagination else Reply(reply.data)


def start(asked: Asked) -> Reply:
    """Start a stopped job."""
    job = _job(asked)
    if job.started:
        raise Refusal(codes.JOB_STARTED)
    asked.platform.engine.start(job)
    return Reply()


def stop(asked: Asked) -> Reply:
    """Stop a started job."""
    job = _job(asked)
    if not job.started:
        raise Refusal(codes.JOB_STOPPED)
    asked.platform.engine.stop(job)
    return Reply()


def delete(asked: Asked) -> Reply:
    """Delete a stopped job."""
    job = _job(asked)
    if job.started:
        raise Refusal(codes.JOB_RUNNING)
    asked.platform.delete_job(job.job_id)
    return Reply()


def cancel_tasks(asked: Asked) -> Reply:
    """Cancel the OTA tasks of some devices."""
    job = _running_job(asked)
    tasks = _tasks(
        asked,
        job,
        (TaskStatus.INIT, TaskStatus.PUBLISHED),
        Refusal(codes.NOT_CANCELABLE),
    )
    asked.platform.engine.cancel(job, tasks)
    return Reply()


def retry_tasks(asked: Asked) -> Reply:
    """Try the OTA tasks of some devices again."""
    job = _running_job(asked)
    tasks = _tasks(asked, job, (TaskStatus.FAILED,), Refusal(codes.NOT_RETRIABLE))
    asked.platform.engine.retry(job, tasks)
    return Reply()


def _job(asked: Asked) -> Job:
    job = asked.platform.jobs.get(asked.parameter("jobId"))
    if job is None:
        raise Refusal(codes.JOB_NOT_FOUND)
    return job


def _running_job(asked: Asked) -> Job:
    job = _job(asked)
    if not job.started:
        raise Refusal(codes.JOB_NOT_RUNNING)
    return job


def _tasks(
    asked: Asked, job: Job, allowed: tuple[TaskStatus, ...], otherwise: Refusal
) -> list[Task]:
    """Return the OTA tasks of the devices named, all of which must be in a status."""
    device_keys = names(asked.content, "deviceKeys")
    if device_keys is None:
        raise invalid("deviceKeys", "is missing")
    tasks = [task for task in job.tasks.values() if task.device_key in device_keys]
    if {task.device_key for task in tasks} != set(device_keys):
        raise Refusal(codes.NOT_FOUND)
    eligible = [task for task in tasks if task.status in allowed]
    partly = asked.platform.quirks.mixed_lists == "some"
    if not eligible or (len(eligible) < len(tasks) and not partly):
        raise otherwise
    return eligible


ACTIONS: dict[str, Handler] = {
    "create": create,
    "get": get,
    "search": search,
    "searchTask": search_tasks,
    "start": start,
    "stop": stop,
    "delete": delete,
    "cancelTask": cancel_tasks,
    "retryTask": retry_tasks,
}
