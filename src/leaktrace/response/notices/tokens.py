"""Names of one notice that tell nobody whose it is: its id, its return path, its Message-ID.

The id is a keyed hash of case, version and person, so that the same notice has the same Message-ID at every attempt
and a mailbox that got it twice can tell. The return path (VERP) carries the id and a tag under a second key:
whoever knows an id, from a Message-ID or a list, still cannot forge a bounce for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from leaktrace.errors import ResponseError

_ID_BYTES = 10
_LENGTH = 16  # base32 of ten bytes
_RETURN_PATH = re.compile(r"(?P<mailbox>[a-z0-9._-]{1,24})\+(?P<notice>[a-z2-7]{16})-(?P<tag>[a-z2-7]{16})")


def _spelled(digest: bytes) -> str:
    # Lower-case base32: systems on the way may change the case of a local part.
    return base64.b32encode(digest[:_ID_BYTES]).decode("ascii").lower()


class NoticeTokens:
    """Makes and checks them under one secret of the workspace. Its `repr` shows no secret."""

    def __init__(self, secret: bytes) -> None:
        self._id_key = hmac.digest(secret, b"leaktrace notice id 1", hashlib.sha256)
        self._tag_key = hmac.digest(secret, b"leaktrace notice return path 1", hashlib.sha256)

    def __repr__(self) -> str:
        return "NoticeTokens()"

    def notice_id(self, case: str, version: str, person: str) -> str:
        """16 characters: 80 bits, so that among a million notices no two are alike (chance below 1e-12)."""
        named = "\x00".join((case, version, person)).encode()
        return _spelled(hmac.digest(self._id_key, named, hashlib.sha256))

    def return_path(self, notice: str, mailbox: str, domain: str) -> str:
        """The envelope sender of one notice."""
        return f"{mailbox}+{notice}-{self._tag(notice)}@{domain}"

    def message_id(self, notice: str, domain: str) -> str:
        """With its angle brackets (RFC 5322, section 3.6.4)."""
        return f"<{notice}.notice@{domain}>"

    def notice_of(self, address: str, domain: str) -> str:
        """The id in a return path that we made; ResponseError for every other address."""
        local, _, host = address.strip().strip("<>").lower().rpartition("@")
        match = _RETURN_PATH.fullmatch(local)
        if host != domain.lower() or match is None:
            raise ResponseError(
                "A delivery report is not addressed to the return path of a notice.", "It was not counted."
            )
        if not hmac.compare_digest(self._tag(match["notice"]), match["tag"]):
            raise ResponseError(
                f"A delivery report for the notice {match['notice']} carries a forged token.",
                "It was not counted. Many of them mean that somebody wants people to be marked as unreachable.",
            )
        return match["notice"]

    def _tag(self, notice: str) -> str:
        return _spelled(hmac.digest(self._tag_key, notice.encode(), hashlib.sha256))
