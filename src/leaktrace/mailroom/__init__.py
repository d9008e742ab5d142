"""Raw bytes to what they are; reports to campaigns; campaign to seller."""

from leaktrace.mailroom.campaigns import GroupableReport, Grouping, group_reports
from leaktrace.mailroom.disclaiming import disclaim
from leaktrace.mailroom.dnskeys import KEYS_DB, DnsServer, FoundKey, KeyBook
from leaktrace.mailroom.mailbook import AddedMail, MailBook
from leaktrace.mailroom.read import read_mail, read_oversize
from leaktrace.mailroom.reports import StoredReport, hashes_of
from leaktrace.mailroom.sameness import content_sha256
from leaktrace.mailroom.sellers import SellerMatch, match_seller
from leaktrace.mailroom.sources import FoundMessage, iter_messages
from leaktrace.mailroom.store import RawStore

__all__ = [
    "KEYS_DB",
    "AddedMail",
    "DnsServer",
    "FoundKey",
    "FoundMessage",
    "GroupableReport",
    "Grouping",
    "KeyBook",
    "MailBook",
    "RawStore",
    "SellerMatch",
    "StoredReport",
    "content_sha256",
    "disclaim",
    "group_reports",
    "hashes_of",
    "iter_messages",
    "match_seller",
    "read_mail",
    "read_oversize",
]
