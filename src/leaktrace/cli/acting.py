"""Who acts: the person that a command is given as, signed in by key file or by password."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leaktrace.cases import Actor, KeyFileSignIn, PasswordSignIn
from leaktrace.cases.signing import Passwords, needs_passphrase, person_key_path
from leaktrace.cli.output import screen_of
from leaktrace.cli.passphrase import passphrase_from
from leaktrace.errors import UsageError

if TYPE_CHECKING:  # what signing in needs, and no more
    from leaktrace.casedesk.desk import CaseDesk, CaseRoom
    from leaktrace.workspace import Workspace

PERSON, PERSON_KEY = "LEAKTRACE_PERSON", "LEAKTRACE_PERSON_KEY"
PASSWORD, NEW_PASSWORD = "LEAKTRACE_PASSWORD", "LEAKTRACE_NEW_PASSWORD"
"""One's own, and of somebody who is given one: the caller's own must not become a colleague's unasked."""

PersonOption = Annotated[
    str | None, typer.Option("--as", envvar=PERSON, help="Who you are: the user name you are enrolled with.")
]
KeyOption = Annotated[
    Path | None,
    typer.Option("--key", envvar=PERSON_KEY, help="Your key file; by default in your configuration folder."),
]
PasswordOption = Annotated[
    bool, typer.Option("--password", help="Sign in by password: reads and writes, but signs nothing.")
]


@contextmanager
def desk_of(
    context: typer.Context, person: str | None, key: Path | None, *, by_password: bool = False
) -> Iterator[CaseDesk]:
    """The workspace's cases, as this person works with them."""
    with screen_of(context).open() as workspace:
        yield workspace.cases(signed_in(workspace, person, key, by_password=by_password))


def signed_in(workspace: Workspace, person: str | None, key: Path | None, *, by_password: bool = False) -> Actor:
    """The person, who has shown that they are who they say; UsageError where nobody is named."""
    if not person:
        raise UsageError("It is not said who you are.", f"Say it: --as NAME, or set {PERSON}.")
    room = workspace.case_room()
    if by_password:
        return _by_password(room, person)
    path = key or person_key_path(room.opened.workspace_id, person, os.environ)
    people = room.store.people()
    known = people.person(person)
    passphrase = None
    if needs_passphrase(path, person, known.public_key if known else None):
        passphrase = passphrase_from(None, new=False, what=f"the key of {person}", has_option=False)
    return KeyFileSignIn(person, path, passphrase).sign_in(people)


def _by_password(room: CaseRoom, person: str) -> Actor:
    def keep(name: str, hashed: str) -> None:
        with room.store.writing() as transaction:
            transaction.keep_password(name, hashed)

    signing_in = PasswordSignIn(person, password_of(person), room.store.password_of, keep, Passwords())
    return signing_in.sign_in(room.store.people())


def password_of(person: str, *, new: bool = False) -> str:
    """From the environment, or asked, a new one twice; UsageError where nobody can be asked."""
    variable = NEW_PASSWORD if new else PASSWORD
    if given := os.environ.get(variable):
        return given
    if not sys.stdin.isatty():
        raise UsageError(f"There is nobody to ask for the password of {person}.", f"Set {variable}.")
    answer: str = typer.prompt(f"Password of {person}", hide_input=True, confirmation_prompt=new, err=True)
    return answer
