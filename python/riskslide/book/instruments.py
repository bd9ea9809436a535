"""Decides what an instrument is: contract terms as columns, and the risk factors they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Self

import numpy as np

from ..errors import refuse
from .clock import NO_EXPIRY, instant
from .columns import (
    Bool,
    Float,
    Int32,
    Int64,
    UInt8,
    bool_column,
    finite_column,
    index_of,
    text_column,
)

DEFAULT_LOT = 1e-8


class Kind(IntEnum):
    """What kind of contract.

    Columns are compared with `.value`: NumPy asks an enumeration for attributes, and loses a
    Ctrl-C that comes while it answers.
    """

    OPTION = 0
    FUTURE = 1
    PERPETUAL = 2
    SPOT = 3


class Style(IntEnum):
    """When an option may be exercised."""

    EUROPEAN = 0
    AMERICAN = 1


class PricingModel(IntEnum):
    """How an option is valued: on its forward (Black-76), its spot (BSM), or normally."""

    BLACK76 = 0
    BSM = 1
    BACHELIER = 2


@dataclass(frozen=True, slots=True, eq=False)
class Instruments:
    """N contracts as columns of length N; build them with `from_columns`.

    name: unique; kind; underlying: index into `underlyings`; expiry: UTC nanoseconds
    (`NO_EXPIRY` where there is none); strike, is_call, style, model: options only;
    inverse: settled in coin at the price itself; multiplier: units of the underlying per contract
    unit (for an inverse future: currency of the price per contract unit); lot: contract units of
    one lot; currency: index into `currencies`, the settlement currency.
    """

    name: tuple[str, ...]
    kind: UInt8
    underlying: Int32
    underlyings: tuple[str, ...]
    expiry: Int64
    strike: Float
    is_call: Bool
    style: UInt8
    model: UInt8
    inverse: Bool
    multiplier: Float
    lot: Float
    currency: Int32
    currencies: tuple[str, ...]
    index: dict[str, int] = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def from_columns(
        cls,
        *,
        name: Iterable[str],
        kind: str | Iterable[str],
        underlying: str | Iterable[str],
        expiry: Any = None,
        strike: Any = None,
        option_type: str | Iterable[str] = "",
        style: str | Iterable[str] = "european",
        model: str | Iterable[str] = "black76",
        settlement: str | Iterable[str] = "linear",
        multiplier: Any = 1.0,
        lot: Any = DEFAULT_LOT,
        currency: str | Iterable[str] | None = None,
    ) -> Self:
        """Columns of plain values; one value stands for every row.

        kind: option, future, perpetual, spot; option_type: call, put; style: european, american;
        settlement: linear, inverse; model: black76, bsm, bachelier; expiry: instants (see
        `clock.instant`), None or "" where there is none; currency: what it settles in, by default
        USD, or the underlying itself where settlement is inverse. Raises InputError naming row,
        column, value and fix: a name used twice (`E_DUPLICATE`), an inverse contract that does not
        settle in its coin (`E_CURRENCY`), a strike <= 0 under a lognormal model
        (`E_DOMAIN_STRIKE`), an option without expiry or type, an unknown word (`E_UNKNOWN`).
        """
        names = text_column(name, "name")
        n = len(names)
        kinds = _words(kind, "kind", n, {k.name.lower(): k.value for k in Kind})
        underlyings = text_column(underlying, "underlying", n)
        inverse = _words(settlement, "settlement", n, {"linear": 0, "inverse": 1}).astype(bool)
        currencies = [
            c or (underlyings[i] if inverse[i] else "USD")
            for i, c in enumerate(text_column(currency or "", "currency", n))
        ]
        is_option = kinds == Kind.OPTION.value
        models = _words(model, "model", n, {m.name.lower(): m.value for m in PricingModel})
        rows = cls(
            name=tuple(names),
            kind=kinds,
            underlying=_indices(underlyings),
            underlyings=tuple(sorted(set(underlyings))),
            expiry=_expiries(expiry, n),
            strike=finite_column(0.0 if strike is None else _blank_to(strike, 0.0), "strike", n),
            is_call=_calls(option_type, n, is_option),
            style=_words(style, "style", n, {k.name.lower(): k.value for k in Style} | {"": 0}),
            model=models,
            inverse=inverse,
            multiplier=finite_column(_blank_to(multiplier, 1.0), "multiplier", n),
            lot=finite_column(_blank_to(lot, DEFAULT_LOT), "lot", n),
            currency=_indices(currencies),
            currencies=tuple(sorted(set(currencies))),
        )
        return rows

    def __post_init__(self) -> None:
        for row, name in enumerate(self.name):
            if self.index.setdefault(name, row) != row:
                refuse("E_DUPLICATE", "name", row, name, "an instrument is defined once; drop it")
        is_option = self.kind == Kind.OPTION.value
        lognormal = is_option & (self.model != PricingModel.BACHELIER.value)
        _need(~lognormal | (self.strike > 0), self, "strike", "E_DOMAIN_STRIKE", "must be > 0")
        _need(self.multiplier > 0, self, "multiplier", "E_DOMAIN", "must be > 0")
        _need(self.lot > 0, self, "lot", "E_DOMAIN", "must be > 0")
        dated = is_option | (self.kind == Kind.FUTURE.value)
        _need(~dated | (self.expiry != NO_EXPIRY), self, "expiry", "E_MISSING", "needs an expiry")
        _need(
            ~(self.inverse & (self.kind == Kind.SPOT.value)),
            self,
            "inverse",
            "E_DOMAIN",
            "a spot instrument is never inverse",
        )
        for row in np.flatnonzero(self.inverse).tolist():
            coin, settled = (
                self.underlyings[self.underlying[row]],
                self.currencies[self.currency[row]],
            )
            if coin != settled:
                fix = f"an inverse contract settles in its coin, {coin} ({self.name[row]})"
                refuse("E_CURRENCY", "currency", row, settled, fix)

    def __len__(self) -> int:
        return len(self.name)

    def take(
        self, rows: Sequence[int] | Int64 | Int32, called: Iterable[str] | None = None
    ) -> Instruments:
        """The instruments of these rows, in this order, and only the underlyings they name.

        called: their names instead, where a row is taken twice.
        """
        at = np.asarray(rows, dtype=np.int64)
        columns: dict[str, Any] = {c: getattr(self, c)[at] for c in _COLUMNS}
        for index, names in (("underlying", "underlyings"), ("currency", "currencies")):
            used, codes = np.unique(columns[index], return_inverse=True)
            columns[index] = codes.astype(np.int32)
            columns[names] = tuple(getattr(self, names)[k] for k in used.tolist())
        own = tuple(self.name[i] for i in at.tolist())
        return Instruments(name=own if called is None else tuple(called), **columns)


_COLUMNS = (
    "kind",
    "underlying",
    "expiry",
    "strike",
    "is_call",
    "style",
    "model",
    "inverse",
    "multiplier",
    "lot",
    "currency",
)


def join(first: Instruments, second: Instruments) -> Instruments:
    """The instruments of both, in order; their underlyings and currencies merged."""
    underlyings = tuple(sorted({*first.underlyings, *second.underlyings}))
    currencies = tuple(sorted({*first.currencies, *second.currencies}))
    columns: dict[str, Any] = {
        c: np.concatenate([getattr(first, c), getattr(second, c)]) for c in _COLUMNS
    }
    columns["underlying"] = np.concatenate(
        [_renumber(x.underlying, x.underlyings, underlyings) for x in (first, second)]
    )
    columns["currency"] = np.concatenate(
        [_renumber(x.currency, x.currencies, currencies) for x in (first, second)]
    )
    return Instruments(
        name=first.name + second.name,
        underlyings=underlyings,
        currencies=currencies,
        **columns,
    )


def canonical_order(instruments: Instruments) -> tuple[Int64, Int32]:
    """(rank of every instrument, instrument of every rank) by contract terms.

    Positions of an account lie in this order, so that sums do not depend on the order in which
    instruments are listed, and rows of one underlying and expiry lie together.
    """
    number = {name: k for k, name in enumerate(sorted(instruments.name))}
    names = np.array([number[name] for name in instruments.name], dtype=np.int64)
    x = instruments
    order = np.lexsort((names, x.is_call, x.strike, x.kind, x.expiry, x.underlying))
    rank = np.empty(len(instruments), dtype=np.int64)
    rank[order] = np.arange(len(instruments))
    return rank, order.astype(np.int32)


def _renumber(index: Int32, old: tuple[str, ...], new: tuple[str, ...]) -> Int32:
    if not old:
        return index
    return np.array([new.index(name) for name in old], dtype=np.int32)[index]


def _indices(names: list[str]) -> Int32:
    known = {name: i for i, name in enumerate(sorted(set(names)))}
    return index_of(names, known, "name", "names").astype(np.int32)


def _words(values: str | Iterable[str], column: str, size: int, known: dict[str, int]) -> UInt8:
    texts = [t.strip().lower() for t in text_column(values, column, size)]
    choices = ", ".join(w for w in known if w)
    return index_of(texts, known, column, f"words {choices}").astype(np.uint8)


def _calls(values: str | Iterable[str], size: int, is_option: Bool) -> Bool:
    texts = [t.strip().lower() for t in text_column(values, "option_type", size)]
    out = np.zeros(size, dtype=np.bool_)
    for row, text in enumerate(texts):
        if not is_option[row]:
            continue
        if text not in ("call", "put", "c", "p"):
            refuse("E_UNKNOWN", "option_type", row, text, "must be call or put")
        out[row] = text in ("call", "c")
    return bool_column(out, "option_type", size)


def _expiries(values: Any, size: int) -> Int64:
    if values is None or isinstance(values, str | int | np.integer) or hasattr(values, "tzinfo"):
        values = [values] * size
    out = np.empty(size, dtype=np.int64)
    for row, value in enumerate(values):
        none = value is None or (isinstance(value, str) and not value.strip())
        out[row] = NO_EXPIRY if none else instant(value, "expiry", row)
    return out


def _blank_to(values: Any, filler: float) -> Any:
    if isinstance(values, str | int | float) or not hasattr(values, "__iter__"):
        return values
    return [filler if v is None or v == "" else v for v in values]


def _need(good: Bool, rows: Instruments, column: str, code: str, fix: str) -> None:
    bad = np.flatnonzero(~good)
    if bad.size:
        row = int(bad[0])
        value = getattr(rows, column)[row].item()
        refuse(code, column, row, value, f"{fix} ({rows.name[row]})")
