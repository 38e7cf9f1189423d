"""The time of records and of durations, which a test session that freezes or moves its clock does not change.

freezegun, time-machine and conftests replace `datetime.datetime`, `time.time` and the like, in every loaded module or
in the interpreter itself. Here the system is asked for the time once, when this module is imported (the plugin imports
it before any conftest); every later time is that one plus what a clock that only runs forward has measured since.
Replacing what modules hold does not reach the attributes of a class. A step of the system's clock, as after the first
contact with a time server, shows in processes that start after it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class _Kept:
    """What this process knew of time when it started."""

    timedelta = timedelta
    utc = UTC
    seconds = staticmethod(time.perf_counter)
    read = staticmethod(getattr(time, "clock_gettime", None) or (lambda _: time.perf_counter()))
    which = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", 0))  # the first runs on in a sleep
    start = datetime.now(UTC)
    start_s: float = read(which)


def utc_now() -> datetime:
    """Return the time in UTC."""
    return _Kept.start + _Kept.timedelta(seconds=_Kept.read(_Kept.which) - _Kept.start_s)


def stamp() -> str:
    """Return the time as manifests have it: UTC, whole seconds, Z."""
    return utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds() -> float:
    """Return the seconds since some moment, for differences: they only grow."""
    return _Kept.seconds()
