"""A simulated Huawei OceanConnect platform: its northbound API and upgrade engine."""

from ..faults import FORBIDDEN_HTML, Fault, FaultKind
from .codes import Code
from .quirks import Quirks
from .simulator import OceanConnectSimulator

__all__ = [
    "FORBIDDEN_HTML",
    "Code",
    "Fault",
    "FaultKind",
    "OceanConnectSimulator",
    "Quirks",
]
