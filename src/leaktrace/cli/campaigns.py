"""campaigns: the groups that reports belong to; show, split, merge, undo."""

from __future__ import annotations

from typing import Annotated

import typer

from leaktrace.cli.output import JsonOption, answer, note, screen_of
from leaktrace.report import render_campaign, render_campaign_decision, render_campaigns

group = typer.Typer(invoke_without_command=True)
WhyOption = Annotated[str, typer.Option("--why", help="Why: it is written beside the decision, and stays written.")]
CampaignArgument = Annotated[str, typer.Argument(help="Id of a campaign, as 'leaktrace campaigns' lists it.")]


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    group.callback()(campaigns)
    for command in (show, split, merge, undo):
        group.command()(command)
    app.add_typer(group, name="campaigns")


def campaigns(
    context: typer.Context,
    regroup: Annotated[
        bool, typer.Option("--regroup", help="First group all reports anew; ids and decisions stay.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the campaigns that the reports belong to, most reports first.

    Example: leaktrace campaigns
    """
    if context.invoked_subcommand is not None:
        return
    with screen_of(context).open() as workspace:
        if regroup:
            note(f"{workspace.regroup():,} reports were grouped anew.")
        found = workspace.campaigns()
    answer(found, render_campaigns(found), as_json=as_json)


def show(context: typer.Context, campaign: CampaignArgument, as_json: JsonOption = False) -> None:
    """Show one campaign: its seller and the reasons, each report and what joined it, splits and merges.

    Example: leaktrace campaigns show c-1a2b3c4d
    """
    with screen_of(context).open() as workspace:
        found = workspace.campaign_detail(campaign)
    answer(found, render_campaign(found), as_json=as_json)


def split(
    context: typer.Context,
    campaign: CampaignArgument,
    reports: Annotated[list[str], typer.Argument(help="Ids of reports, or their beginnings, as 'show' lists them.")],
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take reports out of a campaign into a new one. The two never join again, unless you undo it.

    Example: leaktrace campaigns split c-1a2b3c4d 9f86d081 60303ae2 --why "another shop's newsletter"
    """
    with screen_of(context).open() as workspace:
        done = workspace.split_campaign(campaign, reports, why=why)
    answer(done, render_campaign_decision(done), as_json=as_json)


def merge(
    context: typer.Context,
    campaign: CampaignArgument,
    other: Annotated[str, typer.Argument(help="The campaign to put into it.")],
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make two campaigns one; the first one's id stays. They never part again, unless you undo it.

    Example: leaktrace campaigns merge c-1a2b3c4d c-5e6f7a8b --why "one bank account in both"
    """
    with screen_of(context).open() as workspace:
        done = workspace.merge_campaigns(campaign, other, why=why)
    answer(done, render_campaign_decision(done), as_json=as_json)


def undo(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Number of the split or merge, as 'show' lists it.")],
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a split or a merge back. Both stay written.

    Example: leaktrace campaigns undo 3 --why "the account belongs to another shop"
    """
    with screen_of(context).open() as workspace:
        done = workspace.undo_campaign_decision(number, why=why)
    answer(done, render_campaign_decision(done), as_json=as_json)
