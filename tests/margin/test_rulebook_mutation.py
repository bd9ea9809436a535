"""Guards the claim that a rule book takes every value of its ranges and none beyond (R-CONF)."""

from __future__ import annotations

import copy
import math
import tomllib
from importlib import resources
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.margin.methods import METHODS
from riskslide.venue.rulebook import check

PRESETS = ("generic-slides", "deribit-spm", "deribit-xpm")
FOLDER = resources.files("riskslide.venue") / "presets"
TEXTS = {name: (FOLDER / f"{name}.toml").read_text("utf-8") for name in PRESETS}
SCHEMAS = {name: METHODS[tomllib.loads(text)["method"]].schema for name, text in TEXTS.items()}
KEYS = [(name, key) for name, schema in SCHEMAS.items() for key in schema]
NUMBERS = [(n, k) for n, k in KEYS if SCHEMAS[n][k].form not in ("text", "texts")]
WORDS = [(n, k) for n, k in KEYS if SCHEMAS[n][k].choices]


def raw(preset: str) -> dict[str, Any]:
    return copy.deepcopy(tomllib.loads(TEXTS[preset]))


def with_value(preset: str, key: str, value: Any) -> dict[str, Any]:
    section, name = key.split(".")
    out = raw(preset)
    out[section][name]["value"] = value
    return out


def shaped(preset: str, key: str, number: float) -> Any:
    """A value of the key's form that holds `number`."""
    form = SCHEMAS[preset][key].form
    if form == "numbers":
        return [1.0, number]
    return {"BTC": number, "USD": 0.0} if form == "table" else number


