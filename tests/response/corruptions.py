"""Kinds of corrupted bundles: what was done, and the number of the check that must find it.

`PLAIN` is what accident or a stranger does: nothing fits afterwards. `REBAGGED` is a bag that is valid by RFC 8493.
`RESEALED` is signed with the log's own key: what a dishonest keeper can do, and what only the log itself shows.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable

from tests.response.forging import Forger
from tests.response.made_cases import CASE, LOG_KEY, ORIGIN, SIZE, checkpoint_of, note

Change = Callable[[Forger], None]
EVENTS = "data/log/events.txt"
CHECKPOINT = "data/log/checkpoint"
HANDOVER = "data/handover.json"
ENTRIES, HASHES = f"data/log/tile/entries/000.p/{SIZE}", f"data/log/tile/0/000.p/{SIZE}"
APPROVAL = "data/approvals/A-0002.json"


def flip(content: bytes) -> bytes:
    """One bit of the byte in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def swap(forger: Forger, one: str, two: str) -> None:
    first, second = forger.read(one), forger.read(two)
    forger.write(one, second)
    forger.write(two, first)


def rename(forger: Forger, old: str, new: str) -> None:
    forger.write(new, forger.read(old))
    forger.remove(old)


def event_lines(forger: Forger, change: Callable[[list[bytes]], list[bytes]]) -> None:
    forger.edit(EVENTS, lambda content: b"".join(change(content.splitlines(keepends=True))))


def line_of(forger: Forger, part: bytes) -> bytes:
    return next(line for line in forger.lines(EVENTS) if part in line)


def drop_event(part: bytes) -> Change:
    return lambda forger: forger.replace(EVENTS, line_of(forger, part), b"")


