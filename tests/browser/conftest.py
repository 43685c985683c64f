"""A browser, a Home Assistant and both platforms, once for all tests of this folder."""

from collections.abc import Iterator

from playwright.sync_api import Browser
import pytest
import pytest_socket

from demo.browser import open_browser
from demo.frontend import Frontend, new_context, sign_in
from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator

from .home import Home, running_home

SECONDS = 20
"""How long a person would wait for anything on the screen; it comes within two."""

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


@pytest.fixture
def screen(
    home: Home,
    chromium: Browser,
    tokens: str,
    request: pytest.FixtureRequest,
) -> Iterator[Frontend]:
    """Open a window of a signed-in person, at a desk."""
    context = new_context(chromium, home.url, tokens=tokens)
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    yield Frontend(page, home.url)
    context.close()
