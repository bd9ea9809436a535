"""Decides how one book reads under several rule books: figures side by side, savings, failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..account.verdict import NANO, Assessment, Status
from ..book.columns import Float, Int64, UInt8
from ..book.portfolio import Portfolio
from ..engine import assess
from ..errors import InputError, refuse, suggestion
from ..market.market import Market
from ..market.quotes import Terms
from ..venue.load import load_rulebook
from ..venue.rulebook import Rulebook
from .alone import By, alone

Source = str | Path | Rulebook

SAME = 1e-6  # of the reporting unit: amounts that are closer are equal


class Line(NamedTuple):
    """One account under one rule book; where that could not run, `failure` and no figure."""

    account: str
    rulebook: str
    initial: float | None = None
    maintenance: float | None = None
    equity: float | None = None
    excess: float | None = None
    status: Status | None = None
    worst_unit: str = ""
    worst_scenario: str = ""
    leg_by_leg: float | None = None
    by_underlying: float | None = None
    saving: float | None = None
    failure: InputError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One line for every (account, rule book that ran), by account, then as the books were given.

    initial, maintenance, equity (L): sums over the pools of an account, in `reporting`; excess =
    equity - initial; status: the worst of the pools, each of which stands for itself.
    worst_unit, worst_scenario (L): labels of the largest loss of a unit, "" where none loses more
    than a millionth.
    leg_by_leg, by_underlying (L): maintenance summed over the legs, or over the underlyings, of the
    account, each margined alone under the same rule book (`alone.alone`). Open orders count in
    initial alone.
    rulebooks, sha256: by label, all that were given; warnings: by label, those that ran; failures:
    by label, those that did not. `rows` holds every pair.
    """

    accounts: tuple[str, ...]
    account: tuple[str, ...]
    rulebook: tuple[str, ...]
    initial: Float
    maintenance: Float
    equity: Float
    excess: Float
    status: UInt8
    worst_unit: tuple[str, ...]
    worst_scenario: tuple[str, ...]
    leg_by_leg: Float
    by_underlying: Float
    rulebooks: Mapping[str, Rulebook]
    warnings: Mapping[str, tuple[str, ...]]
    failures: Mapping[str, InputError]
    as_of: int
    reporting: str

    def __len__(self) -> int:
        return len(self.account)

    @property
    def saving(self) -> Float:
        """1 - maintenance / leg_by_leg (L); 0 where they are equal, below 0 where legs need less.

        Less than a billionth leg by leg counts as a billionth, so that the share stays finite.
        """
        return saving_of(self.maintenance, self.leg_by_leg)

    @property
    def sha256(self) -> dict[str, str]:
        """Hash of every rule book that was given, by label."""
        return {label: book.sha256 for label, book in self.rulebooks.items()}

    def lines_of(self, label: str) -> slice:
        """The lines of one rule book, in the order of `accounts`.

        Raises its failure if it did not run; InputError `E_UNKNOWN` if none has this label.
        """
        if label in self.failures:
            raise self.failures[label]
        ran = list(self.warnings)
        if label not in ran:
            refuse("E_UNKNOWN", "rulebook", None, label, suggestion(label, ran))
        return slice(ran.index(label), None, len(ran))

    def rows(self) -> Iterator[Line]:
        """Every (account, rule book), also those that could not run."""
        saving, ran = self.saving, list(self.warnings)
        for a, account in enumerate(self.accounts):
            for label in self.rulebooks:
                if label in self.failures:
                    yield Line(account, label, failure=self.failures[label])
                    continue
                k = a * len(ran) + ran.index(label)
                yield Line(
                    account=account,
                    rulebook=label,
                    initial=float(self.initial[k]),
                    maintenance=float(self.maintenance[k]),
                    equity=float(self.equity[k]),
                    excess=float(self.excess[k]),
                    status=Status(int(self.status[k])),
                    worst_unit=self.worst_unit[k],
                    worst_scenario=self.worst_scenario[k],
                    leg_by_leg=float(self.leg_by_leg[k]),
                    by_underlying=float(self.by_underlying[k]),
                    saving=float(saving[k]),
                )


def saving_of(maintenance: Float, leg_by_leg: Float) -> Float:
    """See `Comparison.saving`."""
    least = np.maximum(leg_by_leg, 1.0 / NANO)
    same = np.abs(maintenance - leg_by_leg) <= 1e-12 * least  # sums in another order
    return np.where(same, 0.0, 1.0 - maintenance / least)


