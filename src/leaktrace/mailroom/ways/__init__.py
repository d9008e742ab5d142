"""Ways in that wait: IMAP, a listener for LMTP and SMTP, mailboxes that grow. Each is loaded by whoever opens it."""

from leaktrace.mailroom.ways.asked import (
    PASSWORD_VARIABLE,
    FollowAsked,
    ImapAsked,
    ListenAsked,
    WayAsked,
    imap_asked,
    is_loopback,
    listen_asked,
    read_password,
)
from leaktrace.mailroom.ways.interface import Batch, Stop, Tell, WayIn

__all__ = [
    "PASSWORD_VARIABLE",
    "Batch",
    "FollowAsked",
    "ImapAsked",
    "ListenAsked",
    "Stop",
    "Tell",
    "WayAsked",
    "WayIn",
    "imap_asked",
    "is_loopback",
    "listen_asked",
    "read_password",
]
