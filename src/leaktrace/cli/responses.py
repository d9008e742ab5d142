"""How commands that act on cases reach them: as the person who signed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from leaktrace.casedesk.responding import ResponseDesk
from leaktrace.caserecords import ActionName
from leaktrace.cli.acting import signed_in
from leaktrace.cli.output import screen_of
from leaktrace.noticedesk.casenotices import notice_desk
from leaktrace.noticedesk.desk import NoticeDesk


@dataclass(frozen=True, slots=True)
class Signing:
    """Who says to be there, and with which key file."""

    person: str | None
    key: Path | None


class CaseDoors:
    """The cases of the workspace that -w names."""

    @contextmanager
    def desk(self, context: typer.Context, signing: Signing) -> Iterator[ResponseDesk]:
        """The person's desk."""
        with screen_of(context).open() as workspace:
            yield ResponseDesk(workspace.case_room(), signed_in(workspace, signing.person, signing.key))

    def ask(
        self, context: typer.Context, signing: Signing, case: str, action: ActionName, target: str, parameters: object,
        why: str,
    ) -> str:  # fmt: skip
        """Asks a second person; the request's id."""
        with self.desk(context, signing) as desk:
            return desk.ask(case, action, target, parameters, why)


@contextmanager
def open_notices(context: typer.Context, person: str | None, key: Path | None) -> Iterator[NoticeDesk]:
    """Notices of the workspace that -w names, as this person works with them."""
    with screen_of(context).open() as workspace:
        yield notice_desk(workspace.case_room(), signed_in(workspace, person, key))
