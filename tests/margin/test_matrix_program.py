"""Guards that Deribit's method compiles to one program: the kernel and its twin, evidence."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from margin import deribit_by_hand as hand
from margin.deribit_by_hand import CONTRACTS, book, market, rules_of
from margin.matrix_books import (
    PRESETS,
    STEEP,
    VARIANTS,
    alone,
    random_held,
    random_orders,
    size_of,
)

import riskslide as rs
from riskslide import _core
from riskslide.margin.program import Program
from riskslide.reference import assess_lines

# --- the kernel and its twin, the same bits -------------------------------------------------------


def random_book(seeds: range) -> rs.Portfolio:
    """One account a seed, with positions, orders and balances."""
    held = {f"a{seed:03}": random_held(seed) for seed in seeds}
    orders = [(f"a{seed:03}", n, q) for seed in seeds for n, q in random_orders(seed)]
    assets = list(SPOT_ASSETS)
    balances = {
        f"a{seed:03}": {assets[seed % 6]: 7.0 - seed % 11, assets[(seed + 2) % 6]: 1e3}
        for seed in seeds
    }
    return book(held, orders=orders, balances=balances)


SPOT_ASSETS = ("BTC", "ETH", "USDC", "USD", "STETH", "DOGE")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("preset", PRESETS)
def test_kernel_computes_what_the_reference_computes(preset: str, variant: str) -> None:
    rules, seeds = rules_of(preset, VARIANTS[variant]), range(100, 118)
    portfolio = random_book(seeds)
    found = rs.assess(portfolio, market(), rules)
    size = {
        f"a{s:03}": size_of(random_held(s)) + sum(size_of({n: q}) for n, q in random_orders(s))
        for s in seeds
    }
    bound = np.array([1e-12 * size[account] + 1e-9 for account in found.account])
    largest = 0.0
    for name, values in assess_lines(portfolio, market(), rules).items():
        difference = np.abs(getattr(found, name) - values)
        assert (difference <= bound).all(), name
        largest = max(largest, float(difference.max()))
    assert largest > 0.0


@pytest.mark.parametrize("preset", PRESETS)
def test_threads_and_batches_change_no_bit(preset: str) -> None:
    portfolio, rules = random_book(range(60)), rules_of(preset)
    whole = rs.assess(portfolio, market(), rules, threads=1)
    for threads, batch in ((3, None), (None, None), (2, 1), (1, 7), (4, 59)):
        other = rs.assess(portfolio, market(), rules, threads=threads, batch=batch)
        same_bits(whole, other)
        assert whole.explain("a031") == other.explain("a031")


def same_bits(one: rs.Assessment, other: rs.Assessment) -> None:
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.tobytes() == b.tobytes(), field.name
        elif field.name == "components":
            assert {n: x.tobytes() for n, x in a.items()} == {n: x.tobytes() for n, x in b.items()}
        elif field.name != "source":
            assert a == b, field.name


@pytest.mark.parametrize("slope", [0.0, 0.3])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_program_comes_back_from_its_bytes_and_gives_the_same_bits(
    preset: str, slope: float
) -> None:
    found = rs.assess(
        random_book(range(20)), market(), rules_of(preset, {"delta_shock.slope": slope})
    )
    source = found.source
    loaded = Program.from_bytes(source.program.to_bytes())
    assert loaded.to_bytes() == source.program.to_bytes()
    assert loaded.sha256 == found.program_sha256
    assert loaded.measures_delta
    one, other = (
        _core.evaluate(p.core, source.cube.cells, source.positions.csr, source.cash, 1)
        for p in (source.program, loaded)
    )
    assert {k: v.tobytes() for k, v in one.items()} == {k: v.tobytes() for k, v in other.items()}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_compiled_rule_book_holds_no_market(preset: str) -> None:
    rules = rules_of(preset)
    one = rs.compile(rules, hand.instruments(), market())
    moved = [c._replace(price=1.1 * c.price, vol=1.3 * c.vol) for c in CONTRACTS.values()]
    assert rs.compile(rules, hand.instruments(), market(moved)).sha256 == one.sha256


# --- evidence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("slope", [0.0, 0.3])
@pytest.mark.parametrize("preset", PRESETS)
def test_evidence_adds_up_to_the_totals_exactly(preset: str, slope: float) -> None:
    rules = rules_of(preset, {"delta_shock.slope": slope, "delta_shock.threshold": 0.0})
    found = rs.assess(random_book(range(40)), market(), rules)
    line = 0
    for account in dict.fromkeys(found.account):
        for evidence in found.explain(account):
            assert evidence.pool == found.pool[line]
            assert sum(evidence.maintenance_parts.values()) == evidence.maintenance
            assert sum(evidence.equity_parts.values()) == evidence.equity
            assert evidence.maintenance == round(float(found.maintenance[line]) * 1e9)
            assert evidence.initial == round(float(found.initial[line]) * 1e9)
            held = {n: float(x[line]) for n, x in found.components.items()}
            assert evidence.components == held
            for unit in evidence.units:
                assert unit.loss == max(0.0, -min(unit.grid)) == held["worst"]
                assert unit.grid[unit.scenario] == min(unit.grid) or unit.loss == 0.0
            line += 1
    assert line == len(found)


@pytest.mark.parametrize("preset", PRESETS)
def test_parts_add_up_to_maintenance(preset: str) -> None:
    rules = rules_of(preset, STEEP)
    found = rs.assess(random_book(range(40)), market(), rules)
    parts = found.parts
    assert {"roll_shock", "delta_shock"} < set(parts)
    total = sum(parts.values())
    np.testing.assert_allclose(total, found.maintenance, rtol=1e-14)
    assert all((x >= 0).all() for x in parts.values())
    assert found.maintenance == pytest.approx(0.8 * found.components["risk_matrix"], rel=1e-15)
    assert (found.initial >= found.components["risk_matrix"]).all()


def test_contributions_are_the_weighted_pnl_in_the_worst_scenario() -> None:
    """Before dampener and offset: of a short in the range they are the loss."""
    found = alone(rules_of("deribit-spm"), "BTC-PERPETUAL", -700_200.0)
    (unit,) = found.explain("a")[0].units
    (mine,) = unit.contributions
    assert (mine.name, mine.quantity) == ("BTC-PERPETUAL", -700_200.0)
    assert mine.pnl == pytest.approx(-10.0 * 0.16 / 1.16 * 70_000.0, rel=1e-12)
    assert unit.loss == -mine.pnl
    assert unit.label == "price +16 % vol down"
