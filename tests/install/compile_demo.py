"""Writes the compiled program of the demo book, as a C++ user would get it from a Python user."""

from __future__ import annotations

import sys

import riskslide as rs

OPTIONS = ((110_000, "call", 0.60), (90_000, "put", 0.62), (120_000, "call", 0.61),
           (80_000, "put", 0.66))  # fmt: skip
EXPIRY = "2026-01-31T00:00:00Z"


def main(path: str) -> None:
    names = [f"BTC_USDC-31JAN26-{strike}-{kind[0].upper()}" for strike, kind, _ in OPTIONS]
    instruments = rs.Instruments.from_columns(
        name=[*names, "BTC_USDC-PERPETUAL"],
        kind=["option"] * 4 + ["perpetual"],
        underlying="BTC",
        expiry=[EXPIRY] * 4 + [None],
        strike=[strike for strike, _, _ in OPTIONS] + [0],
        option_type=[kind for _, kind, _ in OPTIONS] + [""],
        currency="USDC",
    )
    market = rs.Market.of(
        "2026-01-01T00:00:00Z",
        spot={"BTC": 100_000.0},
        forward={("BTC", EXPIRY): 100_000.0},
        mark={"BTC_USDC-PERPETUAL": 100_000.0},
        vol=dict(zip(names, (vol for _, _, vol in OPTIONS), strict=True)),
    )
    rs.compile(rs.load_rulebook("generic-slides"), instruments, market).save(path)


if __name__ == "__main__":
    main(sys.argv[1])
