"""Faithful servers for the platforms, over real TLS sockets.

Each platform has a room of its own (`oceanconnect`); what all of them need
(certificates, clock, faults, call log, threads) stands beside the rooms. Nothing
here imports the integration: the wire format is written a second time on purpose,
so that one mistake cannot hide on both sides.
"""
