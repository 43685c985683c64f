"""The journal: on disk before anything is sent, or nothing is sent."""

import asyncio
from collections.abc import Callable, Iterator
import errno
from pathlib import Path
import shutil
import stat
import threading
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.file import WriteError, write_utf8_file_atomic
import msgspec
from msgspec import structs
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade import journal_file
from custom_components.fleet_upgrade.askers import Asker, AskerKind
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    Execution,
    Policy,
    Targets,
    UpgradeKind,
)
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.fleet_upgrade.journal import (
    MOST_CLOSED,
    Journal,
    StoppingError,
    UnwrittenError,
    async_get_journal,
)
from custom_components.fleet_upgrade.writes import (
    CreateEntry,
    Entry,
    WriteState,
    write_key,
)

from .dialogs import begin_repair, go_on_with_repair
from .tiny_platform import NOW, TinyFleet, set_up
from .writes import PREPARED, REQUEST, closed, make_write

FULL_DISK = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def folder(hass: HomeAssistant) -> Path:
    """Return the folder that the journal is in, empty."""
    folder = Path(hass.config.path(STORAGE_DIR))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@pytest.fixture
def file(folder: Path) -> Path:
    """Return the journal's file."""
    return folder / f"{DOMAIN}.account.journal"


@pytest.fixture
def journal(hass: HomeAssistant, file: Path) -> Journal:
    """Return a journal without any entry."""
    return Journal(hass, "account")


async def on_disk(hass: HomeAssistant) -> list[CreateEntry]:
    """Return what the next start of Home Assistant would read."""
    journal = Journal(hass, "account")
    await journal.async_load()
    return journal.all_of(CreateEntry)


class SlowDisk:
    """A disk whose writes wait until they are let through."""

    def __init__(self) -> None:
        """Let nothing through yet."""
        self._may_write = threading.Event()
        self._begun = threading.Semaphore(0)
        self.error: Exception | None = None
        """Raised by the writes that are let through."""

    def write(self, *args: Any, **options: Any) -> None:
        """Write a file once it may be."""
        self._begun.release()
        assert self._may_write.wait(10)
        if self.error is not None:
            raise self.error
        write_utf8_file_atomic(*args, **options)

    def one_more_begun(self) -> bool:
        """Return whether a write waits that was not told of yet."""
        return self._begun.acquire(blocking=False)

    async def begun(self) -> None:
        """Wait until a write waits."""
        async with asyncio.timeout(10):
            while not self.one_more_begun():
                await asyncio.sleep(0.001)

    def let_through(self) -> None:
        """Let all writes through."""
        self._may_write.set()

    def hold(self) -> None:
        """Let none through, from the next one on."""
        while self.one_more_begun():
            pass
        self._may_write.clear()


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    """Let writes of the journal wait."""
    disk = SlowDisk()
    monkeypatch.setattr(journal_file, "write_utf8_file_atomic", disk.write)
    yield disk
    disk.let_through()


# What is on disk, and when


async def test_an_entry_is_on_disk_before_anything_may_be_sent(
    hass: HomeAssistant, journal: Journal, slow_disk: SlowDisk, file: Path
) -> None:
    """Opening it takes as long as the disk does."""
    opening = hass.async_create_task(journal.async_open(make_write()))
    await slow_disk.begun()
    assert not opening.done()
    assert not file.exists()
    assert list(journal.entries) == []
    slow_disk.let_through()
    await opening
    assert await on_disk(hass) == [make_write()]


async def test_a_journal_is_read_as_it_was_written(
    hass: HomeAssistant, journal: Journal
) -> None:
    """Who asked, for what, what became of it, and in which order."""
    entries = [
        make_write(
            "one",
            asker=Asker(kind=AskerKind.SCRIPT, user_id="u", entity_id="e", name="n"),
            prepared=structs.replace(
                PREPARED,
                request=CreateRequest(
                    kind=UpgradeKind.SOFTWARE,
                    package_id="package-2",
                    targets=Targets(devices=("meter-1",), model="M1"),
                    policy=Policy(
                        execution=Execution.CUSTOM, start=NOW, end=NOW, retries=3
                    ),
                ),
            ),
            forced=True,
        ),
        make_write("two"),
        make_write("three"),
    ]
    for entry in entries:
        await journal.async_open(entry)
    entries[1] = closed(entries[1])
    entries[2] = closed(
        entries[2], WriteState.REFUSED, failure="rejected_other", detail="123016"
    )
    for entry in entries[1:]:
        await journal.async_change(entry)

    assert await on_disk(hass) == entries
    assert journal.open_entries(Entry) == entries[:1]
    assert journal.get("two") == entries[1]
    assert journal.get("four") is None
    assert entries[0].asked_at == NOW
    assert entries[0].closed_at is None
    assert (entries[1].closed_at or NOW) > NOW


