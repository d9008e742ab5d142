"""Ways in as people write them: what is understood, and that no error repeats a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaktrace.errors import LeaktraceError, MailError, UsageError
from leaktrace.mailroom.ways import ImapAsked, ListenAsked, imap_asked, is_loopback, listen_asked, read_password


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("imaps://abuse@mail.example", ImapAsked("abuse", "mail.example", 993, True)),
        ("imaps://abuse%40market.example@mail.example/", ImapAsked("abuse@market.example", "mail.example", 993, True)),
        ("imaps://abuse@market.example@mail.example", ImapAsked("abuse@market.example", "mail.example", 993, True)),
        ("imap://abuse@[::1]:1143/Abuse/New%20ones", ImapAsked("abuse", "::1", 1143, False, "Abuse/New ones")),
    ],
)
def test_an_imap_url_is_taken_apart(url: str, asked: ImapAsked) -> None:
    assert imap_asked(url) == asked


def test_what_becomes_of_the_mail_is_kept() -> None:
    asked = imap_asked("imaps://a@b/INBOX", move_to="stored", follow=True, ca_file=Path("ca.pem"))
    assert (asked.move_to, asked.follow, asked.ca_file) == ("stored", True, Path("ca.pem"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("imaps://abuse:s3cret@mail.example/INBOX", "password in the URL"),
        ("imaps://mail.example/INBOX", "no user"),
        ("imaps://abuse@/INBOX", "no user or no host"),
        ("pop3://abuse@mail.example", "imap:// or imaps://"),
        ("imaps://abuse@mail.example:99999/s3cret", "cannot be taken apart"),
        ("imaps://abuse@[::1/s3cret", "cannot be taken apart"),
        ("imaps://abuse@mail.example/INBOX?s3cret", "more than a folder"),
        ("imaps://abuse@mail.example/IN%0D%0ABOX", "control characters"),
        ("imaps://ab%0Ause@mail.example/INBOX", "control characters"),
    ],
)
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as raised:
        imap_asked(url)
    assert raised.value.hint
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("target", ["INBOX", "", " "])
def test_mail_is_not_moved_to_where_it_comes_from(target: str) -> None:
    with pytest.raises(UsageError, match="folder it comes from"):
        imap_asked("imaps://a@b/INBOX", move_to=target)


def test_a_password_is_never_shown() -> None:
    assert "s3cret" not in repr(ImapAsked("a", "b", 1, True, password="s3cret"))  # noqa: S106


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("lmtp://127.0.0.1:2424", ListenAsked("lmtp", "127.0.0.1", 2424)),
        ("lmtp://:2424", ListenAsked("lmtp", "127.0.0.1", 2424)),
        ("smtp://[::1]:2525/", ListenAsked("smtp", "::1", 2525)),
        ("smtp://localhost", ListenAsked("smtp", "localhost", 25)),
        ("lmtp+unix:/run/x.sock", ListenAsked("lmtp", socket=Path("/run/x.sock"))),
        ("lmtp+unix:///run/x.sock", ListenAsked("lmtp", socket=Path("/run/x.sock"))),
    ],
)
def test_a_listener_is_taken_apart_and_is_local(url: str, asked: ListenAsked) -> None:
    assert listen_asked(url) == asked
    assert asked.is_local


@pytest.mark.parametrize(
    "url", ["http://x", "lmtp://u@h:1", "lmtp://h:1/x", "lmtp+unix:x", "lmtp+unix:/" + "x" * 101, "smtp://h:x", ""]
)
def test_a_listener_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        listen_asked(url)
    assert raised.value.hint


def test_who_is_this_machine() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.example", "", "127.0.0.1.example")))  # noqa: S104
    assert not ListenAsked("smtp", "0.0.0.0").is_local  # noqa: S104


def test_the_password_is_the_files_first_line_or_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse \nsecond line\n")
    file.chmod(0o600)
    assert read_password(file, {"LEAKTRACE_IMAP_PASSWORD": "other"}) == "correct horse "
    assert read_password(None, {"LEAKTRACE_IMAP_PASSWORD": "other"}) == "other"


def test_a_password_that_others_can_read_or_that_is_missing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    file.chmod(0o640)
    found: list[LeaktraceError] = []
    with pytest.raises(UsageError, match="read by others") as raised:
        read_password(file, {})
    found.append(raised.value)
    file.chmod(0o600)
    file.write_text("\ns3cret\n")
    with pytest.raises(UsageError, match="is empty") as raised:
        read_password(file, {})
    found.append(raised.value)
    with pytest.raises(UsageError, match="No password") as raised:
        read_password(None, {"LEAKTRACE_IMAP_PASSWORD": ""})
    found.append(raised.value)
    with pytest.raises(MailError, match="cannot be read"):
        read_password(tmp_path / "absent", {})
    assert all(error.hint and "s3cret" not in str(error) for error in found)
