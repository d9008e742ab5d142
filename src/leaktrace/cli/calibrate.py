"""calibrate: how good the finder is on this very log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaktrace.calibration.plan import CAMPAIGNS, NOISE, SIZES
from leaktrace.cli.output import JsonOption, WhyOption, answer, note, progress_line, screen_of
from leaktrace.cli.targets import check_files
from leaktrace.errors import UsageError
from leaktrace.folder import write_aside
from leaktrace.report import calibration_page, render_calibration


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(calibrate)


def calibrate(
    context: typer.Context,
    field: Annotated[str, typer.Option("--field", help="Which field is given away.")] = "email",
    campaigns: Annotated[
        int, typer.Option("--campaigns", help="Campaigns to plant for each size and each of seven kinds.")
    ] = CAMPAIGNS,
    noise: Annotated[
        float, typer.Option("--noise", help="Chance that a report of a planted leak comes from another list.")
    ] = NOISE,
    seed: Annotated[int, typer.Option("--seed", help="The same seed and log give the same figures.")] = 1,
    sizes: Annotated[
        str, typer.Option("--sizes", help="Reports in a campaign: whole numbers with commas between.")
    ] = ",".join(map(str, SIZES)),
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with pictures to this file.")] = None,
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Measure on your own log how often `trace` names rightly and wrongly.

    Plants leaks of known source, and campaigns without insider, into the log (in memory: nothing is written but an
    entry in the look-up log and the page you ask for) and runs the finder on each. Prints counts only: no customer,
    and no principal. A campaign takes about a tenth of a second, on a large log more.

    Example: leaktrace calibrate --campaigns 50 --html calibration.html --why "before the first case"
    """
    wanted = _sizes_of(sizes)
    check_files(html)
    with screen_of(context).open() as workspace, progress_line() as tell:
        calibration = workspace.calibrate(
            field=field, campaigns=campaigns, noise=noise, seed=seed, sizes=wanted, why=why, progress=tell
        )
    if html is not None:
        write_aside(html, calibration_page(calibration))
        note(f"The page is in {html}.")
    answer(calibration, None if as_json else render_calibration(calibration), as_json=as_json)


def _sizes_of(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(f"--sizes is a list of whole numbers, not '{text}'.", "Example: --sizes 3,10,50.") from None
