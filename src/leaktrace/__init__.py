"""leaktrace: who inside gave customers' addresses to a seller, or that nobody did."""

from __future__ import annotations

__version__ = "0.1.0"