def relog(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    return lambda forger: forger.relog(change(forger.leaves()))


def rewrite_leaf(old: bytes, new: bytes) -> Change:
    """One entry says something else, and all of the log fits again."""

    def change(leaves: list[bytes]) -> list[bytes]:
        place = next(index for index, leaf in enumerate(leaves) if old in leaf)
        return [*leaves[:place], leaves[place].replace(old, new, 1), *leaves[place + 1 :]]

    return relog(change)


def checkpoint_text(change: Callable[[list[str]], list[str]]) -> Change:
    """The checkpoint says something else, under a good signature; proofs carry it along."""

    def forge(forger: Forger) -> None:
        old = forger.read(CHECKPOINT)
        lines = change(old.split(b"\n\n")[0].decode().split("\n"))
        forger.write(CHECKPOINT, note("\n".join(lines) + "\n", ORIGIN, LOG_KEY))
        for name in forger.files("data/proofs/"):
            forger.write(name, forger.read(name).replace(old, forger.read(CHECKPOINT)))

    return forge


def proof(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    return lambda forger: forger.edit(
        "data/proofs/E-0002.tlog-proof", lambda content: b"".join(change(content.splitlines(keepends=True)))
    )


def link(target: str) -> Change:
    def forge(forger: Forger) -> None:
        (forger.root / "data/calibration.json").unlink()
        (forger.root / "data/calibration.json").symlink_to(target)

    return forge


def hide_folder(forger: Forger) -> None:
    (forger.root / "data/exhibits").rename(forger.root.parent / "elsewhere")
    (forger.root / "data/exhibits").symlink_to("../../elsewhere")


def leave_out(forger: Forger, exhibit: str) -> None:
    """An exhibit is no longer on the list of what is handed over, and not there."""
    forger.remove(f"data/exhibits/{exhibit}.eml")
    forger.remove(f"data/proofs/{exhibit}.tlog-proof")
    listed = forger.read(HANDOVER)
    start = listed.index(f'"{exhibit}":'.encode())
    forger.write(HANDOVER, listed[:start] + listed[listed.index(b",", start) + 1 :])


def sign_other_tags(forger: Forger) -> None:
    forger.sign(tags=("VERIFY.md", "bag-info.txt", "bagit.txt", "manifest-sha256.txt", "signatures/key.pem"))


def fork(leaves: list[bytes]) -> list[bytes]:
    """Another history of the other cases in the log."""
    return [leaf.replace(b'"case":"K-00000000"', b'"case":"K-00000001"') for leaf in leaves]


def drop_tag_manifest(forger: Forger) -> None:
    """A bag without it is valid by RFC 8493, and its own files can then be changed."""
    forger.replace("bag-info.txt", b"Handed-To: ", b"Handed-To: not ")
    forger.remove("tagmanifest-sha256.txt")


PLAIN: dict[str, tuple[Change, int]] = {
    "no manifest": (lambda f: f.remove("manifest-sha256.txt"), 4),
    "no tag manifest": (lambda f: f.remove("tagmanifest-sha256.txt"), 4),
    "no signature": (lambda f: f.remove("signatures/bundle.note"), 4),
    "no key": (lambda f: f.remove("signatures/key.pem"), 4),
    "no bagit.txt": (lambda f: f.remove("bagit.txt"), 4),
    "no cover": (lambda f: f.remove("data/cover.pdf"), 3),
    "no exhibit": (lambda f: f.remove("data/exhibits/E-0001.eml"), 2),
    "swapped exhibits": (lambda f: swap(f, "data/exhibits/E-0001.eml", "data/exhibits/E-0002.eml"), 3),
    "renamed exhibit": (lambda f: rename(f, "data/exhibits/E-0001.eml", "data/exhibits/E-0009.eml"), 3),
    "empty exhibit": (lambda f: f.write("data/exhibits/E-0001.eml", b""), 2),
    "truncated log": (lambda f: f.edit(ENTRIES, lambda b: b[:-40]), 2),
    "file too many in data": (lambda f: f.write("data/note.txt", b"x"), 2),
    "file too many beside data": (lambda f: f.write("note.txt", b"x"), 4),
    "fetch.txt": (lambda f: f.write("fetch.txt", b"https://elsewhere.example/ - data/x\n"), 4),
    "second manifest": (lambda f: f.write("manifest-md5.txt", b""), 4),
    "name that moves the cursor": (lambda f: f.write("data/a\x1b[2K\rOK \\033[2K\\r\\c", b"x"), 1),
    "empty folder": (lambda f: (f.root / "data/empty").mkdir(), 1),
    "hidden file": (lambda f: f.write("data/.hidden", b"x"), 1),
    "name with a blank": (lambda f: f.write("data/a b", b"x"), 1),
    "name with a line feed": (lambda f: f.write("data/a\nb", b"x"), 1),
    "name not in NFC": (lambda f: f.write("data/e\u0301.txt", b"x"), 1),
    "names by case": (lambda f: f.write("data/COVER.pdf", b"x"), 1),
    "link to a file": (link("finding.json"), 1),
    "link to outside": (link("/etc/hostname"), 1),
    "link to a folder": (hide_folder, 1),
    "pipe": (lambda f: os.mkfifo(f.root / "data/pipe"), 1),
    "nested deeply": (lambda f: f.write("data/" + "d/" * 9 + "x", b"x"), 1),
    "manifest with CRLF": (lambda f: f.edit("manifest-sha256.txt", lambda b: b.replace(b"\n", b"\r\n")), 3),
    "manifest twice": (lambda f: f.edit("manifest-sha256.txt", lambda b: b + b.splitlines(keepends=True)[0]), 3),
    "manifest unsorted": (lambda f: f.edit("manifest-sha256.txt", lambda b: b"".join(b.splitlines(True)[::-1])), 3),
    "manifest upper case": (lambda f: f.edit("manifest-sha256.txt", lambda b: b.upper()), 3),
    "manifest by BSD": (
        lambda f: f.edit("manifest-sha256.txt", lambda b: b.replace(b"  data/", b" *data/")),
        3,
    ),
    "manifest leads out": (lambda f: f.edit("manifest-sha256.txt", lambda b: b + b"0" * 64 + b"  ../x\n"), 3),
    "manifest cut off": (lambda f: f.edit("manifest-sha256.txt", lambda b: b[:-1]), 3),
    "marker with BOM": (lambda f: f.edit("bagit.txt", lambda b: b"\xef\xbb\xbf" + b), 2),
    "other BagIt version": (lambda f: f.replace("bagit.txt", b"1.0", b"0.97"), 2),
    "other count": (lambda f: f.edit("bag-info.txt", lambda b: b[:-2] + bytes([b[-2] ^ 1]) + b[-1:]), 2),
    "two counts": (lambda f: f.edit("bag-info.txt", lambda b: b + b.splitlines(True)[-1]), 2),
}

REBAGGED: dict[str, tuple[Change, int]] = {
    "exhibit replaced": (lambda f: f.write("data/exhibits/E-0001.eml", b"forged"), 5),
    "cover replaced": (lambda f: f.write("data/cover.pdf", b"%PDF-1.4 nobody did it"), 5),
    "file added": (lambda f: f.write("data/exhibits/E-0008.txt", b"planted"), 5),
    "verifier replaced": (lambda f: f.write("verify.py", b"print('OK')\n"), 5),
    "recipe replaced": (lambda f: f.write("VERIFY.md", b"all is well\n"), 5),
    "recipient replaced": (lambda f: f.replace("bag-info.txt", b"Cybercrime", b"Commercial"), 5),
}
"""A valid bag each, by RFC 8493; the signature is the one that was there."""

RESEALED: dict[str, tuple[Change, int]] = {
    "exhibit replaced": (lambda f: f.write("data/exhibits/E-0001.eml", b"forged"), 10),
    "exhibits swapped": (lambda f: swap(f, "data/exhibits/E-0001.eml", "data/exhibits/E-0002.eml"), 10),
    "exhibit removed": (lambda f: f.remove("data/exhibits/E-0001.eml"), 10),
    "exhibit planted": (lambda f: f.write("data/exhibits/E-0099.eml", b"planted"), 10),
    "exhibit twice": (lambda f: f.write("data/exhibits/E-0001.txt", f.read("data/exhibits/E-0001.eml")), 10),
    "unlisted exhibit there": (lambda f: f.write("data/exhibits/E-0008.json", b"{}"), 10),
    "withheld exhibit there": (lambda f: f.write("data/exhibits/E-0006.txt", b"privileged"), 10),
    "finding replaced": (lambda f: f.replace("data/finding.json", b"P-4f1c", b"P-09aa"), 10),
    "proof removed": (lambda f: f.remove("data/proofs/E-0003.tlog-proof"), 10),
    "proof of another": (lambda f: swap(f, "data/proofs/E-0001.tlog-proof", "data/proofs/E-0002.tlog-proof"), 10),
    "proof too short": (proof(lambda lines: lines[:3] + lines[4:]), 10),
    "proof too long": (proof(lambda lines: lines[:3] + lines[2:]), 10),
    "proof with another hash": (proof(lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]]), 10),
    "proof of another checkpoint": (
        proof(lambda lines: [*lines[:-1], lines[-1].replace(b"leaktrace/", b"leaktrace-")]),
        10,
    ),
    "proof too many": (lambda f: f.write("data/proofs/E-0099.tlog-proof", b"x"), 10),
    "hand-over to another": (lambda f: f.replace(HANDOVER, b"Cybercrime", b"Commercial"), 12),
    "hand-over leaves one out": (lambda f: leave_out(f, "E-0001"), 12),
    "hand-over spelt otherwise": (lambda f: f.replace(HANDOVER, b",", b", "), 12),
    "event changed": (lambda f: f.replace(EVENTS, b"it was not me", b"it was me ok!"), 9),
    "event with another salt": (lambda f: f.edit(EVENTS, lambda b: b[:4] + bytes([b[4] ^ 1]) + b[5:]), 9),
    "event at another index": (lambda f: f.edit(EVENTS, lambda b: b"1" + b[1:]), 9),
    "events reordered": (lambda f: event_lines(f, lambda lines: [lines[1], lines[0], *lines[2:]]), 9),
    "event twice": (lambda f: event_lines(f, lambda lines: [lines[0], *lines]), 9),
    "event beyond the log": (
        lambda f: event_lines(f, lambda lines: [*lines, lines[-1].replace(b"%d" % (SIZE - 1), b"%d" % SIZE, 1)]),
        9,
    ),
    "event cut off": (lambda f: f.edit(EVENTS, lambda b: b[:-1]), 9),
    "event with blanks": (lambda f: f.replace(EVENTS, b'"actor":', b'"actor": '), 9),
    "event of an exhibit left out": (drop_event(b'"E-0002","kind":"mail"'), 12),
    "event of an approval left out": (drop_event(b'"request":"A-0002"},"kind":"ActionUsed"'), 12),
    "event of a key left out": (drop_event(b'"person":"ben","principal"'), 11),
    "entry changed": (lambda f: f.replace(ENTRIES, b"NoteAdded", b"NoteEaten"), 8),
    "entry removed": (lambda f: f.write_leaves(f.leaves()[:-1]), 8),
    "entry added": (lambda f: f.write_leaves([*f.leaves(), f.leaves()[-1]]), 8),
    "entries cut off": (lambda f: f.edit(ENTRIES, lambda b: b[:-9]), 8),
    "entry of length 0": (lambda f: f.edit(ENTRIES, lambda b: b + b"\0\0"), 8),
    "hash tile changed": (lambda f: f.edit(HASHES, flip), 8),
    "hash tile removed": (lambda f: f.remove(HASHES), 1),
    "hash tile too many": (lambda f: f.write("data/log/tile/0/000.p/30", b"x"), 8),
    "tile of another width": (
        lambda f: rename(f, ENTRIES, f"data/log/tile/entries/000.p/{SIZE + 1}"),
        8,
    ),
    "log truncated": (relog(lambda leaves: leaves[:-3]), 9),
    "log reordered": (relog(lambda leaves: [leaves[1], leaves[0], *leaves[2:]]), 8),
    "log with a gap": (relog(lambda leaves: leaves[:9] + leaves[10:]), 8),
    "entry with another time": (rewrite_leaf(b"T08:05", b"T07:05"), 9),
    "entry of another kind": (rewrite_leaf(b"CheckAnswered", b"CheckRefused"), 9),
    "entry of another case": (rewrite_leaf(f'"case":"{CASE}"'.encode(), b'"case":"K-00000000"'), 9),
    "entry with an impossible time": (rewrite_leaf(b"2026-03-02", b"2026-13-02"), 8),
    "entry with a time in other digits": (rewrite_leaf(b"T08:27", "T08:2\u0667".encode()), 8),
    "entry whose index is no number": (rewrite_leaf(b'"index":1,', b'"index":true,'), 8),
    "entry of another schema": (rewrite_leaf(b"custody/1", b"custody/2"), 8),
    "checkpoint unsigned": (lambda f: f.edit(CHECKPOINT, lambda b: b.split(b"\n\n")[0] + b"\n\n"), 7),
    "checkpoint by a foreign key": (lambda f: f.write(CHECKPOINT, checkpoint_of(f.leaves(), "a stranger")), 7),
    "checkpoint signed wrongly": (lambda f: f.edit(CHECKPOINT, lambda b: b.replace(b"\n%d\n" % SIZE, b"\n30\n")), 7),
    "checkpoint of another log": (
        lambda f: f.write(CHECKPOINT, checkpoint_of(f.leaves(), origin="leaktrace/other")),
        7,
    ),
    "checkpoint smaller": (checkpoint_text(lambda lines: [lines[0], str(SIZE - 1), lines[2]]), 8),
    "checkpoint larger": (checkpoint_text(lambda lines: [lines[0], str(SIZE + 1), lines[2]]), 8),
    "checkpoint of more entries than there can be files": (
        checkpoint_text(lambda lines: [lines[0], "51200001", lines[2]]),
        8,
    ),
    "checkpoint empty": (checkpoint_text(lambda lines: [lines[0], "0", lines[2]]), 8),
    "checkpoint with another root": (
        checkpoint_text(lambda lines: [*lines[:2], base64.b64encode(b"r" * 32).decode()]),
        8,
    ),
    "checkpoint with more to say": (checkpoint_text(lambda lines: [*lines, "trust me"]), 7),
    "approval removed": (lambda f: f.remove(APPROVAL), 11),
    "approval changed": (lambda f: f.edit(APPROVAL, flip), 11),
    "approval of another act": (lambda f: swap(f, APPROVAL, "data/approvals/A-0001.json"), 11),
    "approval planted": (lambda f: f.write("data/approvals/A-0009.json", f.read(APPROVAL)), 11),
    "timestamp changed": (lambda f: f.edit("data/timestamps/001.tsr", lambda b: b[:-9] + flip(b[-9:])), 13),
    "timestamp cut off": (lambda f: f.edit("data/timestamps/001.tsr", lambda b: b[:-9]), 13),
    "timestamp without its root": (lambda f: f.remove("data/timestamps/001.root.pem"), 13),
    "timestamp with another root": (
        lambda f: f.write("data/timestamps/001.root.pem", first_certificate(f.read("data/timestamps/001.chain.pem"))),
        13,
    ),
    "chain without a timestamp": (lambda f: f.remove("data/timestamps/001.tsr"), 13),
}
"""The bag fits and the log's own key has signed it."""


def first_certificate(chain: bytes) -> bytes:
    end = b"-----END CERTIFICATE-----\n"
    return chain[: chain.index(end) + len(end)]
