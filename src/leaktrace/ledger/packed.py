"""Opens a log that may be packed, by its first bytes and not by its name."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa

_PACKED: dict[bytes, Literal["gzip", "zstd"]] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def packing_of(head: bytes) -> Literal["gzip", "zstd"] | None:
    """How a file that begins with these bytes is packed; None where it is not."""
    return next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)


def open_unpacked(path: Path) -> IO[bytes]:
    """The plain bytes of a file, unpacked on the way where it is gzip or zstd."""
    with path.open("rb") as stream:
        packing = packing_of(stream.peek(4))
    if packing is None:
        return path.open("rb")
    unpacked: Any = pa.input_stream(str(path), compression=packing)  # it reads like a raw stream, which has no type
    return io.BufferedReader(unpacked, 1 << 20)
