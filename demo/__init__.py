"""Fleet Upgrade in a real Home Assistant, in front of simulated platforms."""
