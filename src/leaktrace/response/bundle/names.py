"""What an exhibit's file is called: by its number and the kind of its bytes, never by a name that came with it."""

from __future__ import annotations

from leaktrace.caserecords import ExhibitStored

EXTENSIONS = {
    "message/rfc822": "eml",
    "application/json": "json",
    "application/ld+json": "jsonld",
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "application/vnd.apache.parquet": "parquet",
    "application/mbox": "mbox",
}
"""Media type -> ending; anything else is `bin`."""


def exhibit_file(stored: ExhibitStored) -> str:
    """`exhibits/E-0001.eml`, below `data/`."""
    return f"exhibits/{stored.exhibit}.{EXTENSIONS.get(stored.media_type.split(';')[0].strip().lower(), 'bin')}"
