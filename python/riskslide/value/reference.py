"""Decides what the kernel's values must be: the same inputs through naive code of its own.

Slow on purpose. The normal distribution comes from `math.erfc`, sums from `math.fsum`. Nothing
here calls the compiled kernel; `margin.reference` folds what this values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..book.columns import Float, Int32, Int64
from ..book.instruments import Kind, PricingModel
from ..market.state import Payoff, State
from ..scenario.shocks import Scenarios
from .pricing import Greeks, SecondOrder

Positions = tuple[Int64, Int32, Int64]

BLACK76, BSM, BACHELIER, AMERICAN = range(4)
TREE_STEPS = 400
ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


def normal_cdf(x: float) -> float:
    """P(Z <= x) of a standard normal Z."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def normal_density(x: float) -> float:
    return math.exp(-0.5 * x * x) / ROOT_TWO_PI


class Option(NamedTuple):
    """One European option; `discount` is the factor, `rate` what it comes from."""

    side: float
    underlying: float
    strike: float
    years: float
    vol: float
    rate: float
    discount: float
    dividend_yield: float


Figures = tuple[float, float, float, float, float, float]


def greeks(model: int, discount: bool, inputs: Sequence[Any], is_call: Any) -> Greeks:
    """Value and Greeks of one long unit a row; arguments as `_core.greeks` takes them.

    inputs: underlying, strike, years, vol, rate (or the discount factor where `discount`),
    dividend yield (bsm and american); arrays or numbers, broadcast against each other.
    """
    columns = np.broadcast_arrays(*(np.atleast_1d(c) for c in (*inputs, is_call)))
    figures = (_black76_greeks, _bsm_greeks, _bachelier_greeks, _american_greeks)[model]
    found = []
    for row in zip(*(c.tolist() for c in columns), strict=True):
        underlying, strike, years, vol, rate, dividend_yield, call = row
        factor = rate if discount else math.exp(-rate * years)
        if discount:
            rate = -math.log(factor) / years if years > 0 else 0.0
        side = 1.0 if call else -1.0
        option = Option(side, underlying, strike, years, vol, rate, factor, dividend_yield)
        found.append(figures(option))
    return Greeks(*np.array(found, dtype=np.float64).reshape(-1, 6).T.copy())


def second_order(model: int, inputs: Sequence[Any], is_call: Any) -> SecondOrder:
    """Vanna, volga and charm of one long unit a row; arguments as `greeks`, by rate."""
    columns = np.broadcast_arrays(*(np.atleast_1d(c) for c in (*inputs, is_call)))
    found = []
    for row in zip(*(c.tolist() for c in columns), strict=True):
        underlying, strike, years, vol, rate, dividend_yield, call = row
        option = Option(
            1.0 if call else -1.0,
            underlying,
            strike,
            years,
            vol,
            rate,
            math.exp(-rate * years),
            dividend_yield,
        )
        found.append(_second_order(model, option))
    return SecondOrder(*np.array(found, dtype=np.float64).reshape(-1, 3).T.copy())


def _second_order(model: int, o: Option) -> tuple[float, float, float]:
    if model == AMERICAN:
        return _american_second_order(o)
    deviation = o.vol * math.sqrt(o.years)
    held = o.dividend_yield if model == BSM else o.rate  # what delta is discounted by
    delta = (_black76_greeks, _bsm_greeks, _bachelier_greeks)[model](o)[1]
    if not deviation > 0:
        return 0.0, 0.0, held * delta
    kept = math.exp(-held * o.years)
    if model == BACHELIER:
        d1 = d2 = (o.underlying - o.strike) / deviation
        drift, vega = 0.0, kept * math.sqrt(o.years) * normal_density(d1)
    else:
        drift = o.rate - o.dividend_yield if model == BSM else 0.0
        d1 = (math.log(o.underlying / o.strike) + drift * o.years) / deviation + 0.5 * deviation
        d2 = d1 - deviation
        vega = kept * o.underlying * math.sqrt(o.years) * normal_density(d1)
    density = kept * normal_density(d1)
    turn = drift / deviation - 0.5 * d2 / o.years  # of d1 as the years grow
    return -density * d2 / o.vol, vega * d1 * d2 / o.vol, held * delta - density * turn


