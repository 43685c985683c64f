"""Tests of the simulated OceanConnect platform."""
