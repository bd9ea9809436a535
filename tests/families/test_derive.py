"""Guards that files of Derive are read whole, compared figure by figure, and can fail."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from families import (
    derive_auction,
    derive_library,
    derive_pm1,
    derive_pm2,
    derive_reference,
    derive_settings,
    derive_srm,
)
from families.derive_account import MARKET, scaled, split
from families.derive_case import AS_OF, SECOND, case_of
from families.run import replay, write
from families.tally import Tally

DAY = 86_400
FAMILIES = {"pmrm2": derive_pm2, "pmrm1": derive_pm1, "srm": derive_srm}

PM2: dict[str, Any] = {
    "case": "any name",
    "note": "",
    "inputs": {
        "cash": 500.0,
        "spot": 100.0,
        "spot_conf": 0.5,
        "stable": 0.9,
        "perp": {
            "position": -2.0,
            "price": 101.0,
            "conf": 0.25,
            "unrealised_pnl": 7.0,
            "unrealised_funding": -3.0,
        },
        "collaterals": [
            {"name": "X", "amount": 2.0, "price": 90.0, "conf": 1.0, "risk_cancelling": True}
            | {"mm_haircut": 0.1, "im_haircut_extra": 0.05},
            {"name": "X", "amount": 1.0, "price": 9.0, "conf": 1.0, "risk_cancelling": False}
            | {"mm_haircut": 0.2, "im_haircut_extra": 0.0},
        ],
        "expiries": [
            {"sec_to_expiry": 40 * DAY, "forward": 102.0, "forward_conf": 0.9}
            | {"rate": -0.01, "rate_conf": 0.8, "vol_conf": 0.7},
            {"sec_to_expiry": 450, "forward": 100.5},
        ],
        "options": [
            {"sec_to_expiry": 40 * DAY, "strike": 110.0, "is_call": True}
            | {"amount": -0.1, "mark_vol": 0.8},
            {"sec_to_expiry": 40 * DAY, "strike": 110.0, "is_call": True}
            | {"amount": -0.2, "mark_vol": 0.8},
            {"sec_to_expiry": 450, "strike": 105.0, "is_call": False}
            | {"amount": 3.0, "mark_vol": 1.1},
        ],
    },
    "parameters": {
        "scenarios": [
            {"spot_shock": 1.2, "vol": "up", "dampening": 1.0},
            {"spot_shock": 0.8, "vol": "down", "dampening": 1.0},
            {"spot_shock": 2.0, "vol": "up", "dampening": 0.3},
            {"spot_shock": 1.0, "vol": "linear", "dampening": 1.0},
            {"spot_shock": 1.0, "vol": "abs", "dampening": 1.0},
        ],
        "vol_shock": {"VOLRANGEUP": 0.5, "VOLRANGEDOWN": 0.3, "SHORTTERMPOWER": 0.3}
        | {"LONGTERMPOWER": 0.13, "DTE_FLOOR": 1.0, "MIN_VOL_EVAL_SHOCKED": 0.4},
        "skew_shock": {"LINEAR_SCALE_CAP": 0.2, "LINEAR_CBASE": -0.05, "ABS_SCALE_CAP": 0.1}
        | {"ABS_CBASE": -0.02, "MIN_K_STAR": 0.01, "MIN_WIDTH_SCALE": 4.0}
        | {"VOL_PARAM_STATIC": 0.6, "VOL_PARAM_SCALE": -0.1},
        "margin": {"MM_LOSS_FACTOR": 0.8, "IM_LOSS_FACTOR": 1.0, "BASE_STATIC_DISCOUNT": 0.95}
        | {"LONG_RATE_MULTSCALE": 1.0, "LONG_RATE_ADDSCALE": 0.1, "SHORT_RATE_MULTSCALE": 0.5}
        | {"BASE_STATIC_DISCOUNT_NEG": 1.04, "SHORT_RATE_ADDSCALE": 0.08},
        "basis_contingency": {"SCENARIO_SPOT_UP": 1.05, "SCENARIO_SPOT_DOWN": 0.95}
        | {"BASIS_CONT_ADD_FACTOR": 0.5, "BASIS_CONT_MULT_FACTOR": 2.0},
        "other_contingency": {"PEG_LOSS_THRESHOLD": 0.98, "PEG_LOSS_FACTOR": 2.0}
        | {"CONF_THRESHOLD": 0.6, "CONF_MARGIN": 1.0, "MM_PERP_PERCENT": 0.02}
        | {"IM_PERP_PERCENT": 0.01, "MM_OPTION_PERCENT": 0.003, "IM_OPTION_PERCENT": 0.002},
    },
    "tolerance": {"relative": 1e-8},
}


def answered(raw: dict[str, Any]) -> dict[str, Any]:
    """The file with the figures that the reference gives."""
    found = derive_reference.pm2(derive_pm2.account_of(raw), derive_pm2.parameters_of(raw))
    kinds = [*derive_pm2.kinds_of(raw["parameters"]["scenarios"]), "fwd_contingency"]
    lists = ("scenario_pnl", "option_mtm_per_expiry", "vol_up_multiplier_per_option")
    figures: dict[str, Any] = {k: v if k in lists else v[0] for k, v in found.items() if v}
    pairs = iter(found["static_discounts_pos_neg"])
    figures["static_discounts_pos_neg"] = [list(pair) for pair in zip(pairs, pairs, strict=True)]
    figures["vol_down_multiplier_per_option"] = found["vol_down_multiplier_per_option"]
    figures["worst"] = kinds[int(found["worst"][0])]
    for mine in ("unrealised", "worst_pnl", "portfolio_mtm"):
        del figures[mine]
    return raw | {"expected": figures}


def tally_of(family: ModuleType, path: Path, raw: Any, **implementation: Any) -> Tally:
    tally = Tally()
    refusal = family.refusal(path, raw)
    assert refusal == "", refusal
    family.replay(path, raw, tally, **implementation)
    return tally


def skipped(tally: Tally) -> set[str]:
    return {reason for field in tally.fields.values() for reason in field.skipped}


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from leaves(inner, (*place, key))
    else:
        yield place, value


def changed(raw: Any, place: tuple[Any, ...], value: Any) -> Any:
    out = copy.deepcopy(raw)
    inner = out
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return out


# --- PM2 -----------------------------------------------------------------------------------------


def test_every_figure_of_a_file_is_compared_or_skipped_with_a_reason() -> None:
    raw = answered(PM2)
    tally = tally_of(derive_pm2, Path("f.json"), raw)
    assert tally.beyond == []
    assert tally.compared == sum(1 for _ in leaves(raw["expected"]))
    read = sum(field.read for field in tally.fields.values())
    assert read == sum(1 for _ in leaves(raw))
    assert skipped(tally) == {"input", "parameter", "tolerance", "describes the file"}


def test_a_printed_figure_that_is_off_fails_by_name() -> None:
    raw = answered(PM2)
    largest = max(abs(x) for _, x in leaves(raw["expected"]) if isinstance(x, float))
    for place, value in leaves(raw["expected"]):
        if place == ("worst",):
            other = "tail" if value != "tail" else "skew"
        else:
            other = value * (1.0 + 2e-8) if value else 1.1e-9 * largest
        found = tally_of(derive_pm2, Path("f"), changed(raw, ("expected", *place), other))
        assert len(found.beyond) == 1, place
        assert found.beyond[0].startswith(place[0]), place


def test_what_a_file_leaves_out_is_neutral() -> None:
    bare = {
        "inputs": {"spot": 100.0},
        "parameters": {"scenarios": [{"spot_shock": 0.9, "vol": "none"}]},
    }
    found = derive_reference.pm2(derive_pm2.account_of(bare), derive_pm2.parameters_of(bare))
    assert found["mm"] == found["im"] == [0.0]
    for part, held in PM2["parameters"].items():
        if part == "scenarios":
            continue
        for name in (None, *held):  # a whole section, and every field by itself
            less = copy.deepcopy(PM2)
            if name is None:
                del less["parameters"][part]
            else:
                del less["parameters"][part][name]
            assert tally_of(derive_pm2, Path("f"), answered(less)).beyond == []
    for part in ("perp", "collaterals", "stable", "cash", "spot_conf"):
        less = copy.deepcopy(PM2)
        del less["inputs"][part]
        assert tally_of(derive_pm2, Path("f"), answered(less)).beyond == []


def test_unknown_fields_and_nulls_are_named() -> None:
    raw = answered(PM2)
    raw["expected"] |= {"mm": None, "new_figure": [1.0, 2.0]}
    raw["inputs"] = raw["inputs"] | {"weather": "dry"}
    tally = tally_of(derive_pm2, Path("f"), raw)
    assert tally.fields["mm"].skipped == {"null in the file": 1}
    assert tally.fields["new_figure"].skipped == {"not a figure of the method": 2}
    assert tally.fields["weather"].skipped == {"not a field of the family": 1}
    short = changed(raw, ("expected", "scenario_pnl"), [1.0])
    assert "5 figures, not 1" in tally_of(derive_pm2, Path("f"), short).beyond[0]


def test_a_note_excludes_a_file_and_other_files_are_refused() -> None:
    assert "excludes it" in derive_pm2.refusal(Path("f"), answered(PM2) | {"note": "wrong"})
    assert "no expected" in derive_pm2.refusal(Path("f"), PM2)
    for family in (*FAMILIES.values(), derive_auction):
        for other in ([], 3, {"rows": []}, {"Scenario": {}, "Result": {}}):
            assert family.refusal(Path("f"), other), (family, other)


def test_the_worst_scenario_is_not_named_where_kinds_tie() -> None:
    raw = copy.deepcopy(PM2)
    raw["inputs"] = {"spot": 100.0, "cash": 5.0}
    tally = tally_of(derive_pm2, Path("f"), answered(raw))
    (reason,) = tally.fields["worst"].skipped
    assert "as bad" in reason
    assert derive_pm2.kinds_of(raw["parameters"]["scenarios"]) == [
        *("regular", "regular", "tail", "skew", "skew")
    ]


# --- PM1, standard manager, auctions -------------------------------------------------------------


@pytest.mark.parametrize("implementation", ["reference", "library"])
@pytest.mark.parametrize("folder", [*FAMILIES, "liquidation"])
def test_published_files_are_reproduced(
    folder: str, implementation: str, shared_data: Callable[[str], Path]
) -> None:
    family = FAMILIES.get(folder, derive_auction)
    given: dict[str, Any] = {}
    if implementation == "library":
        srm = folder == "srm"
        given["margin"] = derive_library.standard_margin_of if srm else derive_library.margin_of
    files = sorted(shared_data(f"derive/{folder}").glob("*.json"))
    least = {"pmrm2": (85, 7827), "pmrm1": (13, 250), "srm": (17, 380), "liquidation": (5, 180)}
    compared = 0
    for file in files:
        tally = tally_of(family, file, json.loads(file.read_text("utf-8")), **given)
        assert tally.beyond == [], file.name
        compared += tally.compared
    assert len(files) >= least[folder][0]
    assert compared >= least[folder][1]


@pytest.mark.parametrize("folder", ["pmrm1", "srm", "liquidation"])
def test_results_of_published_files_that_are_off_fail(
    folder: str, shared_data: Callable[[str], Path]
) -> None:
    """Every printed result of one file, moved by a millionth of a dollar (or of the whole)."""
    family = FAMILIES.get(folder, derive_auction)
    name = {"pmrm1": "Test13", "srm": "Test7", "liquidation": "Test6"}[folder]
    file = shared_data(f"derive/{folder}/{name}.json")
    raw = json.loads(file.read_text("utf-8"))
    title = "Results" if folder == "liquidation" else "Result"
    unmoved = {"Cash", "UnrealisedPerpPNL", "UnrealisedFunding", "SettlementPrice", "PercentFixed"}
    moved = 0
    for place, value in leaves(raw):
        if title in place and place[-1] not in unmoved:
            off = changed(raw, place, value + 10**12)
            assert tally_of(family, file, off).beyond, place
            moved += 1
    assert moved >= 12


def test_parameters_lie_in_the_file_or_beside_it_or_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RISKSLIDE_SHARED_DATA", str(tmp_path / "nowhere"))
    raw = {"Scenario": {"SpotPrice": 10**18}, "Result": {}}
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    path = write(folder, "f.json", raw)
    assert "no parameters" in derive_pm1.refusal(path, raw)
    assert derive_settings.settings_of(path, raw | {"parameters": {"x": 1}}, "pmrm1") == {"x": 1}
    write(tmp_path / "a", "parameters.json", {"test_defaults": {"pmrm1": {"x": 2}}})
    assert derive_pm1.refusal(path, raw) == ""
    assert derive_settings.settings_of(path, raw, "pmrm1") == {"x": 2}
    write(folder, "other.json", {"mine": {"x": 3}})
    named = raw | {"parameters_file": "other.json:mine"}
    assert derive_settings.settings_of(path, named, "pmrm1") == {"x": 3}


def test_scenarios_are_read_from_words_and_from_pairs() -> None:
    words = derive_settings.scenarios_of({"scenarios": "spot 1.1,0.9 each up/none (4)"})
    assert words == [(1.1, "up"), (1.1, "none"), (0.9, "up"), (0.9, "none")]
    signed = derive_settings.scenarios_of({"scenarios_spot_vol": "+20 up; 0,-5 each down; -20 up"})
    assert signed == [(1.2, "up"), (1.0, "down"), (0.95, "down"), (0.8, "up")]
    assert derive_settings.scenarios_of({"scenarios": [[1.05, "up"]]}) == [(1.05, "up")]


def test_the_order_of_keys_does_not_matter(shared_data: Callable[[str], Path]) -> None:
    for folder, family in FAMILIES.items():
        for file in sorted(shared_data(f"derive/{folder}").glob("*.json"))[:3]:
            raw = json.loads(file.read_text("utf-8"))
            turned = json.loads(json.dumps(raw, sort_keys=True))
            assert tally_of(family, file, turned).beyond == []


@pytest.mark.parametrize(
    ("family", "folder", "field", "least"),
    [
        ("derive-auction", "liquidation", "ExpectedBidPrice", 7),
        ("derive-pm1", "pmrm1", "MinSpan", 13),
        ("derive-pm2", "pmrm2", "scenario_pnl", 2500),
        ("derive-srm", "srm", "realMM", 17),
    ],
)
def test_the_command_replays_the_library(
    family: str, folder: str, field: str, least: int, shared_data: Callable[[str], Path]
) -> None:
    code, result = replay(family, shared_data(f"derive/{folder}"))
    assert code == 0
    assert set(result["files"].values()) == {"replayed"}
    assert result["fields"][field]["compared"] >= least
    for name, held in result["fields"].items():
        assert held["read"] == held["compared"] + sum(held["skipped"].values()), name


# --- what the library is given -------------------------------------------------------------------


def test_a_case_holds_every_amount_and_quote_of_its_account() -> None:
    account = derive_pm2.account_of(PM2)
    case = case_of(account, "me")
    columns, book = case.instruments, case.book
    assert columns["name"] == [*(f"{MARKET}:option {k}" for k in range(3)), f"{MARKET}:perpetual"]
    assert book["quantity"] == [-0.1, -0.2, 3.0, -2.0]
    assert columns["lot"] == [0.1, 0.2, 3.0, 2.0]
    assert book["accrued"] == [0.0, 0.0, 0.0, 4.0]
    assert (book["balance_asset"], book["balance_amount"]) == (
        ["USDC", "X", "X 2"],
        [500.0, 2.0, 1.0],
    )
    far, near = case.expiries[MARKET]
    assert (far, near) == (AS_OF + 40 * DAY * SECOND, AS_OF + 450 * SECOND)
    quotes = case.quotes
    assert quotes["spot"] == {"USDC": 0.9, "X": 90.0, "X 2": 9.0, MARKET: 100.0}
    assert quotes["fixed"] == {(MARKET, near): 0.75 * 100.5}
    assert quotes["forward"] == {(MARKET, far): 102.0, (MARKET, near): 100.5}
    assert quotes["rate"] == {(MARKET, far): -0.01, (MARKET, near): 0.0}
    assert quotes["confidence"]["mark", f"{MARKET}:perpetual"] == 0.25
    assert quotes["confidence"]["vol", (MARKET, far)] == 0.7


def test_scaling_leaves_cash_alone_and_prices_as_they_are() -> None:
    account = derive_pm2.account_of(PM2)
    half = scaled(account, 0.5, 77.0)
    assert half.cash == 77.0
    assert [o.amount for o in half.market.options] == [-0.05, -0.1, 1.5]
    assert half.market.perpetual is not None
    assert half.market.perpetual.unrealised == 2.0
    assert [c.amount for c in half.collaterals] == [1.0, 0.5]
    found = [derive_reference.pm2(a, derive_pm2.parameters_of(PM2)) for a in (account, half)]
    whole, part = (f["mm"][0] for f in found)
    assert part - 77.0 == pytest.approx((whole - 500.0) / 2)


def test_a_forward_inside_the_window_is_split_by_time() -> None:
    assert split(100.0, 450, 1800.0) == (75.0, 25.0)
    assert split(100.0, 1800, 1800.0) == (0.0, 100.0)
    assert split(100.0, 1, 0.0) == (0.0, 100.0)
    assert split(100.0, 0, 0.0) == (100.0, 0.0)
