"""What is text and what is none, for every room: words, paths and records must be writable as UTF-8."""

from __future__ import annotations


def is_text(word: str) -> bool:
    """Whether a word can be written as UTF-8, as files, databases and hashes take it.

    The system may give other bytes, which Python keeps as surrogates; JSON can spell half of a pair (RFC 8259, 8.2).
    """
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
