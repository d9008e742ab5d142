"""The custody log: what was done in which order, so that nobody can change it afterwards unseen."""

from leaktrace.cases.custody.entries import Pending
from leaktrace.cases.custody.log import CustodyLog, VerifiedLog

__all__ = ["CustodyLog", "Pending", "VerifiedLog"]
