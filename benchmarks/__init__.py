"""How fast Fleet Upgrade is, beside what does the same with less."""
