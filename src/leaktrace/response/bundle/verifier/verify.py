#!/usr/bin/env python3
"""Checks an evidence bundle written by leaktrace; shares no code with it. Python 3.11 and `cryptography` 42, or later.

    python verify.py DIR --key FINGERPRINT [--checkpoint FILE]

FINGERPRINT is the SHA-256 of the log's raw Ed25519 public key, in hex; get it, and this file, from somewhere else than
the bundle. FILE is a checkpoint of the same log that was seen earlier, for instance at a witness.

Exit 0: everything holds. 1: something is wrong, and it says what. 2: bad usage. 3: the bundle is intact, but without
--key nothing says whose it is.

What is checked, by number; each number stands at its code and in each message:
 1 folder      plain files and folders only, plain names, no two that differ in case only, nothing empty or huge
 2 bag         bagit.txt, and the payload's size and count in bag-info.txt (RFC 8493)
 3 payload     every file in data/ is listed in manifest-sha256.txt with its digest, and nothing else is
 4 tag files   the same for tagmanifest-sha256.txt and the files beside data/
 5 signature   the log's key signed both manifests' digests and the list of tag files
 6 origin      that key has the fingerprint that was asked for
 7 checkpoint  the log's size and root, signed by the same key (C2SP signed-note, tlog-checkpoint)
 8 log         its entries give that root and the tiles (RFC 6962, C2SP tlog-tiles)
 9 events      each disclosed event opens the commitment at its index in the log
10 exhibits    each has the digest and the size that its event recorded, and an inclusion proof of that event
11 approvals   two people signed each approved request, with the keys the log says they had then (DSSE)
12 hand-over   they approved exactly these exhibits for this recipient
13 times       each timestamp (RFC 3161) is over this checkpoint's text, signed by its authority, after the last entry
14 growth      the log continues the earlier checkpoint (--checkpoint)
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import itertools
import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

try:
    from datetime import UTC, datetime, timedelta
except ImportError:
    sys.stderr.write(f"verify.py needs Python 3.11 or later; this is {sys.version.split()[0]}. VERIFY.md needs none.\n")
    sys.exit(2)
try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.x509.oid import ExtendedKeyUsageOID
except ImportError as lacking:
    sys.stderr.write(f"verify.py needs the package `cryptography`, 42 or later (pip install cryptography): {lacking}\n")
    sys.exit(2)

Json = dict[str, Any]
MAX_FILES, MAX_DEPTH, MAX_READ_BYTES, MAX_NOTE_BYTES = 200_000, 8, 1 << 25, 1 << 20
MAX_LINES_BYTES, MAX_APPROVAL_BYTES = 1 << 28, 1_000_000  # a JSON document takes up to thirty times its bytes
MAX_TRIED = 100_000  # keys tried because a signature does not say whose it is: some ten seconds, over the whole bundle
SIGNATURE = "signatures/bundle.note"
TAG_FILES = ["VERIFY.md", "bag-info.txt", "bagit.txt", "manifest-sha256.txt", "signatures/key.pem"]
TAG_FILES += ["tagmanifest-sha256.txt", "verify.py"]  # sorted: the list is signed
NEEDED = ("cover.pdf", "case-uco.jsonld", "handover.json", "timeline.csv", "log/checkpoint", "log/events.txt")
APPROVAL = "application/vnd.leaktrace.approval.v1+json"
PEOPLE = ("PersonEnrolled", "PersonChanged")
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z"
CLOCK_TOLERANCE = timedelta(minutes=5)  # the authority's clock and the log's are two clocks


class WrongError(Exception):
    """The bundle is not what it claims to be."""


def need(holds: object, number: int, message: str) -> None:
    """Check `number` holds, or the bundle is wrong."""
    if not holds:
        raise WrongError(f"[{number}] {message}")


def matched(pattern: str, text: bytes, number: int, message: str) -> list[str]:
    """The groups of a pattern that must match all of the text."""
    match = re.fullmatch(pattern.encode(), text, re.DOTALL)
    if match is None:
        raise WrongError(f"[{number}] {message}")
    return [group.decode("utf-8", "surrogateescape") for group in match.groups()]


def sha256(content: bytes) -> bytes:
    """Raw digest."""
    return hashlib.sha256(content).digest()


def canonical(value: object) -> bytes:
    """The one spelling of a JSON document: sorted keys, no blanks, UTF-8."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def document(line: bytes, number: int, what: str) -> Json:
    """A JSON object in its one spelling: so no key is there twice, and two readers read the same."""
    try:
        value = json.loads(line.decode("utf-8"))
        spelling = canonical(value)
    except (ValueError, RecursionError) as error:
        raise WrongError(f"[{number}] {what} is no JSON: {error}") from None
    if not isinstance(value, dict) or spelling != line:
        raise WrongError(f"[{number}] {what} is no JSON object in canonical spelling")
    return value


def text_of(record: Json, name: str, pattern: str, number: int, what: str) -> str:
    """A string in a record, of a given form."""
    value = record.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise WrongError(f"[{number}] {what} has no {name} of the right form")
    return value


