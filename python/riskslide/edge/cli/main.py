"""Decides how the command starts and how it ends: exit codes, and one line for every failure."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from ...errors import AnswersDiffer, InputError, MissingExtra, RiskslideError

FINE, BREACH, BAD_INPUT, BUG, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 70, 130, 141
INSTALL = 'riskslide: the command line needs click and rich: pip install "riskslide[cli]"'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 fine, 1 a margin breach with --check or a benchmark whose answers differ, 2 bad input or
    usage, 70 a bug, 130 interrupted, 141 nobody read the output.
    """
    args = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in args
    try:
        return _run(args or ["--help"])
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("click", "rich"):
            return _bug(error, as_json)
        return _fail(INSTALL, "E_EXTRA", as_json)
    except InputError as error:
        return _refused(error, as_json)
    except AnswersDiffer as error:
        return _fail(str(error), error.code, as_json, BREACH)
    except MissingExtra as error:
        return _fail(str(error), "E_EXTRA", as_json)
    except KeyboardInterrupt:
        return _fail(
            "riskslide: interrupted before the result was complete", "E_INTERRUPTED", as_json, 130
        )
    except BrokenPipeError:
        return _pipe_closed()
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}E_FILE: {error.strerror or error}", "E_FILE", as_json)
    except MemoryError:
        return _fail("riskslide: out of memory; split the book", "E_MEMORY", as_json, BUG)
    except RiskslideError as error:
        return _fail(str(error), "E_INPUT", as_json)
    except Exception as error:
        return _bug(error, as_json)


def _run(args: list[str]) -> int:
    import click

    from .commands import cli

    try:
        with cli.make_context("riskslide", args) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        return _fail(error.format_message(), "E_USAGE", "--json" in args)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "riskslide"
        text = f"{path}: {error.format_message()} See {path} --help."
        return _fail(text, "E_USAGE", "--json" in args)
    except click.ClickException as error:
        return _fail(f"riskslide: {error.format_message()}", "E_USAGE", "--json" in args)
    return int(code or FINE)


def error_line(error: InputError) -> str:
    """``file:line:column: CODE: value: fix``, without the parts that are not known."""
    value = "" if error.value is None else repr(error.value)
    line = ": ".join(part for part in (error.place(), error.code, value, error.fix) if part)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def _refused(error: InputError, as_json: bool) -> int:
    if as_json:
        from .records import error_record

        _say(json.dumps(error_record(error), allow_nan=False))
        return BAD_INPUT
    _say(error_line(error))
    more = [row for row in error.rows if row[:2] != (error.row, error.column)]
    for row, column, code in more[:10]:
        _say(f"{error.file or 'row'}:{row}:{column}: {code}")
    if len(more) > 10:
        _say(f"and {len(more) - 10:,} rows more; --json names them all")
    return BAD_INPUT


def _fail(text: str, code: str, as_json: bool, exit_code: int = BAD_INPUT) -> int:
    _say(json.dumps({"error": {"code": code, "message": text}}) if as_json else text)
    return exit_code


def _bug(error: Exception, as_json: bool) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    said = " ".join(str(error).split())
    text = f"riskslide: this is a bug, please report it: {type(error).__name__}: {said}{place}"
    return _fail(text, "E_BUG", as_json, BUG)


def _pipe_closed() -> int:
    # What is still buffered must not be flushed into the closed pipe when Python ends.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return PIPE_CLOSED


def _say(text: str) -> None:
    if sys.stderr is None:
        return
    encoding = sys.stderr.encoding or "utf-8"
    sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stderr.flush()
