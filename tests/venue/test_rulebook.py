"""Decides what a rule book may leave out: optional sections, and values that nobody publishes."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import riskslide as rs
from riskslide.margin.methods import METHODS
from riskslide.rules import Spec
from riskslide.venue.load import rulebook_text
from riskslide.venue.rulebook import check

RAW = tomllib.loads(rulebook_text("generic-slides"))
WHERE = {"status": "chosen", "source": "the test", "date": RAW["valid_from"]}
UNPUBLISHED = WHERE | {"status": "unpublished"}
OPTIONAL = {
    "tiers": {
        "start": Spec("numbers", 0.0, 1e6, ascending=True),
        "rate": Spec("numbers", 0.0, 1.0),
    },
    "shape": {
        "moves": Spec("lists", -0.99, 10.0),
        "vols": Spec("texts", choices=("up", "down")),
        "count": Spec("whole", 1, 9),
    },
}
SHAPE = {"moves": {"BTC": [-0.1, 0.1], "ETH": [-0.2, 0.2]}, "vols": ["up", "up"], "count": 3}


@pytest.fixture(autouse=True)
def with_optional_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    """The method of the slides, with sections that it does not read."""
    method = METHODS["slides"]._replace(optional=OPTIONAL)
    monkeypatch.setitem(METHODS, "slides", method)  # type: ignore[arg-type]


def content(**sections: Mapping[str, Any]) -> dict[str, Any]:
    """The rule book of the slides with these sections, values as they stand."""
    more = {
        name: {k: WHERE | {"value": v} for k, v in values.items()}
        for name, values in sections.items()
    }
    return copy.deepcopy(RAW) | more


def partial(*keys: str) -> dict[str, Any]:
    """The rule book of the slides without the values of these keys."""
    raw = content() | {"status": "partial"}
    for key in keys:
        section, name = key.split(".")
        raw[section][name] = dict(UNPUBLISHED)
    return raw


def refusal(action: Callable[[], object]) -> rs.InputError:
    with pytest.raises(rs.InputError) as refused:
        action()
    assert refused.value.fix
    return refused.value


def margin(rulebook: rs.Rulebook) -> rs.Assessment:
    instruments = rs.Instruments.from_columns(name=["P"], kind="perpetual", underlying="BTC")
    held = {"account": ["a"], "instrument": ["P"], "quantity": [2.0]}
    portfolio = rs.Portfolio.from_columns(instruments, **held)
    market = rs.Market.of("2026-02-05T12:00:00Z", mark={"P": 70_000.0}, spot={"BTC": 70_000.0})
    return rs.assess(portfolio, market, rulebook)


# Optional sections


def test_a_section_may_be_left_out_or_be_whole() -> None:
    without, held = check(content(), "f"), check(content(shape=SHAPE), "f")
    assert not without.has("shape") and not without.has("tiers")
    assert held.has("shape") and not held.has("tiers") and held.has("slides")
    assert held.lists("shape.moves") == SHAPE["moves"]
    assert held.texts("shape.vols") == ["up", "up"]
    assert without.sha256 != held.sha256
    assert margin(held).maintenance == margin(without).maintenance


def test_a_section_in_part_is_refused_and_all_that_lacks_is_named() -> None:
    for held in ({}, {"count": 3}):
        refused = refusal(lambda held=held: check(content(shape=held), "f.toml"))
        assert (refused.code, refused.column, refused.file) == (
            "E_MISSING",
            "shape.moves",
            "f.toml",
        )
        assert "shape.vols" in refused.fix and "leave [shape] out" in refused.fix
        assert ("shape.count" in refused.fix) == (not held)


def test_unknown_sections_and_keys_name_optional_ones() -> None:
    refused = refusal(lambda: check(content(shap=SHAPE), "f"))
    assert refused.code == "E_UNKNOWN_KEY" and "'shape'" in refused.fix
    refused = refusal(lambda: check(content(shape=SHAPE | {"cuont": 3}), "f"))
    assert refused.code == "E_UNKNOWN_KEY" and "'shape.count'" in refused.fix


@pytest.mark.parametrize(
    ("name", "value", "code", "shown"),
    [
        ("moves", {"BTC": [0.1], "ETH": [0.1, 0.2]}, "E_RANGE", None),
        ("moves", {"BTC": [0.1, -1.0]}, "E_RANGE", -1.0),
        ("moves", {"BTC": []}, "E_DTYPE", None),
        ("moves", {"BTC": 0.1}, "E_DTYPE", None),
        ("moves", {"": [0.1]}, "E_DTYPE", None),
        ("moves", {"BTC": [0.1, "x"]}, "E_DTYPE", None),
        ("moves", [0.1], "E_DTYPE", None),
        ("vols", ["up", "sideways"], "E_RANGE", "sideways"),
        ("count", 10, "E_RANGE", 10),
        ("count", 10**400, "E_RANGE", 10**400),
        ("count", 2.0, "E_DTYPE", 2.0),
    ],
)
def test_every_number_and_word_of_a_value_is_checked(
    name: str, value: Any, code: str, shown: Any
) -> None:
    refused = refusal(lambda: check(content(shape=SHAPE | {name: value}), "f"))
    assert (refused.code, refused.column) == (code, f"shape.{name}")
    assert refused.value == (value if shown is None else shown)


def test_lists_may_be_empty_by_name() -> None:
    assert check(content(shape=SHAPE | {"moves": {}}), "f").lists("shape.moves") == {}


@pytest.mark.parametrize("start", [[0.0, 0.0], [5.0, 4.0], [0.0, 3.0, 2.0]])
def test_numbers_that_must_ascend_do(start: list[float]) -> None:
    tiers = {"start": start, "rate": [0.1]}
    assert refusal(lambda: check(content(tiers=tiers), "f")).column == "tiers.start"
    assert check(content(tiers=tiers | {"start": sorted(set(start))}), "f").has("tiers")


def test_a_number_beyond_float64_is_refused() -> None:
    raw = content()
    raw["market"]["max_age_seconds"]["value"] = 10**400
    assert refusal(lambda: check(raw, "f")).code == "E_DTYPE"


# What is unpublished

KEYS = ("slides.price_range", "slides.vol_scales")
INPUTS = {"slides.price_range": 0.16, "slides.vol_scales": [0.72, 1.0, 1.45]}


def test_a_partial_rule_book_loads_and_refuses_to_run_naming_every_key() -> None:
    found = check(partial(*KEYS), "f")
    assert found.unpublished == KEYS and found.given == ()
    market = rs.Market.of("2026-02-05T12:00:00Z")  # an empty one: what is unpublished comes first
    instruments = rs.Instruments.from_columns(name=["P"], kind="perpetual", underlying="BTC")
    for run in (lambda: margin(found), lambda: rs.compile(found, instruments, market)):
        refused = refusal(run)
        assert (refused.code, refused.value) == ("E_PARTIAL", "generic-slides")
        assert all(key in refused.fix for key in KEYS)
    assert refusal(lambda: found.number("slides.price_range")).code == "E_PARTIAL"


def test_terms_that_are_unpublished_are_refused_as_such() -> None:
    found = check(partial("market.max_age_seconds", "reporting.par"), "f")
    assert refusal(lambda: found.terms).code == "E_PARTIAL"
    assert refusal(lambda: found.par).code == "E_PARTIAL"
    assert refusal(lambda: margin(found)).code == "E_PARTIAL"


def test_inputs_make_it_run_and_are_told() -> None:
    found = check(partial(*KEYS), "f", INPUTS)
    assert found.given == KEYS and found.unpublished == ()
    assert found.parameters[KEYS[0]].source == UNPUBLISHED["source"]
    told = [w for w in margin(found).warnings if w.startswith("W_GIVEN")]
    assert len(told) == 1 and all(key in told[0] for key in KEYS)
    published = margin(check(content(), "f"))
    assert margin(found).maintenance == published.maintenance
    assert not any(w.startswith("W_GIVEN") for w in published.warnings)


def test_one_input_of_two_leaves_the_other_named() -> None:
    found = check(partial(*KEYS), "f", {KEYS[0]: 0.16})
    refused = refusal(lambda: margin(found))
    assert refused.code == "E_PARTIAL"
    assert KEYS[1] in refused.fix and KEYS[0] not in refused.fix


def test_inputs_and_what_lacks_are_in_the_hash() -> None:
    hashes = {
        check(partial(*KEYS), "f").sha256,
        check(partial(*KEYS), "f", INPUTS).sha256,
        check(partial(*KEYS), "f", INPUTS | {KEYS[0]: 0.17}).sha256,
        check(content(), "f").sha256,
    }
    assert len(hashes) == 4
    assert check(partial(*KEYS), "f", INPUTS).sha256 == check(partial(*KEYS), "g", INPUTS).sha256


def test_inputs_do_not_change_with_the_object_they_came_from() -> None:
    scales = [0.72, 1.0, 1.45]
    found = check(partial(*KEYS), "f", INPUTS | {KEYS[1]: scales})
    before = found.sha256
    scales.append(9.0)
    assert found.sha256 == before
    assert json.dumps(found.numbers(KEYS[1])) == "[0.72, 1.0, 1.45]"


@pytest.mark.parametrize(
    ("inputs", "code", "column"),
    [
        ({"slides.price_rnage": 0.1}, "E_UNKNOWN_KEY", "inputs"),
        ({"margin.initial_factor": 1.3}, "E_UNKNOWN_KEY", "inputs"),
        ({3: 1.3}, "E_UNKNOWN_KEY", "inputs"),
        ({"slides.price_range": 1.0}, "E_RANGE", "slides.price_range"),
        ({"slides.price_range": None}, "E_DTYPE", "slides.price_range"),
        ({"slides.price_range": float("nan")}, "E_DTYPE", "slides.price_range"),
        ([0.1], "E_DTYPE", "inputs"),
    ],
)
def test_other_inputs_are_refused(inputs: Any, code: str, column: str) -> None:
    refused = refusal(lambda: check(partial(*KEYS), "f", inputs))
    assert (refused.code, refused.column) == (code, column)


def test_a_complete_rule_book_takes_no_inputs() -> None:
    refused = refusal(lambda: rs.load_rulebook("generic-slides", inputs=INPUTS))
    assert refused.code == "E_UNKNOWN_KEY" and "nothing unpublished" in refused.fix


def test_only_what_is_unpublished_makes_a_rule_book_partial() -> None:
    refused = refusal(lambda: check(partial(*KEYS) | {"status": "complete"}, "f"))
    assert (refused.code, refused.column) == ("E_RANGE", f"{KEYS[0]}.status")
    refused = refusal(lambda: check(partial(), "f"))
    assert (refused.code, refused.column) == ("E_PARTIAL", "status")


def test_what_is_unpublished_has_a_source_and_no_value() -> None:
    raw = partial(*KEYS)
    raw["slides"]["price_range"]["value"] = 0.1
    assert refusal(lambda: check(raw, "f")).column == "slides.price_range.value"
    for part in ("source", "date"):
        raw = partial(*KEYS)
        del raw["slides"]["price_range"][part]
        assert refusal(lambda raw=raw: check(raw, "f")).column == f"slides.price_range.{part}"
    raw = content()
    raw["slides"]["price_range"]["status"] = "given"
    assert refusal(lambda: check(raw, "f")).code == "E_UNKNOWN_KEY"


def test_a_file_of_ones_own_is_partial_in_the_same_way(tmp_path: Path) -> None:
    old = 'price_range = { value = 0.16, status = "chosen",'
    text = rulebook_text("generic-slides").replace('status = "complete"', 'status = "partial"')
    assert old in text
    path = tmp_path / "own.toml"
    path.write_text(text.replace(old, 'price_range = { status = "unpublished",'), "utf-8")
    assert rs.load_rulebook(path).unpublished == ("slides.price_range",)
    found = rs.load_rulebook(path, inputs={"slides.price_range": 0.2})
    assert margin(found).maintenance == pytest.approx([0.2 * 140_000.0])


# Files that are no rule books


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5_000, "a = " + "9" * 5_000, "a = 2026-13-45", "x"]
)
def test_what_is_no_toml_is_refused_as_such(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    refused = refusal(lambda: rs.load_rulebook(path))
    assert (refused.code, refused.file) == ("E_TOML", str(path))


@pytest.mark.parametrize("key", ["name", "title", "method", "version", "status", "description"])
@pytest.mark.parametrize("value", [5, ["x"], {"x": 1}, "", True])
def test_what_describes_a_rule_book_is_text(key: str, value: Any) -> None:
    refused = refusal(lambda: check(content() | {key: value}, "f"))
    assert (refused.code, refused.column, refused.value) == ("E_DTYPE", key, value)


@pytest.mark.parametrize(
    "value", ["2026-01-01", 2026, tomllib.loads("x = 2026-01-01T00:00:00Z")["x"]]
)
def test_dates_are_dates(value: Any) -> None:
    assert refusal(lambda: check(content() | {"valid_from": value}, "f")).column == "valid_from"
    raw = content()
    raw["slides"]["price_range"]["date"] = value
    assert refusal(lambda: check(raw, "f")).column == "slides.price_range.date"


def test_a_section_is_a_table_of_parameters() -> None:
    refused = refusal(lambda: check(content() | {"slides": 5}, "f"))
    assert (refused.code, refused.column, refused.value) == ("E_DTYPE", "slides", 5)
