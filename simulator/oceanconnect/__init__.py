"""A simulated Huawei OceanConnect platform: its northbound API and upgrade engine."""

from ..faults import FORBIDDEN_HTML, Fault, FaultKind
from . import codes
from .quirks import Quirks
from .scripting import refusal
from .simulator import OceanConnectSimulator

__all__ = [
    "FORBIDDEN_HTML",
    "Fault",
    "FaultKind",
    "OceanConnectSimulator",
    "Quirks",
    "codes",
    "refusal",
]
