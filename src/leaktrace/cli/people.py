"""people add, list, change, key, rotate-key, replace-key, password: who works with cases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from leaktrace.casedesk.views import PersonView, person_view
from leaktrace.caserecords import ROLES, Person, Role
from leaktrace.cases import enrol_first
from leaktrace.cases.signing import Passwords, make_person_key, person_key_path
from leaktrace.cases.signing.keys import begin_rotation, finish_rotation
from leaktrace.cli.acting import KeyOption, PersonOption, desk_of, password_of
from leaktrace.cli.output import JsonOption, answer, screen_of
from leaktrace.cli.passphrase import NewPassphraseFileOption, passphrase_from
from leaktrace.errors import LeaktraceError, UsageError
from leaktrace.folder import open_folder
from leaktrace.report.terminal import add_row

people = typer.Typer(no_args_is_help=True, help="Who works with cases: names, roles, keys. An admin enrols.")

RolesOption = Annotated[
    list[str] | None, typer.Option("--role", help=f"May be given several times: {', '.join(ROLES)}.")
]
PlainOption = Annotated[bool, typer.Option("--plain", help="The key file gets no passphrase.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why: it stays in the log.")]


@dataclass(frozen=True, slots=True)
class KeyMade:
    """A person's new key."""

    person: str
    public_key: str
    key_file: str


@dataclass(frozen=True, slots=True)
class PasswordKept:
    """Whose password was set."""

    person: str


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    for command in (add, change, key, password):
        people.command()(command)
    people.command("list")(list_people)
    people.command("rotate-key")(rotate_key)
    people.command("replace-key")(replace_key)
    app.add_typer(people, name="people")


def roles_of(names: list[str] | None) -> tuple[Role, ...]:
    """The roles with these names; UsageError for one that there is not."""
    found: list[Role] = []
    for name in names or ():
        role = next((one for one in ROLES if one == name.replace("-", "_")), None)
        if role is None:
            raise UsageError(f"There is no role '{name}'.", f"Roles are: {', '.join(ROLES)}.")
        found.append(role)
    return tuple(found)


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The new user name.")],
    role: RolesOption = None,
    principal: Annotated[
        str | None, typer.Option("--principal", help="Their account in the access log: kept from their own case.")
    ] = None,
    public_key: Annotated[
        str | None, typer.Option("--public-key", help="Made by themselves: people key. Else a key file is made here.")
    ] = None,
    plain: PlainOption = False,
    passphrase_file: NewPassphraseFileOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enrol somebody. The first one is an admin and needs nobody; everybody else is enrolled by an admin.

    Example: leaktrace people add ina --role investigator --principal u01272 --as root
    """
    with screen_of(context).open() as workspace:
        room = workspace.case_room()
        is_first = not room.has_people()
    if is_first and principal is not None:
        raise UsageError("The first person is an admin and works on no case.", "Leave --principal out.")
    roles = roles_of(role)
    if is_first:
        with (
            screen_of(context).open() as workspace,
            _key_to_enrol(context, name, public_key, passphrase_file, plain=plain) as enrolled,
        ):
            found = enrol_first(workspace.case_room().premises, name, enrolled, roles)
    else:
        with (
            desk_of(context, person, key) as desk,
            _key_to_enrol(context, name, public_key, passphrase_file, plain=plain) as enrolled,
        ):
            found = desk.enrol(name, enrolled, roles, principal)
    _answer(found, as_json=as_json)


def list_people(
    context: typer.Context, person: PersonOption = None, key: KeyOption = None, as_json: JsonOption = False
) -> None:
    """List everybody, deactivated ones too.

    Example: leaktrace people list --as root
    """
    with desk_of(context, person, key) as desk:
        found = tuple(person_view(one) for one in desk.people.people())
    answer(found, _table(found), as_json=as_json)


def change(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who is changed.")],
    role: RolesOption = None,
    deactivate: Annotated[bool, typer.Option("--deactivate", help="From now on they may do nothing.")] = False,
    activate: Annotated[bool, typer.Option("--activate", help="They may again.")] = False,
    why: WhyOption = "",
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change somebody's roles, or whether they are active; never your own.

    Example: leaktrace people change ina --role investigator --role approver --why "team lead now" --as root
    """
    if deactivate and activate:
        raise UsageError("Active or not: say one of both.", "--activate or --deactivate.")
    active = False if deactivate else True if activate else None
    with desk_of(context, person, key) as desk:
        found = desk.people.change(name, why, roles=roles_of(role) if role else None, active=active)
    _answer(found, as_json=as_json)


