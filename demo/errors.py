"""What can keep the demo from running."""


class DemoError(Exception):
    """Says in one line what is wrong and, where it helps, what to do about it."""
