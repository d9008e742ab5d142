"""Raw bytes to what they are; reports to campaigns; campaign to seller."""

from leaktrace.mailroom.campaigns import GroupableReport, Grouping, group_reports
from leaktrace.mailroom.mailbook import AddedMail, MailBook
from leaktrace.mailroom.read import read_mail, read_oversize
from leaktrace.mailroom.reports import StoredReport
from leaktrace.mailroom.sellers import SellerMatch, match_seller
from leaktrace.mailroom.showntexts import shown_texts
from leaktrace.mailroom.sources import FoundMessage, iter_messages
from leaktrace.mailroom.store import RawStore

__all__ = [
    "AddedMail",
    "FoundMessage",
    "GroupableReport",
    "Grouping",
    "MailBook",
    "RawStore",
    "SellerMatch",
    "StoredReport",
    "group_reports",
    "iter_messages",
    "match_seller",
    "read_mail",
    "read_oversize",
    "shown_texts",
]
