"""Every variant a batch needs, filled before the first mail: a missing placeholder stops the batch here."""

from __future__ import annotations

from collections.abc import Iterable

from leaktrace.response.notices.facts import NoticeFacts
from leaktrace.response.notices.mailform import Letterhead, MailForm
from leaktrace.response.notices.rendering import Rendered, rendered
from leaktrace.response.notices.sending import Variant
from leaktrace.response.notices.templates import TemplateShelf


def filled(shelf: TemplateShelf, facts: NoticeFacts, variants: Iterable[Variant]) -> dict[Variant, Rendered]:
    """Variant -> its text; ResponseError for the first that lacks something."""
    return {
        (law, language, fields): rendered(shelf.get(law, language), facts, fields) for law, language, fields in variants
    }


def forms_of(texts: dict[Variant, Rendered], head: Letterhead) -> dict[Variant, MailForm]:
    """Variant -> its mail, ready to be addressed."""
    return {variant: MailForm(text, head) for variant, text in texts.items()}
