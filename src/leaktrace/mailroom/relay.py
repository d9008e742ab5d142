"""Hands a message to the company's own mail server: the only place from which the mailroom sends anything."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from leaktrace.errors import MailError
from leaktrace.mailroom.ways.asked import is_loopback

_TIMEOUT_SECONDS = 20.0
NULL_SENDER = ""


class NotSent(MailError):  # noqa: N818 - it is what happened
    """The relay certainly did not take the message."""


class MaybeSent(MailError):  # noqa: N818 - it is what happened
    """The connection broke after the message was sent and before the relay said whether it took it."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail server that takes messages from us. Without TLS only on loopback."""

    host: str
    port: int

    def hand_over(self, message: bytes, recipient: str) -> None:
        """Sends with the null sender, so that nothing ever comes back (RFC 3834, section 3.3). NotSent or MaybeSent."""
        where = f"The mail server {self.host}:{self.port}"
        hint = "Check smtp_relay_host and smtp_relay_port in the settings; the report itself is stored."
        try:
            client = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_SECONDS)
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(f"{where} cannot be reached: {_reason(error)}.", hint) from error
        with contextlib.closing(client):
            with _before_data(where, hint):
                self._secure(client)
                client.mail(NULL_SENDER, [])
                code, _ = client.rcpt(recipient)
                if code not in (250, 251):
                    raise NotSent(f"{where} does not take mail to this reporter ({code}).", hint)
            try:
                code, _ = client.data(message)
            except smtplib.SMTPDataError as error:
                raise NotSent(f"{where} does not take the message ({error.smtp_code}).", hint) from None
            except (OSError, smtplib.SMTPException) as error:
                raise MaybeSent(f"{where} broke off: {_reason(error)}.", "It is not sent again.") from error
            if code != 250:
                raise NotSent(f"{where} does not take the message ({code}).", hint)
            with contextlib.suppress(OSError, smtplib.SMTPException):
                client.quit()

    def _secure(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        if is_loopback(self.host):
            return
        if not client.has_extn("starttls"):
            raise NotSent(
                f"The mail server {self.host}:{self.port} offers no TLS.", "Hand mail to a server on this machine."
            )
        client.starttls(context=ssl.create_default_context())
        client.ehlo()


@contextlib.contextmanager
def _before_data(where: str, hint: str) -> Iterator[None]:
    try:
        yield
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotSent(f"{where} broke off: {_reason(error)}.", hint) from error


def _reason(error: BaseException) -> str:
    """What kind of error it was; never what the server said, which may repeat the reporter's address."""
    return str(getattr(error, "strerror", None) or type(error).__name__).rstrip(".")
