"""Postfix: a real mail system that takes mail by SMTP and hands it on by LMTP, with a queue of its own. Needs root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mailroom.servers.starting import answers, folder_for, free_port, program, wait_until

RECIPIENT = "report-abuse@market.example"
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A mail system that runs."""

    port: int
    """Where it takes mail by SMTP."""
    configuration: Path
    log: Path

    def queue(self) -> str:
        """What waits to be delivered, as `postqueue` shows it."""
        return self._run("postqueue", "-p")

    def flush(self) -> None:
        """Tries again now what was put off."""
        self._run("postqueue", "-f")

    def _run(self, name: str, *arguments: str) -> str:
        command = [program(name, "postfix"), "-c", str(self.configuration), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


@contextlib.contextmanager
def postfix(transport: str, *, more: str = "") -> Iterator[Postfix]:
    """A mail system that hands mail for market.example to `transport`, as `lmtp:inet:127.0.0.1:2424`.

    `more`: lines of its main.cf.
    """
    path = program("postfix", "postfix")
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("Postfix is started as root")
        pytest.skip("Postfix is started as root only")
    with folder_for("postfix") as folder:
        port = free_port()
        configuration, queue, state = folder / "etc", folder / "spool", folder / "state"
        for made in (configuration, queue, state):
            made.mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(state, owner.pw_uid, owner.pw_gid)
        (configuration / "master.cf").write_text(_MASTER.format(port=port))
        (configuration / "main.cf").write_text(_main(folder, transport) + more)
        for name in ("postfix-files", "dynamicmaps.cf", "makedefs.out"):
            if (Path("/etc/postfix") / name).exists():
                shutil.copy(Path("/etc/postfix") / name, configuration / name)
        command = [path, "-c", str(configuration)]
        subprocess.run([*command, "start"], check=True, capture_output=True, timeout=60)
        try:
            wait_until(lambda: answers(port), "postfix")
            yield Postfix(port, configuration, folder / "postfix.log")
        finally:
            subprocess.run([*command, "abort"], check=False, capture_output=True, timeout=60)


def _main(folder: Path, transport: str) -> str:
    return f"""
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/state
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
myhostname = mx.market.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtpd_recipient_restrictions = permit_mynetworks, reject
relay_domains = market.example
relay_transport = {transport}
default_transport = error:nothing leaves this machine
lmtp_line_length_limit = 0
smtputf8_autodetect_classes = all
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
transport_retry_time = 1s
disable_dns_lookups = yes
smtpd_peername_lookup = no
"""
