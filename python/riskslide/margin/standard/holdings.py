"""Decides which unit every row counts in, and what one unit of it is charged by its quotes.

A unit is an expiry of an underlying, whose options are margined together; perpetuals and futures
count in their underlying, cash in a unit of its own.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from ...book.clock import NO_EXPIRY, text_of
from ...book.columns import Bool, Float, Int64
from ...book.instruments import Instruments, Kind
from ...book.portfolio import Role
from ...errors import refuse
from ...market.state import State
from ...rules import Rules
from ...value.cube import revalue
from ...value.exposure import notional
from ..equity import haircut_of, roles_of
from ..program import Subject

CASH = "cash"  # the unit of balances and P&L


class Holdings(NamedTuple):
    """R rows. linear: perpetuals and futures; par: cash rows that count at one reporting unit;
    counted: part of a row that counts as equity where it is positive; value, notional, strike,
    forward: of one contract unit, in the reporting currency (strike and forward of a unit of the
    underlying)."""

    instruments: Instruments
    state: State
    source: Int64
    units: tuple[str, ...]
    unit: Int64
    options: Bool
    linear: Bool
    balances: Bool
    unrealised: Bool
    par: Bool
    counted: Float
    value: Float
    notional: Float
    strike: Float
    forward: Float

    @classmethod
    def of(cls, subject: Subject) -> Self:
        """Refuses (`E_MISSING_PRICE`) contracts whose underlying has no spot: they are charged
        by it."""
        rules, state, source = subject.rules, subject.state, subject.rows.source
        x, role = subject.rows.instruments, roles_of(subject.rows)
        position = role == Role.POSITION.value
        options = position & (x.kind == Kind.OPTION.value)
        linear = position & ((x.kind == Kind.PERPETUAL.value) | (x.kind == Kind.FUTURE.value))
        unspotted = np.flatnonzero((options | linear) & ~(state.index[source] > 0))
        if unspotted.size:
            name = x.underlyings[x.underlying[unspotted[0]]]
            refuse("E_MISSING_PRICE", "spot", None, name, "add its spot, > 0, to the market")
        units, unit = _units(x, options, linear)
        kept = np.array([1.0 - haircut_of(rules, a) for a in x.underlyings])
        still = np.array([a in rules.par for a in x.underlyings], dtype=np.bool_)
        balances = role == Role.BALANCE.value
        money = np.where(x.inverse, 1.0, state.fx[source])  # of one unit of strike or forward
        expired = state.years[source] <= 0
        forward = np.where(expired, state.mark[source], state.price[source])
        return cls(
            instruments=x,
            state=state,
            source=source,
            units=units,
            unit=unit,
            options=options,
            linear=linear,
            balances=balances,
            unrealised=role == Role.PNL.value,
            par=still[x.underlying],
            counted=np.where(balances, kept[x.underlying], 1.0),
            value=revalue(subject.rows.valued, state, subject.scenarios).base[source],
            notional=notional(state)[source],
            strike=state.strike[source] * money,
            forward=np.maximum(forward, 0.0) * money,
        )

    def trust(self, *columns: Float) -> Float:
        """The least of these confidences, for every row."""
        least = columns[0]
        for column in columns[1:]:
            least = np.minimum(least, column)
        return least[self.source]


def _units(x: Instruments, options: Bool, linear: Bool) -> tuple[tuple[str, ...], Int64]:
    """Names, and the number of every row's own."""
    expiries, expiry = np.unique(np.where(options, x.expiry, NO_EXPIRY), return_inverse=True)
    dated = x.underlying.astype(np.int64) * expiries.size + expiry
    codes, unit = np.unique(np.where(options | linear, dated, -1), return_inverse=True)

    def name(code: int) -> str:
        if code < 0:
            return CASH
        underlying, at = divmod(code, expiries.size)
        instant = int(expiries[at])
        title = x.underlyings[underlying]
        return title if instant == NO_EXPIRY else f"{title} {text_of(instant)}"

    return tuple(name(code) for code in codes.tolist()), unit


def sold(rules: Rules, held: Holdings) -> dict[str, Float]:
    """What an option sold needs beyond its own value, each by itself: of one contract unit.

    With S the notional, v the value, out the part of the spot that it is out of the money, and
    rate = max(most_spot - out, least_spot), for maintenance and for initial margin:

        call  call_maintenance S;                    rate S
        put   m = max(put_maintenance S, put_value v);  max(rate S + v, put_initial (m + v)) - v
    """
    number = rules.number
    x, size, value = held.instruments, held.notional, held.value
    spot = held.state.index[held.source]
    side = np.where(x.is_call, 1.0, -1.0)
    out = np.maximum(side * (held.strike - spot), 0.0) / np.where(held.options, spot, 1.0)
    rate = np.maximum(number("option.most_spot") - out, number("option.least_spot"))
    put = np.maximum(number("option.put_maintenance") * size, number("option.put_value") * value)
    put_initial = np.maximum(rate * size + value, number("option.put_initial") * (put + value))
    return {
        "maintenance": np.where(x.is_call, number("option.call_maintenance") * size, put),
        "initial": np.where(x.is_call, rate * size, put_initial - value),
    }


def payoffs(held: Holdings) -> list[Float]:
    """What one contract unit of every option pays at the k-th price of its own expiry.

    The prices of an expiry are 0 and the strikes of all its options, ascending; one that has fewer
    than another repeats its last.
    """
    x, ladders = held.instruments, _ladders(held)
    most = max(map(len, ladders.values()), default=0)
    prices = np.zeros((len(held.units), most + 1))
    for unit, strikes in ladders.items():
        prices[unit, 1:] = strikes + strikes[-1:] * (most - len(strikes))
    units = np.where(held.options, x.multiplier, 0.0)
    found = []
    for price in prices[held.unit].T:
        paid = np.where(x.is_call, price - held.strike, held.strike - price)
        found.append(np.maximum(paid, 0.0) * units)
    return found


def ranks(held: Holdings) -> Int64:
    """Place of the strike of every option among those of its expiry; of the highest all that are
    left, so that prices that repeat it count as it does."""
    ladders = _ladders(held)
    most = max(map(len, ladders.values()), default=0)
    place = {(u, k): n for u, ladder in ladders.items() for n, k in enumerate(ladder)}
    place |= {(u, ladder[-1]): most - 1 for u, ladder in ladders.items()}
    out = np.zeros(held.unit.size, dtype=np.int64)
    at = np.flatnonzero(held.options)
    keys = zip(held.unit[at].tolist(), held.strike[at].tolist(), strict=True)
    out[at] = [place[key] for key in keys]
    return out


def _ladders(held: Holdings) -> dict[int, list[float]]:
    """The strikes of every expiry that has options, ascending."""
    at = np.flatnonzero(held.options)
    pairs = set(zip(held.unit[at].tolist(), held.strike[at].tolist(), strict=True))
    found: dict[int, list[float]] = {}
    for unit, strike in sorted(pairs):
        found.setdefault(unit, []).append(strike)
    return found
