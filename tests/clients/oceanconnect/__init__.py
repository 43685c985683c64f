"""Tests of the OceanConnect client."""