async def test_only_home_assistant_may_read_the_file(
    journal: Journal, file: Path
) -> None:
    """Who upgrades what is nobody else's business."""
    await journal.async_open(make_write())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await journal.async_change(closed(make_write()))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("state", [CoreState.stopping, CoreState.final_write])
async def test_while_home_assistant_stops_nothing_new_is_begun(
    hass: HomeAssistant, journal: Journal, state: CoreState, file: Path
) -> None:
    """But what became of earlier ones is still written."""
    await journal.async_open(make_write())
    hass.set_state(state)
    with pytest.raises(StoppingError):
        await journal.async_open(make_write("two"))
    await journal.async_change(closed(make_write()))
    hass.set_state(CoreState.running)
    assert await on_disk(hass) == [closed(make_write())]


async def test_only_the_newest_closed_entries_are_kept_but_all_open_ones(
    hass: HomeAssistant, journal: Journal, file: Path
) -> None:
    """What is open blocks its key, however old it is."""
    earlier = [closed(make_write(f"closed-{number}")) for number in range(MOST_CLOSED)]
    waiting = [
        make_write("open"),
        make_write("unsettled", state=WriteState.UNSETTLED),
    ]
    file.write_bytes(msgspec.json.encode([*waiting, *earlier]))
    await journal.async_load()
    await journal.async_open(make_write("newest"))
    assert len(list(journal.entries)) == MOST_CLOSED + 3

    await journal.async_change(closed(make_write("newest")))
    expected = [*waiting, *earlier[1:], closed(make_write("newest"))]
    assert list(journal.entries) == expected
    assert await on_disk(hass) == expected


# What cannot be written


