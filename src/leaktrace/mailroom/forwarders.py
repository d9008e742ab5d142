"""The mail systems of ours that hand mail on inside: only they are believed about whom they have it from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from leaktrace.errors import MailError

UNIX = "unix"
"""Whoever reaches our Unix socket: its folder decides who does."""


class Forwarders:
    """The setting `trusted_forwarders`, read. Empty: nobody is believed."""

    def __init__(self, written: Iterable[str]) -> None:
        """MailError for what is no address, no network and not `unix`."""
        self._networks = []
        self._has_unix = False
        for one in written:
            if one.strip().lower() == UNIX:
                self._has_unix = True
                continue
            try:
                self._networks.append(ipaddress.ip_network(one.strip(), strict=False))
            except ValueError as error:
                raise MailError(
                    f"The setting trusted_forwarders has '{one}', which is no address.",
                    "Name addresses or networks of your own mail servers, as 192.0.2.25 or 10.0.0.0/8, or 'unix'.",
                ) from error

    def __bool__(self) -> bool:
        return self._has_unix or bool(self._networks)

    def has_peer(self, peer: object) -> bool:
        """Whether the other end of a connection is one of them; a Unix socket has no address."""
        if isinstance(peer, tuple) and peer:
            return self.has_address(str(peer[0]))
        return self._has_unix and not peer

    def has_address(self, written: str) -> bool:
        """Whether an address is one of theirs."""
        try:
            address = ipaddress.ip_address(written)
        except ValueError:
            return False
        plain = (address.ipv4_mapped or address) if address.version == 6 else address
        return any(plain in network for network in self._networks)
