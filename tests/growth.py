"""How processor time grows with the size of an input: for tests of hostile ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")


def assert_grows_with_size(make: Callable[[int], Made], work: Callable[[Made], object], size: int) -> float:
    """Eight times the size may not take 24 times as long; returns the seconds that it took.

    Quadratic work would take 64 times as long, and very short times are all noise. What `make` takes does not count.
    """

    def seconds(count: int) -> float:
        made, started = make(count), time.process_time()
        work(made)
        return time.process_time() - started

    seconds(max(size // 100, 1))  # tables are loaded
    small, large = seconds(size), seconds(8 * size)
    assert large < 24 * max(small, 0.1)
    return large
