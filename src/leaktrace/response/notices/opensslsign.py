"""RSA-SHA256 by the system's libcrypto, called so that Python's other threads run meanwhile.

`cryptography` holds the interpreter's lock while it signs, 0.2 ms for RSA-2048: as long as all else about a notice
takes. A call through ctypes lets go of it (ADR 0023). Used only after its signature was seen to be the same as that
of `cryptography`.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_PROBE = b"leaktrace: is this signature the same by both ways?"
_POINTER, _SIZE, _TEXT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
_SHAPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "EVP_sha256": (_POINTER, ()),
    "EVP_MD_CTX_new": (_POINTER, ()),
    "EVP_MD_CTX_free": (None, (_POINTER,)),
    "EVP_PKEY_free": (None, (_POINTER,)),
    "d2i_AutoPrivateKey": (_POINTER, (_POINTER, ctypes.POINTER(_TEXT), ctypes.c_long)),
    "EVP_DigestSignInit": (ctypes.c_int, (_POINTER, _POINTER, _POINTER, _POINTER, _POINTER)),
    "EVP_DigestSign": (ctypes.c_int, (_POINTER, _TEXT, ctypes.POINTER(_SIZE), _TEXT, _SIZE)),
}


class _Key:
    """A private key inside libcrypto; freed with the object."""

    def __init__(self, library: ctypes.CDLL, der: bytes) -> None:
        self._library = library
        start = _TEXT(der)
        self.pointer = library.d2i_AutoPrivateKey(None, ctypes.byref(start), len(der))

    def __del__(self) -> None:
        if self.pointer:
            self._library.EVP_PKEY_free(self.pointer)


def unlocked_rsa_signer(key: RSAPrivateKey) -> Callable[[bytes], bytes] | None:
    """Signs like `key.sign(content, PKCS1v15(), SHA256())`, without the lock; None where this system cannot."""
    library = _library()
    if library is None:
        return None
    held = _Key(library, key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    if not held.pointer:
        return None
    size = key.key_size // 8

    def sign(content: bytes) -> bytes:
        context = library.EVP_MD_CTX_new()
        try:
            signature, length = ctypes.create_string_buffer(size), _SIZE(size)
            begun = library.EVP_DigestSignInit(context, None, library.EVP_sha256(), None, held.pointer)
            if (
                begun != 1
                or library.EVP_DigestSign(context, signature, ctypes.byref(length), content, len(content)) != 1
            ):
                return b""
            return signature.raw[: length.value]
        finally:
            library.EVP_MD_CTX_free(context)

    # PKCS #1 v1.5 signatures are deterministic (RFC 8017, section 8.2): any difference would show.
    return sign if sign(_PROBE) == key.sign(_PROBE, PKCS1v15(), hashes.SHA256()) else None


def _library() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("crypto")
    if name is None:
        return None
    try:
        library = ctypes.CDLL(name)
        for function, (answer, arguments) in _SHAPES.items():
            shaped = getattr(library, function)
            shaped.restype, shaped.argtypes = answer, arguments
    except (OSError, AttributeError):
        return None
    return library