def compare(
    portfolio: Portfolio,
    market: Market,
    rulebooks: Sequence[Source] | Mapping[str, Source],
    *,
    threads: int | None = None,
) -> Comparison:
    """Margin every account under every rule book.

    rulebooks: names of presets, paths or rule books, labelled by their own names, or by the keys of
    a mapping. A rule book that refuses the book or the market is a failure, and the rest stand.
    Raises InputError: the first failure where all of them fail; `E_DUPLICATE` for a label given
    twice, `E_EMPTY` for none, `E_CURRENCY` where amounts would have different units, and what
    `load_rulebook` refuses.
    """
    books = _labelled(rulebooks)
    found: dict[str, _Side] = {}
    failures: dict[str, InputError] = {}
    runs: dict[str, Terms] = {}
    for label, book in books.items():
        try:
            book.refuse_unpublished()
            runs[label] = book.terms
        except InputError as error:
            failures[label] = error
    _need_one_unit(runs, market)
    for label in runs:
        try:
            found[label] = _side(portfolio, market, books[label], threads)
        except InputError as error:
            failures[label] = error
    if not found:
        raise next(failures[label] for label in books if label in failures)
    sides, accounts = list(found.values()), portfolio.accounts

    def column(name: str) -> Float:
        return np.stack([getattr(s, name) for s in sides], axis=1).reshape(-1)

    def labels(name: str) -> tuple[str, ...]:
        by_account = zip(*(getattr(s, name) for s in sides), strict=True)
        return tuple(text for texts in by_account for text in texts)

    return Comparison(
        accounts=accounts,
        account=tuple(a for a in accounts for _ in sides),
        rulebook=tuple(found) * len(accounts),
        initial=column("initial"),
        maintenance=column("maintenance"),
        equity=column("equity"),
        excess=column("equity") - column("initial"),
        status=np.stack([s.status for s in sides], axis=1).reshape(-1),
        worst_unit=labels("worst_unit"),
        worst_scenario=labels("worst_scenario"),
        leg_by_leg=column("leg_by_leg"),
        by_underlying=column("by_underlying"),
        rulebooks=books,
        warnings={label: side.warnings for label, side in found.items()},
        failures=failures,
        as_of=market.as_of,
        reporting=next(iter(books.values())).terms.reporting,
    )


class _Side(NamedTuple):
    """One rule book, a row for each account."""

    initial: Float
    maintenance: Float
    equity: Float
    status: UInt8
    worst_unit: list[str]
    worst_scenario: list[str]
    leg_by_leg: Float
    by_underlying: Float
    warnings: tuple[str, ...]


def _side(portfolio: Portfolio, market: Market, book: Rulebook, threads: int | None) -> _Side:
    whole = assess(portfolio, market, book, threads=threads)
    number = {name: k for k, name in enumerate(portfolio.accounts)}
    line = np.array([number[name] for name in whole.account], dtype=np.int64)
    initial, maintenance, equity = (
        np.bincount(line, getattr(whole, name), len(number)).astype(np.float64)
        for name in ("initial", "maintenance", "equity")
    )
    status = np.zeros(len(number), dtype=np.uint8)
    np.maximum.at(status, line, whole.status)
    units, scenarios = _worst(whole, line, len(number))
    legs, underlyings = (
        _summed_alone(portfolio, market, book, by, threads) for by in ("leg", "underlying")
    )
    return _Side(
        initial, maintenance, equity, status, units, scenarios, legs, underlyings, whole.warnings
    )


def _worst(whole: Assessment, line: Int64, accounts: int) -> tuple[list[str], list[str]]:
    """Unit and scenario of the largest unit loss of every account, ties to the first."""
    owner = np.repeat(line, whole.unit_offsets[1:] - whole.unit_offsets[:-1])
    order = np.lexsort((np.arange(owner.size), -whole.unit_loss, owner))
    found, first = np.unique(owner[order], return_index=True)
    units, scenarios = [""] * accounts, [""] * accounts
    for account, k in zip(found.tolist(), order[first].tolist(), strict=True):
        if whole.unit_loss[k] > SAME:
            units[account] = whole.units[whole.unit[k]]
            scenarios[account] = whole.scenarios[whole.unit_scenario[k]]
    return units, scenarios


def _summed_alone(
    portfolio: Portfolio, market: Market, book: Rulebook, by: By, threads: int | None
) -> Float:
    """Maintenance of the parts of every account, each alone, added up in one order."""
    owners, amounts = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for part in alone(portfolio, by):
        found = assess(part.portfolio, market, book, threads=threads)
        owners.append(part.owner[np.array(found.account).astype(np.int64)])
        amounts.append(found.maintenance)
    summed = np.bincount(np.concatenate(owners), np.concatenate(amounts), len(portfolio.accounts))
    return summed.astype(np.float64)


def _labelled(given: Sequence[Source] | Mapping[str, Source]) -> dict[str, Rulebook]:
    """Rule books by label."""
    if isinstance(given, str | Path | Rulebook):
        fix = "must be several: a sequence, or a mapping of label to rule book"
        refuse("E_DTYPE", "rulebooks", None, getattr(given, "name", str(given)), fix)
    if not given:
        refuse("E_EMPTY", "rulebooks", None, None, "give one rule book or more")
    if isinstance(given, Mapping):
        return {label: _loaded(source) for label, source in given.items()}
    books: dict[str, Rulebook] = {}
    for row, source in enumerate(given):
        book = _loaded(source)
        if book.name in books:
            fix = "is given twice; give a mapping with a label for each"
            refuse("E_DUPLICATE", "rulebooks", row, book.name, fix)
        books[book.name] = book
    return books


def _loaded(source: Source) -> Rulebook:
    return source if isinstance(source, Rulebook) else load_rulebook(source)


def _need_one_unit(books: Mapping[str, Terms], market: Market) -> None:
    """Refuse rule books whose amounts are in different units, by name.

    Two currencies are one unit where both rule books count the other's at par, and no quote says
    otherwise.
    """
    items = list(books.items())
    for label, two in items[1:]:
        first, one = items[0]
        pair = {one.reporting, two.reporting}
        at_par = two.reporting in one.par and one.reporting in two.par
        quoted = {market.spot[c].value for c in pair if c in market.spot}
        if len(pair) > 1 and not (at_par and quoted <= {1.0}):
            fix = (
                f"reports in {two.reporting}, {first} in {one.reporting}, which are not at par "
                "in both; compare them apart"
            )
            refuse("E_CURRENCY", "rulebooks", None, label, fix)
