"""What a closed tab leaves: kept for a moment for its page to be loaded again, and then given back by itself."""

import threading
import weakref

import pytest

from mlp.ui import session


@pytest.fixture
def left():
    return session._LeftRuns()


def timers(left):
    return [thread for thread in threading.enumerate() if getattr(thread, "function", None) == left._look]


def test_what_a_class_leaves_together_is_given_back_without_another_visitor(left, wait_until, monkeypatch):
    monkeypatch.setattr(session, "_SECONDS_KEPT", 0.05)
    benches = [session.Workbench(str(i)) for i in range(30)]
    gone = [weakref.ref(bench) for bench in benches]
    while benches:
        left.keep(benches.pop())
    wait_until(lambda: not any(reference() for reference in gone))
    wait_until(lambda: not timers(left))


def test_one_thread_waits_for_all_of_them(left):
    for i in range(30):
        left.keep(session.Workbench(str(i)))
    (timer,) = timers(left)
    assert timer.daemon
    assert left.take("7").token == "7"
    assert left.take("7") is None
    timer.cancel()


def test_who_left_later_is_kept_for_longer(left, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(session, "monotonic", lambda: clock[0])
    left.keep(session.Workbench("early"))
    first = left._timer
    clock[0] = session._SECONDS_KEPT - 10
    left.keep(session.Workbench("late"))
    clock[0] = session._SECONDS_KEPT + 1
    left._look()
    assert list(left._kept) == ["late"]
    assert left._timer.interval == pytest.approx(session._SECONDS_KEPT - 11)
    first.cancel()
    left._timer.cancel()
