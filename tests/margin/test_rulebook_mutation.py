"""Guards the claim that a rule book takes every value of its ranges and none beyond (R-CONF)."""

from __future__ import annotations

import copy
import math
import tomllib
from importlib import resources
from typing import Any

import pytest

import riskslide as rs
from riskslide.margin.methods import METHODS
from riskslide.venue.rulebook import check

SCHEMA = METHODS["slides"].schema
TEXT = (resources.files("riskslide.venue") / "presets" / "generic-slides.toml").read_text("utf-8")
NUMBERS = [key for key, spec in SCHEMA.items() if spec.form not in ("text", "texts")]


def raw() -> dict[str, Any]:
    return copy.deepcopy(tomllib.loads(TEXT))


def with_value(key: str, value: Any) -> dict[str, Any]:
    section, name = key.split(".")
    out = raw()
    out[section][name]["value"] = value
    return out


def shaped(key: str, number: float) -> Any:
    """A value of the key's form that holds `number`."""
    form = SCHEMA[key].form
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
    instruments = rs.Instruments.from_columns(
        name=["C", "P"],
        kind=["option", "perpetual"],
        underlying="BTC",
        expiry=["2026-03-27T08:00:00Z", ""],
        strike=[80_000.0, 0.0],
        option_type=["call", ""],
    )
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=["a", "a"],
        instrument=["C", "P"],
        quantity=[-3.0, 2.0],
        balance_account=["a", "a"],
        balance_asset=["BTC", "USDC"],
        balance_amount=[1.5, -900.0],
    )
    market = rs.Market.of(
        "2026-02-05T12:00:00Z",
        spot={"BTC": 71_000.0, "USDC": 1.0},
        mark={"P": 71_000.0},
        vol={"C": 0.5},
    )
    return rs.assess(portfolio, market, rulebook)


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("key", NUMBERS)
def test_every_key_takes_the_ends_of_its_range_and_the_margin_stays_finite(
    key: str, end: str
) -> None:
    number = getattr(SCHEMA[key], end)
    rulebook = check(with_value(key, shaped(key, number)), "rules.toml")
    assert rulebook.parameters[key].value == shaped(key, number)
    found = requirement(rulebook)
    for figure in (found.initial, found.maintenance, found.equity, found.collateral):
        assert math.isfinite(float(figure[0]))
    assert float(found.initial[0]) >= float(found.maintenance[0]) >= 0.0


@pytest.mark.parametrize("key", NUMBERS)
def test_no_key_takes_what_lies_beyond_its_range(key: str) -> None:
    spec = SCHEMA[key]
    for number in (spec.low, spec.high):
        step = 2 if spec.form in ("whole", "odd") else max(abs(number), 1.0) * 1e-9
        beyond = number - step if number == spec.low else number + step
        refused = refusal(with_value(key, shaped(key, beyond)))
        assert (refused.code, refused.column, refused.value) == ("E_RANGE", key, beyond)


@pytest.mark.parametrize("value", [None, True, "0.5", math.nan, [], {}, [[1.0]], {"BTC": "x"}])
@pytest.mark.parametrize("key", NUMBERS)
def test_no_key_takes_another_form(key: str, value: Any) -> None:
    if SCHEMA[key].form == "table" and value == {}:
        assert check(with_value(key, value), "rules.toml").table(key) == {}
        return
    refused = refusal(with_value(key, value))
    assert (refused.code, refused.column) == ("E_DTYPE", key)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
@pytest.mark.parametrize("key", NUMBERS)
def test_no_key_takes_an_infinity(key: str, value: float) -> None:
    assert refusal(with_value(key, shaped(key, value))).code in ("E_RANGE", "E_DTYPE")


@pytest.mark.parametrize("points", [2, 8, 1_000])
def test_points_without_a_middle_are_refused(points: int) -> None:
    assert refusal(with_value("slides.price_points", points)).code == "E_RANGE"


@pytest.mark.parametrize(
    ("section", "name", "nearest"),
    [
        ("slides", "price_rnage", "slides.price_range"),
        ("slides", "vol_scale", "slides.vol_scales"),
        ("market", "max_age", "market.max_age_seconds"),
        ("collateral", "haircuts", "collateral.haircut"),
        ("margin", "initial_facter", "margin.initial_factor"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(
    section: str, name: str, nearest: str
) -> None:
    content = raw()
    content[section][name] = content["slides"]["price_range"]
    refused = refusal(content)
    assert refused.code == "E_UNKNOWN_KEY"
    assert refused.value == f"{section}.{name}"
    assert nearest in refused.fix


@pytest.mark.parametrize(("name", "nearest"), [("slide", "slides"), ("colateral", "collateral")])
def test_an_unknown_section_is_refused_with_the_nearest_one(name: str, nearest: str) -> None:
    content = raw() | {name: {}}
    refused = refusal(content)
    assert (refused.code, refused.value) == ("E_UNKNOWN_KEY", name)
    assert nearest in refused.fix


@pytest.mark.parametrize("key", list(SCHEMA))
def test_no_key_may_be_missing(key: str) -> None:
    section, name = key.split(".")
    content = raw()
    del content[section][name]
    refused = refusal(content)
    assert (refused.code, refused.column) == ("E_MISSING", key)


@pytest.mark.parametrize("part", ["status", "source", "date"])
@pytest.mark.parametrize("key", list(SCHEMA))
def test_every_number_says_where_it_comes_from(key: str, part: str) -> None:
    section, name = key.split(".")
    content = raw()
    del content[section][name][part]
    assert refusal(content).column == f"{key}.{part}"


@pytest.mark.parametrize("key", NUMBERS)
def test_every_value_is_in_the_hash(key: str) -> None:
    before = check(raw(), "rules.toml")
    low = SCHEMA[key].low if SCHEMA[key].form not in ("whole", "odd") else 1
    after = (
        check(with_value(key, shaped(key, low + 2)), "x")
        if key == "slides.price_points"
        else (check(with_value(key, shaped(key, low)), "rules.toml"))
    )
    assert before.sha256 != after.sha256
    assert before.sha256 == check(raw(), "another-file.toml").sha256
    assert requirement(before).rulebook_sha256 == before.sha256


def test_a_partial_rule_book_does_not_run() -> None:
    with pytest.raises(rs.InputError) as refused:
        requirement(check(raw() | {"status": "partial"}, "rules.toml"))
    assert refused.value.code == "E_PARTIAL"
