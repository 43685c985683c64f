"""Tests of the simulated EnOS platform."""
