"""Decides where tests find figures that are not kept in the repository, and run commands."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import Ended, Run, ended

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """The path of a file or folder of shared figures; skips the test where it is absent.

    They lie in ``../shared/data`` beside the repository, or where RISKSLIDE_SHARED_DATA says.
    """
    root = Path(os.environ.get("RISKSLIDE_SHARED_DATA") or HERE.parents[1] / "shared" / "data")

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"{name} is not in {root}; set RISKSLIDE_SHARED_DATA to the folder of it")
        return path

    return find


@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heard() -> Iterator[None]:
    """A shell's background jobs ignore Ctrl-C, and so would the processes that tests start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`riskslide` with these arguments, in this process."""
    from riskslide.edge.cli.main import main

    def run(*arguments: str) -> Ended:
        code = main(arguments)
        said = capsys.readouterr()
        return ended(code, said.out, said.err)

    return run
