"""Faithful servers for the platforms, over real sockets.

Each platform has a room of its own (`oceanconnect`, `enos`); what all of them need
(certificates, clock, agenda, faults, call log, threads) stands beside them. Nothing
here imports the integration: the wire format is written a second time on purpose,
so that one mistake cannot hide on both sides.
"""
