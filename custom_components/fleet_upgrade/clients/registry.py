"""The platforms that there are."""

from . import enos, oceanconnect
from .platform import Platform

PLATFORMS: dict[str, Platform] = {
    platform.key: platform for platform in (oceanconnect.PLATFORM, enos.PLATFORM)
}