def full_disk(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the disk be full when the content is to reach it."""

    def sync(_descriptor: int) -> None:
        raise FULL_DISK

    monkeypatch.setattr("atomicwrites._proper_fsync", sync)


def blocked_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let there be a file where the folder should be."""
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("not a folder")


def refused_write(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let Home Assistant's own function fail."""

    def write(*_args: Any, **_options: Any) -> None:
        raise WriteError(FULL_DISK)

    monkeypatch.setattr(journal_file, "write_utf8_file_atomic", write)


type Break = Callable[[pytest.MonkeyPatch, Path], None]

BROKEN = pytest.mark.parametrize(
    "break_disk",
    [full_disk, blocked_folder, refused_write],
    ids=lambda function: function.__name__,
)


@BROKEN
async def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    hass: HomeAssistant, journal: Journal, folder: Path, break_disk: Break
) -> None:
    """Once the disk works again, so does the journal."""
    await journal.async_open(make_write())
    with pytest.MonkeyPatch.context() as patches:
        break_disk(patches, folder)
        with pytest.raises(UnwrittenError):
            await journal.async_open(make_write("two"))
    assert list(journal.entries) == [make_write()]

    if folder.is_file():
        folder.unlink()
        folder.with_name("elsewhere").rename(folder)
    # Not even a part of a file.
    assert [path.name for path in folder.iterdir()] == [f"{DOMAIN}.account.journal"]
    assert await on_disk(hass) == [make_write()]
    await journal.async_open(make_write("two"))
    assert await on_disk(hass) == [make_write(), make_write("two")]


@BROKEN
async def test_what_cannot_be_written_down_is_not_sent(
    hass: HomeAssistant,
    folder: Path,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    break_disk: Break,
) -> None:
    """Nobody could settle it if its answer were lost."""
    await set_up(hass, tiny_entry)
    break_disk(monkeypatch, folder)
    with pytest.raises(UnwrittenError):
        await tiny_entry.runtime_data.writer.async_create(PREPARED, Asker())
    assert fleet.created == []


async def test_while_home_assistant_stops_nothing_is_sent(
    hass: HomeAssistant, folder: Path, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """There may be no time left to hear the answer."""
    await set_up(hass, tiny_entry)
    hass.set_state(CoreState.stopping)
    with pytest.raises(StoppingError):
        await tiny_entry.runtime_data.writer.async_create(PREPARED, Asker())
    hass.set_state(CoreState.running)
    assert fleet.created == []
    assert list(folder.iterdir()) == []


@BROKEN
async def test_a_completion_that_cannot_be_written_leaves_it_open_on_disk(
    hass: HomeAssistant,
    journal: Journal,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    break_disk: Break,
) -> None:
    """Then the next start looks for it; until then it is known what became of it."""
    await journal.async_open(make_write())
    with pytest.MonkeyPatch.context() as patches:
        break_disk(patches, folder)
        await journal.async_change(closed(make_write()))
    assert "What became of a write could not be written down" in caplog.text
    assert journal.open_entries(Entry) == []

    if folder.is_file():
        folder.unlink()
        folder.with_name("elsewhere").rename(folder)
    assert await on_disk(hass) == [make_write()]
    # Whatever is written next takes it along.
    await journal.async_open(make_write("two"))
    assert await on_disk(hass) == [closed(make_write()), make_write("two")]


# What cannot be read


@pytest.mark.parametrize("content", [b"", b"[{", b"{}", b"null", b"\xff\xfe"])
async def test_a_file_that_cannot_be_read_is_put_aside(
    hass: HomeAssistant,
    journal: Journal,
    file: Path,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    """Somebody may still make sense of it; writing goes on in a new one."""
    file.write_bytes(content)
    await journal.async_load()
    assert list(journal.entries) == []
    assert not file.exists()
    [aside] = file.parent.iterdir()
    assert aside.name.startswith(f"{file.name}.corrupt.")
    assert aside.read_bytes() == content
    assert f"A file could not be read whole and was kept as {aside}" in caplog.text

    await journal.async_open(make_write())
    assert await on_disk(hass) == [make_write()]
    assert aside.read_bytes() == content


@pytest.mark.parametrize(
    "row", [b"5", b"{}", b'{"entry_id":"\xff"}', b'{"entry_id":"x","state":"odd"}']
)
async def test_a_row_that_cannot_be_read_is_left_out(
    journal: Journal, file: Path, caplog: pytest.LogCaptureFixture, row: bytes
) -> None:
    """The others are used."""
    rows = [msgspec.json.encode(make_write(name)) for name in ("one", "two")]
    file.write_bytes(b"[" + b",".join((rows[0], row, rows[1])) + b"]")
    await journal.async_load()
    assert list(journal.entries) == [make_write(), make_write("two")]
    assert caplog.text.count("An entry of the journal could not be read") == 1
    (aside,) = file.parent.glob(f"{file.name}.corrupt.*")
    assert row in aside.read_bytes()
    assert msgspec.json.decode(file.read_bytes(), type=list[CreateEntry]) == [
        make_write(),
        make_write("two"),
    ]


@pytest.mark.parametrize("is_loaded", [True, False], ids=["set up", "diagnosed"])
async def test_what_was_lost_is_told_until_somebody_has_seen_to_it(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    folder: Path,
    tiny_entry: MockConfigEntry,
    is_loaded: bool,
) -> None:
    """Whoever reads it first: the file is whole again after that."""
    file = folder / f"{DOMAIN}.{tiny_entry.entry_id}.journal"
    file.write_bytes(b"[5]")
    if not is_loaded:
        await async_get_config_entry_diagnostics(hass, tiny_entry)
    await set_up(hass, tiny_entry)
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    issue_id = f"journal_damaged_{tiny_entry.entry_id}"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.is_persistent
    question = await begin_repair(hass, hass_client, issue_id)
    assert question["description_placeholders"] == {"account": "Fleet north"}
    await go_on_with_repair(hass, hass_client, question)
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    assert not ir.async_get(hass).async_get_issue(DOMAIN, issue_id)


async def test_without_its_journal_an_account_is_not_loaded(
    hass: HomeAssistant, folder: Path, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """What was sent before could be sent again; the next try may read it."""
    file = folder / f"{DOMAIN}.{tiny_entry.entry_id}.journal"
    file.mkdir()
    await set_up(hass, tiny_entry)
    assert tiny_entry.state is ConfigEntryState.SETUP_RETRY
    assert tiny_entry.error_reason_translation_key == "journal_unreadable"
    assert fleet.polled == []

    file.rmdir()
    assert await hass.config_entries.async_reload(tiny_entry.entry_id)
    assert len(fleet.polled) == 1


async def test_an_account_without_a_journal_has_none_yet(journal: Journal) -> None:
    """That is how each account begins."""
    await journal.async_load()
    assert list(journal.entries) == []


# Who is cancelled, and what happens at one moment


@pytest.mark.parametrize("error", [None, WriteError(FULL_DISK)])
async def test_who_is_cancelled_while_writing_leaves_nothing_behind(
    hass: HomeAssistant,
    journal: Journal,
    slow_disk: SlowDisk,
    error: Exception | None,
) -> None:
    """Nothing was sent, so nothing may block its key, not even after a restart."""
    slow_disk.error = error
    opening = hass.async_create_task(journal.async_open(make_write()))
    await slow_disk.begun()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    slow_disk.let_through()
    await hass.async_block_till_done()
    assert list(journal.entries) == []
    assert await on_disk(hass) == []


async def test_a_write_that_was_given_up_does_not_overtake_the_next(
    hass: HomeAssistant, journal: Journal, slow_disk: SlowDisk
) -> None:
    """Threads cannot be cancelled: what is on disk last is what was said last."""
    slow_disk.let_through()
    await journal.async_open(make_write())
    await journal.async_open(make_write("two"))
    slow_disk.hold()
    first = hass.async_create_task(journal.async_change(closed(make_write())))
    await slow_disk.begun()
    first.cancel()
    second = hass.async_create_task(journal.async_change(closed(make_write("two"))))
    await asyncio.sleep(0.01)
    assert not slow_disk.one_more_begun()
    slow_disk.let_through()
    await second
    assert await on_disk(hass) == [closed(make_write()), closed(make_write("two"))]


async def test_many_writes_at_one_moment_are_all_on_disk(
    hass: HomeAssistant, journal: Journal
) -> None:
    """In the order in which they were asked for."""
    entries = [make_write(f"{number}") for number in range(9)]
    await asyncio.gather(*(journal.async_open(entry) for entry in entries))
    assert await on_disk(hass) == entries
    await asyncio.gather(*(journal.async_change(closed(entry)) for entry in entries))
    assert await on_disk(hass) == [closed(entry) for entry in entries]


async def test_an_account_loaded_anew_shares_its_journal_with_what_is_under_way(
    hass: HomeAssistant, folder: Path
) -> None:
    """A creation may take longer than unloading waits for it."""
    before = async_get_journal(hass, "account")
    await before.async_open(make_write())
    after = async_get_journal(hass, "account")
    await after.async_load()
    await after.async_open(make_write("two"))
    await before.async_change(closed(make_write()))
    assert await on_disk(hass) == [closed(make_write()), make_write("two")]
    assert async_get_journal(hass, "another") is not after


async def test_a_removed_journal_stays_removed(
    hass: HomeAssistant, journal: Journal, file: Path
) -> None:
    """Also what was put aside, and what is written too late."""
    file.write_text("nonsense")
    await journal.async_load()
    await journal.async_open(make_write())
    assert len(list(file.parent.iterdir())) == 2
    await journal.async_remove()
    await journal.async_change(closed(make_write()))
    with pytest.raises(UnwrittenError):
        await journal.async_open(make_write("two"))
    assert list(file.parent.iterdir()) == []


async def test_the_journal_goes_with_its_account(
    hass: HomeAssistant,
    folder: Path,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody asks for it any more."""
    await set_up(hass, tiny_entry)
    await tiny_entry.runtime_data.writer.async_create(PREPARED, Asker())
    assert [path.name for path in folder.iterdir()] == [
        f"{DOMAIN}.{tiny_entry.entry_id}.journal"
    ]
    await hass.config_entries.async_remove(tiny_entry.entry_id)
    assert list(folder.iterdir()) == []


# What counts as the same


def key(account: str = "tiny_north", **changes: Any) -> str:
    """Return the key of a creation that differs so."""
    return write_key(account, structs.replace(REQUEST, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"policy": Policy(execution=Execution.WHEN_ONLINE, retries=5)},
        {"targets": Targets(device_groups=("Meters south", "Meters north"))},
        {"targets": Targets(device_groups=("Meters north", "Meters south") * 2)},
        {
            "targets": Targets(
                device_groups=("Meters north", "Meters south"),
                device_type="Meter",
                model="M1",
                manufacturer="Acme",
            )
        },
    ],
    ids=["nothing", "policy", "order", "repetition", "product"],
)
def test_what_would_do_the_same_again_has_the_same_key(changes: dict[str, Any]) -> None:
    """When it runs, how targets are listed and what is left to the platform."""
    assert key(**changes) == key()


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "tiny_south"},
        {"kind": UpgradeKind.SOFTWARE},
        {"package_id": "package-2"},
        {"targets": Targets(device_groups=("Meters north",))},
        {"targets": Targets(devices=("Meters north", "Meters south"))},
        {"targets": Targets(device_groups=("Meters north, Meters south",))},
        {"targets": structs.replace(REQUEST.targets, from_versions=("V1.2",))},
    ],
    ids=["account", "kind", "package", "fewer", "devices", "one name", "versions"],
)
def test_what_would_do_something_else_has_another_key(changes: dict[str, Any]) -> None:
    """Whose it is, what is installed, and where."""
    assert key(**changes) != key()


def test_what_was_written_before_keeps_its_key() -> None:
    """What is not settled yet still blocks its repetition after an update."""
    request = structs.replace(
        REQUEST,
        kind=UpgradeKind.FIRMWARE,
        package_id="pkg-1",
        targets=Targets(device_groups=("b", "a")),
    )
    assert write_key("oceanconnect_app", request) == (
        "3c60e34c2eeafc426cb6a81cfdcb44885cf0d2ab52d031d72f5c7fe1e2cba915"
    )
