"""Decides what SPAN asks of a book, step by step and in plain Python: nothing of the library."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Contract:
    """One long contract: what it loses in the 16 scenarios, and its composite delta."""

    commodity: str
    month: int  # YYYYMM
    tier: int
    kind: str  # future, call, put
    array: list[float]
    delta: float
    value: float = 0.0  # of an option: price times contract value factor


@dataclass
class Within:
    """A spread within a commodity: legs of (tier, side A or B, ratio)."""

    priority: float
    legs: list[tuple[int, str, float]]
    rate: float
    weighted: float = 0.0


@dataclass
class Between:
    """A spread between commodities: legs of (commodity, side A or B, deltas, credit rate)."""

    priority: float
    legs: list[tuple[str, str, float, float]]


@dataclass
class Rules:
    within: dict[str, list[Within]]
    between: list[Between]
    delivery: dict[str, dict[int, tuple[float, float]]]  # month: rate in spreads, rate outright
    short_rate: dict[str, list[float]]  # by tier, or one for all
    short_count: str = "gross"
    start: str = "net"
    capped: bool = True


@dataclass
class Margin:
    """The figures of one commodity, in the order of the steps."""

    scan: float = 0.0
    scenario: int = 0
    price_risk: float = 0.0
    delta: float = 0.0
    per_delta: float = 0.0
    intra: float = 0.0
    left: float = 0.0  # net delta that spreads within leave
    spot: float = 0.0
    credit: float = 0.0
    minimum: float = 0.0
    option_value: float = 0.0
    risk: float = 0.0
    formed: list[float] = field(default_factory=list)  # spreads within, by priority
    bought_only: bool = False


PAIR = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14, 15]


def margin_of(
    book: list[tuple[Contract, float]], rules: Rules
) -> tuple[float, dict[str, Margin], list[float]]:
    """The total, the figures of every commodity, and the number of every spread between them."""
    held: dict[str, list[tuple[Contract, float]]] = {}
    for contract, quantity in book:
        held.setdefault(contract.commodity, []).append((contract, quantity))
    found = {name: one_commodity(positions, name, rules) for name, positions in held.items()}
    counts = credit(found, rules)
    for m in found.values():
        m.risk = max(m.scan + m.intra + m.spot - m.credit, m.minimum)
        if m.bought_only:
            m.risk = min(m.risk, m.option_value)
    total = sum(m.risk for m in found.values()) - sum(m.option_value for m in found.values())
    return max(0.0, total), found, counts


def one_commodity(positions: list[tuple[Contract, float]], name: str, rules: Rules) -> Margin:
    """Steps 1, 2, 3, what 4 needs, the minimum of 5 and the option value of 6."""
    m = Margin()
    losses = [sum(q * c.array[j] for c, q in positions) for j in range(16)]
    worst = max(losses)
    m.scenario = losses.index(worst)
    m.scan = max(0.0, worst)
    vol_adjusted = (losses[m.scenario] + losses[PAIR[m.scenario]]) / 2
    time = (losses[0] + losses[1]) / 2
    m.price_risk = max(0.0, vol_adjusted - time)
    m.delta = sum(q * c.delta for c, q in positions)
    if abs(m.delta) <= 1e-12 * sum(abs(q * c.delta) for c, q in positions):
        m.delta = 0.0
    m.per_delta = m.price_risk / abs(m.delta) if m.delta != 0 else 0.0

    months: dict[tuple[int, int], float] = {}
    for c, q in positions:
        key = (c.tier, c.month)
        months[key] = months.get(key, 0.0) + q * c.delta
    left = dict(months)

    def side(tier: int, sign: int) -> float:
        return sum(sign * d for (t, _), d in left.items() if t == tier and sign * d > 0)

    def consume(tier: int, sign: int, amount: float) -> None:
        whole = side(tier, sign)
        for key, d in left.items():
            if key[0] == tier and sign * d > 0:
                left[key] = d - sign * amount * (sign * d / whole)
                if sign * left[key] < 1e-12:
                    left[key] = 0.0

    for spread in sorted(rules.within.get(name, []), key=lambda s: s.priority):
        number = 0.0
        for sign_of_a in (1, -1):
            sign = {"A": sign_of_a, "B": -sign_of_a}
            taken: dict[tuple[int, int], float] = {}
            for tier, leg_side, ratio in spread.legs:
                place = (tier, sign[leg_side])
                taken[place] = taken.get(place, 0.0) + ratio
            n = min(side(tier, s) / ratio for (tier, s), ratio in taken.items())
            if n > 0:
                for (tier, s), ratio in taken.items():
                    consume(tier, s, n * ratio)
            number += n
        m.formed.append(number)
        deltas = sum(ratio for _, _, ratio in spread.legs)
        m.intra += number * (spread.rate + spread.weighted * m.per_delta * deltas)
    m.left = m.delta - sum(months.values()) + sum(left.values())

    for (tier, month), d in months.items():
        in_spreads, outright = rules.delivery.get(name, {}).get(month, (0.0, 0.0))
        rest = abs(left[(tier, month)])
        m.spot += in_spreads * (abs(d) - rest) + outright * rest

    rates = rules.short_rate.get(name, [0.0])
    sold = {"call": 0.0, "put": 0.0, "future": 0.0}
    for c, q in positions:
        if q < 0 and c.kind != "future":
            rate = rates[min(max(c.tier, 0), len(rates) - 1)]
            sold[c.kind] += rate * -q
        m.option_value += q * c.value
    whole = rules.short_count == "gross"
    m.minimum = sold["call"] + sold["put"] if whole else max(sold["call"], sold["put"])
    m.bought_only = all(c.kind != "future" and q > 0 for c, q in positions if q != 0)
    return m


def credit(found: dict[str, Margin], rules: Rules) -> list[float]:
    """Step 4: credits are put into the margins."""
    left = {name: m.delta if rules.start == "net" else m.left for name, m in found.items()}
    counts = []
    for spread in sorted(rules.between, key=lambda s: s.priority):
        number = 0.0
        for sign_of_a in (1, -1):
            sign = {"A": sign_of_a, "B": -sign_of_a}
            n = min(
                max(sign[side] * left.get(name, 0.0), 0.0) / deltas
                for name, side, deltas, _ in spread.legs
            )
            if n <= 0:
                continue
            for name, side, deltas, rate in spread.legs:
                m = found[name]
                left[name] -= sign[side] * n * deltas
                if abs(left[name]) < 1e-12:
                    left[name] = 0.0
                given = n * deltas * m.per_delta * rate
                m.credit += min(given, m.price_risk - m.credit) if rules.capped else given
            number += n
        counts.append(number)
    return counts
