"""Decides how text leaves the program: whole, in one write, or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ...errors import refuse
from .records import json_text
from .report import PIPE_WIDTH


def console_of(stream: TextIO | None, *, to_file: bool = False) -> Console:
    """A console for `stream`: as wide as the terminal, unbounded and without colour elsewhere."""
    if to_file or stream is None or not stream.isatty():
        return Console(file=stream, width=PIPE_WIDTH, color_system=None, force_terminal=False)
    return Console(file=stream, highlight=False)


def rendered(console: Console, content: RenderableType) -> str:
    """The text of `content`, without the blanks that pad its tables."""
    with console.capture() as capture:
        console.print(content, highlight=False)
    text = capture.get()
    if console.is_terminal:
        return text
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def deliver(text: str, path: str | None) -> None:
    """Write `text` to standard output, or whole to a file that it replaces."""
    if path is not None:
        replace_file(Path(path), text.encode("utf-8"))
        return
    if sys.stdout is None:
        refuse("E_FILE", "", None, None, "standard output is closed", file="stdout")
    data = memoryview(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
    sys.stdout.flush()
    # Unbuffered streams may take a part, and the text layer would not notice what it lost.
    while data:
        data = data[sys.stdout.buffer.write(data) or 0 :]
    sys.stdout.flush()


def emit(
    record: Callable[[], dict[str, Any]],
    shown: Callable[[Console], RenderableType],
    *,
    as_json: bool,
    output: str | None = None,
) -> None:
    """Deliver the one form of a result that was asked for."""
    if as_json:
        deliver(json_text(record()), output)
        return
    console = console_of(sys.stdout, to_file=output is not None)
    deliver(rendered(console, shown(console)), output)


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` where `path` is by renaming a finished file; devices and pipes are written to."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    target = path.resolve()
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(data)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def check_target(path: str | None) -> None:
    """Refuse, before the work, a file that could not be written after it."""
    if path is None:
        return
    if Path(path).is_dir():
        refuse("E_FILE", "", None, None, "is a directory; name a file", file=path)
    if not Path(path).resolve().parent.is_dir():
        refuse("E_FILE", "", None, None, "its directory does not exist; make it", file=path)


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on standard error where that is a terminal, gone when the work is done."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield bar
