"""A browser, a Home Assistant and both platforms, once for all tests of this folder."""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, expect
import pytest
import pytest_socket

from demo.api import Api
from demo.browser import open_browser
from demo.frontend import Frontend, new_context, sign_in
from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator

from .home import Home, running_home

SECONDS = 20
"""How long a person would wait for anything on the screen; it comes within two."""

OCEANCONNECT = "OceanConnect demo"
ENOS = "EnOS demo"
"""What the accounts are called."""

expect.set_options(timeout=SECONDS * 1000)

# The browser's driver has an event loop of its own in this thread, and Home Assistant
# is another process: what its test helpers do before and after each test is of no use
# here, and would need a loop that cannot run beside the other one.


@pytest.fixture(autouse=True)
def configure_event_loop() -> None:
    """Leave the loop alone."""


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave the loop alone."""


@pytest.fixture(autouse=True)
def verify_cleanup() -> None:
    """Look for nothing: what runs here runs until the last test."""


@pytest.fixture(autouse=True)
def network() -> None:
    """Let the API of the running Home Assistant be asked."""
    pytest_socket.enable_socket()


@pytest.fixture(scope="package")
def oceanconnect_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OceanConnectSimulator]:
    """Serve a platform whose devices stand still until a test moves them."""
    folder = tmp_path_factory.mktemp("oceanconnect")
    with OceanConnectSimulator(
        app_id="demo", secret="demo-secret", tls_dir=folder
    ) as simulator:
        yield simulator


@pytest.fixture(scope="package")
def enos_server() -> Iterator[EnosSimulator]:
    """Serve the other platform likewise."""
    with EnosSimulator(org_id="demo") as simulator:
        yield simulator


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Run a Home Assistant without any account."""
    pytest_socket.enable_socket()
    with running_home(tmp_path_factory.mktemp("home") / "config") as home:
        yield home


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Run a browser."""
    pytest_socket.enable_socket()
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def tokens(home: Home, chromium: Browser) -> str:
    """Sign in through the login form."""
    return sign_in(chromium, home.url)


type OpenWindow = Callable[..., Frontend]

PICTURES = Path(__file__).parents[2] / ".tools" / "browser"
"""Where the screens are of the tests that failed."""

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, for its windows."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def open_window(
    home: Home, chromium: Browser, tokens: str, request: pytest.FixtureRequest
) -> Iterator[OpenWindow]:
    """Return a function that opens a window of a signed-in person, of any size.

    Of a test that fails, what was last on the screen is kept as a picture.
    """
    contexts: list[BrowserContext] = []

    def open_it(**looks: Any) -> Frontend:
        context = new_context(chromium, home.url, tokens=tokens, **looks)
        contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        return Frontend(context.new_page(), home.url)

    yield open_it
    for context in contexts:
        if request.node.stash.get(FAILED, False):
            picture = PICTURES / f"{request.node.name}.png"
            context.pages[0].screenshot(path=picture)
        context.close()


@pytest.fixture
def screen(open_window: OpenWindow) -> Frontend:
    """Open a window on a desk."""
    return open_window()


@pytest.fixture(scope="package")
def accounts(
    home: Home, oceanconnect_server: OceanConnectSimulator, enos_server: EnosSimulator
) -> dict[str, str]:
    """Have an account on each platform; return their IDs by their titles.

    Those that no test has added by the form are added beside it.
    """
    pytest_socket.enable_socket()
    tls = oceanconnect_server.tls.folder
    wanted: dict[str, tuple[dict[str, str | int], dict[str, Path]]] = {
        OCEANCONNECT: (
            {
                "platform": "oceanconnect",
                "host": oceanconnect_server.host,
                "port": oceanconnect_server.port,
                "app_id": oceanconnect_server.app_id,
                "secret": oceanconnect_server.secret,
            },
            {
                "client_certificate": tls / "client.pem",
                "client_key": tls / "client.key",
                "ca": tls / "ca.pem",
            },
        ),
        ENOS: (
            {
                "platform": "enos",
                "address": enos_server.url,
                "access_key": enos_server.access_key,
                "secret_key": enos_server.secret_key,
                "org_id": enos_server.org_id,
            },
            {},
        ),
    }
    there = {entry["title"] for entry in home.accounts()}
    for title, (values, files) in wanted.items():
        if title not in there:
            home.ask(partial(fill_in, values=values, files=files))
    return {entry["title"]: entry["entry_id"] for entry in home.accounts()}


async def fill_in(
    api: Api, values: dict[str, str | int], files: dict[str, Path]
) -> None:
    """Add an account."""
    await api.fill_in(values, files)
