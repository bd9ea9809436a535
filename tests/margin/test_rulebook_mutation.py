"""Guards the claim that a rule book takes every value of its ranges and none beyond (R-CONF)."""

from __future__ import annotations

import copy
import math
import tomllib
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from margin.grid_rules import INPUTS

import riskslide as rs
from riskslide.margin.methods import METHODS
from riskslide.rules import Spec
from riskslide.venue.load import preset_names, rulebook_text
from riskslide.venue.rulebook import check

# Methods whose parameters cannot put the initial requirement below the maintenance requirement,
# and whose keys do not depend on each other.
ORDERED = ("slides", "risk-matrix")
DEPENDENT = ("borrow", "collateral_cap")  # but for these sections of theirs
# Values of unpublished keys that must fit others of their file.
FITTING = {("hyperliquid", "brackets.other_rate"): [0.05]}
WHERE = {"status": "chosen", "source": "this test", "date": date(2026, 1, 1)}


def plain(spec: Spec) -> Any:
    """A value that a spec allows, from the spec alone."""
    word = spec.choices[0] if spec.choices else "USD"
    low = odd_or_whole(spec, spec.low)
    forms = {"text": word, "texts": [word], "words": {"BTC": word}}
    forms |= {"number": low, "whole": low, "odd": low}
    rows = [spec.low, (spec.low + spec.high) / 2]
    return (forms | {"numbers": rows, "table": {"BTC": low}, "lists": {"BTC": rows}})[spec.form]


def odd_or_whole(spec: Spec, number: float) -> float:
    return int(number) if spec.form in ("whole", "odd") else number


def of_preset(name: str) -> dict[str, Any]:
    """The file of a preset; what it leaves unpublished takes a value that fits the others."""
    out = tomllib.loads(rulebook_text(name)) | {"status": "complete"}
    for key, spec in METHODS[out["method"]].specs.items():
        section, _, parameter = key.partition(".")
        entry = out.get(section, {}).get(parameter, {})
        if entry.get("status") == "unpublished":
            value = INPUTS.get(name, {}).get(key, FITTING.get((name, key), plain(spec)))
            entry |= {"value": copy.deepcopy(value), "status": "chosen"}
    return out


def of_method(name: str) -> dict[str, Any]:
    """A rule book with every key of a method, those of its optional sections included."""
    texts = dict.fromkeys(("name", "title", "version", "description"), "made")
    out: dict[str, Any] = {"schema": 1, "method": name, "status": "complete", **texts}
    out["valid_from"] = WHERE["date"]
    for key, spec in METHODS[name].specs.items():
        section, _, parameter = key.partition(".")
        out.setdefault(section, {})[parameter] = WHERE | {"value": plain(spec)}
    return out


PRESETS = tuple(preset_names())
RAW = {name: of_preset(name) for name in PRESETS}
RAW |= {f"every key of {name}": of_method(name) for name in METHODS}
SCHEMAS = {book: METHODS[content["method"]].specs for book, content in RAW.items()}
KEYS = [
    (book, key)
    for book, schema in SCHEMAS.items()
    for key in schema
    if key.partition(".")[0] in RAW[book]
]
NUMBERS = [(n, k) for n, k in KEYS if not SCHEMAS[n][k].of_text]
WORDS = [(n, k) for n, k in KEYS if SCHEMAS[n][k].choices]
OPTIONAL = [(name, section) for name, method in METHODS.items() for section in method.optional]


def raw(book: str) -> dict[str, Any]:
    return copy.deepcopy(RAW[book])


def value_of(book: str, key: str) -> Any:
    section, name = key.split(".")
    return copy.deepcopy(RAW[book][section][name]["value"])


def with_value(book: str, key: str, value: Any) -> dict[str, Any]:
    section, name = key.split(".")
    out = raw(book)
    out[section][name]["value"] = value
    return out


def shaped(book: str, key: str, number: Any, *, last: bool = False) -> Any:
    """The value of a key with its first or last number or word replaced, those by name all."""
    spec, value = SCHEMAS[book][key], value_of(book, key)
    if spec.form in ("text", "number", "whole", "odd"):
        return odd_or_whole(spec, number)
    if spec.form == "lists":
        return {name: [number] * len(row) for name, row in (value or {"BTC": [0.0]}).items()}
    if spec.form == "table":
        return dict.fromkeys(value or ["BTC"], number)
    value[-last] = number
    return value


def ends(book: str, key: str) -> list[Any]:
    """The value of a key with a number at the low end of the range, and one at the high end."""
    spec = SCHEMAS[book][key]
    return [shaped(book, key, spec.low), shaped(book, key, spec.high, last=True)]


