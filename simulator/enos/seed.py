"""What a platform starts with: products, firmware, devices, groups, trees, past jobs.

Everything follows from the seed, except that the past is counted back from now.
"""

import hashlib
from math import inf
import random

from .engine import FINISHED, TIMED_OUT, UPGRADE_FAILED
from .model import (
    AssetTree,
    Device,
    Firmware,
    Flaw,
    Group,
    Job,
    JobStatus,
    JobType,
    Node,
    Product,
    Scope,
    Task,
    TaskStatus,
    Text,
)
from .platform import Platform

PRODUCTS = (
    ("Inverter", "INV", "逆变器"),
    ("Battery", "BAT", "电池"),
    ("Charger", "CHG", "充电桩"),
)
VERSIONS = ("1.0", "1.1", "2.0")
UNVERIFIED = "3.0-beta"
UNBOUND = "9.0"
SITES = ("North Field", "South Field", "Harbour", "Campus")
REGIONS = ("north", "south", "east", "west")
FLAWS = (
    Flaw(-1, UPGRADE_FAILED),
    Flaw(-2, "Failed to download firmware"),
    Flaw(-2, "Connection lost while downloading", attempts=1),
    Flaw(-3, "Signature verification failed"),
    Flaw(-4, "Failed to burn firmware"),
    Flaw(-7, "Battery too low", attempts=1),
    Flaw(-1, TIMED_OUT, hangs=True),
)

_DAY = 24 * 3600.0
_PAST = 6 * _DAY


def populate(platform: Platform) -> None:
    """Fill an empty platform."""
    rng = platform.rng
    now = platform.clock.now()
    for index, (name, _, chinese) in enumerate(PRODUCTS):
        product = Product(
            product_key=_word(rng, 8),
            name=_text(name, chinese),
            model_id=f"{name}_Model",
            created=now - (900 - index) * _DAY,
            tags={"line": name.lower()},
        )
        platform.products[product.product_key] = product
        _add_firmware(platform, product, index)
    _add_unbound_firmware(platform)
    _add_places(platform)
    (tree,) = platform.trees.values()
    sites = [node for node in tree.nodes.values() if node.name.default in SITES]
    for index in range(platform.settings.devices):
        device = _add_device(platform, rng, index)
        tree.nodes[device.asset_id] = Node(
            device.asset_id,
            device.name,
            sites[index % len(sites)].asset_id,
            model_id=device.product.model_id,
            device=True,
            tags=device.tags,
        )
    _add_past_jobs(platform, rng)


def _text(name: str, chinese: str | None = None) -> Text:
    translated = {"en_US": name}
    if chinese is not None:
        translated["zh_CN"] = chinese
    return Text(name, translated)


def _word(rng: random.Random, length: int) -> str:
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "".join(rng.choices(alphabet, k=length))


def _add_firmware(platform: Platform, product: Product, index: int) -> None:
    """Give a product its firmware; the newest of the first product is unverified."""
    versions = (*VERSIONS, UNVERIFIED) if index == 0 else VERSIONS
    for number, version in enumerate(versions):
        age = (len(versions) - number) * 60 + 90 * index
        _firmware(
            platform,
            product,
            _text(f"{product.name.default} firmware {version}"),
            version,
            age,
            must_be_verified=version == UNVERIFIED,
        )


def _add_unbound_firmware(platform: Platform) -> None:
    _firmware(platform, None, _text("Common bootloader"), UNBOUND, 400)


def _firmware(
    platform: Platform,
    product: Product | None,
    name: Text,
    version: str,
    age: float,
    *,
    must_be_verified: bool = False,
) -> None:
    firmware_id = platform.seeded_id()
    size = 1767 + 1024 * platform.rng.randrange(400)
    content = version.encode().ljust(size, b"\0")
    platform.firmware[firmware_id] = Firmware(
        firmware_id=firmware_id,
        product_key=None if product is None else product.product_key,
        name=name,
        version=version,
        created=platform.clock.now() - age * _DAY,
        description=f"Release {version}",
        sign=hashlib.sha256(content).hexdigest(),
        file_url=f"enos-connect://{firmware_id}.zip",
        file_size=size,
        must_be_verified=must_be_verified,
        is_verified=not must_be_verified,
        tags={"channel": "beta" if must_be_verified else "stable"},
    )


