"""Raw bytes to what they are; reports to campaigns; campaign to seller."""

from leaktrace.mailroom.disclaiming import disclaim, is_listed, may_be_passed_on
from leaktrace.mailroom.dnsanswers import AnswerBook, read_answers
from leaktrace.mailroom.dnskeys import KEYS_DB, DnsServer, FoundAnswer, FoundKey, KeyBook
from leaktrace.mailroom.groupbook import CampaignCounts, Decision, StoredJoin
from leaktrace.mailroom.grouping import group_pending, merge, regroup, split, standing, undo
from leaktrace.mailroom.mailbook import AddedMail, MailBook
from leaktrace.mailroom.read import read_mail, read_oversize
from leaktrace.mailroom.reports import AddressHashes, StoredReport, hashes_of
from leaktrace.mailroom.sameness import content_sha256
from leaktrace.mailroom.sellers import SellerMatch, SellerTable, Witness
from leaktrace.mailroom.showntexts import shown_texts
from leaktrace.mailroom.sources import FoundMessage, empty_sentence, iter_messages
from leaktrace.mailroom.store import RawStore

__all__ = [
    "KEYS_DB",
    "AddedMail",
    "AddressHashes",
    "AnswerBook",
    "CampaignCounts",
    "Decision",
    "DnsServer",
    "FoundAnswer",
    "FoundKey",
    "FoundMessage",
    "KeyBook",
    "MailBook",
    "RawStore",
    "SellerMatch",
    "SellerTable",
    "StoredJoin",
    "StoredReport",
    "Witness",
    "content_sha256",
    "disclaim",
    "empty_sentence",
    "group_pending",
    "hashes_of",
    "is_listed",
    "iter_messages",
    "may_be_passed_on",
    "merge",
    "read_answers",
    "read_mail",
    "read_oversize",
    "regroup",
    "shown_texts",
    "split",
    "standing",
    "undo",
]
