"""Raw bytes to what they are; reports to campaigns; campaign to seller."""

from leaktrace.mailroom.read import read_mail, read_oversize
from leaktrace.mailroom.sources import FoundMessage, iter_messages

__all__ = ["FoundMessage", "iter_messages", "read_mail", "read_oversize"]
