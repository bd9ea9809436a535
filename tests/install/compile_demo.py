"""Writes a compiled program, as a C++ user would get it from a Python user, and prints what Python
finds for the book that margin_from_program.cpp holds: the maintenance requirement.

compile_demo.py RULEBOOK FILE [AS_OF]
"""

from __future__ import annotations

import sys

import riskslide as rs

AS_OF, EXPIRY = "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z"
BITCOIN, FORWARD = 100_000.0, 100_750.0
OPTIONS = (
    ("110000-C", 110_000, "call", 0.60, -10.0),
    ("90000-P", 90_000, "put", 0.62, -10.0),
    ("120000-C", 120_000, "call", 0.61, 10.0),
    ("80000-P", 80_000, "put", 0.66, 10.0),
)


def dollar_book() -> tuple[rs.Instruments, list[float], dict[str, float]]:
    """Options and a perpetual that settle in USDC, what is held of them, and their marks."""
    instruments = rs.Instruments.from_columns(
        name=[*(f"BTC_USDC-31JAN26-{end}" for end, *_ in OPTIONS), "BTC_USDC-PERPETUAL"],
        kind=["option"] * 4 + ["perpetual"],
        underlying="BTC",
        expiry=[EXPIRY] * 4 + [None],
        strike=[strike for _, strike, *_ in OPTIONS] + [0],
        option_type=[kind for _, _, kind, *_ in OPTIONS] + [""],
        currency="USDC",
    )
    return instruments, [q for *_, q in OPTIONS] + [1.5], {"BTC_USDC-PERPETUAL": BITCOIN}


def coin_book() -> tuple[rs.Instruments, list[float], dict[str, float]]:
    """The same in coin, with a dated future; futures and perpetuals count in US dollars."""
    instruments = rs.Instruments.from_columns(
        name=[*(f"BTC-31JAN26-{end}" for end, *_ in OPTIONS), "BTC-31JAN26", "BTC-PERPETUAL"],
        kind=["option"] * 4 + ["future", "perpetual"],
        underlying="BTC",
        expiry=[EXPIRY] * 5 + [None],
        strike=[strike for _, strike, *_ in OPTIONS] + [0, 0],
        option_type=[kind for _, _, kind, *_ in OPTIONS] + ["", ""],
        currency="BTC",
        settlement="inverse",
    )
    marks = {"BTC-31JAN26": 100_800.0, "BTC-PERPETUAL": 100_050.0}
    return instruments, [q for *_, q in OPTIONS] + [-200_000.0, 450_000.0], marks


def main(name: str, path: str, as_of: str = AS_OF) -> None:
    rules = rs.load_rulebook(name)
    in_coin = rules.method == "risk-matrix"
    instruments, held, marks = coin_book() if in_coin else dollar_book()
    market = rs.Market.of(
        as_of,
        spot={"BTC": BITCOIN},
        forward={("BTC", EXPIRY): FORWARD if in_coin else BITCOIN},
        mark=marks,
        vol=dict(zip(instruments.name, (vol for *_, vol, _ in OPTIONS), strict=False)),
    )
    rs.compile(rules, instruments, market).save(path)
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=["desk"] * len(held),
        instrument=instruments.name,
        quantity=held,
        balance_account=["desk", "desk"],
        balance_asset=["BTC", "USDC"],
        balance_amount=[1.5, 30_000.0],
    )
    print(f"{rs.assess(portfolio, market, rules).maintenance[0]:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
