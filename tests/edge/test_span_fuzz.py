"""Guards that no file makes the reader of risk parameters fail otherwise than by naming the place.

`span_corpus` keeps files that are refused, each named for its code; others are made here, where
they would be too large to keep. Memory is that of a process of its own.
"""

from __future__ import annotations

import gzip
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge.span_files import write
from edge.test_span_file import example
from edge.test_span_margin import two_commodities

import riskslide as rs
from riskslide.edge.cli.main import main
from riskslide.edge.span.limits import Limits

CORPUS = sorted((Path(__file__).parent / "span_corpus").iterdir())
PLACE = re.compile(r"^[^:]+\.spn:\d+:\d+(:[\w/]+)?: E_[A-Z_]+: ", re.ASCII)
WHOLE = re.compile(r"^[^:]+\.spn(\.\w+)?: E_(FILE|FORMAT): ")


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The line that the command prints of a file that it refuses."""
    code = main(["span", str(path)])
    out, err = capsys.readouterr()
    assert code == 2 and out == "" and err.count("\n") == 1, (code, out, err)
    return err


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_files_of_the_corpus_are_refused_at_their_place(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file is named ``CODE.what.line.spn``; line 0 is that of the whole file."""
    said = refused(path, capsys)
    code, _, line, _ = path.name.split(".")
    assert f" E_{code}: " in said, said
    place = f"{path}:{line}:" if int(line) else f"{path}: "
    assert said.startswith(place), said
    with pytest.raises(rs.InputError):
        rs.read_span(path)


def test_the_corpus_holds_every_kind_of_refusal() -> None:
    codes = {path.name.split(".")[0] for path in CORPUS}
    assert codes == {
        *("DOCTYPE", "DTYPE", "DUPLICATE", "ENCODING", "FILE", "FORMAT", "INSTANT", "LIMIT"),
        *("MISSING", "NOT_FINITE", "RANGE", "SHAPE", "UNKNOWN"),
    }


# --- damage ---------------------------------------------------------------------------------------


def read_or_refuse(path: Path) -> bool:
    """Whether a file is read; what is refused, then or as a rule book, is told with its file."""
    found = None
    try:
        found = rs.read_span(path)
        _ = found.market, found.rulebook
    except rs.InputError as error:
        assert error.file == str(path) and error.fix
    return found is not None


@pytest.mark.parametrize("text", [example(), two_commodities()], ids=["example", "two"])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, text: str) -> None:
    data, path = text.rstrip().encode(), tmp_path / "cut.spn"
    for size in range(0, len(data), 37):
        assert not read_or_refuse(write(path, data[:size]))


def damaged(text: str, count: int) -> Iterator[bytes]:
    """Bytes changed, dropped, doubled and swapped; elements dropped, doubled and moved."""
    draw = random.Random(20260227)
    lines = text.splitlines(keepends=True)
    for _ in range(count):
        data, rows = bytearray(text.encode()), list(lines)
        at, to = sorted(draw.randrange(len(data)) for _ in range(2))
        row, other = (draw.randrange(len(rows)) for _ in range(2))
        match draw.randrange(6):
            case 0:
                data[at] = draw.randrange(256)
            case 1:
                del data[at : min(to, at + 40)]
            case 2:
                data[at:at] = data[at : min(to, at + 40)]
            case 3:
                rows[row], rows[other] = rows[other], rows[row]
                data = bytearray("".join(rows).encode())
            case 4:
                word = draw.choice(["nan", "-1", "1e999", "", "x", "&#0;", "<a/>", "&b;", "0", "٣"])
                data = bytearray(re.sub(r">[^<>]+<", f">{word}<", text, count=at % 60 + 1).encode())
            case _:
                tag = draw.choice(re.findall(r"<(\w+)>", text))
                data = bytearray(text.replace(f"<{tag}>", f"<{tag}x>").encode())
        yield bytes(data)


@pytest.mark.parametrize("text", [example(), two_commodities()], ids=["example", "two"])
def test_damaged_files_are_read_or_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "damaged.spn"
    read = [read_or_refuse(write(path, data)) for data in damaged(text, 400)]
    assert 0 < sum(read) < len(read)


@pytest.mark.slow
def test_many_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    for text in (example(), two_commodities()):
        for data in damaged(text, 20_000):
            read_or_refuse(write(tmp_path / "damaged.spn", data))


@pytest.mark.parametrize("size", [0, 3, 40, 200])
def test_damaged_archives_are_refused(tmp_path: Path, size: int) -> None:
    packed = tmp_path / "a.spn.gz"
    packed.write_bytes(gzip.compress(example().encode())[:size] if size else b"\x1f\x8b")
    assert not read_or_refuse(packed)
    archive = tmp_path / "a.spn.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a.spn", example())
    archive.write_bytes(archive.read_bytes()[: 4 + size])
    assert not read_or_refuse(archive)


def test_archives_of_several_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.spn"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("a.spn", example())
        out.writestr("b.spn", example())
    assert "an archive of 2 files" in refused(path, capsys)


# --- size -----------------------------------------------------------------------------------------

