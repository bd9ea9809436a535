"""Guards the command as a process: pipes, terminals, closed outputs, Ctrl-C."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from typing import Any

import pytest
from commands import Run
from edge.demo_files import Book, environment, shell


def test_module_runs_as_a_command(book: Book) -> None:
    ended = shell("margin", *book.options(), "--json", "--check")
    assert ended.code == 0 and ended.err == ""
    assert round(ended.json["accounts"][0]["maintenance"]) == 68_058


def test_pipe_gets_plain_text_of_any_width(book: Book) -> None:
    out = shell("margin", *book.options(), COLUMNS="40").out
    assert "\x1b" not in out and "…" not in out and "-36,873" in out
    assert any(len(line) >= 120 for line in out.splitlines())


def test_output_that_cannot_be_encoded_is_escaped(book: Book) -> None:
    for name in ("positions", "balances"):
        book.change(f"{name}.csv", "demo", "Zoë")
    ended = shell("margin", *book.options(), PYTHONIOENCODING="ascii")
    assert ended.code == 0 and "Zo\\xeb" in ended.out


def test_reader_that_leaves_early_is_no_error(book: Book) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "riskslide", "margin", *book.options(), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141 and said == b""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_cut_short_by_its_reader_is_not_called_fine(book: Book, unbuffered: str) -> None:
    book.grow(5_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "riskslide", "margin", *book.options(), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(PYTHONUNBUFFERED=unbuffered),
    )
    assert process.stdout is not None and process.stderr is not None
    assert os.read(process.stdout.fileno(), 1) == b"{"
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141 and said == b""


def test_closed_output_is_an_error_and_closed_errors_are_not() -> None:
    for closed, code in (("1", 2), ("2", 0)):
        command = f'"{sys.executable}" -m riskslide demo {closed}>&-'
        ended = subprocess.run(command, shell=True, capture_output=True, env=environment())
        assert ended.returncode == code and b"Traceback" not in ended.stderr


def test_missing_click_or_rich_prints_the_install_line() -> None:
    for package in ("click", "rich"):
        code = (
            f"import sys; sys.modules[{package!r}] = None\n"
            "from riskslide.edge.cli.main import main; sys.exit(main(['demo']))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment()
        )
        assert ended.returncode == 2 and ended.stdout == ""
        assert len(ended.stderr.splitlines()) == 1
        assert 'pip install "riskslide[cli]"' in ended.stderr


def test_surprise_is_one_line_and_exit_seventy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(**_: Any) -> None:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr("riskslide.edge.cli.commands.run_demo", surprise)
    ended = run("demo")
    assert ended.code == 70 and ended.out == "" and len(ended.err.splitlines()) == 1
    assert "bug" in ended.err and "ZeroDivisionError: a b" in ended.err


def test_no_color_is_respected_and_colour_is_for_terminals_only(book: Book) -> None:
    for changes, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        text = on_terminal(["margin", *book.options()], COLUMNS="140", TERM="xterm", **changes)
        assert ("\x1b[31m" in text or "\x1b[32m" in text or "\x1b[1;31m" in text) is coloured
        assert "-36,873" in text


def on_terminal(arguments: list[str], **changes: str) -> str:
    """What a command writes to a terminal."""
    kept = {k: v for k, v in environment().items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "riskslide", *arguments],
        stdout=follower,
        stderr=follower,
        stdin=subprocess.DEVNULL,
        env={**kept, **changes},
    )
    os.close(follower)
    text = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    os.close(leader)
    assert process.wait(timeout=60) == 0
    return text.decode("utf-8")


def test_interrupt_in_a_long_run_exits_130_and_leaves_no_output(book: Book) -> None:
    book.grow(40_000)
    target = book.folder / "result.json"
    options = ("--json", "--batch", "1", "--output", str(target))
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "riskslide", "margin", *book.options(), *options],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=environment(TERM="xterm", COLUMNS="100"),
    )
    os.close(follower)
    seen = b""
    while b"accounts" not in seen:
        seen += os.read(leader, 65536)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            seen += os.read(leader, 65536)
        except OSError:
            break
    os.close(leader)
    assert process.stdout is not None
    assert process.stdout.read() == b""
    process.stdout.close()
    assert process.wait(timeout=60) == 130
    assert b"interrupted before the result was complete" in seen and b"Traceback" not in seen
    assert not target.exists() and not list(book.folder.glob("*.part"))


def test_interrupted_run_says_one_line_where_no_bar_is_shown(book: Book) -> None:
    book.grow(30)
    code = (
        "import os, signal, sys\n"
        "from riskslide import _core, engine\n"
        "from riskslide.edge.cli import main\n"
        "evaluate, calls = _core.evaluate, []\n"
        "def slow(*args, **options):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 2: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return evaluate(*args, **options)\n"
        "engine._core.evaluate = slow\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "margin", *book.options(), "--batch", "10"],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "riskslide: interrupted before the result was complete\n"
