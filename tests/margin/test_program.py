"""Guards what a program says of itself: what it depends on, and that no other reads as it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from margin import deribit_by_hand as hand
from margin.deribit_by_hand import market, rules_of

import riskslide as rs
from riskslide import _core
from riskslide.book.clock import instant
from riskslide.margin.program import Block, Measure, Operation, Program, Reduction, Tree

MATRIX = ("deribit-spm", "deribit-xpm")
PRESETS = ("generic-slides", "generic-unified", *MATRIX)
NOTHING = rs.Instruments.from_columns(name=[], kind="option", underlying="BTC")


def compiled(rules: rs.Rulebook, as_of: str = hand.AS_OF) -> Program:
    """The program of the contracts that are worked by hand, compiled at an instant."""
    quotes = market()
    moved = rs.Market.of(
        as_of,
        spot={k: q.value for k, q in quotes.spot.items()},
        forward={k: q.value for k, q in quotes.forward.items()},
        mark={k: q.value for k, q in quotes.mark.items()},
        vol={k: q.value for k, q in quotes.vol.items()},
    )
    return rs.compile(rules, hand.instruments(), moved)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_program_says_how_its_rows_are_filled(preset: str) -> None:
    rules = rs.load_rulebook(preset)
    program = compiled(rules)
    assert program.coin_at_index is rules.terms.coin_at_index is (preset in MATRIX)
    assert program.option_over_index is False


@pytest.mark.parametrize("divisor", ["forward", "index"])
def test_a_program_says_what_the_price_of_a_coin_option_is_over(divisor: str) -> None:
    program = compiled(rules_of("deribit-spm", {"coin.option_divisor": divisor}))
    assert program.option_over_index is (divisor == "index")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_program_names_the_instant_if_another_gives_another_program(preset: str) -> None:
    rules = rs.load_rulebook(preset)
    one, later = compiled(rules), compiled(rules, "2026-02-05T12:30:00Z")
    if one.as_of == 0:
        assert one.sha256 == later.sha256
        return
    assert one.as_of == instant(hand.AS_OF, "as_of")
    assert later.as_of == instant("2026-02-05T12:30:00Z", "as_of")
    assert any(
        getattr(one.scenarios, n).tobytes() != getattr(later.scenarios, n).tobytes()
        for n in ("vol_scale", "vol_floor")
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_every_field_comes_back_from_the_bytes(preset: str) -> None:
    program = compiled(rules_of(preset) if preset in MATRIX else rs.load_rulebook(preset))
    back = Program.from_bytes(program.to_bytes())
    assert back.sha256 == program.sha256
    for field in fields(Program):
        a, b = getattr(program, field.name), getattr(back, field.name)
        if isinstance(a, np.ndarray):
            assert a.tobytes() == b.tobytes(), field.name
        elif isinstance(a, str | int):
            assert a == b, field.name


def parts(**of_block: Any) -> dict[str, Any]:
    """One row, one block of one attribute, one step."""
    scenarios = rs.Scenarios.of(np.ones(1))
    block = Block("b", Reduction.EACH, columns=("c",), attribute=np.ones((1, 1)))
    program = Program(
        name="one block",
        rows=("r",),
        lot=np.ones(1),
        trees=(Tree(np.zeros(1, dtype=np.int32)),),
        units=("u",),
        unit_pool=np.zeros(1, dtype=np.int32),
        pools=("p",),
        blocks=(block,),
        registers=np.zeros(2),
        steps=np.array([[Operation.ADD, 1, 0, 0]], dtype=np.int32),
        outputs=("o",),
        output_register=np.zeros(1, dtype=np.int32),
        scenarios=scenarios,
    )
    found = program.core.parts()
    found["blocks"][0] |= of_block
    return found


def test_scenarios_of_time_and_rates_come_back_from_the_bytes() -> None:
    rules = rs.load_rulebook("generic-slides")
    program = compiled(rules)
    assert (program.scenarios.horizon.size, program.scenarios.rate_shift.size) == (0, 0)
    count, factors = len(program.scenarios), len(program.scenarios.factors)
    later = replace(
        program.scenarios,
        horizon=np.full(count, 1 / 365),
        rate_shift=np.full((factors, count), 0.01),
    )
    ahead = replace(program, scenarios=later)
    back = Program.from_bytes(ahead.to_bytes())
    assert back.sha256 == ahead.sha256 != program.sha256
    assert back.scenarios.horizon.tobytes() == later.horizon.tobytes()
    assert back.scenarios.rate_shift.tobytes() == later.rate_shift.tobytes()
    with pytest.raises(rs.InputError) as refused:
        replace(program, scenarios=replace(later, horizon=np.full(count, -1.0)))
    assert refused.value.code == "E_PROGRAM"


def test_a_program_of_another_version_is_refused_by_its_number() -> None:
    data = bytearray(compiled(rs.load_rulebook("generic-slides")).to_bytes())
    data[7:8] = b"3"
    with pytest.raises(rs.InputError, match="is of version 3, and this reads version 4"):
        Program.from_bytes(bytes(data))


@pytest.mark.parametrize("number", [-1, 4, 255, 256, 257, 300, 2**31, -(2**40)])
@pytest.mark.parametrize("word", ["reduction", "measure"])
def test_a_number_that_no_enumeration_knows_is_refused_as_part_of_a_program(
    word: str, number: int
) -> None:
    assert isinstance(_core.Program(parts(**{word: 1})), _core.Program)
    with pytest.raises(rs.InputError) as refused:
        _core.Program(parts(**{word: number}))
    assert (refused.value.code, refused.value.column) == ("E_PROGRAM", "block 'b'")


@pytest.mark.parametrize("number", [-1, 7, 256, 260, -256])
def test_an_operation_that_no_step_knows_is_refused(number: int) -> None:
    """256 must not be read as 0, which adds."""
    given = parts()
    given["steps"] = np.array([[number, 1, 0, 0]], dtype=np.int32)
    with pytest.raises(rs.InputError) as refused:
        _core.Program(given)
    assert (refused.value.code, refused.value.column) == ("E_PROGRAM", "steps")


@pytest.mark.parametrize("slope", [0.0, 0.3])
@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_at_all_compiles_and_needs_nothing(preset: str, slope: float) -> None:
    rules = rs.load_rulebook(preset)
    if preset in MATRIX:
        rules = rules_of(preset, {"delta_shock.slope": slope})
    quotes = rs.Market.of(hand.AS_OF)
    assert len(rs.assess(rs.Portfolio.from_columns(NOTHING), quotes, rules)) == 0
    program = rs.compile(rules, NOTHING, quotes, assets=[])
    assert Program.from_bytes(program.to_bytes()).sha256 == program.sha256
    assert (program.rows, program.pools) == ((), ("account",))
    cube = (np.zeros((0, len(program.scenarios))), *(np.zeros(0),) * 3)
    empty = np.zeros(0, dtype=np.int32)
    nobody = (np.zeros(3, dtype=np.int64), empty)
    lots, amounts = np.zeros(0, dtype=np.int64), np.zeros(0)
    found = _core.evaluate(program.core, cube, (*nobody, lots), (*nobody, amounts), 1)
    assert found["account"].tolist() == [0, 1]
    for name in ("maintenance", "initial", "equity"):
        assert not found["outputs"][:, program.outputs.index(name)].any()


def test_a_measure_reaches_the_program_as_its_number() -> None:
    for measure in Measure:
        assert _core.Program(parts(measure=int(measure))).parts()["blocks"][0]["measure"] == measure