def refusal(content: dict[str, Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as refused:
        check(content, "rules.toml")
    assert refused.value.file == "rules.toml"
    assert refused.value.fix
    return refused.value


def requirement(rulebook: rs.Rulebook) -> rs.Assessment:
    """Of a book that settles in coin and in dollars, with orders."""
    instruments = rs.Instruments.from_columns(
        name=["C", "P", "I", "F"],
        kind=["option", "perpetual", "option", "future"],
        underlying="BTC",
        expiry=["2026-03-27T08:00:00Z", "", "2026-02-06T08:00:00Z", "2026-12-25T08:00:00Z"],
        strike=[80_000.0, 0.0, 65_000.0, 0.0],
        option_type=["call", "", "put", ""],
        settlement=["linear", "linear", "inverse", "inverse"],
    )
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=["a"] * 4,
        instrument=["C", "P", "I", "F"],
        quantity=[-3.0, 2.0, 1.5, -70_000.0],
        balance_account=["a", "a"],
        balance_asset=["BTC", "USDC"],
        balance_amount=[1.5, -900.0],
        order_account=["a", "a"],
        order_instrument=["I", "P"],
        order_quantity=[-4.0, 1.0],
    )
    market = rs.Market.of(
        "2026-02-05T12:00:00Z",
        spot={"BTC": 71_000.0, "USDC": 1.0},
        mark={"P": 71_000.0, "F": 73_000.0},
        vol={"C": 0.5, "I": 0.8},
    )
    return rs.assess(portfolio, market, rulebook)


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize(("preset", "key"), NUMBERS)
def test_every_key_takes_the_ends_of_its_range_and_the_margin_stays_finite(
    preset: str, key: str, end: str
) -> None:
    number = getattr(SCHEMAS[preset][key], end)
    value = shaped(preset, key, number)
    rulebook = check(with_value(preset, key, value), "rules.toml")
    assert rulebook.parameters[key].value == value
    check_margin(requirement(rulebook))


def check_margin(found: rs.Assessment) -> None:
    figures = (found.initial, found.maintenance, found.equity, found.collateral)
    for figure in (*figures, *found.components.values()):
        assert np.isfinite(figure).all()
    assert (found.maintenance >= 0.0).all()
    assert (found.initial - found.maintenance >= -1e-12 * found.initial).all()


@pytest.mark.parametrize(("preset", "key"), WORDS)
def test_every_choice_of_a_word_is_taken_and_no_other(preset: str, key: str) -> None:
    for word in SCHEMAS[preset][key].choices:
        check_margin(requirement(check(with_value(preset, key, word), "rules.toml")))
    for word in ("", "Index", 1.0, None, ["index"]):
        refused = refusal(with_value(preset, key, word))
        assert (refused.code, refused.column) == (
            "E_RANGE" if word == "Index" else "E_DTYPE",
            key,
        )


@pytest.mark.parametrize(("preset", "key"), NUMBERS)
def test_no_key_takes_what_lies_beyond_its_range(preset: str, key: str) -> None:
    spec = SCHEMAS[preset][key]
    for number in (spec.low, spec.high):
        step = 2 if spec.form in ("whole", "odd") else max(abs(number), 1.0) * 1e-9
        beyond = number - step if number == spec.low else number + step
        refused = refusal(with_value(preset, key, shaped(preset, key, beyond)))
        assert (refused.code, refused.column, refused.value) == ("E_RANGE", key, beyond)


@pytest.mark.parametrize("value", [None, True, "0.5", math.nan, [], {}, [[1.0]], {"BTC": "x"}])
@pytest.mark.parametrize(("preset", "key"), NUMBERS)
def test_no_key_takes_another_form(preset: str, key: str, value: Any) -> None:
    if SCHEMAS[preset][key].form == "table" and value == {}:
        assert check(with_value(preset, key, value), "rules.toml").table(key) == {}
        return
    refused = refusal(with_value(preset, key, value))
    assert (refused.code, refused.column) == ("E_DTYPE", key)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
@pytest.mark.parametrize(("preset", "key"), NUMBERS)
def test_no_key_takes_an_infinity(preset: str, key: str, value: float) -> None:
    assert refusal(with_value(preset, key, shaped(preset, key, value))).code in (
        "E_RANGE",
        "E_DTYPE",
    )


@pytest.mark.parametrize("points", [2, 8, 1_000])
def test_points_without_a_middle_are_refused(points: int) -> None:
    assert refusal(with_value("generic-slides", "slides.price_points", points)).code == "E_RANGE"


@pytest.mark.parametrize(
    ("preset", "section", "name", "nearest"),
    [
        ("generic-slides", "slides", "price_rnage", "slides.price_range"),
        ("generic-slides", "slides", "vol_scale", "slides.vol_scales"),
        ("generic-slides", "market", "max_age", "market.max_age_seconds"),
        ("generic-slides", "collateral", "haircuts", "collateral.haircut"),
        ("generic-slides", "margin", "initial_facter", "margin.initial_factor"),
        ("deribit-spm", "matrix", "price_rnage", "matrix.price_range"),
        ("deribit-spm", "netting", "pnl_ofset", "netting.pnl_offset"),
        ("deribit-xpm", "extended", "dampner", "extended.dampener"),
        ("deribit-xpm", "vol", "min_vol_up", "vol.min_up"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(
    preset: str, section: str, name: str, nearest: str
) -> None:
    content = raw(preset)
    content[section][name] = content["market"]["max_age_seconds"]
    refused = refusal(content)
    assert refused.code == "E_UNKNOWN_KEY"
    assert refused.value == f"{section}.{name}"
    assert nearest in refused.fix


@pytest.mark.parametrize(("name", "nearest"), [("slide", "slides"), ("colateral", "collateral")])
def test_an_unknown_section_is_refused_with_the_nearest_one(name: str, nearest: str) -> None:
    content = raw("generic-slides") | {name: {}}
    refused = refusal(content)
    assert (refused.code, refused.value) == ("E_UNKNOWN_KEY", name)
    assert nearest in refused.fix


@pytest.mark.parametrize(("preset", "key"), KEYS)
def test_no_key_may_be_missing(preset: str, key: str) -> None:
    section, name = key.split(".")
    content = raw(preset)
    del content[section][name]
    refused = refusal(content)
    assert (refused.code, refused.column) == ("E_MISSING", key)


@pytest.mark.parametrize("part", ["status", "source", "date"])
@pytest.mark.parametrize(("preset", "key"), KEYS)
def test_every_number_says_where_it_comes_from(preset: str, key: str, part: str) -> None:
    section, name = key.split(".")
    content = raw(preset)
    del content[section][name][part]
    assert refusal(content).column == f"{key}.{part}"


@pytest.mark.parametrize(("preset", "key"), NUMBERS)
def test_every_value_is_in_the_hash(preset: str, key: str) -> None:
    before = check(raw(preset), "rules.toml")
    spec = SCHEMAS[preset][key]
    ends = [shaped(preset, key, end) for end in (spec.low, spec.high)]
    value = next(x for x in ends if x != before.parameters[key].value)
    after = check(with_value(preset, key, value), "rules.toml")
    assert before.sha256 != after.sha256
    assert before.sha256 == check(raw(preset), "another-file.toml").sha256
    assert requirement(before).rulebook_sha256 == before.sha256


@pytest.mark.parametrize("preset", PRESETS)
def test_a_partial_rule_book_does_not_run(preset: str) -> None:
    with pytest.raises(rs.InputError) as refused:
        requirement(check(raw(preset) | {"status": "partial"}, "rules.toml"))
    assert refused.value.code == "E_PARTIAL"
