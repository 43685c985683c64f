"""The log of calls, and the sliding window of the throttle."""

from simulator.calls import Call, CallLog, SlidingWindow


def call(path: str = "/tasks", at: float = 0.0, application: str = "fleet") -> Call:
    """Return a call."""
    return Call(
        method="GET", path=path, query={}, body=b"", at=at, application=application
    )


def test_a_time_leaves_the_window_at_its_end() -> None:
    """Not a moment earlier."""
    window = SlidingWindow(60)
    assert [window.add(at) for at in (0, 10, 59.9)] == [1, 2, 3]
    assert window.count(59.999) == 3
    assert window.count(60) == 2
    assert window.count(1000) == 0


def test_the_worst_minute_is_of_one_application() -> None:
    """And of any sixty seconds, not of a minute of the clock."""
    log = CallLog()
    for at in (0, 50, 61, 70, 100):
        log.add(call(at=at))
        log.add(call(at=at, application="other"))
    assert log.worst_minute == 4


def test_calls_are_counted_by_path_and_method() -> None:
    """By a part of the path."""
    log = CallLog()
    for path in ("/tasks", "/tasks/1", "/groups"):
        log.add(call(path))
    assert log.count() == len(log) == 3
    assert log.count("tasks") == log.count("tasks", "GET") == 2
    assert log.count("tasks", "POST") == 0
    assert [one.path for one in log.matching("tasks")] == ["/tasks", "/tasks/1"]
    assert [one.path for one in log] == ["/tasks", "/tasks/1", "/groups"]
    assert log[-1].path == "/groups"


def test_a_cleared_log_starts_over() -> None:
    """Its worst minute too."""
    log = CallLog()
    log.add(call())
    log.clear()
    assert not list(log)
    assert log.worst_minute == 0
    log.add(call(at=1))
    assert log.worst_minute == 1
