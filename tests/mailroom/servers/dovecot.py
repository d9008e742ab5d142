"""Dovecot: a real IMAP server with one mailbox, TLS and plain on loopback, as whoever runs the test."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imapclient import IMAPClient  # type: ignore[import-untyped]

from tests.mailroom.servers.starting import answers, folder_for, free_port, program, wait_until, write_certificate

USER, PASSWORD = "abuse@market.example", "correct horse"
WITHOUT_MOVE = "IMAP4rev1 LITERAL+ ID ENABLE UIDPLUS IDLE NAMESPACE"
WITHOUT_MOVE_AND_UIDPLUS = "IMAP4rev1 LITERAL+ ID ENABLE NAMESPACE"


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A server that runs."""

    port: int
    """Plain, with STARTTLS."""
    tls_port: int
    ca_file: Path
    mail: Path
    """Its Maildirs."""
    log: Path

    def url(self, folder: str = "INBOX") -> str:
        """The mailbox as `--imap` takes it, TLS from the first byte."""
        return f"imaps://{USER.replace('@', '%40')}@localhost:{self.tls_port}/{folder}"

    @contextlib.contextmanager
    def client(self) -> Iterator[IMAPClient]:
        """Somebody who is logged in."""
        with IMAPClient("127.0.0.1", self.port, ssl=False) as client:
            client.login(USER, PASSWORD)
            yield client

    def append(self, *raws: bytes, folder: str = "INBOX") -> None:
        """Puts messages into a folder."""
        with self.client() as client:
            for raw in raws:
                client.append(folder, raw)

    def folder(self, name: str = "INBOX") -> list[tuple[bytes, tuple[bytes, ...]]]:
        """Each message of a folder and its flags, oldest first; empty where there is none."""
        with self.client() as client:
            if not client.folder_exists(name):
                return []
            client.select_folder(name, readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]", "FLAGS"])
            return [(found[uid][b"BODY[]"], found[uid][b"FLAGS"]) for uid in sorted(found)]


@contextlib.contextmanager
def dovecot(*, capability: str = "") -> Iterator[Dovecot]:
    """A server, stopped at the end. `capability`: all it says it can, to hide what it can."""
    path = program("dovecot", "dovecot-imapd")
    with folder_for("dovecot") as folder:
        port, tls_port = free_port(), free_port()
        pem, private = write_certificate(folder)
        (folder / "mail").mkdir()
        # Dovecot gives nobody mail as root: then the mail is the user's that Debian makes for its login processes.
        mail_user = "dovenull" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            entry = pwd.getpwnam(mail_user)
            os.chown(folder / "mail", entry.pw_uid, entry.pw_gid)
        configuration = folder / "dovecot.conf"
        configuration.write_text(_configuration(folder, port, tls_port, pem, private, mail_user, capability))
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        log = folder / "dovecot.log"
        process = subprocess.Popen([path, "-F", "-c", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            wait_until(lambda: process.poll() is not None or (answers(port) and answers(tls_port)), "dovecot")
            assert process.poll() is None, process.communicate()[1].decode()
            yield Dovecot(port, tls_port, pem, folder / "mail", log)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _configuration(
    folder: Path, port: int, tls_port: int, pem: Path, private: Path, mail_user: str, capability: str
) -> str:
    me = pwd.getpwuid(os.geteuid()).pw_name
    mail = pwd.getpwnam(mail_user)
    internal, login = ("dovecot", "dovenull") if os.geteuid() == 0 else (me, me)
    group = grp.getgrgid(mail.pw_gid).gr_name
    return f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{pem}
ssl_key = <{private}
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
first_valid_uid = 1
default_internal_user = {internal}
default_internal_group = {grp.getgrgid(pwd.getpwnam(internal).pw_gid).gr_name}
default_login_user = {login}
{"imap_capability = " + capability if capability else ""}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
