"""Decides the commands and their options; what they print is decided in report and records."""

from __future__ import annotations

from typing import Any

import click

from ..._version import __version__
from ...account.verdict import Assessment, Status
from ...book.clock import text_of
from ...engine import assess
from ...market.market import Market
from ...market.quotes import Terms
from ...scenario.shocks import Scenarios
from ...value.exposure import greeks, stress
from ...venue.load import load_rulebook
from . import records, report
from .bench import bench_report, measured, takes_bench
from .compare import compare_command
from .demo import RULEBOOK, run_demo
from .options import (
    BY,
    JSON,
    THREADS,
    Inputs,
    known_account,
    numbers,
    takes_book,
    takes_positions,
)
from .output import check_target, emit, progress
from .rules import rules
from .showcase import demo_report
from .span import span_command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="riskslide")
def cli() -> None:
    """Portfolio margin by risk slides.

    Exit codes: 0 fine, 1 margin breach with --check, 2 bad input.
    """


cli.add_command(compare_command)

BATCH = 50_000  # accounts evaluated between two looks at progress and Ctrl-C


@cli.command()
@takes_book
@click.option("--account", metavar="NAME", help="Whose slides to show; the largest by default.")
@click.option("--check", is_flag=True, help="Exit 1 unless every line may take new risk.")
@click.option("--batch", type=click.IntRange(min=1), default=BATCH, hidden=True)
def margin(account: str | None, check: bool, batch: int, **options: Any) -> int:
    """Margin every account: requirements, equity, status, slides."""
    inputs = Inputs(**options)
    check_target(inputs.output)
    rulebook = inputs.rulebook()
    with progress() as bar:
        portfolio, market = inputs.load(bar)
        known_account(account, portfolio)
        task = bar.add_task("accounts", total=len(portfolio.accounts))
        with inputs.places():
            assessment = assess(
                portfolio,
                market,
                rulebook,
                threads=inputs.threads,
                batch=batch,
                done=lambda count: bar.update(task, completed=count),
            )
    emit(
        lambda: records.margin_record(
            assessment, rulebook, slides_shown(assessment, account), dropped=market.dropped
        ),
        lambda console: report.margin_report(
            assessment,
            rulebook,
            console,
            account=account,
            show=inputs.show,
            dropped=market.dropped,
        ),
        as_json=inputs.as_json,
        output=inputs.output,
    )
    return int(check and bool((assessment.status >= Status.NO_NEW_RISK.value).any()))


def slides_shown(assessment: Assessment, account: str | None) -> tuple[Any, ...]:
    """Evidence of the account asked for, or of the one that needs most."""
    if not len(assessment):
        return ()
    return assessment.explain(account or report.largest_account(assessment))


@cli.command("stress")
@takes_positions
@click.option("--price", default="-0.2,-0.1,0,0.1,0.2", metavar="LIST", show_default=True)
@click.option("--vol", default="0.8,1,1.2", metavar="LIST", show_default=True)
@click.option(
    "--horizon-days", type=float, default=0.0, metavar="DAYS", help="days that pass until then"
)
@click.option(
    "--rate", type=float, default=0.0, metavar="SHIFT", help="shift of all rates, 0.01 is 1 %"
)
@BY
def stress_command(
    price: str, vol: str, horizon_days: float, rate: float, by: Any, **options: Any
) -> int:
    """P&L of positions where prices move and vols are scaled, now or days ahead."""
    inputs = Inputs(**options)
    check_target(inputs.output)
    moves = numbers(price, "--price", above=-1.0)
    vols = numbers(vol, "--vol", above=-1e-300)
    scenarios = Scenarios.grid(moves, vols, horizon_days=horizon_days, rate_shift=rate)
    rulebook = inputs.rulebook()
    with progress() as bar:
        portfolio, market = inputs.load(bar)
    terms = rulebook.terms.at_scenario_rates()
    pnl = stress(portfolio, market, scenarios, by=by, terms=terms, threads=inputs.threads)
    width = len(vols)
    rows = tuple(tuple(range(k * width, (k + 1) * width)) for k in range(len(moves)))
    axes = records.Axes(tuple(moves), tuple(f"x{v:g}" for v in vols), rows)
    emit(
        lambda: records.stress_record(
            portfolio, scenarios, pnl, by=by, rulebook=rulebook, as_of=market.as_of
        ),
        lambda console: report.stress_report(
            portfolio,
            pnl,
            axes,
            console,
            by=by,
            show=inputs.show,
            unit=unit_of(terms, market) + shape_of(horizon_days, rate),
        ),
        as_json=inputs.as_json,
        output=inputs.output,
    )
    return 0


def shape_of(horizon_days: float, rate: float) -> str:
    """What passes and shifts in all scenarios of a table; nothing where neither does."""
    later = f", {horizon_days:g} days later" if horizon_days else ""
    return later + (f", rates {100.0 * rate:+g} points" if rate else "")


def unit_of(terms: Terms, market: Market) -> str:
    """Currency and instant of a table."""
    return f"{terms.reporting}, {text_of(market.as_of)}"


@cli.command("greeks")
@takes_positions
@BY
def greeks_command(by: Any, **options: Any) -> int:
    """Greeks of positions."""
    inputs = Inputs(**options)
    check_target(inputs.output)
    rulebook = inputs.rulebook()
    with progress() as bar:
        portfolio, market = inputs.load(bar)
    terms = rulebook.terms.at_scenario_rates()
    found = greeks(portfolio, market, by=by, terms=terms, threads=inputs.threads)
    emit(
        lambda: records.greeks_record(
            portfolio, found, by=by, rulebook=rulebook, as_of=market.as_of
        ),
        lambda console: report.greeks_report(
            portfolio, found, console, by=by, show=inputs.show, unit=unit_of(terms, market)
        ),
        as_json=inputs.as_json,
        output=inputs.output,
    )
    return 0


@cli.command()
@JSON
@THREADS
def demo(as_json: bool, threads: int | None) -> int:
    """Margin a small book that needs no files."""
    found = run_demo(threads=threads)
    emit(
        lambda: records.demo_record(found, load_rulebook(RULEBOOK)),
        lambda console: demo_report(found, console),
        as_json=as_json,
    )
    return 0


@cli.command()
@takes_bench
def bench(output: str | None, as_json: bool, **options: Any) -> int:
    """Time this library beside others that give the same answer."""
    record = measured(output=output, **options)
    emit(
        lambda: record,
        lambda console: bench_report(record, console),
        as_json=as_json,
        output=output,
    )
    return 0


cli.add_command(rules)
cli.add_command(span_command)