def refusal(content: dict[str, Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as refused:
        check(content, "rules.toml")
    assert refused.value.file == "rules.toml"
    assert refused.value.fix
    return refused.value


def requirement(rulebook: rs.Rulebook) -> rs.Assessment:
    """Of a book that settles in coin and in dollars, with orders; of its perpetual and a future in
    dollars where the method takes neither options nor orders."""
    market = rs.Market.of(
        "2026-02-05T12:00:00Z",
        spot={"BTC": 71_000.0, "USDC": 1.0},
        mark={"P": 71_000.0, "F": 73_000.0},
        vol={"C": 0.5, "I": 0.8},
    )
    cash: dict[str, Any] = {
        "balance_account": ["a", "a"],
        "balance_asset": ["BTC", "USDC"],
        "balance_amount": [1.5, -900.0],
    }
    if rulebook.method == "ratio":
        contracts = rs.Instruments.from_columns(
            name=["P", "F"],
            kind=["perpetual", "future"],
            underlying="BTC",
            expiry=["", "2026-12-25T08:00:00Z"],
            currency="USDC",
        )
        held = rs.Portfolio.from_columns(
            contracts, account=["a", "a"], instrument=["P", "F"], quantity=[2.0, -3.0], **cash
        )
        return rs.assess(held, market, rulebook)
    if rulebook.method == "strategy":
        return of_stock(market, rulebook, cash)
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
        order_account=["a", "a"],
        order_instrument=["I", "P"],
        order_quantity=[-4.0, 1.0],
        **cash,
    )
    return rs.assess(portfolio, market, rulebook)


def of_stock(market: rs.Market, rulebook: rs.Rulebook, cash: dict[str, Any]) -> rs.Assessment:
    """Of coins held as stock is, with a call and a put, where the method takes no more."""
    contracts = rs.Instruments.from_columns(
        name=["C", "D", "S"],
        kind=["option", "option", "spot"],
        underlying="BTC",
        expiry=["2026-03-27T08:00:00Z", "2027-06-25T08:00:00Z", ""],
        strike=[80_000.0, 60_000.0, 0.0],
        option_type=["call", "put", ""],
    )
    held = rs.Portfolio.from_columns(
        contracts,
        account=["a"] * 3,
        instrument=["C", "D", "S"],
        quantity=[-3.0, 2.0, 2.5],
        **cash,
    )
    vols = {name: rs.Quote(0.5, market.as_of) for name in ("C", "D")}
    return rs.assess(held, replace(market, vol=vols), rulebook)


def test_every_number_has_a_range() -> None:
    specs = [(name, key, s) for name, m in METHODS.items() for key, s in m.specs.items()]
    for name, key, spec in specs:
        if not spec.of_text:
            assert math.isfinite(spec.low) and math.isfinite(spec.high), (name, key)
            assert spec.low < spec.high, (name, key)
        assert not (spec.ascending and spec.form != "numbers"), (name, key)


def test_every_key_of_every_method_is_mutated() -> None:
    """Those of optional sections too, whether or not a preset holds them."""
    for name, method in METHODS.items():
        keys = {key for book, key in KEYS if RAW[book]["method"] == name}
        assert keys == set(method.specs)
        assert len(keys) == len(method.schema) + sum(map(len, method.optional.values()))


@pytest.mark.parametrize("end", [0, 1], ids=["low", "high"])
@pytest.mark.parametrize(("book", "key"), NUMBERS)
def test_every_key_takes_the_ends_of_its_range(book: str, key: str, end: int) -> None:
    value = ends(book, key)[end]
    assert check(with_value(book, key, value), "rules.toml").parameters[key].value == value


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_margins_the_book_of_this_test(preset: str) -> None:
    check_margin(requirement(check(raw(preset), "rules.toml")), preset)


@pytest.mark.parametrize("end", [0, 1], ids=["low", "high"])
@pytest.mark.parametrize(("preset", "key"), [x for x in NUMBERS if x[0] in PRESETS])
def test_the_margin_stays_finite_at_the_ends_of_every_range(
    preset: str, key: str, end: int
) -> None:
    runs(preset, with_value(preset, key, ends(preset, key)[end]))


def runs(preset: str, content: dict[str, Any]) -> None:
    """The margin is finite; where keys depend on each other it may be refused instead."""
    rulebook = check(content, "rules.toml")
    try:
        found = requirement(rulebook)
    except rs.InputError as refused:
        section = refused.column.partition(".")[0]
        assert rulebook.method not in ORDERED or section in DEPENDENT, refused
        return
    check_margin(found, preset)


def check_margin(found: rs.Assessment, preset: str) -> None:
    figures = (found.initial, found.maintenance, found.equity, found.collateral)
    for figure in (*figures, *found.components.values()):
        assert np.isfinite(figure).all()
    if RAW[preset]["method"] in ORDERED:
        assert (found.maintenance >= 0.0).all()
        assert (found.initial - found.maintenance >= -1e-12 * found.initial).all()


@pytest.mark.parametrize(("book", "key"), WORDS)
def test_every_choice_of_a_word_is_taken_and_no_other(book: str, key: str) -> None:
    for word in SCHEMAS[book][key].choices:
        content = with_value(book, key, shaped(book, key, word))
        check(content, "rules.toml")
        if book in PRESETS:
            runs(book, content)
    for wrong in ("", "Index", 1.0, None, ["index"]):
        refused = refusal(with_value(book, key, shaped(book, key, wrong)))
        code = "E_RANGE" if wrong == "Index" else "E_DTYPE"
        assert (refused.code, refused.column) == (code, key)


@pytest.mark.parametrize(("book", "key"), NUMBERS)
def test_no_key_takes_what_lies_beyond_its_range(book: str, key: str) -> None:
    spec = SCHEMAS[book][key]
    for number, last in ((spec.low, False), (spec.high, True)):
        step = 2 if spec.form in ("whole", "odd") else max(abs(number), 1.0) * 1e-9
        beyond = number + step if last else number - step
        refused = refusal(with_value(book, key, shaped(book, key, beyond, last=last)))
        assert (refused.code, refused.column, refused.value) == ("E_RANGE", key, beyond)
        assert f"from {spec.low:.12g} to {spec.high:.12g}" in refused.fix


@pytest.mark.parametrize("value", [None, True, "0.5", math.nan, [], {}, [[1.0]], {"BTC": "x"}])
@pytest.mark.parametrize(("book", "key"), NUMBERS)
def test_no_key_takes_another_form(book: str, key: str, value: Any) -> None:
    if SCHEMAS[book][key].form in ("table", "lists") and value == {}:
        assert check(with_value(book, key, value), "rules.toml").parameters[key].value == {}
        return
    refused = refusal(with_value(book, key, value))
    assert (refused.code, refused.column) == ("E_DTYPE", key)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
@pytest.mark.parametrize(("book", "key"), NUMBERS)
def test_no_key_takes_an_infinity(book: str, key: str, value: float) -> None:
    whole = SCHEMAS[book][key].form in ("whole", "odd")
    refused = refusal(with_value(book, key, value if whole else shaped(book, key, value)))
    assert (refused.code, refused.column) == ("E_DTYPE", key)


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


@pytest.mark.parametrize(("method", "section"), OPTIONAL)
def test_an_optional_section_may_be_missing_as_a_whole(method: str, section: str) -> None:
    content = of_method(method)
    assert check(content, "rules.toml").has(section)
    del content[section]
    assert not check(content, "rules.toml").has(section)


@pytest.mark.parametrize(("book", "key"), KEYS)
def test_no_key_may_be_missing(book: str, key: str) -> None:
    section, name = key.split(".")
    content = raw(book)
    del content[section][name]
    refused = refusal(content)
    assert (refused.code, refused.column) == ("E_MISSING", key)


@pytest.mark.parametrize("part", ["status", "source", "date"])
@pytest.mark.parametrize(("book", "key"), KEYS)
def test_every_number_says_where_it_comes_from(book: str, key: str, part: str) -> None:
    section, name = key.split(".")
    content = raw(book)
    del content[section][name][part]
    assert refusal(content).column == f"{key}.{part}"


@pytest.mark.parametrize(("book", "key"), NUMBERS)
def test_every_value_is_in_the_hash(book: str, key: str) -> None:
    before = check(raw(book), "rules.toml")
    value = next(x for x in ends(book, key) if x != before.parameters[key].value)
    after = check(with_value(book, key, value), "rules.toml")
    assert before.sha256 != after.sha256
    assert before.sha256 == check(raw(book), "another-file.toml").sha256


@pytest.mark.parametrize("preset", PRESETS)
def test_the_hash_is_in_the_result(preset: str) -> None:
    rulebook = check(raw(preset), "rules.toml")
    assert requirement(rulebook).rulebook_sha256 == rulebook.sha256


@pytest.mark.parametrize(("book", "key"), KEYS)
def test_no_rule_book_runs_without_a_value(book: str, key: str) -> None:
    section, name = key.split(".")
    content = raw(book) | {"status": "partial"}
    content[section][name] = WHERE | {"status": "unpublished"}
    with pytest.raises(rs.InputError) as refused:
        requirement(check(content, "rules.toml"))
    assert refused.value.code == "E_PARTIAL" and key in refused.value.fix
    value = value_of(book, key)
    assert check(content, "rules.toml", {key: value}).parameters[key].value == value
