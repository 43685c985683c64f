"""Tests of Fleet Upgrade."""
