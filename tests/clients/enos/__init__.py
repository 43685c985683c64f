"""Tests of the client of EnOS."""
