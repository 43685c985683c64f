"""Tests of the clients, which know no Home Assistant."""
