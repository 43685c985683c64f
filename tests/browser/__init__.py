"""What a person sees: a browser over a real Home Assistant and simulated platforms."""
