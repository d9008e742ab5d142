"""Everything a complaint carries that holds whole messages: attachments, `.msg`, `winmail.dat`, `.emlx`, mbox, and zip
or gzip files of these.

In the order of the bytes. A container that is broken or locked holds nothing; one that unpacks to more than the
settings allow makes the complaint unreadable with that reason, as an oversized message does.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from leaktrace.mailroom.attached import is_somebodys, read_attached
from leaktrace.mailroom.compound import MAGIC, NotCompoundError
from leaktrace.mailroom.disclaiming import without_sender
from leaktrace.mailroom.inline import find_forward, read_forward
from leaktrace.mailroom.itemoriginals import ItemReader
from leaktrace.mailroom.items import Item, item_texts
from leaktrace.mailroom.mailfiles import GZIP_MAGIC, emlx_message, gunzipped, is_mbox, mbox_messages
from leaktrace.mailroom.mapi import SUBJECT
from leaktrace.mailroom.mime import CeilingReached, Part, Source, TextBudget, looks_like_message, read_source, walk
from leaktrace.mailroom.outlookmsg import piece_of, read_msg
from leaktrace.mailroom.tnef import SIGNATURE, NotTnefError, read_tnef
from leaktrace.mailroom.transfer import covered_by
from leaktrace.records import Original
from leaktrace.settings import Settings

ZIP_MAGIC = b"PK\x03\x04"
ZIP_ENTRY_CEILING_COUNT = 1000
HELD_CEILING_COUNT = 1000
"""Messages in all the files of a complaint; fewer where these are small: time stays in proportion to the mail."""
_HELD_FREE_COUNT, _BYTES_OF_ONE_HELD = 200, 100
ZIP_RATIO_CEILING = 200
"""Mail packs to a tenth; what packs a hundred times better is a bomb."""
_RATIO_FREE_BYTES = 1_000_000
_UNPACKED_FREE_BYTES, _UNPACKED_FACTOR = 4_000_000, 10
"""A zip may unpack to this much and ten times its own size: memory stays in proportion to the mail."""
_NESTED_CEILING = 1
_NOT_ALONE_FLAG = "may_be_part_of_another"
_FILE_ENDINGS = (".eml", ".msg", ".zip", "winmail.dat", ".gz", ".emlx", ".mbox", ".mbx")
_LOCKED = 0x1
_LOCAL_HEADER_BYTES = 30


class Carried:
    """Finds originals in one complaint's attachments."""

    def __init__(self, settings: Settings, budget: TextBudget, keys: Mapping[str, str] | None) -> None:
        self._settings = settings
        self._budget = budget
        self._keys = keys
        self._items = ItemReader(settings, budget, keys)
        self._left_bytes = settings.message_ceiling_bytes
        self._file_bytes = self._held_count = 0

    def originals(self, message: Part) -> tuple[Original, ...]:
        """The originals that a message carries; those inside attached messages stay closed.

        A mail that is attached twice, or once more inside a zip file, is one.
        """
        found: dict[tuple[object, ...], Original] = {}
        for part in walk(message):
            for original in self._of_part(part):
                found.setdefault(_identity(original), original)
        return tuple(found.values())

    def _of_part(self, part: Part) -> Iterator[Original]:
        if part.is_message:
            if is_somebodys(part.children[0]):
                yield self._attached(part.children[0])
            return
        if part.children or part.content_type.startswith("multipart/") or not _may_hold(part):
            return
        source = part.decoded()
        self._file_bytes += len(source.content)
        yield from self._of_file(source, _name_of(part), 0)

    def _of_file(self, source: Source, name: str, nested: int) -> Iterator[Original]:
        if source.content.startswith(MAGIC):
            try:
                item = read_msg(source, self._settings.message_ceiling_bytes)
            except NotCompoundError:
                return
            yield self._items.original(item, "msg")
        elif source.content.startswith(SIGNATURE):
            try:
                yield from self._of_tnef(read_tnef(source))
            except NotTnefError:
                return
        elif source.content.startswith(ZIP_MAGIC) and nested <= _NESTED_CEILING:
            yield from self._of_zip(source, nested)
        elif source.content.startswith(GZIP_MAGIC) and nested <= _NESTED_CEILING:
            yield from self._of_gzip(source, name, nested)
        elif name.lower().endswith((".mbox", ".mbx")) and is_mbox(source.content):
            yield from self._of_mbox(source)
        elif name.lower().endswith(".emlx") and (message := emlx_message(source)) is not None:
            yield self._held(message)
        elif nested and name.lower().endswith(".eml") and looks_like_message(source.content):
            yield self._held(source)

    def _held(self, source: Source) -> Original:
        """A message out of a file."""
        self._held_count += 1
        most = min(HELD_CEILING_COUNT, _HELD_FREE_COUNT + self._file_bytes // _BYTES_OF_ONE_HELD)
        if self._held_count > most:
            raise CeilingReached(f"files with more than {most} messages")
        return self._attached(read_source(source, self._settings))

    def _of_gzip(self, source: Source, name: str, nested: int) -> Iterator[Original]:
        self._left_bytes = min(self._left_bytes, _UNPACKED_FREE_BYTES + _UNPACKED_FACTOR * len(source.content))
        most_bytes = max(_RATIO_FREE_BYTES, ZIP_RATIO_CEILING * len(source.content))
        held = gunzipped(source, max(min(self._left_bytes, most_bytes), 0))
        if held is None:
            return
        self._left_bytes -= len(held.content)
        inner = re.sub(r"\.gz\Z", "", name, flags=re.IGNORECASE)
        if not inner.lower().endswith(_FILE_ENDINGS):
            inner += ".mbox" if is_mbox(held.content) else ".eml"
        yield from self._of_file(held, inner, nested + 1)

    def _of_mbox(self, source: Source) -> Iterator[Original]:
        """The messages of an mbox. Not all programs quote `From ` in a text: what follows the first message may be what
        its sender wrote, and names nobody unless its own signature does.
        """
        for number, message in enumerate(mbox_messages(source)):
            if looks_like_message(message.content):
                original = self._held(message)
                is_itself = number == 0 or original.grade in ("G3", "G4")
                yield original if is_itself else without_sender(original, _NOT_ALONE_FLAG)

    def _attached(self, message: Part) -> Original:
        return read_attached(message, settings=self._settings, budget=self._budget, keys=self._keys)

    def _of_tnef(self, item: Item) -> Iterator[Original]:
        """What the complaint's own item carries; where that is nothing, the forward its text holds."""
        found = [self._items.attachment(one, "tnef") for one in item.attachments]
        kept = [one for one in found if one is not None]
        yield from kept
        if not kept:
            forward = find_forward(item_texts(item, self._budget), item.properties.text(SUBJECT))
            if forward is not None:
                yield read_forward(forward, None, form="tnef")

    def _of_zip(self, source: Source, nested: int) -> Iterator[Original]:
        try:
            with zipfile.ZipFile(io.BytesIO(source.content)) as packed:
                entries = packed.infolist()
                self._left_bytes = min(self._left_bytes, _UNPACKED_FREE_BYTES + _UNPACKED_FACTOR * len(source.content))
                if len(entries) > ZIP_ENTRY_CEILING_COUNT:
                    raise CeilingReached(f"a zip file of more than {ZIP_ENTRY_CEILING_COUNT} entries")
                for entry in entries:
                    held = self._unpacked(packed, entry, source)
                    if held is not None:
                        yield from self._of_file(held, entry.filename, nested + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError, RuntimeError):
            return

    def _unpacked(self, packed: zipfile.ZipFile, entry: zipfile.ZipInfo, source: Source) -> Source | None:
        """One file of a zip; its bytes are covered by the packed ones. None for what cannot hold mail."""
        wanted = entry.filename.lower().endswith(_FILE_ENDINGS)
        plain = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not wanted or not plain or entry.flag_bits & _LOCKED:
            return None
        self._left_bytes -= entry.file_size
        crowded = entry.file_size > _RATIO_FREE_BYTES
        if self._left_bytes < 0 or (crowded and entry.file_size > ZIP_RATIO_CEILING * max(entry.compress_size, 1)):
            raise CeilingReached("a zip file that unpacks to more than is read")
        content = packed.read(entry)
        begin = entry.header_offset + _LOCAL_HEADER_BYTES + len(entry.filename.encode("utf-8", "replace"))
        if entry.compress_type == zipfile.ZIP_STORED:
            at = source.content.find(content[:4096], entry.header_offset)
            if at >= 0:
                return piece_of(source, at, at + len(content))
        covered = source.locate(begin, min(begin + entry.compress_size + 64, len(source.content)))
        return Source(content, covered_by(covered))


def _identity(original: Original) -> tuple[object, ...]:
    """What is equal of two copies of one mail, wherever they lie."""
    return (
        original.message_id, original.sender, original.sent_by, original.recipients, original.subject,
        original.sent_between, original.received_at, original.links, original.text_sketch, original.marks,
        original.grade, len(original.claims),
    )  # fmt: skip


def _name_of(part: Part) -> str:
    return ".mbox" if part.content_type == "application/mbox" else part.filename


def _may_hold(part: Part) -> bool:
    """Whether an attachment may be a container, by its type and name; its first bytes decide."""
    name = part.filename.lower()
    return name.endswith((*_FILE_ENDINGS, ".dat", ".bin")) or part.content_type in (
        "application/ms-tnef",
        "application/vnd.ms-tnef",
        "application/vnd.ms-outlook",
        "application/gzip",
        "application/mbox",
        "application/x-gzip",
        "application/zip",
        "application/x-zip-compressed",
        "application/octet-stream",
    )
