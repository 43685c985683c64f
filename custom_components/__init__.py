"""Integrations that Home Assistant does not ship."""
