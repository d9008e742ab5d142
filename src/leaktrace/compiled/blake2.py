"""Keyed BLAKE2b (RFC 7693) over a column of texts: what `hashlib.blake2b(text, key=...)` gives, many at a time.

The key fills the first block, which is the same for all texts: its state is worked out once, so that a text of up to
128 bytes costs one compression.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.compiled.jit import compiled

_IV = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    dtype=np.uint64,
)  # fmt: skip
"""RFC 7693, section 2.6."""
_BLOCK_BYTES = 128
_MANY = 100_000
"""More texts are shared by two threads."""


def keyed_digests(
    texts: NDArray[np.uint8], ends: NDArray[np.int64], key: bytes, digest_bytes: int
) -> NDArray[np.uint64]:
    """Bytes 0-7 and 8-15 of the final state of each text, little-endian, as rows; text i is `texts[ends[i]:ends[i+1]]`.

    The first row is what a digest of `digest_bytes` (8 or more; part of the function, RFC 7693, section 2.5) begins
    with. The second is as much a keyed hash as the first, also where the digest is cut before it.
    """
    if not 8 <= digest_bytes <= 64 or not 0 < len(key) <= 64:
        raise ValueError("digest_bytes lies between 8 and 64, the key is 1 to 64 bytes long")
    state = _IV.copy()
    state[0] ^= np.uint64(0x01010000 ^ (len(key) << 8) ^ digest_bytes)
    answer = np.empty((2, len(ends) - 1), dtype=np.uint64)
    block = np.frombuffer(key.ljust(_BLOCK_BYTES, b"\0"), dtype="<u8").astype(np.uint64)
    if len(ends) <= _MANY:
        _digest_all(texts, ends, state, block, answer)
        return answer
    half = len(ends) // 2
    with ThreadPoolExecutor(2) as pool:
        for part in (slice(0, half), slice(half, len(ends) - 1)):
            own = ends[part.start : part.stop + 1]
            pool.submit(_digest_all, texts, own, state.copy(), block, answer[:, part])
    return answer


@compiled
def _turned(value: Any, by: Any) -> Any:
    return (value >> np.uint64(by)) | (value << np.uint64(64 - by))


@compiled
def _mixed(a: Any, b: Any, c: Any, d: Any, x: Any, y: Any) -> Any:
    a = a + b + x
    d = _turned(d ^ a, 32)
    c = c + d
    b = _turned(b ^ c, 24)
    a = a + b + y
    d = _turned(d ^ a, 16)
    c = c + d
    b = _turned(b ^ c, 63)
    return a, b, c, d


@compiled
def _round(v: Any, x: Any) -> Any:
    """Twelve of these make a compression: the columns, then the diagonals (RFC 7693, section 3.1)."""
    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15 = v
    v0, v4, v8, v12 = _mixed(v0, v4, v8, v12, x[0], x[1])
    v1, v5, v9, v13 = _mixed(v1, v5, v9, v13, x[2], x[3])
    v2, v6, v10, v14 = _mixed(v2, v6, v10, v14, x[4], x[5])
    v3, v7, v11, v15 = _mixed(v3, v7, v11, v15, x[6], x[7])
    v0, v5, v10, v15 = _mixed(v0, v5, v10, v15, x[8], x[9])
    v1, v6, v11, v12 = _mixed(v1, v6, v11, v12, x[10], x[11])
    v2, v7, v8, v13 = _mixed(v2, v7, v8, v13, x[12], x[13])
    v3, v4, v9, v14 = _mixed(v3, v4, v9, v14, x[14], x[15])
    return v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15


@compiled
def _compress(state: Any, block: Any, counted: Any, last: Any) -> None:
    """RFC 7693, section 3.2; texts are shorter than 2^64 bytes, so the upper half of the counter is zero."""
    m0, m1, m2, m3, m4, m5, m6, m7 = (
        block[0], block[1], block[2], block[3], block[4], block[5], block[6], block[7],
    )  # fmt: skip
    m8, m9, ma, mb, mc, md, me, mf = (
        block[8], block[9], block[10], block[11], block[12], block[13], block[14], block[15],
    )  # fmt: skip
    ending = ~np.uint64(0) if last else np.uint64(0)
    v = (
        state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7],
        _IV[0], _IV[1], _IV[2], _IV[3], _IV[4] ^ np.uint64(counted), _IV[5], _IV[6] ^ ending, _IV[7],
    )  # fmt: skip
    # The order of words in each round: RFC 7693, section 2.7. Written out, they stay in registers.
    v = _round(v, (m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, ma, mb, mc, md, me, mf))
    v = _round(v, (me, ma, m4, m8, m9, mf, md, m6, m1, mc, m0, m2, mb, m7, m5, m3))
    v = _round(v, (mb, m8, mc, m0, m5, m2, mf, md, ma, me, m3, m6, m7, m1, m9, m4))
    v = _round(v, (m7, m9, m3, m1, md, mc, mb, me, m2, m6, m5, ma, m4, m0, mf, m8))
    v = _round(v, (m9, m0, m5, m7, m2, m4, ma, mf, me, m1, mb, mc, m6, m8, m3, md))
    v = _round(v, (m2, mc, m6, ma, m0, mb, m8, m3, m4, md, m7, m5, mf, me, m1, m9))
    v = _round(v, (mc, m5, m1, mf, me, md, m4, ma, m0, m7, m6, m3, m9, m2, m8, mb))
    v = _round(v, (md, mb, m7, me, mc, m1, m3, m9, m5, m0, mf, m4, m8, m6, m2, ma))
    v = _round(v, (m6, mf, me, m9, mb, m3, m0, m8, mc, m2, md, m7, m1, m4, ma, m5))
    v = _round(v, (ma, m2, m8, m4, m7, m6, m1, m5, mf, mb, m9, me, m3, mc, md, m0))
    v = _round(v, (m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, ma, mb, mc, md, me, mf))
    v = _round(v, (me, ma, m4, m8, m9, mf, md, m6, m1, mc, m0, m2, mb, m7, m5, m3))
    state[0] ^= v[0] ^ v[8]
    state[1] ^= v[1] ^ v[9]
    state[2] ^= v[2] ^ v[10]
    state[3] ^= v[3] ^ v[11]
    state[4] ^= v[4] ^ v[12]
    state[5] ^= v[5] ^ v[13]
    state[6] ^= v[6] ^ v[14]
    state[7] ^= v[7] ^ v[15]


@compiled
def _digest_all(texts: Any, ends: Any, start: Any, key_block: Any, answer: Any) -> None:
    state = start.copy()
    block = np.zeros(16, dtype=np.uint64)
    octets = block.view(np.uint8)
    empty = start.copy()
    _compress(empty, key_block, 128, True)
    _compress(start, key_block, 128, False)
    for i in range(answer.shape[1]):
        place, end = ends[i], ends[i + 1]
        state[:] = start if end > place else empty
        counted = 128
        while place < end:
            taken = min(end - place, 128)
            block[:] = np.uint64(0)
            for j in range(taken):
                octets[j] = texts[place + j]
            place += taken
            counted += taken
            _compress(state, block, counted, place == end)
        answer[0, i] = state[0]
        answer[1, i] = state[1]
