"""A simulated EnOS platform: its token service, connection service and OTA engine."""

from ..faults import Fault, FaultKind
from . import codes
from .quirks import Quirks
from .scripting import gateway_refusal, refusal
from .simulator import EnosSimulator

__all__ = [
    "EnosSimulator",
    "Fault",
    "FaultKind",
    "Quirks",
    "codes",
    "gateway_refusal",
    "refusal",
]
