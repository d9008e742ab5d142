"""A Postfix of its own (the Debian package) in a folder: a real relay between us and a sink. Needs root, as it does."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_MAIN = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.basar.example
mynetworks = 127.0.0.0/8
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
relayhost = [127.0.0.1]:{sink_port}
smtp_tls_security_level = none
smtpd_tls_security_level = {tls}
smtpd_tls_cert_file = {folder}/etc/relay.pem
smtpd_tls_key_file = {folder}/etc/relay.pem
default_transport = smtp
relay_transport = smtp
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_delay_reject = yes
smtpd_client_connection_rate_limit = 0
smtpd_soft_error_limit = 10000
smtpd_hard_error_limit = 10000
smtputf8_enable = no
recipient_delimiter =
"""
_MASTER = """{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
flush unix n - n 1000? 0 flush
showq unix n - n - - showq
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


def needed(program: str, package: str) -> str:
    """The program, or a skip that names the package; in CI a failure."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None or (package == "postfix" and os.geteuid() != 0):
        why = f"the Debian package {package} is missing" if found is None else "Postfix starts only as root"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{why}; make system-deps installs it")
        pytest.skip(why)
    return found


class Postfix:
    """One instance; `kill` ends every process of it at once, as a crash does."""

    def __init__(self, folder: Path, sink_port: int, *, holding: bool = False, certificate: Path | None = None) -> None:
        self._postfix = needed("postfix", "postfix")
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        etc = folder / "etc"
        etc.mkdir(parents=True)
        (folder / "queue").mkdir()
        (folder / "data").mkdir()
        shutil.chown(folder / "data", pwd.getpwnam("postfix").pw_uid)
        # Where it was killed over a file of its queue, a tool that runs as that user has something to write there.
        (folder / "log").touch()
        shutil.chown(folder / "log", pwd.getpwnam("postfix").pw_uid)
        text = _MAIN.format(folder=folder, sink_port=sink_port, tls="none" if certificate is None else "may")
        if certificate is not None:
            shutil.copy(certificate, etc / "relay.pem")
        (etc / "main.cf").write_text(text + ("defer_transports = smtp\n" if holding else ""), "utf-8")
        (etc / "master.cf").write_text(_MASTER.format(port=f"127.0.0.1:{self.port}"), "utf-8")

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self._run("start")
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as probe:
                if probe.recv(4).startswith(b"220"):
                    return
            time.sleep(0.05)
        pytest.fail(f"Postfix does not answer: {(self.folder / 'log').read_text('utf-8')[-2000:]}")

    def release(self) -> None:
        """Delivers what was held."""
        main = self.folder / "etc" / "main.cf"
        main.write_text(main.read_text("utf-8").replace("defer_transports = smtp\n", ""), "utf-8")
        self._run("reload")
        self._run("flush")

    def kill(self) -> None:
        """SIGKILL to its master and every child of it at once; when this returns, none of them holds the port."""
        master = int((self.folder / "queue" / "pid" / "master.pid").read_text("ascii"))
        os.killpg(master, signal.SIGKILL)
        until = time.monotonic() + 20
        while _is_alive(master) and time.monotonic() < until:
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends it."""
        subprocess.run([self._postfix, "-c", str(self.folder / "etc"), "stop"], check=False, capture_output=True)

    def _run(self, word: str) -> None:
        done = subprocess.run(
            [self._postfix, "-c", str(self.folder / "etc"), word], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def _is_alive(group: int) -> bool:
    """Whether a process of the group still runs; one that only waits to be reaped holds nothing."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, its_group = status.read_text("ascii", "replace").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


@contextlib.contextmanager
def running(sink_port: int, *, holding: bool = False, certificate: Path | None = None) -> Iterator[Postfix]:
    """A Postfix that is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="leaktrace-postfix-", ignore_cleanup_errors=True) as name:
        # Its daemons run as another user and must be able to walk down to the folder.
        Path(name).chmod(0o755)
        postfix = Postfix(Path(name), sink_port, holding=holding, certificate=certificate)
        postfix.start()
        try:
            yield postfix
        finally:
            postfix.stop()
