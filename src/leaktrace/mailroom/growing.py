"""Header lines of a block while they are read: what each says, and what may still follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from leaktrace.mailroom.blocklines import Labelled, Value
from leaktrace.mailroom.labels import Role


@dataclass(slots=True)
class Growing:
    """Header lines while they are read."""

    values: dict[Role, Value] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)
    last: Role | None = None
    spaced: bool = False
    on_label_lines: bool = False
    """A value stood on its label's own line: then so do all, and what has none there is empty."""
    doubtful: bool = False
    """Nobody knows which of two lines says who sent it."""
    end: int = 0

    def has(self, *roles: Role) -> bool:
        """Whether all these were read."""
        return all(role in self.values for role in roles)

    def take(self, role: Role, found: Labelled) -> None:
        """The next labelled line."""
        self.values[role], self.last = found[1], role
        self.on_label_lines |= bool(found[1].text)
        self.languages.update(found[0][role])

    def is_from_first_and_whole(self) -> bool:
        """Whether all that a client writes was read, and nothing that the sender wrote stands above who it is from.

        A second `From:` below is the mail's own text then: a client that wrapped a name goes on with the recipients.
        """
        return next(iter(self.values)) == "from" and self.has("date", "subject", "to")

    def is_closed_for(self, role: Role) -> bool:
        """Whether a label is the mail's own text: all that a client writes was read, and the subject came last.

        A client that writes whoever else got the mail below its subject writes the recipients there too.
        """
        order = [one for one in self.values if one in ("from", "date", "subject", "to")]
        return role in ("cc", "bcc", "reply_to") and len(order) == 4 and order[-1] == "subject"

    def doubt(self, roles: Iterable[Role]) -> None:
        """A second sender, or second recipients, right below: one of the two is a wrapped line of the sender's own
        words, and nobody knows which.
        """
        order = list(self.values)
        for role in roles:
            if role in ("from", "to", "cc") and role in self.values:
                self._blank(role)
                if role == "from" or order[order.index(role) - 1] == "from":  # then the name may have been wrapped
                    self._blank("from")
                    self.doubtful = True

    def _blank(self, role: Role) -> None:
        if role in self.values:
            self.values[role] = Value("", self.values[role].start, self.values[role].end)
