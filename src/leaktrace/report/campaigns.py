"""One campaign in the terminal: who seems to have sent it, each report and what joined it, what was decided."""

from __future__ import annotations

from collections import Counter

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.records import Campaign, CampaignDecision, CampaignDetail, CampaignMember
from leaktrace.report import words

_SHOWN_COUNT = 40
_ID_LETTERS = 12


def render_campaign(detail: CampaignDetail) -> RenderableType:
    """All of it; of very many reports the earliest."""
    campaign = detail.campaign
    parts: list[RenderableType] = [Text(_headline(campaign, detail))]
    if campaign.seller_reason:
        parts.append(Text(f"Sent by: {words.plain(campaign.seller_reason)}"))
    if campaign.seller_terms:
        parts.append(_terms(campaign))
    if campaign.impersonated_seller is not None:
        parts.append(Text(words.plain(campaign.impersonation_reason)))
    parts.append(_members(detail) if detail.members else Text("It came as an evidence table: no mail is behind it."))
    hidden = len(detail.members) - _SHOWN_COUNT
    if hidden > 0:
        parts.append(Text(f"{words.number(hidden)} more reports: --json lists all."))
    parts += [render_campaign_decision(one) for one in detail.decisions]
    return Group(*parts)


def _headline(campaign: Campaign, detail: CampaignDetail) -> str:
    templates = len({member.template for member in detail.members})
    template = f"{words.count(templates, 'template')}, " if templates else ""
    customers = "known customers" if detail.members else "customers"
    text = (
        f"{words.plain(campaign.campaign)}: {words.number(campaign.report_count)} reports by "
        f"{words.number(campaign.reporter_count)} persons, {words.number(campaign.customer_count)} {customers}, "
        f"{template}first mail {words.day(campaign.first_mail_at)}."
    )
    if detail.former_names:
        text += f" It took in {', '.join(map(words.plain, detail.former_names))}."
    return text


def _terms(campaign: Campaign) -> Table:
    table = _table("Evidence of the sender", "Seen", "Reporters", "Bits", "At most")
    for term in campaign.seller_terms:
        table.add_row(
            term.kind,
            Text(words.plain(term.shown)),
            words.percent(term.reporter_share),
            f"{term.bits:.2f}",
            f"{term.ceiling_bits:.2f}",
        )
    return table


def _members(detail: CampaignDetail) -> Table:
    table = _table("Report", "Reporter", "Mail", "Grade", "Template", "Why it is here")
    numbers = {template: number for number, template in enumerate(_by_size(detail), start=1)}
    for member in detail.members[:_SHOWN_COUNT]:
        digest, _, index = member.report.partition("/")
        table.add_row(
            f"{digest[:_ID_LETTERS]}" + ("" if index == "0" else f" /{index}"),
            member.reporter or "nobody",
            words.day(member.mail_at),
            member.grade,
            str(numbers[member.template]),
            Text(words.plain(_why(member))),
        )
    return table


def _by_size(detail: CampaignDetail) -> list[int]:
    counts = Counter(member.template for member in detail.members)
    return sorted(counts, key=lambda template: (-counts[template], template))


def _why(member: CampaignMember) -> str:
    if member.compared_count:
        why = f"{', '.join(member.kinds)} with {member.agreed_count} of {member.compared_count}"
    else:
        why = "the first of its template"
    if member.is_placed_by_hand:
        why += "; placed by an investigator"
    for other in member.also_like:
        why += f"; also like {other.campaign} ({', '.join(other.kinds) or 'in part'})"
    return why


def render_campaign_decision(decision: CampaignDecision) -> RenderableType:
    """One split, merge or undo, in one sentence."""
    name, other = words.plain(decision.campaign), words.plain(decision.other or "")
    did = {
        "split": f"{words.number(decision.report_count)} reports were taken out of {name} into {other}",
        "merge": f"{other} was put into {name}",
        "undo": f"number {decision.undoes} was taken back",
    }[decision.what]
    undone = "" if decision.holds else " (taken back since)"
    who, why = words.plain(decision.who), words.plain(decision.why)
    return Text(f"{decision.number}. {words.day(decision.at)}, {who}: {did}{undone}. Why: {why}")


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table