def moment(record: Json, name: str, number: int, what: str) -> datetime:
    """A time in a record: UTC, to the second."""
    text = text_of(record, name, TIME, number, what)
    try:
        return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise WrongError(f"[{number}] '{text}' in {what} is no time") from None


def unbase64(text: str, number: int, what: str) -> bytes:
    """What the text encodes; only the one plain spelling is taken."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise WrongError(f"[{number}] {what} is no base64") from None
    need(base64.b64encode(content).decode() == text, number, f"{what} is no plain base64")
    return content


# --- the folder and the bag: checks 1 to 4 --------------------------------------------------------------------


class Bag:
    """The files of the bundle, by name relative to its folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sizes: dict[str, int] = {}
        self._walk("", 0)
        need(len({name.lower() for name in self.sizes}) == len(self.sizes), 1, "two names differ in case only")

    def _walk(self, folder: str, depth: int) -> None:
        with os.scandir(self.root / folder) as there:
            names = sorted(one.name for one in itertools.islice(there, MAX_FILES + 1))
        need(names, 1, f"the folder '{folder}' is empty")
        for name in names:
            path = folder + name
            need(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name), 1, f"the name {path!r} is not plain")
            found = (self.root / path).lstat()
            if stat.S_ISDIR(found.st_mode):
                need(depth < MAX_DEPTH, 1, f"{path} is nested too deeply")
                self._walk(path + "/", depth + 1)
            else:
                need(stat.S_ISREG(found.st_mode), 1, f"{path} is no plain file")
                self.sizes[path] = found.st_size
                need(len(self.sizes) <= MAX_FILES, 1, "there are too many files")

    def names(self, prefix: str) -> list[str]:
        """Files whose names begin so."""
        return [name for name in self.sizes if name.startswith(prefix)]

    def read(self, name: str, number: int, ceiling_bytes: int = MAX_READ_BYTES) -> bytes:
        """All bytes of a file, for check `number`."""
        self._bounded(name, number, ceiling_bytes)
        return (self.root / name).read_bytes()

    def lines(self, name: str, number: int, ceiling_bytes: int = MAX_LINES_BYTES) -> Iterator[bytes]:
        """Lines of a text that is empty or ends with a line feed."""
        self._bounded(name, number, ceiling_bytes)
        with (self.root / name).open("rb") as file:
            while line := file.readline(MAX_READ_BYTES):
                need(line.endswith(b"\n") or len(line) < MAX_READ_BYTES, number, f"{name} has a line that is too long")
                need(line.endswith(b"\n"), number, f"the last line of {name} is cut off")
                yield line[:-1]

    def _bounded(self, name: str, number: int, ceiling_bytes: int) -> None:
        need(name in self.sizes, number, f"{name} is missing")
        need(self.sizes[name] <= ceiling_bytes, number, f"{name} is too big")

    def digest(self, name: str) -> str:
        """SHA-256 of a file, hex."""
        with (self.root / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def check_manifest(bag: Bag, manifest: str, expected: list[str], number: int) -> None:
    """The manifest lists exactly the expected files, each once, by name, with the digest it has."""
    listed: dict[str, str] = {}
    for line in bag.lines(manifest, number):
        message = f"{manifest} has a line that is no digest and name"
        digest, name = matched("([0-9a-f]{64})  ([A-Za-z0-9._/-]+)", line, number, message)
        need(name not in listed, number, f"{manifest} lists {name} twice")
        need(len(listed) < MAX_FILES, number, f"{manifest} lists too many files")
        listed[name] = digest
    for name in sorted(set(expected) ^ set(listed)):
        need(name in listed, number, f"{name} is not listed in {manifest}")
        raise WrongError(f"[{number}] {name} is missing: {manifest} lists it")
    need(list(listed) == sorted(listed), number, f"{manifest} is not sorted")
    for name, digest in listed.items():
        need(bag.digest(name) == digest, number, f"{name} was changed: its digest is not the listed one")


def check_bag(bag: Bag) -> None:
    """Marker, counts, and both manifests over exactly the files that are there."""
    tags = {name for name in bag.sizes if not name.startswith("data/")}
    for name in sorted({*TAG_FILES, SIGNATURE} ^ tags):
        raise WrongError(f"[4] {name} {'does not belong here' if name in tags else 'is missing'}")
    payload = bag.names("data/")
    for name in NEEDED:
        need(f"data/{name}" in bag.sizes, 3, f"data/{name} is missing")
    marker = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    need(bag.read("bagit.txt", 2) == marker, 2, "bagit.txt is not that of a BagIt 1.0 bag")
    oxum = [line for line in bag.lines("bag-info.txt", 2, MAX_NOTE_BYTES) if line.startswith(b"Payload-Oxum:")]
    expected = f"Payload-Oxum: {sum(bag.sizes[name] for name in payload)}.{len(payload)}".encode()
    if oxum != [expected]:
        check_manifest(bag, "manifest-sha256.txt", payload, 2)  # says which file it is, where one is not as listed
        raise WrongError("[2] the payload has not the size or the count that bag-info.txt says")
    check_manifest(bag, "manifest-sha256.txt", payload, 3)
    check_manifest(bag, "tagmanifest-sha256.txt", [name for name in TAG_FILES if not name.startswith("tagman")], 4)


# --- notes and keys: checks 5 to 7 ----------------------------------------------------------------------------


def raw_key(bag: Bag) -> bytes:
    """The log's public key, 32 bytes; its PEM has one spelling only."""
    pem = "-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/]{59}=)\n-----END PUBLIC KEY-----\n"
    (encoded,) = matched(pem, bag.read("signatures/key.pem", 5), 5, "signatures/key.pem is no Ed25519 public key")
    der_key = unbase64(encoded, 5, "signatures/key.pem")
    prefix = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo of an Ed25519 key, RFC 8410
    need(len(der_key) == 44 and der_key.startswith(prefix), 5, "signatures/key.pem is no Ed25519 public key")
    return der_key[12:]


def signed_by(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether this raw Ed25519 key made this signature of the message."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def open_note(note: bytes, name: str, key: bytes, number: int, what: str) -> tuple[list[str], bytes]:
    """(lines, bytes) of a note's text, once a signature of that name by that key was verified (C2SP signed-note)."""
    text, blank, tail = note.partition(b"\n\n")
    need(blank and tail.endswith(b"\n") and len(note) < MAX_NOTE_BYTES, number, f"{what} is no signed note")
    text += b"\n"
    hint = sha256(name.encode() + b"\n\x01" + key)[:4]
    ours: list[bytes] = []
    for line in tail.split(b"\n")[:-1]:
        message = f"{what} has a signature line that is none"
        signer, encoded = matched("— ([^ +]+) ([A-Za-z0-9+/]+=*)", line, number, message)
        if signer == name:
            blob = unbase64(encoded, number, f"the signature of {what}")
            ours += [blob[4:]] if blob[:4] == hint else []
    need(len(ours) == 1, number, f"{what} is not signed once by the key in signatures/key.pem")
    need(signed_by(key, ours[0], text), number, f"the signature of {what} is wrong")
    return text.decode("utf-8", "surrogateescape").split("\n")[:-1], text


def check_signature(bag: Bag, key: bytes) -> tuple[str, str]:
    """Origin and case that the signature names."""
    note = bag.read(SIGNATURE, 5)
    head = "leaktrace bundle 1\norigin (leaktrace/[A-Za-z0-9._-]+)\ncase ([A-Za-z0-9._-]+)"
    origin, case = matched(head, b"\n".join(note.split(b"\n", 3)[:3]), 5, f"{SIGNATURE} is no statement of a bundle")
    lines, _ = open_note(note, origin, key, 5, SIGNATURE)
    manifests = [f"{name} {bag.digest(name)}" for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt")]
    need(lines[3:5] == manifests, 5, "the signature is over other manifests than these")
    need(lines[5:] == [f"tag-file {name}" for name in TAG_FILES], 5, "the signature is over another list of tag files")
    return origin, case


def open_checkpoint(note: bytes, origin: str, key: bytes, number: int, what: str) -> tuple[int, bytes, bytes]:
    """(size, root, signed text) of a checkpoint."""
    lines, text = open_note(note, origin, key, number, what)
    need(len(lines) == 3 and lines[0] == origin, number, f"{what} is of another log")
    need(re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]), number, f"{what} has no size")
    root = unbase64(lines[2], number, f"the root in {what}")
    need(len(root) == 32, number, f"the root in {what} is no SHA-256")
    return int(lines[1]), root, text


# --- the log: checks 8 and 9 ----------------------------------------------------------------------------------


def tree(leaves: list[bytes]) -> list[list[bytes]]:
    """All levels of the Merkle tree, the root last. A last node without a partner rises unchanged (RFC 6962, 2.1)."""
    levels = [[sha256(b"\x00" + leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        row = levels[-1]
        pairs = [sha256(b"\x01" + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        levels.append(pairs + row[len(row) // 2 * 2 :])
    return levels


def tile_names(kind: str, count: int) -> list[str]:
    """Files that hold `count` things, 256 a file; the last may be partial (C2SP tlog-tiles)."""
    names = []
    for tile in range((count + 255) // 256):
        digits = str(tile).zfill((len(str(tile)) + 2) // 3 * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        width = min(256, count - tile * 256)
        path = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        names.append(f"data/log/tile/{kind}/{path}" + (f".p/{width}" if width < 256 else ""))
    return names


def read_leaves(bag: Bag, size: int) -> list[bytes]:
    """All entries, from the bundles: each is its length in two bytes, then its bytes."""
    leaves: list[bytes] = []
    for name in tile_names("entries", size):
        content, at = bag.read(name, 8), 0
        while at < len(content):
            length = int.from_bytes(content[at : at + 2], "big")
            need(length and len(content) >= at + 2 + length, 8, f"{name} is cut off")
            leaves.append(content[at + 2 : at + 2 + length])
            at += 2 + length
    need(len(leaves) == size, 8, f"the log has {len(leaves)} entries, its checkpoint says {size}")
    return leaves


def check_tree(bag: Bag, leaves: list[bytes], root: bytes) -> None:
    """The entries give the root, and the tiles beside them hold their hashes and nothing else."""
    levels = tree(leaves)
    need(levels[-1] == [root], 8, "the entries of the log do not give the root in its checkpoint")
    expected = set(tile_names("entries", len(leaves)))
    for level in range(0, len(levels), 8):
        full = levels[level][: len(leaves) >> level]  # full subtrees only
        names = tile_names(str(level // 8), len(full))
        expected |= set(names)
        for place, name in enumerate(names):
            there = b"".join(full[place * 256 : place * 256 + 256])
            need(bag.read(name, 8) == there, 8, f"{name} does not hold the hashes of the entries")
    need(set(bag.names("data/log/tile/")) == expected, 8, "there are tiles that do not belong to this log")


def check_entries(leaves: list[bytes]) -> list[Json]:
    """The entries as records, each at its index."""
    entries = []
    for index, leaf in enumerate(leaves):
        what = f"entry {index}"
        entry = document(leaf, 8, what)
        need(sorted(entry) == ["at", "case", "commitment", "index", "kind", "schema"], 8, f"{what} is no entry")
        need(type(entry["index"]) is int and entry["index"] == index, 8, f"{what} says that it is another entry")
        moment(entry, "at", 8, what)
        text_of(entry, "case", r"[A-Za-z0-9._-]+", 8, what)
        text_of(entry, "commitment", r"[0-9a-f]{64}", 8, what)
        text_of(entry, "kind", r"[A-Za-z]+", 8, what)
        text_of(entry, "schema", r"leaktrace\.custody/1", 8, what)
        entries.append(entry)
    return entries


def check_events(bag: Bag, entries: list[Json], case: str) -> dict[int, Json]:
    """The disclosed events, by index: documents whose salted digest is the commitment in the log."""
    events: dict[int, Json] = {}
    before = -1
    for line in bag.lines("data/log/events.txt", 9):
        message = "data/log/events.txt has a line that is no event"
        number, salt, _ = matched(r"(0|[1-9][0-9]{0,9}) ([0-9a-f]{64}) (\{.*\})", line, 9, message)
        index, text = int(number), line.split(b" ", 2)[2]
        need(index < len(entries), 9, f"event {index} is not in the log")
        need(index > before, 9, "the events are not in the order of the log")
        entry, event = entries[index], document(text, 9, f"event {index}")
        commitment = sha256(bytes.fromhex(salt) + text).hex()
        need(commitment == entry["commitment"], 9, f"event {index} is not what was entered in the log")
        same = all(event.get(name) == entry[name] for name in ("at", "case", "kind"))
        need(same and isinstance(event.get("event"), dict), 9, f"event {index} contradicts its entry in the log")
        need(entry["case"] in (case, "-"), 9, f"event {index} belongs to another case")
        events[index], before = event, index
    return events


def bodies(events: dict[int, Json], case: str, *kinds: str) -> Iterable[tuple[int, Json]]:
    """(index, what happened) of events of these kinds and this case."""
    return ((i, one["event"]) for i, one in events.items() if one["kind"] in kinds and one["case"] == case)


# --- exhibits, people and approvals: checks 10 to 12 ----------------------------------------------------------


def check_proof(bag: Bag, name: str, index: int, leaf: bytes, size: int, root: bytes) -> None:
    """A C2SP tlog-proof of this entry; the walk is that of RFC 9162, section 2.1.3.2."""
    body, _, checkpoint = bag.read(name, 10).partition(b"\n\n")
    need(checkpoint == bag.read("data/log/checkpoint", 10), 10, f"{name} is for another checkpoint")
    lines = body.decode("ascii", "replace").split("\n")
    need(lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {index}"], 10, f"{name} is no proof of entry {index}")
    place, last, found = index, size - 1, sha256(b"\x00" + leaf)
    for line in lines[2:]:
        sibling = unbase64(line, 10, f"a hash in {name}")
        need(len(sibling) == 32 and last > 0, 10, f"{name} is too long")
        if place & 1 or place == last:
            found = sha256(b"\x01" + sibling + found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + sibling)
        place, last = place >> 1, last >> 1
    need(last == 0 and found == root, 10, f"{name} does not lead to the root of the log")


def open_hand_over(bag: Bag, case: str) -> tuple[Json, Json]:
    """(exhibit -> digest, exhibit -> why it is withheld): what two people approved, see check 12."""
    record = document(bag.read("data/handover.json", 12), 12, "data/handover.json")
    given, withheld = record.get("exhibits"), record.get("withheld")
    same = record.get("case") == case and record.get("schema") == "leaktrace.handover/1"
    if not same or not isinstance(given, dict) or not isinstance(withheld, dict):
        raise WrongError("[12] data/handover.json is not the list of a hand-over of this case")
    need(sorted(record) == ["case", "exhibits", "recipient", "schema", "withheld"], 12, "data/handover.json: its keys")
    texts = [record["recipient"], *given.values(), *withheld.values()]
    need(all(isinstance(text, str) for text in texts), 12, "data/handover.json holds something else than texts")
    return given, withheld


def check_exhibits(bag: Bag, case: str, events: dict[int, Json], leaves: list[bytes], root: bytes) -> list[str]:
    """Every exhibit of the hand-over is there, or withheld; the log has each; no other file claims to be one.

    What is not there, in words.
    """
    given, withheld = open_hand_over(bag, case)
    left = {*bag.names("data/exhibits/"), *bag.names("data/proofs/")}
    there: dict[str, list[str]] = {}
    for name in bag.names("data/exhibits/"):
        if match := re.fullmatch(r"data/exhibits/(E-[0-9]{4,9})(\.[A-Za-z0-9._-]*)?", name):
            there.setdefault(match[1], []).append(name)
    seen: dict[str, str] = {}
    for index, event in bodies(events, case, "ExhibitStored"):
        exhibit = text_of(event, "exhibit", r"E-[0-9]{4,9}", 10, f"event {index}")
        digest = text_of(event, "sha256", r"[0-9a-f]{64}", 10, f"event {index}")
        need(exhibit not in seen, 10, f"{exhibit} was there before")
        seen[exhibit] = digest
        if exhibit not in given and exhibit not in withheld:
            continue  # not part of the hand-over: a file of it is left over, below
        proof = f"data/proofs/{exhibit}.tlog-proof"
        check_proof(bag, proof, index, leaves[index], len(leaves), root)
        left.discard(proof)
        if exhibit in withheld:
            need(exhibit not in given, 12, f"{exhibit} is withheld and handed over")
            continue
        need(given[exhibit] == digest, 12, f"{exhibit} is not among what was approved for handing over")
        files = there.get(exhibit, [])
        need(len(files) == 1, 10, f"{exhibit} is not there exactly once")
        need(bag.digest(files[0]) == digest, 10, f"{files[0]} is not what was taken into evidence as {exhibit}")
        size_bytes = event.get("size_bytes")
        need(
            type(size_bytes) is int and bag.sizes[files[0]] == size_bytes,
            10,
            f"{files[0]} has not the size of {exhibit}",
        )
        left.discard(files[0])
    need({*given, *withheld} <= set(seen), 12, "data/handover.json lists exhibits that are not in the log")
    need(not left, 10, f"{min(left, default='')} belongs to no exhibit in the log")
    if "data/finding.json" in bag.sizes:
        attached = bodies(events, case, "FindingAttached")
        known = [seen.get(text_of(event, "exhibit", r".+", 10, f"event {index}")) for index, event in attached]
        need(bag.digest("data/finding.json") in known, 10, "data/finding.json is not the finding of the case")
    others = sorted(set(seen) - {*given, *withheld})
    said = [f"not part of the hand-over: {', '.join(others)}"] if others else []
    return said + ([f"withheld: {', '.join(sorted(withheld))}; data/handover.json says why"] if withheld else [])


class Enrolled:
    """Who was enrolled with which key, walking forward through the log."""

    def __init__(self, events: dict[int, Json], entries: list[Json]) -> None:
        for index, entry in enumerate(entries):
            shown = index in events or entry["case"] != "-" or entry["kind"] not in PEOPLE
            need(shown, 11, f"event {index} is not disclosed: it may have ended somebody's key")
        self.keys: dict[str, str] = {}  # public key -> person, over all that were ever enrolled
        self.people: dict[str, Json] = {}  # what each person is now
        self._hinted: dict[str, list[str]] = {}  # start of a key's digest -> such keys
        self._tried = 0
        self._to_come = list(bodies(events, "-", *PEOPLE))[::-1]

    def walk(self, end: int) -> None:
        """Goes on to the entry `end`, which does not count yet."""
        while self._to_come and self._to_come[-1][0] < end:
            index, event = self._to_come.pop()
            person = text_of(event, "person", r'[^"\\\t\n]+', 11, f"event {index}")
            key = text_of(event, "public_key", r"[0-9a-f]{64}", 11, f"event {index}")
            need(self.keys.get(key, person) == person, 11, f"event {index} gives a key to a second person")
            if key not in self.keys:
                self._hinted.setdefault(sha256(bytes.fromhex(key)).hex()[:16], []).append(key)
            self.keys[key], self.people[person] = person, event

    def signer(self, hint: str, signature: bytes, message: bytes, what: str) -> str:
        """Which key signed the message. `hint` decides nothing, anybody can write it: it says which to try first."""
        for key in self._hinted.get(hint, ()):
            if signed_by(bytes.fromhex(key), signature, message):
                return key
        for key in self.keys:
            need(self._tried < MAX_TRIED, 11, "there are too many signatures that do not say whose they are")
            self._tried += 1
            if signed_by(bytes.fromhex(key), signature, message):
                return key
        raise WrongError(f"[11] {what} is signed by a key that nobody enrolled")

    def holder(self, key: str, what: str) -> str:
        """Whose key it is now: one that was replaced, or whose owner left, is nobody's."""
        person = self.keys[key]
        now = self.people[person]
        need(now.get("public_key") == key, 11, f"{what} is signed by a key of {person} that had been replaced")
        need(now.get("active", True) is True, 11, f"{what} is signed by {person}, who had left")
        return person


def read_envelope(content: bytes, what: str) -> tuple[bytes, list[tuple[str, bytes]]]:
    """(payload, [(hint whose it is, signature)]) of a DSSE envelope for approvals."""
    envelope = document(content, 11, what)
    need(sorted(envelope) == ["payload", "payloadType", "signatures"], 11, f"{what} is no DSSE envelope")
    need(envelope["payloadType"] == APPROVAL, 11, f"{what} is no approval")
    payload = text_of(envelope, "payload", r".+", 11, what)
    listed = envelope["signatures"]
    if not isinstance(listed, list) or not all(
        isinstance(one, dict) and sorted(one) == ["keyid", "sig"] and isinstance(one["keyid"], str) for one in listed
    ):
        raise WrongError(f"[11] {what} has no list of signatures")
    need(len(listed) == 2, 11, f"{what} does not have two signatures")
    signatures = [(one["keyid"], unbase64(text_of(one, "sig", r".+", 11, what), 11, what)) for one in listed]
    return unbase64(payload, 11, what), signatures


def signers_of(content: bytes, enrolled: Enrolled, what: str) -> tuple[Json, list[str]]:
    """(statement, the keys that signed it) of an approval."""
    payload, signatures = read_envelope(content, what)
    statement = document(payload, 11, f"the payload of {what}")
    signed = b"DSSEv1 %d %s %d %s" % (len(APPROVAL), APPROVAL.encode(), len(payload), payload)
    return statement, [enrolled.signer(hint, one, signed, what) for hint, one in signatures]


def check_signers(keys: list[str], statement: Json, enrolled: Enrolled, what: str) -> None:
    """Two different people signed, each with the key they had then: who asked, and somebody who was an approver."""
    signers = [enrolled.holder(key, what) for key in keys]
    need(signers[0] != signers[1], 11, f"{what} was signed by one person alone")
    requester = statement.get("requested_by")
    need(requester in signers, 11, f"{what} is not signed by who asked for it")
    approver = next(person for person in signers if person != requester)
    roles = enrolled.people[approver].get("roles")
    need(isinstance(roles, list) and "approver" in roles, 11, f"{approver} was no approver")


def check_approval(statement: Json, what: str, entry: Json, mine: dict[int, str]) -> None:
    """The approval is about this case as it was, and this entry is in its time; `mine` numbers the case's commitments
    from 1.
    """
    at, asked = moment(entry, "at", 11, what), moment(statement, "requested_at", 11, what)
    need(asked <= at <= moment(statement, "expires_at", 11, what), 11, f"{what} was used before or after its time")
    case, head = entry["case"], statement.get("case_head")
    count = head.get("event_count") if isinstance(head, dict) else None
    last = mine.get(count) if type(count) is int else None
    same = head == {"case": case, "event_count": count, "last_commitment": last} and statement.get("case") == case
    need(same and last is not None, 11, f"{what} is about a case that this log does not hold")


def check_approvals(bag: Bag, case: str, events: dict[int, Json], entries: list[Json]) -> list[Json]:
    """Statements of the approvals that were used; every envelope in the bundle belongs to an event, and back."""
    left, used = set(bag.names("data/approvals/")), []
    enrolled = Enrolled(events, entries)
    mine = dict(enumerate((entry["commitment"] for entry in entries if entry["case"] == case), start=1))
    acts = {kind: dict(bodies(events, case, kind)) for kind in ("ActionApproved", "ActionUsed")}
    opened: dict[str, tuple[str, Json, list[str]]] = {}  # once for each file: which keys signed it stays the same
    for index, event in sorted({**acts["ActionApproved"], **acts["ActionUsed"]}.items()):
        request = text_of(event, "request", r"A-[0-9]{4,9}", 11, f"event {index}")
        name = f"data/approvals/{request}.json"
        enrolled.walk(index)
        if name not in opened:
            content = bag.read(name, 11, MAX_APPROVAL_BYTES)
            said = sha256(content).hex()
            need(said == event.get("envelope_sha256"), 11, f"{name} is not what event {index} is about")
            opened[name] = (said, *signers_of(content, enrolled, name))
        digest, statement, keys = opened[name]
        need(digest == event.get("envelope_sha256"), 11, f"{name} is not what event {index} is about")
        check_signers(keys, statement, enrolled, name)
        check_approval(statement, name, entries[index], mine)
        need(statement.get("request") == request, 11, f"{name} is about another request")
        left.discard(name)
        used += [statement] if index in acts["ActionUsed"] else []
    enrolled.walk(len(entries))
    need(not left, 11, f"{min(left, default='')} belongs to no event in the log")
    return used


# --- timestamps: check 13 -------------------------------------------------------------------------------------

DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "608648016503040201": hashes.SHA256(),
    "608648016503040202": hashes.SHA384(),
    "608648016503040203": hashes.SHA512(),
}
CONTENT_TYPE, MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010903"), bytes.fromhex("2a864886f70d010904")
TST_INFO, SIGNED_DATA = bytes.fromhex("2a864886f70d0109100104"), bytes.fromhex("2a864886f70d010702")


def der(content: bytes, *tags: int) -> list[tuple[int, bytes, bytes]]:
    """(tag, content, whole) of the DER values that follow one another in the bytes; the first ones have these tags."""
    values, at = [], 0
    while at < len(content):
        need(at + 2 <= len(content), 13, "a timestamp is cut off")
        tag, length, start = content[at], content[at + 1], at + 2
        if length & 0x80:
            need(0x80 < length <= 0x84, 13, "a timestamp has a length that is none")
            start += length & 0x7F
            length = int.from_bytes(content[at + 2 : start], "big")
        need(start + length <= len(content), 13, "a timestamp is cut off")
        values.append((tag, content[start : start + length], content[at : start + length]))
        at = start + length
    need([one[0] for one in values[: len(tags)]] == list(tags), 13, "a timestamp has another form than RFC 3161 says")
    return values


def read_chain(pem: bytes, what: str) -> list[x509.Certificate]:
    """The authority's certificates, each issued by the next, the last by itself."""
    try:
        chain = x509.load_pem_x509_certificates(pem)
        whole = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
        need(pem == whole, 13, f"{what} holds something beside certificates")
        for one, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
            one.verify_directly_issued_by(issuer)
            one.public_key()  # one of a kind that the library does not know is refused here
            constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
            need(constraints.ca, 13, f"{what} holds an issuer that is no authority")
        usage = chain[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (
        *(ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound),
        *(x509.DuplicateExtension, x509.UnsupportedGeneralNameType, x509.InvalidVersion),
    ) as error:
        raise WrongError(f"[13] {what} is no chain of certificates: {error}") from None
    only = usage.critical and list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
    need(only, 13, f"the first certificate of {what} is not for timestamps")
    return chain


def check_timestamp(response: bytes, chain: list[x509.Certificate], stamped: bytes, what: str) -> datetime:
    """When the authority says it saw `stamped`; RFC 3161 section 2.4.2, RFC 5652 section 5."""
    try:
        ((_, answer, _),) = der(response, 0x30)
        status, token = der(answer, 0x30, 0x30)
        need(der(status[1], 0x02)[0][1] in (b"\x00", b"\x01"), 13, f"{what} was not granted")
        kind, wrapped = der(token[1], 0x06, 0xA0)
        signed = der(der(wrapped[1], 0x30)[0][1], 0x02, 0x31, 0x30)  # SignedData
        inner, holder = der(signed[2][1], 0x06, 0xA0)
        content = der(holder[1], 0x04)[0][1]  # TSTInfo, DER
        info = der(der(content, 0x30)[0][1], 0x02, 0x06, 0x30, 0x02, 0x18)
        algorithm, imprint = der(info[2][1], 0x30, 0x04)
        written = info[4][1].decode("ascii")
        generated = datetime.strptime(written[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        ((_, signer_bytes, _),) = der(der(signed[-1][2], 0x31)[0][1], 0x30)
        _, sid, digest_used, attributes, method, signature = der(signer_bytes, 0x02, 0x30, 0x30, 0xA0, 0x30, 0x04)[:6]
        issuer, serial = der(sid[1], 0x30, 0x02)
        pairs = [der(one, 0x06, 0x31) for _, one, _ in der(attributes[1])]
        values = {oid[1]: der(value[1])[0][1] for oid, value in pairs}
        hash_used = DIGESTS[der(algorithm[1], 0x06)[0][1].hex()]
        announced = [der(one, 0x06)[0][1].hex() for _, one, _ in der(signed[1][1], 0x30)]
        signer_digest, method_oid = der(digest_used[1], 0x06)[0][1].hex(), der(method[1], 0x06)[0][1]
        signer_hash = DIGESTS[signer_digest]
        digest, content_type = values[MESSAGE_DIGEST], values[CONTENT_TYPE]
    except (IndexError, KeyError, ValueError) as error:
        raise WrongError(f"[13] {what} is no timestamp: {error}") from None
    need((kind[1], inner[1]) == (SIGNED_DATA, TST_INFO), 13, f"{what} holds something else than a time")
    # Which method it names does not matter, the key decides; that it names one does.
    announces = signer_digest in announced and method_oid and method_oid[-1] < 0x80
    need(announces, 13, f"{what} uses a digest or a method that it does not announce")
    need(re.fullmatch(r"\d{14}(\.\d+)?Z", written), 13, f"{what} has no time")
    by = (chain[0].issuer.public_bytes(), chain[0].serial_number)
    need((issuer[2], int.from_bytes(serial[1], "big")) == by, 13, f"{what} names another signer than its chain")
    same = hashlib.new(hash_used.name, stamped).digest() == imprint[1]
    need(same, 13, f"{what} is over something else than this checkpoint")
    same = hashlib.new(signer_hash.name, content).digest() == digest and content_type == TST_INFO
    need(same, 13, f"{what} signs something else than its time")
    key, message = chain[0].public_key(), b"\x31" + attributes[2][1:]  # as a SET OF, RFC 5652 section 5.4
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature[1], message, padding.PKCS1v15(), signer_hash)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature[1], message, ec.ECDSA(signer_hash))
        else:
            raise WrongError(f"[13] the authority of {what} has a kind of key that is not known here")
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        raise WrongError(f"[13] {what} is not signed by its authority") from None
    valid = all(one.not_valid_before_utc <= generated <= one.not_valid_after_utc for one in chain)
    need(valid, 13, f"a certificate of {what} was not valid then")
    return generated


def check_timestamps(bag: Bag, stamped: bytes, last_entry_at: datetime) -> list[str]:
    """What the timestamps say; a bundle may have none."""
    said = []
    left = set(bag.names("data/timestamps/"))
    for name in sorted(one for one in left if one.endswith(".tsr")):
        chain_name, root_name = name[:-3] + "chain.pem", name[:-3] + "root.pem"
        chain = read_chain(bag.read(chain_name, 13, MAX_NOTE_BYTES), chain_name)
        root_pem = chain[-1].public_bytes(serialization.Encoding.PEM)
        need(bag.read(root_name, 13) == root_pem, 13, f"{root_name} is not the last of {chain_name}")
        at = check_timestamp(bag.read(name, 13, MAX_NOTE_BYTES), chain, stamped, name)
        need(last_entry_at - at <= CLOCK_TOLERANCE, 13, f"{name} is older than the last entry of the log")
        left -= {name, chain_name, root_name}
        root = chain[-1].fingerprint(hashes.SHA256()).hex()
        said.append(f"timestamp of {at:%Y-%m-%d %H:%M:%S} UTC; root certificate of its authority: SHA-256 {root}")
    need(not left, 13, f"{min(left, default='')} belongs to no timestamp")
    return said or ["no timestamp authority vouches for the time"]


# --- all together ---------------------------------------------------------------------------------------------


def verify(folder: Path, fingerprint: str | None = None, earlier: bytes | None = None) -> list[str]:
    """Raises WrongError, or returns what a reader should know about a bundle that holds."""
    bag = Bag(folder)  # 1
    check_bag(bag)  # 2, 3, 4
    key = raw_key(bag)
    origin, case = check_signature(bag, key)  # 5
    found = sha256(key).hex()
    need(fingerprint in (None, found), 6, f"the bundle is signed by another key: {found}")  # 6
    size, root, text = open_checkpoint(bag.read("data/log/checkpoint", 7), origin, key, 7, "the checkpoint")  # 7
    need(0 < size <= MAX_FILES * 256, 8, "the log is empty or too large")  # 256 entries a file
    leaves = read_leaves(bag, size)
    check_tree(bag, leaves, root)  # 8
    entries = check_entries(leaves)  # 8
    events = check_events(bag, entries, case)  # 9
    missing = check_exhibits(bag, case, events, leaves, root)  # 10, 12
    used = check_approvals(bag, case, events, entries)  # 11
    handed = [one.get("parameters_sha256") for one in used if one.get("action") == "hand_over"]
    need(bag.digest("data/handover.json") in handed, 12, "two people did not approve handing over exactly this")  # 12
    said = check_timestamps(bag, text, max(moment(entry, "at", 13, "an entry") for entry in entries))  # 13
    if earlier is not None:  # 14
        old_size, old_root, _ = open_checkpoint(earlier, origin, key, 14, "the earlier checkpoint")
        need(old_size <= size, 14, f"the log was cut: it has {size} entries, {old_size} had been seen")
        same = old_root == (tree(leaves[:old_size])[-1][0] if old_size else sha256(b""))
        need(same, 14, f"the log was forked: its first {old_size} entries are others than had been seen")
        said.append(f"the log continues the earlier checkpoint of {old_size} entries")
    hidden = sum(entry["case"] == case for entry in entries) - sum(one["case"] == case for one in events.values())
    said += [f"{hidden} events of the case are in the log but not disclosed here"] if hidden else []
    head = f"case {case} of {origin}: {size} log entries, {len(events)} events disclosed"
    return [head, f"key {found}", *said, *missing]


def say(*lines: str) -> None:
    """Lines on standard output, and nothing in them that moves a terminal's cursor or that it cannot show."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        shown = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in line)
        sys.stdout.write(shown.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def main(arguments: list[str]) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Check an evidence bundle written by leaktrace.")
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("--key", metavar="FINGERPRINT", help="SHA-256 of the log's raw public key, hex")
    parser.add_argument("--checkpoint", metavar="FILE", type=Path, help="an earlier checkpoint of the same log")
    options = parser.parse_args(arguments)
    key = None if options.key is None else re.sub(r"[\s:-]", "", options.key).lower()
    if key is not None and not re.fullmatch(r"[0-9a-f]{64}", key):
        parser.error("FINGERPRINT is 64 hexadecimal digits")
    if not options.folder.is_dir():
        parser.error("DIR is no folder")
    try:
        earlier = options.checkpoint.read_bytes() if options.checkpoint else None
    except OSError as error:
        parser.error(f"{options.checkpoint}: {error.strerror}")
    try:
        said = verify(options.folder, key, earlier)
    except (WrongError, OSError) as wrong:
        say(f"WRONG: {wrong}")
        return 1
    say(*(f"  {line}" for line in said))
    if key is None:
        say("INTACT, ORIGIN UNPROVEN: compare the key's fingerprint with one you got elsewhere (--key).")
        return 3
    say("OK")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
