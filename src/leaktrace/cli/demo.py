"""simulate and demo: a marketplace with a known truth, and the whole way through it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from leaktrace.cli.demostory import DemoCase, respond
from leaktrace.cli.output import JsonOption, answer, note, progress_line, say, screen_of
from leaktrace.errors import SimulationError
from leaktrace.folder import write_aside
from leaktrace.report import finding_page, render_demo
from leaktrace.simulate import simulate as simulate_marketplace

_MARK = ".leaktrace-demo"

ScenarioOption = Annotated[str, typer.Option("--scenario", help="one, two, nobody, twins or handler.")]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed gives the same marketplace.")]


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(simulate)
    app.command()(demo)


def simulate(
    out: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    scenario: ScenarioOption = "one",
    seed: SeedOption = 1,
    customers: Annotated[int, typer.Option("--customers", help="Customers of the marketplace.")] = 100_000,
    principals: Annotated[int, typer.Option("--principals", help="People and services inside.")] = 500,
    accesses: Annotated[int, typer.Option("--accesses", help="Rows of the access log.")] = 1_000_000,
    reports: Annotated[int, typer.Option("--reports", help="Customers who complain of the leaked mailing.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Write a marketplace with a known truth: tables, an abuse mailbox and truth.json.

    Example: leaktrace simulate market --scenario twins --seed 3
    """
    with progress_line() as tell:
        truth = simulate_marketplace(
            out,
            scenario=scenario,  # type: ignore[arg-type]
            seed=seed,
            customers=customers,
            principals=principals,
            accesses=accesses,
            reports=reports,
            progress=tell,
        )
    answer(truth, f"Wrote the scenario '{truth.scenario}' (seed {truth.seed}) to {out}.", as_json=as_json)


def demo(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option("--out", help="Where the demo lives; replaced when it is an earlier demo.")
    ] = Path("demo"),
    scenario: ScenarioOption = "one",
    seed: SeedOption = 1,
    customers: Annotated[int, typer.Option("--customers", help="Customers of the marketplace.")] = 100_000,
    accesses: Annotated[int, typer.Option("--accesses", help="Rows of the access log.")] = 1_000_000,
    reports: Annotated[int, typer.Option("--reports", help="Customers who complain of the leaked mailing.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Simulate a leak, find its source, and do what follows: contain, tell, hand over; then compare with the truth.

    Where nobody is named it ends with the finding. Example: leaktrace demo --scenario nobody
    """
    _clear(out)
    market = out / "market"
    with progress_line() as tell:
        truth = simulate_marketplace(
            market,
            scenario=scenario,  # type: ignore[arg-type]
            seed=seed,
            customers=customers,
            accesses=accesses,
            reports=reports,
            progress=tell,
        )
        with screen_of(context).create(out / "ws") as workspace:
            for table, name in (
                ("principals", "principals.csv"),
                ("sellers", "sellers.csv"),
                ("customers", "customers.parquet"),
                ("contacts", "contacts.parquet"),
                ("accesses", "accesses"),
            ):
                workspace.ingest(table, market / name, progress=tell)
            workspace.receive(market / "abuse.mbox", progress=tell)
            campaigns = workspace.campaigns()
            if not campaigns:
                raise SimulationError("The simulated mailbox gave no campaign.", "Try another --seed.")
            traced = workspace.trace_with_reasons(campaigns[0], why="demo")
            seller = campaigns[0].seller
            case = None
            if traced.finding.named and seller is not None:
                case = respond(workspace, out, traced.finding, seller, tell)
    page = out / "finding.html"
    write_aside(page, finding_page(traced.finding, traced.explanation))
    commands = (
        f"leaktrace -w {out / 'ws'} trace {campaigns[0].campaign} --candidates",
        *([] if case is None else [f"leaktrace -w {out / 'ws'} case timeline {case.case} --as ina --key {_key(out)}"]),
        "leaktrace -w case-1 init && leaktrace -w case-1 ingest accesses YOUR-LOG.csv",
        "leaktrace -w case-1 mail YOUR-ABUSE.mbox && leaktrace -w case-1 campaigns",
    )
    if as_json:
        answer(traced.finding, None, as_json=True)
        return
    followed = None if case is None else story_rows(case)
    say(render_demo(traced.finding, traced.explanation, truth, commands, followed))
    note(f"The page: {page}")


def _key(out: Path) -> Path:
    return out / "keys" / "ina.key"


def story_rows(case: DemoCase) -> list[tuple[str, str]]:
    """What followed from the finding, a line for each step."""
    duties = ", ".join(f"{count} {answer.replace('_', ' ')}" for answer, count in case.duties.items())
    duties += f"; no rule is known for {', '.join(case.without_rule)}" if case.without_rule else ""
    return [
        ("Case", f"{case.case}, about {case.subject}; two people agreed to each step"),
        ("Contained", f"the account: {case.contained}; the seller: {case.seller_blocked} (read back)"),
        ("Exposure", f"{case.customer_count:,} customers, frozen; only e-mail addresses: {case.only_email}"),
        ("Duties", duties),
        ("Notices", f"{case.accepted_count:,} sent, {case.not_mailed_count:,} not to be reached by mail"),
        ("Bundle", f"{case.bundle}, {case.exhibit_count} exhibits"),
        ("Verifier", case.verifier),
    ]


def _clear(out: Path) -> None:
    """Makes the demo's folder; an earlier demo is replaced, anything else is left alone."""
    if out.exists() and any(out.iterdir()):
        if not (out / _MARK).exists():
            raise SimulationError(f"{out} holds something that is not a demo.", "Name another folder with --out.")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARK).touch()
