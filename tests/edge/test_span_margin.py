"""Guards that a risk parameter file is margined by what it says: its arrays, spreads and rates."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge.span_files import element, future, leg, option, portfolio, rate, span_file, spread, write

import riskslide as rs

MOVES = [(0.0, 1), (0.0, -1)] + [
    (s * k / 3, v) for k in (1, 2, 3) for s in (1, -1) for v in (1, -1)
]
POINTS = [*((f, g, 1.0) for f, g in MOVES), (2.0, 0, 0.35), (-2.0, 0, 0.35)]


def linear(scan: float) -> list[float]:
    """What a long future loses in every scenario."""
    return [-w * f * scan for f, _, w in POINTS]


def call_losses() -> list[float]:
    return [-w * (200 * f + 40 * f * f + 60 * g - 10) for f, g, w in POINTS]


def two_commodities(between: str = "", minimum: str = "") -> str:
    """A: two months of futures, the first of which delivers; B: a future and a call on it."""
    listed = [
        portfolio("futPf", "A", future("202603", linear(1000)), future("202606", linear(1000))),
        portfolio("futPf", "B", future("202604", linear(400))),
        portfolio(
            "oofPf",
            "B",
            element("series", option("C", 410, call_losses(), 0.5, p=30), pe="202604"),
            cvf=50,
        ),
    ]
    first = element(
        "ccDef",
        spread(1, 50.0, leg("A", "A", 1, pe="202603"), leg("A", "B", 1, pe="202606")),
        element("spotRate", r=1, pe="202603", sprd=10, outr=20),
        cc="A",
        currency="USD",
    )
    sold = minimum or element("somTiers", element("tier", rate(100.0), tn=1))
    second = element("ccDef", sold, cc="B", currency="USD", somMeth="GROSS")
    legs = leg("A", "A", 1, tn=1), leg("B", "B", 2, tn=1)
    credit = between or spread(1, 0.6, *legs, method="P")
    return span_file(listed, [first, second, element("interSpreads", credit)])


HELD = {"X-A-202603": 10, "X-A-202606": -6, "X-B-202604": -9, "X-B-202604-410-C": -4}


def total(found: rs.SpanFile, held: dict[str, int]) -> float:
    """The risk less the value of the options, which is what SPAN asks for."""
    portfolio = rs.Portfolio.from_columns(
        found.instruments,
        account=["one"] * len(held),
        instrument=list(held),
        quantity=list(held.values()),
    )
    got = rs.assess(portfolio, found.market, found.rulebook)
    return max(0.0, float(got.maintenance[0] - got.option_value[0]))


def test_the_worked_example_is_reproduced_from_a_file(tmp_path: Path) -> None:
    """4,000 + 300 + 140 - 2,400 of A, 4,760 - 1,989.8182 of B, and the 6,000 that the calls owe."""
    found = rs.read_span(write(tmp_path / "two.spn", two_commodities()))
    assert total(found, HELD) == pytest.approx(10_810.1818, abs=5e-5)


@pytest.mark.parametrize(
    ("held", "margin"),
    [
        ({"X-A-202603": 10}, 10_000 + 10 * 20),
        ({"X-A-202603": 2, "X-A-202606": -2}, 2 * 50 + 2 * 10),
        ({"X-B-202604": 3}, 1_200),
        ({"X-B-202604-410-C": -1}, 290 + 1_500),
        ({"X-B-202604-410-C": 5}, 0),
    ],
)
def test_parts_of_it_are_margined_alone(
    tmp_path: Path, held: dict[str, int], margin: float
) -> None:
    found = rs.read_span(write(tmp_path / "two.spn", two_commodities()))
    assert total(found, held) == pytest.approx(margin)


def test_the_rule_book_says_where_its_figures_come_from(tmp_path: Path) -> None:
    rules = rs.read_span(write(tmp_path / "two.spn", two_commodities())).rulebook
    assert (rules.method, rules.name, rules.valid_from.isoformat()) == (
        "span",
        "two.spn",
        "2026-02-27",
    )
    assert rules.table("intra.flat") == {"A:1": 50.0}
    assert rules.lists("tiers.starts")["A"] == [20260301.0, 20260401.0, 20260601.0, 20260701.0]
    assert rules.lists("intra.tiers") == {"A:1": [1.0, 3.0]}
    assert rules.table("inter.deltas") == {"1:A": 1.0, "1:B": -2.0}
    assert rules.lists("short_option.rate") == {"B": [100.0]}


def test_minimums_may_differ_by_tier(tmp_path: Path) -> None:
    """From April on an option sold needs 5,000."""
    tiers = element(
        "somTiers",
        element("tier", rate(100.0), tn=1, ePe="202603"),
        element("tier", rate(5_000.0), tn=2, sPe="202604"),
    )
    found = rs.read_span(write(tmp_path / "two.spn", two_commodities(minimum=tiers)))
    assert total(found, {"X-B-202604-410-C": -1}) == pytest.approx(5_000 + 1_500)


def test_a_credit_in_per_cent_is_refused(tmp_path: Path) -> None:
    legs = leg("A", "A", 1, tn=1), leg("B", "B", 2, tn=1)
    found = rs.read_span(write(tmp_path / "a.spn", two_commodities(between=spread(1, 60, *legs))))
    with pytest.raises(rs.InputError, match="60 % of the price risk"):
        _ = found.rulebook


def within(*inside: str, **texts: object) -> str:
    definition = element("ccDef", *inside, cc="A", currency="USD", **texts)
    listed = [portfolio("futPf", "A", future("202603", linear(1000)))]
    return span_file(listed, [definition])


PAIR = leg("A", "A", 1, tn=1), leg("A", "B", 1, tn=2)
HALVES = element(
    "intraTiers",
    element("tier", tn=1, sPe="202603", ePe="202605"),
    element("tier", tn=2, sPe="202606"),
)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (within(HALVES, spread(1, 5.0, *PAIR, method="Z")), "E_UNSUPPORTED", "chargeMeth Z"),
        (within(spread(1, 5.0, *PAIR)), "E_UNKNOWN", "tier 1"),
        (
            within(HALVES, spread(1, 5.0, PAIR[0], leg("A", "B", 1, pe="202604"))),
            "E_UNSUPPORTED",
            "tier 1",
        ),
        (
            within(element("somTiers", element("tier", rate(1.0))), somMeth="ODD"),
            "E_UNSUPPORTED",
            "somMeth ODD",
        ),
        (
            within(
                element("spotRate", pe="20260303", sprd=1), element("spotRate", pe="202603", sprd=2)
            ),
            "E_UNSUPPORTED",
            "spotRate",
        ),
    ],
)
def test_what_the_method_has_no_words_for_is_refused_by_name(
    tmp_path: Path, text: str, code: str, said: str
) -> None:
    found = rs.read_span(write(tmp_path / "a.spn", text))
    with pytest.raises(rs.InputError) as refused:
        _ = found.rulebook
    assert refused.value.code == code and said in str(refused.value)


def test_figures_beyond_those_of_a_rule_book_are_refused_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.spn", within(HALVES, spread(1, 1e13, *PAIR)))
    with pytest.raises(rs.InputError, match=r"intra\.flat") as refused:
        _ = rs.read_span(path).rulebook
    assert (refused.value.code, refused.value.file) == ("E_RANGE", str(path))


def test_tiers_charge_what_they_say(tmp_path: Path) -> None:
    listed = [portfolio("futPf", "A", future("202603", linear(9)), future("202608", linear(9)))]
    definition = element("ccDef", HALVES, spread(1, 7.0, *PAIR), cc="A", currency="USD")
    found = rs.read_span(write(tmp_path / "a.spn", span_file(listed, [definition])))
    assert total(found, {"X-A-202603": 3, "X-A-202608": -2}) == 9 + 2 * 7


def test_several_currencies_are_refused(tmp_path: Path) -> None:
    text = two_commodities().replace("<currency>USD</currency>", "<currency>EUR</currency>", 1)
    found = rs.read_span(write(tmp_path / "a.spn", text))
    with pytest.raises(rs.InputError, match="EUR, USD") as refused:
        _ = found.rulebook
    assert refused.value.code == "E_CURRENCY"


def test_options_of_futures_style_have_no_value(tmp_path: Path) -> None:
    text = two_commodities().replace("<cvf>50</cvf>", "<cvf>50</cvf><valueMeth>FUT</valueMeth>")
    found = rs.read_span(write(tmp_path / "a.spn", text))
    assert found.rulebook.texts("options.futures_style") == ["B"]
    assert total(found, {"X-B-202604-410-C": -1}) == pytest.approx(290)


def test_deltas_are_scaled(tmp_path: Path) -> None:
    """Half a delta each of the first month: half as many spreads."""
    text = two_commodities().replace("<pe>202603</pe><p>", "<pe>202603</pe><sc>0.5</sc><p>")
    found = rs.read_span(write(tmp_path / "a.spn", text))
    held = {"X-A-202603": 4, "X-A-202606": -4}
    assert total(found, held) == pytest.approx(2 * 50 + 2 * 10)
