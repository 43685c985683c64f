"""What a client raises becomes what Home Assistant shows."""

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    AmbiguousError,
    AuthenticationError,
    AuthenticationProblem,
    ConnectionProblem,
    InvalidFieldError,
    MalformedError,
    NotFoundError,
    PlatformError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.failures import translated_failures


@pytest.fixture
async def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return an account that is not set up, of an integration that is loaded."""
    assert await async_setup_component(hass, DOMAIN, {})
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Meters",
        data={
            "platform": "oceanconnect",
            "host": "platform.example",
            "port": 8743,
            "app_id": "meters",
            "secret": "very secret",
        },
    )
    entry.add_to_hass(hass)
    return entry


def fail(
    hass: HomeAssistant, entry: MockConfigEntry, err: Exception
) -> HomeAssistantError:
    """Return what is raised in place of an error."""
    with (
        pytest.raises(HomeAssistantError) as raised,
        translated_failures(hass, entry),
    ):
        raise err
    assert raised.value.__cause__ is err
    assert raised.value.translation_domain == DOMAIN
    return raised.value


def test_a_broken_rule_is_the_callers_to_correct(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Its text names the field and the limit."""
    raised = fail(
        hass,
        entry,
        InvalidFieldError("retries", "retries_out_of_range", minimum="0", maximum="5"),
    )
    assert isinstance(raised, ServiceValidationError)
    assert str(raised) == "The value of retries must be between 0 and 5"


@pytest.mark.parametrize(
    ("err", "text"),
    [
        *(
            (RejectedError("123456", "It says why.", advice), "123456")
            for advice in Advice
        ),
        (NotFoundError("123009", "", Advice.TASK_MISSING, status=404), "123009"),
        (ThrottledError(42.4), "42"),
        *((UnreachableError(problem), "") for problem in ConnectionProblem),
        (AmbiguousError(), "may or may not"),
        (MalformedError("$.data[3]"), ""),
        (MalformedError("not JSON", foreign=True), ""),
        (PlatformError(), ""),
    ],
)
def test_every_failure_has_a_text_of_its_own(
    hass: HomeAssistant, entry: MockConfigEntry, err: PlatformError, text: str
) -> None:
    """A refusal is told with its code and what to do about it."""
    raised = fail(hass, entry, err)
    assert not isinstance(raised, ServiceValidationError)
    assert raised.translation_key == err.key
    assert text in str(raised)
    assert str(raised) != err.key
    assert not hass.config_entries.flow.async_progress()


@pytest.mark.parametrize("problem", list(AuthenticationProblem))
async def test_credentials_that_are_no_longer_accepted_are_asked_for_again(
    hass: HomeAssistant, entry: MockConfigEntry, problem: AuthenticationProblem
) -> None:
    """Besides the error, there is a form to fill in."""
    raised = fail(hass, entry, AuthenticationError(problem, "100208"))
    await hass.async_block_till_done()
    assert raised.translation_key == problem
    [flow] = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["context"]["entry_id"] == entry.entry_id


def test_what_is_no_failure_of_a_platform_is_left_alone(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """A defect of the code must look like one."""
    with pytest.raises(KeyError), translated_failures(hass, entry):
        raise KeyError("task_id")