def _american_second_order(o: Option) -> tuple[float, float, float]:
    """By differences of the first order over 1 % of vol and life either way."""
    vol, life = 0.01 * o.vol, 0.01 * o.years
    up, down = (_american_greeks(o._replace(vol=o.vol + d)) for d in (vol, -vol))
    later, sooner = (
        _american_greeks(o._replace(years=t, discount=math.exp(-o.rate * t)))
        for t in (o.years + life, o.years - life)
    )
    return (
        (up[1] - down[1]) / (2.0 * vol),
        (up[3] - down[3]) / (2.0 * vol),
        (sooner[1] - later[1]) / (2.0 * life),
    )


def _black76_greeks(o: Option) -> Figures:
    root = math.sqrt(o.years)
    asset, deviation = o.discount * o.underlying, o.vol * root
    value, step, density, _ = _lognormal(o.side, asset, o.discount * o.strike, deviation)
    gamma = o.discount * density / (o.underlying * deviation) if deviation > 0 else 0.0
    decay = -0.5 * asset * density * o.vol / root if deviation > 0 else 0.0
    theta = o.rate * value + decay
    return value, o.discount * step, gamma, asset * root * density, theta, -o.years * value


def _bsm_greeks(o: Option) -> Figures:
    root, kept = math.sqrt(o.years), math.exp(-o.dividend_yield * o.years)
    asset, cash, deviation = kept * o.underlying, o.discount * o.strike, o.vol * root
    value, step, density, exercised = _lognormal(o.side, asset, cash, deviation)
    gamma = kept * density / (o.underlying * deviation) if deviation > 0 else 0.0
    decay = -0.5 * asset * density * o.vol / root if deviation > 0 else 0.0
    theta = decay - o.rate * cash * exercised + o.dividend_yield * asset * step
    return value, kept * step, gamma, asset * root * density, theta, o.years * cash * exercised


def _bachelier_greeks(o: Option) -> Figures:
    root = math.sqrt(o.years)
    deviation = o.vol * root
    undiscounted, step, density = _bachelier(o.side, o.underlying, o.strike, deviation)
    value = o.discount * undiscounted
    gamma = o.discount * density / deviation if deviation > 0 else 0.0
    decay = -0.5 * o.discount * o.vol * density / root if deviation > 0 else 0.0
    vega = o.discount * root * density
    return value, o.discount * step, gamma, vega, o.rate * value + decay, -o.years * value


def _american_greeks(o: Option) -> Figures:
    """By differences over `american_value`, but for those of first order in the spot and time."""
    spot, step = 1e-2 * o.underlying, 1e-3
    value = american_value(o)
    up, down = (american_value(o._replace(underlying=o.underlying + d)) for d in (spot, -spot))
    delta, gamma = (up - down) / (2 * spot), (up - 2 * value + down) / spot**2
    vega = (
        american_value(o._replace(vol=o.vol + step)) - american_value(o._replace(vol=o.vol - step))
    ) / (2 * step)
    rho = (
        american_value(o._replace(rate=o.rate + step))
        - american_value(o._replace(rate=o.rate - step))
    ) / (2 * step)
    later = o._replace(years=o.years * (1 + step))
    sooner = o._replace(years=o.years * (1 - step))
    theta = (american_value(sooner) - american_value(later)) / (2 * step * o.years)
    return value, delta, gamma, vega, theta, rho