def _add_places(platform: Platform) -> None:
    """Make the device groups, and one asset tree with a node for each site."""
    now = platform.clock.now()
    for index in range(platform.settings.groups):
        group_id = platform.seeded_id()
        lap, place = divmod(index, len(SITES))
        name = SITES[place] + (f" {lap + 1}" if lap else "")
        platform.groups[group_id] = Group(
            group_id=group_id,
            name=_text(name),
            description=f"Devices at {name}",
            created=now - 300 * _DAY,
        )
    root = Node(platform.seeded_id(), _text("Sites", "站点"), None)
    tree = AssetTree(
        platform.seeded_id(), root.asset_id, {root.asset_id: root}, {"kind": "site"}
    )
    for region in REGIONS[:2]:
        node = Node(platform.seeded_id(), _text(region.capitalize()), root.asset_id)
        tree.nodes[node.asset_id] = node
        for site in SITES[REGIONS.index(region) :: 2]:
            leaf = Node(platform.seeded_id(), _text(site), node.asset_id)
            tree.nodes[leaf.asset_id] = leaf
    platform.trees[tree.tree_id] = tree


def _add_device(platform: Platform, rng: random.Random, index: int) -> Device:
    now = platform.clock.now()
    groups = list(platform.groups.values())
    # In every group most devices are of one product, and a few are in no group.
    place = index % len(groups or " ")
    main = place % len(PRODUCTS)
    number = main if rng.random() < 0.8 else rng.randrange(len(PRODUCTS))
    product = list(platform.products.values())[number]
    device = Device(
        asset_id=_word(rng, 8) + f"{index:04x}",
        device_key=f"{PRODUCTS[number][1]}{index + 1:05d}",
        product=product,
        name=_text(f"{product.name.default} {index + 1}"),
        created=now - rng.uniform(30, 700) * _DAY,
        version=rng.choice(VERSIONS[:2]),
        attributes={"ratedPower": rng.choice((5, 10, 50)), "phase": rng.choice("ABC")},
        tags={"region": rng.choice(REGIONS), "year": str(rng.randint(2019, 2025))},
        wakes_after=rng.uniform(30, 900) if rng.random() < 0.1 else 0.0,
    )
    # Every other group is in good health, so that some jobs succeed throughout.
    in_group = bool(groups) and index % 20 != 19
    if not in_group or place % 2:
        _trouble(device, rng)
    if device.wakes_after and device.status == "online":
        device.status = "offline"
    platform.add_device(device)
    if in_group:
        groups[place].members.append(device.asset_id)
    return device


def _trouble(device: Device, rng: random.Random) -> None:
    """Let a few devices fail, or not be there at all."""
    lot = rng.random()
    if lot < 0.03:
        # Its firmware is not known, so it cannot be upgraded.
        device.version, device.status, device.wakes_after = None, "inactive", inf
    elif lot < 0.06:
        device.status, device.wakes_after = "offline", inf
    elif lot < 0.07:
        device.status, device.wakes_after = "disable", inf
    elif lot < 0.17:
        device.flaw = rng.choice(FLAWS)


def _add_past_jobs(platform: Platform, rng: random.Random) -> None:
    """Make jobs whose OTA tasks have all ended; most are started for ever."""
    count = platform.settings.jobs
    if not platform.devices:
        return
    step = _PAST / (count + 1)
    begin = platform.clock.now() - _PAST
    for index in range(count):
        created = begin + step * (index + rng.uniform(0.5, 1))
        _add_past_job(platform, rng, index, created)


def _add_past_job(
    platform: Platform, rng: random.Random, index: int, created: float
) -> None:
    product = list(platform.products.values())[index % len(PRODUCTS)]
    firmware = next(
        firmware
        for firmware in platform.firmware.values()
        if firmware.product_key == product.product_key
        and firmware.version == VERSIONS[1]
    )
    everyone = [
        device
        for device in platform.devices.values()
        if device.product is product and device.version == firmware.version
    ]
    devices = rng.sample(everyone, min(len(everyone), 12))
    job = Job(
        job_id=platform.seeded_id(),
        firmware=firmware,
        name=_text(f"{product.name.default} to {firmware.version}, round {index + 1}"),
        kind=JobType.UPGRADE,
        scope=Scope(
            versions=VERSIONS[:1],
            device_keys=tuple(device.device_key for device in devices),
        ),
        created=created,
        incremental=False,
        status=JobStatus.STOPPED if index % 4 == 3 else JobStatus.STARTED,
    )
    failed = rng.randint(1, 2) if index % 3 == 1 else 0
    for number, device in enumerate(devices):
        flaw = rng.choice(FLAWS) if number < failed else None
        job.tasks[device.asset_id] = Task(
            task_id=platform.seeded_id(),
            job_id=job.job_id,
            asset_id=device.asset_id,
            device_key=device.device_key,
            product_key=product.product_key,
            from_version=VERSIONS[0],
            to_version=firmware.version,
            updated=created + rng.uniform(60, 3600),
            status=TaskStatus.FAILED if flaw else TaskStatus.SUCCEEDED,
            progress=flaw.progress if flaw else 100,
            description=flaw.description if flaw else FINISHED,
            attempts=1,
        )
    platform.add_past_job(job)
