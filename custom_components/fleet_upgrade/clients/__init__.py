"""Clients of IoT platforms with an upgrade API; independent of Home Assistant."""
