"""The posting index: who opened a customer's record, and what a principal opened, without going through the log."""

from leaktrace.ledger.postings.answers import PostingIndex
from leaktrace.ledger.postings.layout import Manner
from leaktrace.ledger.postings.merging import Merged, merge_by_customer, merge_by_principal
from leaktrace.ledger.postings.reading import ByCustomer, ByPrincipal
from leaktrace.ledger.postings.rows import PostingRows
from leaktrace.ledger.postings.writing import write_by_customer, write_by_principal

__all__ = [
    "ByCustomer",
    "ByPrincipal",
    "Manner",
    "Merged",
    "PostingIndex",
    "PostingRows",
    "merge_by_customer",
    "merge_by_principal",
    "write_by_customer",
    "write_by_principal",
]
