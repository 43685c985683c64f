"""What a platform starts with: packages, devices, groups and past tasks.

Everything follows from the seed, except that the past is counted back from now.
"""

from datetime import UTC, datetime
from functools import partial
from math import inf
import random
import uuid

from .causes import ALREADY_CURRENT, FLAWS, STOPPED
from .model import (
    Device,
    Group,
    Kind,
    Model,
    Package,
    Policy,
    Status,
    Subtask,
    Tally,
    Targets,
    Task,
    TaskStatus,
    subtask_id,
)
from .platform import Platform

MODELS = (
    Model("WaterMeter", "WM210N", "Aquatell", "aquatell01"),
    Model("StreetLight", "SL400", "Lumenpath", "lumenpath01"),
    Model("ParkingSensor", "PS35", "Kerbline", "kerbline01"),
    Model("GasMeter", "GM16", "Ventora", "ventora01"),
)
VERSIONS = {
    Kind.SOFTWARE: ("1.4.0", "1.5.2", "1.6.0"),
    Kind.FIRMWARE: ("V1.2.0", "V1.3.1", "V2.0.0"),
}
GROUP_NAMES = (
    "Riverside",
    "Harbour",
    "OldTown",
    "Airport",
    "NorthGate",
    "Stadium",
    "University",
    "Hillside",
)

_DAY = 24 * 3600.0
_PAST = 6 * _DAY


def populate(platform: Platform) -> None:
    """Fill an empty platform."""
    rng = platform.rng
    _add_packages(platform, rng)
    _add_devices(platform, rng)
    _add_past_tasks(platform, rng)


def _add_packages(platform: Platform, rng: random.Random) -> None:
    now = platform.clock.now()
    for model in MODELS:
        for kind in Kind:
            for age, version in enumerate(reversed(VERSIONS[kind])):
                uploaded = now - (20 + 90 * age) * _DAY - rng.uniform(0, _DAY)
                made = datetime.fromtimestamp(uploaded - 3 * _DAY, UTC)
                package = Package(
                    file_id=platform.seeded_id(),
                    kind=kind,
                    name=f"{model.model}_{kind}_{version}",
                    version=version,
                    model=model,
                    description=f"{kind.capitalize()} {version} for {model.model}",
                    date=f"{made.year}-{made.month}-{made.day}",
                    uploaded=uploaded,
                )
                platform.packages[package.file_id] = package