def key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Your user name.")],
    plain: PlainOption = False,
    passphrase_file: NewPassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key of your own on your own machine; give the public key to an admin, who enrols you with it.

    Example: leaktrace people key ina
    """
    made = _made(context, name, passphrase_file, plain=plain)
    answer(made, f"Public key of {made.person}: {made.public_key}\nKey file {made.key_file}.", as_json=as_json)


def rotate_key(
    context: typer.Context,
    plain: PlainOption = False,
    passphrase_file: NewPassphraseFileOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace your own key by a new one; what waits under the old key's signature has to be asked for anew.

    Example: leaktrace people rotate-key --as ina
    """
    with desk_of(context, person, key) as desk:
        opened = open_folder(screen_of(context).workspace, os.environ)
        path = key or person_key_path(opened.workspace_id, str(person), os.environ)
        passphrase = None if plain else passphrase_from(passphrase_file, new=True, what=f"the new key of {person}")
        new = begin_rotation(path, str(person), passphrase)
        found = desk.people.rotate_own_key(new.public_key)
        finish_rotation(path)
    _answer(found, as_json=as_json)


def replace_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who lost their key.")],
    public_key: Annotated[str, typer.Option("--public-key", help="Their new one: people key.")],
    why: WhyOption = "",
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enrol a new key for somebody whose key is lost or was seen by others.

    Example: leaktrace people replace-key ina --public-key 3f…c1 --why "laptop stolen" --as root
    """
    with desk_of(context, person, key) as desk:
        found = desk.people.replace_key(name, public_key, why)
    _answer(found, as_json=as_json)


def password(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Whose; without it your own.")] = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a password (Argon2id). It is asked for, or taken from LEAKTRACE_NEW_PASSWORD; it signs nothing.

    Example: leaktrace people password --as ina
    """
    with desk_of(context, person, key) as desk:
        hashed = Passwords().hash(password_of(name or str(person), new=True))
        if name is None or name == person:
            desk.people.set_own_password(hashed)
        else:
            desk.people.set_password(name, hashed)
    answer(PasswordKept(name or str(person)), f"The password of {name or person} is set.", as_json=as_json)


@contextmanager
def _key_to_enrol(
    context: typer.Context, name: str, public_key: str | None, passphrase_file: Path | None, *, plain: bool
) -> Iterator[str]:
    """The public key: the one given, or of a key file made here, which goes again where the enrolment is refused.

    A file that stayed would be in the way of the next try: its owner is not enrolled, so cannot rotate it.
    """
    if public_key:
        yield public_key
        return
    made = _made(context, name, passphrase_file, plain=plain)
    try:
        yield made.public_key
    except LeaktraceError:
        Path(made.key_file).unlink(missing_ok=True)
        raise


def _made(context: typer.Context, name: str, passphrase_file: Path | None, *, plain: bool) -> KeyMade:
    opened = open_folder(screen_of(context).workspace, os.environ)
    path = person_key_path(opened.workspace_id, name, os.environ)
    passphrase = None if plain else passphrase_from(passphrase_file, new=True, what=f"the new key of {name}")
    made = make_person_key(path, name, passphrase)
    return KeyMade(name, made.public_key, str(path))


def _answer(person: Person, *, as_json: bool) -> None:
    view = person_view(person)
    answer(view, _table((view,)), as_json=as_json)


def _table(found: tuple[PersonView, ...]) -> Table:
    table = Table("name", "roles", "active", "account in the log", "key")
    for one in found:
        active = "yes" if one.active else "no"
        add_row(table, one.person, ", ".join(one.roles), active, one.principal or "none", one.key_id)
    return table
