"""Guards what a risk parameter file says: contracts, arrays, spreads, and what is passed over."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from edge.span_files import (
    array,
    element,
    future,
    leg,
    option,
    portfolio,
    rate,
    span_file,
    spread,
    write,
)

import riskslide as rs
from riskslide.book.clock import text_of
from riskslide.book.instruments import Kind, PricingModel, Style
from riskslide.edge.span.limits import Limits
from riskslide.edge.span.nets import Days

LOSSES = [float(k) for k in range(16)]
GAINS = [-2.5 * k for k in range(16)]


def example() -> str:
    """A future, two options on it, a stock with a risk array, an index without one."""
    scan = element("scanRate", r=1, priceScan=120, volScan=0.05)
    series = element(
        "series",
        scan,
        option("C", 110, LOSSES, 0.25, p=4.5),
        option("P", 90.5, GAINS, -0.5, p=2.0, cvf=20),
        pe="202603",
        setlDate="20260320",
        sc=0.5,
    )
    exchange = [
        portfolio("phyPf", "IDX", element("phy", cId=1, p=101.25), currency="EUR"),
        portfolio("phyPf", "STK", element("phy", array(LOSSES, 1.0), cId=2, p=33.0), cvf=100),
        portfolio("futPf", "FUT", future("20260327", LOSSES), future("202604", GAINS), cvf=10),
        portfolio("oofPf", "OPT", series, cvf=10, valueMeth="FUT", exercise="AMER"),
    ]
    tiers = element("intraTiers", element("tier", tn=1, sPe="202603", ePe="202603"))
    minimum = element("somTiers", element("tier", rate(3.5), tn=1))
    commodity = element(
        "ccDef",
        *(element("pfLink", exch="X", pfId=c, pfType=t) for c, t in LINKS),
        tiers,
        minimum,
        element("spotRate", r=1, pe="202603", sprd=10, outr=20),
        spread(2, 50.0, leg("IDX", "A", 1, pe="20260327"), leg("IDX", "B", 2, pe="202604")),
        spread(1, 30.0, leg("IDX", "A", 1, tn=1), leg("IDX", "B", 1, tn=1)),
        cc="IDX",
        name="An index",
        somMeth="MAX",
    )
    between = element(
        "interSpreads", spread(1, 0.6, leg("IDX", "A", 1, tn=1), leg("STK", "B", 2, tn=1))
    )
    alone = element("ccDef", cc="STK", currency="USD")
    return span_file(exchange, [commodity, alone, between, element("cmbPf"), element("cmbPf")])


LINKS = [("IDX", "PHY"), ("FUT", "FUT"), ("OPT", "OOF")]


@pytest.fixture
def found(tmp_path: Path) -> rs.SpanFile:
    return rs.read_span(write(tmp_path / "a.spn", example()))


def test_contracts_are_instruments_with_stable_names(found: rs.SpanFile) -> None:
    x = found.instruments
    assert x.name == (
        "X-STK",
        "X-FUT-20260327",
        "X-FUT-202604",
        "X-OPT-202603-110-C",
        "X-OPT-202603-90.5-P",
    )
    assert [x.underlyings[k] for k in x.underlying] == ["STK", "IDX", "IDX", "IDX", "IDX"]
    assert x.kind.tolist() == [Kind.SPOT, Kind.FUTURE, Kind.FUTURE, Kind.OPTION, Kind.OPTION]
    assert x.multiplier.tolist() == [100.0, 10.0, 10.0, 10.0, 20.0]
    assert x.strike.tolist()[3:] == [110.0, 90.5] and x.is_call.tolist()[3:] == [True, False]
    assert set(x.model[3:].tolist()) == {PricingModel.BLACK76}
    assert set(x.style[3:].tolist()) == {Style.AMERICAN}
    assert {x.currencies[k] for k in x.currency} == {"USD"}


def test_contracts_expire_at_the_end_of_their_date(found: rs.SpanFile) -> None:
    assert text_of(found.as_of) == "2026-02-27T23:59:58Z"
    days = ("2026-03-27", "2026-04-30", "2026-03-20", "2026-03-20")
    ends = [text_of(t) for t in found.instruments.expiry.tolist()[1:]]
    assert ends == [f"{day}T23:59:59Z" for day in days]


def test_figures_are_those_of_the_file(found: rs.SpanFile) -> None:
    assert found.price.tolist() == [33.0, 100.0, 100.0, 4.5, 2.0]
    assert found.array.tolist() == [LOSSES, LOSSES, GAINS, LOSSES, GAINS]
    assert found.delta.tolist() == [1.0, 1.0, 1.0, 0.25, -0.5]
    assert found.scaling.tolist() == [1.0, 1.0, 1.0, 0.5, 0.5]
    assert found.price_scan.tolist() == [0, 0, 0, 120, 120]
    assert found.vol_scan.tolist() == [0, 0, 0, 0.05, 0.05]
    assert found.premium_style.tolist() == [False] * 5
    assert found.spot == {"IDX": 101.25, "STK": 33.0} and found.clearing == "OWN"


def test_commodities_hold_tiers_spreads_and_rates(found: rs.SpanFile) -> None:
    index, stock = found.commodities
    assert (index.code, index.name, index.short_option_method) == ("IDX", "An index", "MAX")
    march = Days(date(2026, 3, 1), date(2026, 3, 31))
    assert [(t.number, t.days) for t in index.tiers] == [(1, march)]
    assert [t.rate for t in index.short_option] == [3.5]
    assert [(s.number, s.method, s.rate) for s in index.spreads] == [(1, "F", 30.0), (2, "F", 50.0)]
    legs = [(g.commodity, g.period, g.side, g.ratio) for g in index.spreads[1].legs]
    april = Days(date(2026, 4, 1), date(2026, 4, 30))
    assert legs == [("IDX", Days(*[date(2026, 3, 27)] * 2), 1, 1.0), ("IDX", april, -1, 2.0)]
    assert [(r.period, r.spread, r.outright) for r in index.spot_rates] == [(march, 10, 20)]
    assert stock.spreads == () and stock.currency == "USD"
    (between,) = found.inter_spreads
    assert [(g.commodity, g.tier, g.side) for g in between.legs] == [("IDX", 1, 1), ("STK", 1, -1)]


def test_what_the_method_knows_and_the_reader_does_not_is_counted(found: rs.SpanFile) -> None:
    assert found.warnings == (
        "W_SPAN_FILE: 2 cmbPf not read",
        "W_SPAN_FILE: 1 phy with a risk array, held as balances and not scanned",
    )
    assert found.market.warnings == found.warnings


def test_an_option_that_ends_before_its_period_counts_in_it(tmp_path: Path) -> None:
    """Options on a March future may end in February: their deltas net in March."""
    series = element("series", option("C", 5, LOSSES, 0.5), pe="202604", setlDate="20260320")
    text = span_file([portfolio("oofPf", "GC", series)], [element("ccDef", cc="GC")])
    found = rs.read_span(write(tmp_path / "a.spn", text))
    assert text_of(int(found.instruments.expiry[0])) == "2026-04-30T23:59:59Z"


def test_spreads_between_may_stand_in_the_commodities(tmp_path: Path) -> None:
    both = leg("A", "A", 1, pe="202603"), leg("B", "B", 1, pe="202603")
    group = element("interSpreads", spread(1, 0.6, *both))
    definitions = [element("ccDef", group, cc=code) for code in "AB"]
    path = write(tmp_path / "a.spn", span_file([], definitions))
    assert len(rs.read_span(path).inter_spreads) == 1


def test_portfolios_without_a_link_go_to_the_commodity_of_their_code(tmp_path: Path) -> None:
    listed = portfolio("futPf", "GC", future("202603", LOSSES), cvf=1)
    text = span_file([listed], [element("ccDef", cc="GC")])
    found = rs.read_span(write(tmp_path / "a.spn", text))
    assert found.instruments.underlyings == ("GC",)


def test_the_composite_delta_may_be_that_of_the_contract(tmp_path: Path) -> None:
    bare = "<ra>" + "<a>1</a>" * 16 + "</ra>"
    fut = element("fut", bare, pe="202603", p=1, d=0.75)
    text = span_file([portfolio("futPf", "GC", fut)], [element("ccDef", cc="GC")])
    assert rs.read_span(write(tmp_path / "a.spn", text)).delta.tolist() == [0.75]


def test_arrays_and_rates_of_other_levels_are_passed_over(tmp_path: Path) -> None:
    other = array([9.0] * 16, 0.1).replace("<r>1</r>", "<r>2</r>")
    fut = future("202603", LOSSES).replace("<ra>", other + "<ra>", 1)
    minimum = element("tier", element("rate", r=3, val=9), rate(2.0), tn=1)
    definition = element("ccDef", element("somTiers", minimum), cc="GC")
    found = rs.read_span(
        write(tmp_path / "a.spn", span_file([portfolio("futPf", "GC", fut)], [definition]))
    )
    assert found.array.tolist() == [LOSSES] and found.commodities[0].short_option[0].rate == 2.0


def test_a_contract_that_expires_on_the_day_is_not_expired(tmp_path: Path) -> None:
    text = span_file(
        [portfolio("futPf", "GC", future("20260227", LOSSES))], [element("ccDef", cc="GC")]
    )
    found = rs.read_span(write(tmp_path / "a.spn", text))
    assert found.instruments.expiry[0] > found.as_of


@pytest.mark.parametrize("how", ["gzip", "zip"])
def test_files_may_be_compressed(tmp_path: Path, how: str, found: rs.SpanFile) -> None:
    path = tmp_path / "a.spn.packed"
    if how == "gzip":
        path.write_bytes(gzip.compress(example().encode()))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("a.spn", example())
    np.testing.assert_array_equal(rs.read_span(path).array, found.array)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_other_encodings_are_read_as_they_declare(tmp_path: Path, encoding: str) -> None:
    text = example().replace("An index", "Índice")
    if encoding not in ("utf-8-sig", "utf-16"):
        text = text.replace('"1.0"?', f'"1.0" encoding="{encoding}"?')
    path = write(tmp_path / "a.spn", text.encode(encoding))
    assert rs.read_span(path).commodities[0].name == "Índice"


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces_may_end_anywhere(
    tmp_path: Path, size: int, found: rs.SpanFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riskslide.edge.span.source.CHUNK", size)
    again = rs.read_span(write(tmp_path / "a.spn", example()))
    assert again.instruments.name == found.instruments.name
    assert again.array.tolist() == found.array.tolist()


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(bytes=500), "500 bytes"),
        (Limits(contracts=2), "2 contracts"),
        (Limits(definitions=5), "5 definitions"),
        (Limits(text=4), "4 characters of text"),
    ],
)
def test_limits_are_of_the_caller(tmp_path: Path, limits: Limits, what: str) -> None:
    path = write(tmp_path / "a.spn", example())
    with pytest.raises(rs.InputError, match=what) as refused:
        rs.read_span(path, limits=limits)
    assert refused.value.code == "E_LIMIT" and refused.value.row is not None


def test_a_sound_archive_of_another_kind_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a.spn", "<spanFile/>")
    held = bytearray(path.read_bytes())
    directory = held.index(b"PK\x01\x02")
    for place in (8, directory + 10):  # the method of compression: 9 is Deflate64
        held[place : place + 2] = (9).to_bytes(2, "little")
    path.write_bytes(bytes(held))
    with pytest.raises(rs.InputError) as caught:
        rs.read_span(path)
    assert caught.value.code == "E_FILE" and caught.value.file == str(path)
    assert "extract the file" in caught.value.fix and "damaged" not in caught.value.fix


def test_a_damaged_archive_is_refused_whatever_its_compression(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = tmp_path / f"{method}.zip"
        with zipfile.ZipFile(path, "w", method) as out:
            out.writestr("a.spn", "<spanFile>" + "x" * 5_000)
        held = bytearray(path.read_bytes())
        held[45:60] = bytes(15)
        path.write_bytes(bytes(held))
        with pytest.raises(rs.InputError) as caught:
            rs.read_span(path)
        assert caught.value.code == "E_FILE"
