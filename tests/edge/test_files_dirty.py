"""What the command line does with market files that are cut, doubled, long, old or of no kind."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import Ended, Run

import riskslide as rs

DERIBIT = "chains_deribit_2026"
HELD = "BTC-27MAR26-80000-C"
COLUMNS = (
    "timestamp,instrument_name,option_type,strike,expiry_datetime,futures_price,"
    "implied_volatility,index_price"
)
ROW = "2026-02-05T15:51:32Z,{0},call,{1},2026-03-27T08:00:00Z,68200,{2},67900"


@pytest.fixture
def margin(tmp_path: Path, run: Run) -> Callable[..., Ended]:
    """Margins one position with a market file at the command line."""

    def margin(market: Path, *options: str, held: str = HELD) -> Ended:
        positions, balances = tmp_path / "p.csv", tmp_path / "b.csv"
        positions.write_text(f"account,instrument,quantity\nA,{held},-1\n", "utf-8")
        balances.write_text("account,asset,amount\nA,USD,1000000\n", "utf-8")
        files = ("--positions", str(positions), "--balances", str(balances))
        quotes = ("--market", str(market), "--rules", "generic-slides")
        return run("margin", *files, *quotes, *options)

    return margin


def write(folder: Path, data: bytes | str, name: str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def chain(*rows: tuple[str, int, Any]) -> str:
    return "\n".join([COLUMNS, *(ROW.format(*row) for row in rows)]) + "\n"


GOOD = chain((HELD, 80_000, 0.55), ("BTC-27MAR26-90000-C", 90_000, 0.6))


def refusal(ended: Ended, path: Path, code: str) -> str:
    """The one line of a refusal that names the file."""
    assert (ended.code, ended.out) == (2, "")
    line = ended.err.strip()
    assert "\n" not in line
    assert line.startswith(str(path)) and code in line
    return line


@pytest.mark.parametrize("name", ["cut.csv.gz", "cut.json.gz", "cut.parquet", "cut.json"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.999])
def test_a_file_that_is_cut_short_is_refused_by_name(
    margin: Callable[..., Ended], tmp_path: Path, name: str, share: float
) -> None:
    text = GOOD + "\n".join(
        ROW.format(f"BTC-27MAR26-{k}-C", k, 0.5) for k in range(100_000, 102_000)
    )
    rows = [
        dict(zip(COLUMNS.split(","), r.split(","), strict=True)) for r in text.split("\n")[1:] if r
    ]
    data = text.encode()
    if "json" in name:
        data = json.dumps(rows).encode()
    if name.endswith(".gz"):
        data = gzip.compress(data)
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
        data = (tmp_path / name).read_bytes()
    assert margin(write(tmp_path, data, name)).code == 0
    path = write(tmp_path, data[: int(share * len(data))], name)
    assert "incomplete" in refusal(margin(path), path, "E_FILE")


@pytest.mark.parametrize("name", ["e.csv", "e.csv.gz", "e.parquet", "e.json", "e.json.gz", "e"])
def test_an_empty_file_is_refused_by_name(
    margin: Callable[..., Ended], tmp_path: Path, name: str
) -> None:
    path = write(tmp_path, b"", name)
    refusal(margin(path), path, "E_")


def test_a_chain_of_no_rows_has_no_quote(margin: Callable[..., Ended], tmp_path: Path) -> None:
    ended = margin(write(tmp_path, COLUMNS + "\n", "chain.csv"))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("E_EMPTY")


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("implied_volatility", "iv", "E_MISSING", "add the column implied_volatility"),
        ("timestamp", "time", "E_MISSING", "read as a snapshot of Deribit's option chain"),
        ("futures_price", "forward", "E_MISSING", "futures_price"),
        (COLUMNS, "account,asset,amount,d,e,f,g,h", "E_FORMAT", "a snapshot of Deribit's"),
        (COLUMNS, "value,a,b,c,d,e,f,g", "E_FORMAT", "the nearest kind of file is quotes"),
        ("timestamp,instrument_name", "timestamp,timestamp", "E_DUPLICATE", "once"),
        (",", ";", "E_FORMAT", "commas"),
    ],
)
def test_a_wrong_header_names_the_nearest_kind_of_file(
    margin: Callable[..., Ended], tmp_path: Path, old: str, new: str, code: str, said: str
) -> None:
    path = write(tmp_path, GOOD.replace(old, new), "chain.csv")
    line = refusal(margin(path), path, code)
    assert line.startswith(f"{path}:1") and said in line


def test_doubled_rows_count_once_and_are_told(margin: Callable[..., Ended], tmp_path: Path) -> None:
    once = margin(write(tmp_path, GOOD, "chain.csv"), "--json")
    rows = GOOD.split("\n", 1)[1]
    path = write(tmp_path, GOOD + 9 * rows, "chain.csv")
    ten = margin(path, "--json")
    assert (once.code, ten.code) == (0, 0)
    first, second = json.loads(once.out), json.loads(ten.out)
    assert first["accounts"] == second["accounts"]
    told = f"W_REPEATED: rows of {path} that say what another row has said: 18"
    assert [w for w in second["warnings"] if w not in first["warnings"]] == [told]


def test_doubled_rows_that_differ_are_refused_by_line(
    margin: Callable[..., Ended], tmp_path: Path
) -> None:
    path = write(tmp_path, GOOD + ROW.format(HELD, 80_000, 0.56) + "\n", "chain.csv")
    line = refusal(margin(path), path, "E_DUPLICATE")
    assert line.startswith(f"{path}:4:implied_volatility") and f"{path}:2" in line


def test_dropped_series_are_counted_in_the_report(
    margin: Callable[..., Ended], tmp_path: Path
) -> None:
    path = write(tmp_path, GOOD + ROW.format("BTC-27MAR26-95000-C", 95_000, "") + "\n", "chain.csv")
    assert "1 series of the market are dropped" in margin(path).out
    assert json.loads(margin(path, "--json").out)["dropped_series"] == 1
    line = margin(path, held="BTC-27MAR26-95000-C").err
    assert "p.csv:2:instrument: E_MISSING_PRICE" in line and "has no implied vol" in line


def test_a_file_ten_times_as_long_gives_the_snapshot_asked_for(
    margin: Callable[..., Ended], tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    table = pq.read_table(shared_data(f"{DERIBIT}/deribit_btc_eth_daily_202602.parquet"))
    at = table.schema.get_field_index("timestamp")
    stamps = table["timestamp"].cast(pa.string()).to_pylist()
    years = [
        table.set_column(at, "timestamp", pa.array([f"{2016 + k}{s[4:]}" for s in stamps]))
        for k in range(11)
    ]
    path = tmp_path / "long.parquet"
    pq.write_table(pa.concat_tables([t.unify_dictionaries() for t in years]), path)
    assert pq.read_metadata(path).num_rows == 11 * table.num_rows
    market = rs.read_market(path, as_of="2026-02-02T10:00:00Z")
    assert len(market.vol) == 1556
    assert margin(path, "--as-of", "2026-02-02T10:00:00Z").code == 0


def test_snapshots_of_the_venues_files_are_priced_whole(
    shared_data: Callable[[str], Path],
) -> None:
    assert priced_snapshots(shared_data(DERIBIT), every=12) == 15


@pytest.mark.slow
def test_every_snapshot_of_the_venues_files_is_priced_whole(
    shared_data: Callable[[str], Path],
) -> None:
    assert priced_snapshots(shared_data(DERIBIT), every=1) == 146


def priced_snapshots(folder: Path, *, every: int) -> int:
    """How many snapshots of the Parquet files were loaded, with nothing dropped."""
    count = 0
    for path in sorted(folder.glob("*.parquet")):
        stamps = pq.read_table(path, columns=["timestamp"])["timestamp"].unique().to_pylist()
        for moment in sorted(stamps)[::every]:
            market = rs.read_market(path, as_of=moment)
            told = {w.split(":")[0] for w in market.warnings}
            assert market.dropped == 0 and told <= {"W_FORWARD_INFERRED"}
            assert len(market.vol) > 1200
            count += 1
    return count


# A page of quotes that was taken on a Saturday evening


def test_stale_weekend_quotes_are_margined_at_their_own_instant_only(
    margin: Callable[..., Ended], shared_data: Callable[[str], Path]
) -> None:
    path = shared_data("chains_equity/cboe_spx_2022-02-05.csv.gz")
    held = "SPX220218P04600000"
    ended = margin(path, held=held)
    assert ended.code == 0
    assert "2022-02-06T01:09:00Z" in ended.out
    assert "W_CLOSED_SESSION" in ended.out
    assert re.search(r"\b(nan|inf)\b", ended.out) is None
    late = margin(path, "--as-of", "2022-02-07T15:00:00Z", held=held)
    assert late.code == 2
    assert "E_STALE" in late.err and "refresh it" in late.err
    early = margin(path, "--as-of", "2022-02-04T15:00:00Z", held=held)
    assert early.code == 2
    assert "E_STALE" in early.err and "2022-02-06T01:09:00Z" in early.err


# Any change of bytes


def seeds(folder: Path) -> dict[str, bytes]:
    """Small market files of every kind of file."""
    rows = GOOD.strip().split("\n")
    records = [dict(zip(COLUMNS.split(","), r.split(","), strict=True)) for r in rows[1:]]
    for packing in ("none", "snappy"):
        pq.write_table(pa.Table.from_pylist(records), folder / packing, compression=packing)
    ticker = {"instrument_name": HELD, "timestamp": 1770306692535, "mark_iv": 55.5}
    ticker |= {"mark_price": 0.03, "underlying_price": 68_000.5, "index_price": 67_900}
    return {
        "chain.csv": GOOD.encode(),
        "chain.csv.gz": gzip.compress(GOOD.encode()),
        "plain.parquet": (folder / "none").read_bytes(),
        "packed.parquet": (folder / "snappy").read_bytes(),
        "answer.json": json.dumps({"jsonrpc": "2.0", "result": [ticker]}).encode(),
    }


def test_any_changed_byte_is_read_or_refused_but_never_crashes(tmp_path: Path) -> None:
    source = random.Random(11)
    for name, whole in seeds(tmp_path).items():
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(source.randint(1, 4)):
                data[source.randrange(len(data))] = source.randrange(256)
            path = write(tmp_path, bytes(data), name)
            try:
                market = rs.read_market(path)
            except rs.InputError as error:
                assert error.fix
            else:
                figures = (*market.vol.values(), *market.forward.values(), *market.spot.values())
                assert all(0 < q.value < float("inf") for q in figures)