def _add_devices(platform: Platform, rng: random.Random) -> None:
    settings = platform.settings
    groups = [
        Group(
            group_id=platform.seeded_id(),
            name=_group_name(index),
            description=f"Devices at {_group_name(index)}",
            creator="operator",
        )
        for index in range(settings.groups)
    ]
    platform.groups = {group.group_id: group for group in groups}
    # A cell has room for some fifty devices at a time.
    cells = max(1, settings.devices // 120)
    for index in range(settings.devices):
        # A few devices are in no group; in a group most are of one model.
        place = (
            index % (len(groups) + 1)
            if index % 20 == 19
            else index % len(groups or " ")
        )
        in_group = place < len(groups)
        main = MODELS[place % len(MODELS)]
        model = main if rng.random() < 0.8 else rng.choice(MODELS)
        device = _device(platform, rng, index, model, rng.randrange(cells))
        # Every other group is in good health, so that some tasks succeed throughout.
        if not in_group or place % 2:
            _trouble(device, rng)
        platform.devices[device.device_id] = device
        if in_group:
            groups[place].members.append(device.device_id)


def _group_name(index: int) -> str:
    name = GROUP_NAMES[index % len(GROUP_NAMES)]
    lap = index // len(GROUP_NAMES)
    return f"{name}{lap + 1}" if lap else name


def _device(
    platform: Platform, rng: random.Random, index: int, model: Model, cell: int
) -> Device:
    now = platform.clock.now()
    created = now - rng.uniform(30, 700) * _DAY
    return Device(
        device_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        node_id=f"8613{rng.randrange(10**11):011d}",
        name=f"{model.model}-{index + 1:05d}",
        model=model,
        status="ONLINE",
        software=rng.choice(VERSIONS[Kind.SOFTWARE][:2]),
        firmware=rng.choice(VERSIONS[Kind.FIRMWARE][:2]),
        created=created,
        modified=rng.uniform(created, now),
        cell=cell,
        coverage=rng.choices((0, 1, 2), (80, 17, 3))[0],
        wakes_after=rng.uniform(30, 900) if rng.random() < 0.1 else 0.0,
    )


def _trouble(device: Device, rng: random.Random) -> None:
    """Make a few devices fail, each for one of the documented reasons."""
    lot = rng.random()
    if lot < 0.03:
        device.status, device.wakes_after = "ABNORMAL", rng.uniform(600, 7200)
    elif lot < 0.06:
        device.status, device.wakes_after = "OFFLINE", inf
    elif lot < 0.08:
        device.status, device.wakes_after = "INACTIVE", inf
    elif lot < 0.10:
        # Still online for the platform, but it will not be heard of for days.
        device.wakes_after = inf
    elif lot < 0.20:
        device.flaw = rng.choice(FLAWS)


def _add_past_tasks(platform: Platform, rng: random.Random) -> None:
    count = platform.settings.tasks
    if not count or not platform.devices:
        return
    now = platform.clock.now()
    step = _PAST / (count + 1)
    for index in range(count):
        created = now - _PAST + step * (index + rng.uniform(0.5, 1))
        if (task := _past_task(platform, rng, index, created)) is not None:
            platform.tasks[task.task_id] = task


def _past_task(
    platform: Platform, rng: random.Random, index: int, created: float
) -> Task | None:
    kind = (Kind.FIRMWARE, Kind.SOFTWARE)[index % 2]
    groups = list(platform.groups.values())
    group = groups[index % len(groups)] if groups else None
    model = MODELS[index % len(groups) % len(MODELS) if groups else 0]
    package = rng.choice(
        [
            package
            for package in platform.packages.values()
            if package.kind is kind and package.model == model
        ][1:]
    )
    candidates = platform.expand([group] if group else [], package)
    if group is not None and candidates and index % 3 != 2:
        device_ids = candidates
        targets = Targets(
            groups=(group.name,),
            device_type=model.device_type,
            model=model.model,
            manufacturer=model.manufacturer,
        )
    else:
        everyone = [
            device.device_id
            for device in platform.devices.values()
            if device.model == model
        ]
        if not everyone:
            return None
        device_ids = tuple(rng.sample(everyone, min(len(everyone), 5)))
        targets = Targets(devices=device_ids)
    return _ended(platform, rng, index, kind, package, targets, device_ids, created)


def _ended(
    platform: Platform,
    rng: random.Random,
    index: int,
    kind: Kind,
    package: Package,
    targets: Targets,
    device_ids: tuple[str, ...],
    created: float,
) -> Task:
    total = len(device_ids)
    result = (TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.SUCCESS)[index % 3]
    if index % 7 == 3:
        result = TaskStatus.STOP
    failed = min(total, rng.randint(1, 3)) if result is TaskStatus.FAILED else 0
    stopped = max(1, total // 4) if result is TaskStatus.STOP else 0
    causes = [rng.choice(FLAWS) for _ in range(failed)]
    ends = [
        *((Status.FAIL, flaw.cause, flaw.timeout > 0) for flaw in causes),
        *[(Status.STOP, STOPPED, False)] * stopped,
    ]
    duration = rng.uniform(600, 3600)
    tally = Tally()
    tally.counts[Status.FAIL] = failed
    tally.counts[Status.STOP] = stopped
    tally.counts[Status.SUCCESS] = total - failed - stopped
    tally.timeouts = sum(timed_out for _, _, timed_out in ends)
    return Task(
        task_id=platform.seeded_id(),
        kind=kind,
        package=package,
        targets=targets,
        policy=Policy(),
        created=created,
        device_ids=device_ids,
        status=result,
        started=created + 2,
        stopped=min(created + duration, platform.clock.now() - 1),
        tally=tally,
        make_subtasks=partial(_past_subtasks, rng.getrandbits(32), ends),
    )


def _past_subtasks(
    seed: int, ends: list[tuple[Status, str, bool]], task: Task
) -> list[Subtask]:
    """Make the subtasks of a past task: what its counters say, spread at random."""
    rng = random.Random(seed)
    assert task.started is not None and task.stopped is not None
    unlucky = dict(zip(rng.sample(task.device_ids, len(ends)), ends, strict=True))
    subtasks = []
    for index, device_id in enumerate(task.device_ids):
        status, detail, timed_out = unlucky.get(
            device_id, (Status.SUCCESS, None, False)
        )
        if status is Status.SUCCESS and rng.random() < 0.05:
            detail = ALREADY_CURRENT
        started = rng.uniform(task.started, task.stopped)
        subtasks.append(
            Subtask(
                subtask_id(task, index),
                device_id,
                task.created,
                status=status,
                started=None if status is Status.STOP else started,
                stopped=rng.uniform(started, task.stopped),
                detail=detail,
                timed_out=timed_out,
                attempts=1,
            )
        )
    return subtasks
