"""A real Home Assistant that lives fast among faults, and whether it stays as it is."""