def american_value(o: Option) -> float:
    """American option on a spot, by binomial trees whose last step is Black and Scholes' formula,
    extrapolated over two sizes (Broadie and Detemple 1996). Good to about 1e-5 of the strike;
    `discount` is not read."""
    if o.years == 0.0:
        return max(o.side * (o.underlying - o.strike), 0.0)
    return 2.0 * _tree(o, TREE_STEPS) - _tree(o, TREE_STEPS // 2)


def _tree(o: Option, steps: int) -> float:
    dt = o.years / steps
    up, kept = math.exp(o.vol * math.sqrt(dt)), math.exp(-o.rate * dt)
    rise = (math.exp((o.rate - o.dividend_yield) * dt) - 1.0 / up) / (up - 1.0 / up)
    spots = o.underlying * up ** np.arange(1.0 - steps, steps, 2.0)
    last = [_bsm_value(o._replace(underlying=float(s), years=dt)) for s in spots]
    values = np.maximum(np.array(last), o.side * (spots - o.strike))
    for left in range(steps - 1, 0, -1):
        spots = o.underlying * up ** np.arange(1.0 - left, left, 2.0)
        held = kept * (rise * values[1:] + (1.0 - rise) * values[:-1])
        values = np.maximum(held, o.side * (spots - o.strike))
    return float(values[0])


def _bsm_value(o: Option) -> float:
    asset = math.exp(-o.dividend_yield * o.years) * o.underlying
    cash = math.exp(-o.rate * o.years) * o.strike
    return _lognormal(o.side, asset, cash, o.vol * math.sqrt(o.years))[0]


def _lognormal(
    side: float, asset: float, cash: float, deviation: float
) -> tuple[float, float, float, float]:
    """Value, side * N(side d1), density at d1, side * N(side d2) for present values of asset and
    cash; without deviation the step at the forward, half at the money, and no density."""
    if not deviation > 0:
        step = 0.5 * (1.0 + side * math.copysign(1.0, asset - cash)) if asset != cash else 0.5
        return max(side * (asset - cash), 0.0), side * step, 0.0, side * step
    d1 = math.log(asset / cash) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    step, exercised = normal_cdf(side * d1), normal_cdf(side * d2)
    value = max(side * (asset * step - cash * exercised), 0.0)
    return value, side * step, normal_density(d1), side * exercised


def _bachelier(
    side: float, forward: float, strike: float, deviation: float
) -> tuple[float, float, float]:
    """Undiscounted value, side * N(side d), density at d; the limits as `_lognormal`."""
    distance = side * (forward - strike)
    if not deviation > 0:
        step = 0.5 * (1.0 + math.copysign(1.0, distance)) if distance != 0 else 0.5
        return max(distance, 0.0), side * step, 0.0
    d = distance / deviation
    density = normal_density(d)
    value = max(distance * normal_cdf(d) + deviation * density, 0.0)
    return value, side * normal_cdf(d), density


def revalue(state: State, scenarios: Scenarios) -> tuple[Float, Float, int]:
    """values (N, S), base (N), floored cells: see value/revalue.hpp."""
    moved = scenarios.on(state)
    n, count = len(state.instruments), len(moved)
    values, base, floored = np.zeros((n, count)), np.zeros(n), 0
    for i in range(n):
        price, factor, currency = float(state.price[i]), int(state.factor[i]), state.fx_factor[i]
        margined = state.payoff[i] == Payoff.MARGINED
        fx = float(state.fx[i])
        base[i] = 0.0 if margined else _worth(state, i, price, float(state.vol[i]), fx)
        for s in range(count):
            shocked = price * float(moved.price_scale[factor, s])
            shocked += float(moved.price_shift[factor, s])
            lognormal = state.payoff[i] in (Payoff.BLACK76, Payoff.AMERICAN)
            if lognormal and shocked <= 0:
                floored += 1
            vol = float(state.vol[i] * moved.vol_scale[factor, s] + moved.vol_shift[factor, s])
            vol = max(vol, float(moved.vol_floor[factor, s]))
            rate = fx if currency < 0 else fx * float(moved.price_scale[currency, s])
            horizon = float(moved.horizon[s]) if moved.horizon.size else 0.0
            shift = float(moved.rate_shift[factor, s]) if moved.rate_shift.size else 0.0
            values[i, s] = _worth(state, i, shocked, vol, rate, horizon, shift) - base[i]
    return values, base, floored


def _worth(
    state: State,
    i: int,
    price: float,
    vol: float,
    fx: float,
    horizon: float = 0.0,
    rate_shift: float = 0.0,
) -> float:
    """One unit of instrument i at this price of its underlying, vol and rate of exchange, when
    `horizon` years have passed and its rate is `rate_shift` higher."""
    payoff, size, now = state.payoff[i], float(state.multiplier[i]) * fx, float(state.price[i])
    if payoff == Payoff.MARGINED:
        return size * (1.0 / now - 1.0 / price if state.inverse[i] else price - now)
    if payoff == Payoff.SPOT:
        return size * price / (price if state.inverse[i] else 1.0)
    side, strike = (1.0 if state.is_call[i] else -1.0), float(state.strike[i])
    years, rate = float(state.years[i]), float(state.rate[i])
    left = max(years - horizon, 0.0)
    if payoff == Payoff.AMERICAN:
        on_spot, held = bool(state.on_spot[i]), rate + rate_shift
        at = price * float(state.spot[i]) / now if on_spot else price
        dividend = float(state.dividend_yield[i]) if on_spot else held
        if at <= 0:
            return 0.0 if side > 0 else size * strike * max(1.0, math.exp(-held * left))
        return size * american_value(
            Option(side, at, strike, left, vol, held, math.exp(-held * left), dividend)
        )
    share = left / years if years > 0 else 1.0
    discount = math.pow(float(state.discount[i]), share) * math.exp(-rate_shift * left)
    divisor = price if state.inverse[i] else 1.0
    if state.on_spot[i]:
        carry = rate - float(state.dividend_yield[i])
        if state.inverse[i]:  # over the spot, which stands, in money discounted at its own rate
            divisor = price * math.exp(-carry * years)
            discount = math.exp(-(rate + rate_shift) * left)
        price *= math.exp(-carry * (years - left) + rate_shift * left)
    deviation = vol * math.sqrt(left)
    if payoff == Payoff.BACHELIER:
        value = _bachelier(side, price, strike, deviation)[0]
    elif price <= 0:
        value = 0.0 if state.is_call[i] else strike
    else:
        value = _lognormal(side, price, strike, deviation)[0]
    return size * discount * value / divisor


def unit_greeks(state: State, spot: Float) -> tuple[Greeks, SecondOrder]:
    """What `exposure.unit_greeks` gives, one instrument at a time."""
    rows = [_unit_greeks(state, i, float(spot[i])) for i in range(len(state.instruments))]
    columns = np.array(rows, dtype=np.float64).reshape(-1, 9).T.copy()
    return Greeks(*columns[:6]), SecondOrder(*columns[6:])


def _unit_greeks(state: State, i: int, spot: float) -> list[float]:
    """Value, delta, gamma, vega, theta, rho, vanna, volga and charm, the ratio of the price that
    row i is written on to the spot held, and that of its coin to the price."""
    price = float(state.spot[i] if state.on_spot[i] else state.price[i])
    size = float(state.multiplier[i]) * float(state.fx[i])
    coin = 1.0 / price if state.inverse[i] else 1.0
    ratio = price / spot if spot > 0 else 1.0
    if state.payoff[i] == Payoff.SPOT:
        owned = state.instruments.kind[i] == Kind.SPOT.value
        return [size * price, size * ratio if owned else 0.0, *[0.0] * 7]
    if state.payoff[i] == Payoff.MARGINED:
        return [0.0, size * coin * coin * ratio, *[0.0] * 7]
    call = state.is_call[i]
    if state.payoff[i] == Payoff.AMERICAN:
        model, inputs = AMERICAN, _early_inputs(state, i)
    else:
        model = (BLACK76, BSM, BACHELIER)[int(state.instruments.model[i])]
        dividend_yield = float(state.dividend_yield[i])
        rate = dividend_yield if model != BSM and state.inverse[i] else float(state.rate[i])
        inputs = [price, state.strike[i], state.years[i], state.vol[i], rate, dividend_yield]
    found = (*greeks(model, False, inputs, call), *second_order(model, inputs, call))
    powers = (0, 1, 2, 0, 0, 0, 1, 0, 1)
    return [
        float(x[0]) * size * coin * ratio**power for x, power in zip(found, powers, strict=True)
    ]


def _early_inputs(state: State, i: int) -> list[float]:
    """Spot, strike, years, vol, rate and dividend yield of an American option; on a future, whose
    spot it is, the yield is the rate."""
    on_spot, rate = bool(state.on_spot[i]), float(state.rate[i])
    spot = float(state.spot[i] if on_spot else state.price[i])
    dividend_yield = float(state.dividend_yield[i]) if on_spot else rate
    own = (float(x[i]) for x in (state.strike, state.years, state.vol))
    return [spot, *own, rate, dividend_yield]


def cash_delta(state: State) -> Float:
    """What `exposure.cash_delta` gives, one instrument at a time."""
    out = []
    for i in range(len(state.instruments)):
        payoff, price, strike = state.payoff[i], float(state.price[i]), float(state.strike[i])
        size = float(state.multiplier[i]) * float(state.fx[i])
        step, deviation = 1.0, float(state.vol[i]) * math.sqrt(float(state.years[i]))
        side = 1.0 if state.is_call[i] else -1.0
        if payoff == Payoff.SPOT and state.instruments.kind[i] != Kind.SPOT.value:
            step = 0.0  # expired: cash
        elif payoff == Payoff.BACHELIER:
            step = float(state.discount[i]) * _bachelier(side, price, strike, deviation)[1]
        elif payoff == Payoff.BLACK76:
            step = float(state.discount[i]) * _lognormal(side, price, strike, deviation)[1]
        elif payoff == Payoff.AMERICAN:
            inputs = _early_inputs(state, i)
            price = inputs[0]
            step = float(greeks(AMERICAN, False, inputs, state.is_call[i]).delta[0])
        coin = 1.0 / price if payoff == Payoff.MARGINED else 1.0
        if payoff in Payoff.OPTIONS:
            size = float(state.instruments.multiplier[i]) * float(state.fx[i])
        out.append(size * step * (coin if state.inverse[i] else price))
    return np.array(out, dtype=np.float64)


def option_delta(state: State) -> Float:
    """What `exposure.option_delta` gives, one instrument at a time."""
    out = np.zeros(len(state.instruments))
    for i in np.flatnonzero(np.isin(state.payoff, Payoff.OPTIONS)).tolist():
        if state.payoff[i] == Payoff.AMERICAN:
            out[i] = greeks(AMERICAN, False, _early_inputs(state, i), state.is_call[i]).delta[0]
            continue
        years, strike = float(state.years[i]), float(state.strike[i])
        rate, dividend = float(state.rate[i]), float(state.dividend_yield[i])
        side, deviation = 1.0 if state.is_call[i] else -1.0, float(state.vol[i]) * math.sqrt(years)
        on_spot = state.instruments.model[i] == PricingModel.BSM.value
        grown = float(state.spot[i]) * math.exp((rate - dividend) * years)
        price = grown if on_spot else float(state.price[i])
        model = _bachelier if state.payoff[i] == Payoff.BACHELIER else _lognormal
        yields = dividend if on_spot or state.inverse[i] else rate
        out[i] = math.exp(-yields * years) * model(side, price, strike, deviation)[1]
    return out


def aggregate(positions: Positions, values: Float) -> Float:
    """Sum (row, scenario) of lots times values."""
    offsets, index, lots = positions
    out = np.zeros((offsets.size - 1, values.shape[1]))
    for row in range(offsets.size - 1):
        held = range(int(offsets[row]), int(offsets[row + 1]))
        for s in range(values.shape[1]):
            out[row, s] = math.fsum(int(lots[k]) * float(values[index[k], s]) for k in held)
    return out


def worst_loss(positions: Positions, values: Float) -> tuple[Float, Int32]:
    """The largest loss (>= 0) of every row and its lowest scenario, 0 where nothing loses."""
    worst = [worst_of(row) for row in aggregate(positions, values).tolist()]
    loss = np.array([x for x, _ in worst], dtype=np.float64)
    return loss, np.array([s for _, s in worst], dtype=np.int32)


def worst_of(columns: list[float]) -> tuple[float, int]:
    """Loss (>= 0) of the worst column and its lowest index."""
    least = min(columns, default=0.0)
    return (-least, columns.index(least)) if least < 0 else (0.0, 0)
