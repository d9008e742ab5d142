"""One way to compile: no GIL, kept between runs where there is a place to keep it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """The function in machine code."""
    try:
        kept: Any = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # Neither the package nor the user's cache folder can be written: compile anew in each process.
        kept = numba.njit(nogil=True)(function)
    machine_code: Kernel = kept
    return machine_code