PEAK = """
import resource, sys
import riskslide as rs
from riskslide.edge.span.limits import Limits
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(len(rs.read_span(sys.argv[1], limits=Limits(**eval(sys.argv[2])))))
except rs.InputError as error:
    print(error.place(), error.code)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def read_apart(path: Path, **limits: int) -> tuple[str, int]:
    """What a process of its own finds, and the MiB that it needs beyond the package."""
    line = [sys.executable, "-c", PEAK, str(path), repr(limits)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=550, check=False)
    assert done.returncode == 0, done.stderr
    *found, peak = done.stdout.splitlines()
    return "\n".join(found), int(peak)


def large(path: Path, start: str, middle: str, count: int, end: str = "") -> Path:
    """A file of a piece that is repeated."""
    with path.open("w") as out:
        out.write(start)
        for _ in range(count):
            out.write(middle)
        out.write(end)
    return path


OPEN = "<spanFile><pointInTime><date>20260227</date><clearingOrg>"
FUTURE = f"{OPEN}<exchange><futPf><pfCode>A</pfCode><cvf>1</cvf><fut><pe>202603</pe><p>1</p>"


@pytest.mark.parametrize(
    ("start", "middle", "code"),
    [
        ("", "<a>", "E_LIMIT"),
        (f"{FUTURE}<unknown>", "<a>", "E_LIMIT"),
        (f"{FUTURE}<ra>", "<a>1</a>", "E_SHAPE"),
        (FUTURE, "<ra/>", "E_LIMIT"),
        (f"{FUTURE}<ra><a>", "1", "E_LIMIT"),
        (f"{OPEN}<unknown>", "text ", "E_LIMIT"),
        ("<", "a", "E_LIMIT"),
        ('<spanFile x="', "a", "E_LIMIT"),
        ("<spanFile ", 'a="1" ', "E_LIMIT"),
        ("<spanFile><!--", "a", "E_LIMIT"),
        ("<!DOCTYPE ", "a", "E_LIMIT"),
        (OPEN, "<ccDef><cc>A</cc></ccDef>", "E_LIMIT"),
        (f"{OPEN}<ccDef>", "<dSpread><pLeg/><pLeg/></dSpread>", "E_LIMIT"),
        (f"{OPEN}<exchange>", "<futPf></futPf>", "E_LIMIT"),
    ],
)
def test_what_repeats_without_end_is_refused_in_bounded_memory(
    tmp_path: Path, start: str, middle: str, code: str
) -> None:
    """20 MB of one thing."""
    path = large(tmp_path / "large.spn", start, middle * 1_000, 20_000 // len(middle))
    found, peak = read_apart(path, definitions=20_000)
    assert re.fullmatch(rf".*large\.spn:1:\d+(:\S+)? {code}", found), found
    assert peak < 60


@pytest.mark.slow
@pytest.mark.parametrize("middle", ["<ccDef><cc>A</cc></ccDef>", "<exchange></exchange>"])
def test_as_many_definitions_as_are_allowed_are_held(tmp_path: Path, middle: str) -> None:
    found, peak = read_apart(large(tmp_path / "large.spn", OPEN, middle * 1_000, 800))
    assert found.endswith("E_LIMIT") and peak < 700


def test_a_bomb_of_zeros_is_refused_at_the_limit(tmp_path: Path) -> None:
    """70 MB that gzip holds in 70 kB."""
    path = tmp_path / "bomb.spn"
    path.write_bytes(gzip.compress(b"<spanFile>" + b"<a></a>" * 10_000_000))
    found, peak = read_apart(path, bytes=10_000_000)
    assert found.endswith("E_LIMIT") and peak < 60


def contracts(path: Path, count: int, code: str = "A") -> Path:
    """Futures of one commodity, 16 values each."""
    losses = "".join(f"<a>{k}.5</a>" for k in range(16))
    with path.open("w") as out:
        out.write(f"{OPEN}<exchange><oopPf><pfCode>A</pfCode><currency>USD</currency><cvf>1</cvf>")
        out.write("<series><pe>202603</pe>")
        for k in range(1, count + 1):
            out.write(f"<opt><o>C</o><k>{k}</k><p>1</p><ra>{losses}<d>.5</d></ra></opt>\n")
        out.write(f"</series></oopPf></exchange><ccDef><cc>{code}</cc></ccDef>")
        out.write("</clearingOrg></pointInTime></spanFile>")
    return path


@pytest.mark.slow
def test_ten_million_values_are_read_in_bounded_memory(tmp_path: Path) -> None:
    """625,000 contracts of 16 values: 80 MB of them alone."""
    found, peak = read_apart(contracts(tmp_path / "many.spn", 625_000))
    assert found == "625000" and peak < 900


def test_more_contracts_than_the_limit_are_refused(tmp_path: Path) -> None:
    found, peak = read_apart(contracts(tmp_path / "many.spn", 30_000), contracts=20_000)
    assert re.search(r"many\.spn:20001:\d+:opt E_LIMIT", found) and peak < 60


def test_limits_by_default_are_those_that_are_documented() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "files.md").read_text("utf-8")
    for value in (getattr(Limits(), name) for name in Limits.__slots__):
        assert f"{value:,}" in docs
