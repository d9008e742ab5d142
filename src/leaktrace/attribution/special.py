"""SciPy's functions that the model uses, loaded when the first is called: most commands never need them."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any


@cache
def _special() -> ModuleType:
    from scipy import special

    return special


def bdtrc(*arguments: Any) -> Any:
    """Chance of more than k successes (`scipy.special.bdtrc`)."""
    return _special().bdtrc(*arguments)


def betainc(*arguments: Any) -> Any:
    """Regularised incomplete beta function (`scipy.special.betainc`)."""
    return _special().betainc(*arguments)


def betaincinv(*arguments: Any) -> Any:
    """Its inverse (`scipy.special.betaincinv`)."""
    return _special().betaincinv(*arguments)


def expit(*arguments: Any) -> Any:
    """Logistic function (`scipy.special.expit`)."""
    return _special().expit(*arguments)


def gammaln(*arguments: Any) -> Any:
    """Logarithm of the gamma function (`scipy.special.gammaln`)."""
    return _special().gammaln(*arguments)
