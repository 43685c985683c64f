"""The Home Assistant that is soaked: the demo's, with a probe inside."""

from pathlib import Path
from typing import override

from demo.home_assistant import HomeAssistant

PROBE = Path(__file__).parent / "probe"

CONFIGURATION = """\
homeassistant:
  name: Fleet Upgrade soak
  country: CH
  unit_system: metric
  time_zone: UTC

recorder:
history:
logbook:
logger:
  default: warning
  logs:
    # Cameras are none of our business, so their libraries may be missing.
    haffmpeg: fatal
    homeassistant.components.camera: fatal

soak_probe:
"""


class SoakedHomeAssistant(HomeAssistant):
    """A Home Assistant that can be measured from inside."""

    @override
    def prepare(self) -> None:
        super().prepare()
        (self._folder / "configuration.yaml").write_text(CONFIGURATION, "utf-8")
        link = self._folder / "custom_components" / "soak_probe"
        link.unlink(missing_ok=True)
        link.symlink_to(PROBE)
