"""Decides how the running build describes itself."""

from __future__ import annotations

from typing import TypedDict

from . import _core
from ._version import __version__


class Runtime(TypedDict):
    """Version, instruction set of the kernels in use, threads by default, compiler."""

    version: str
    instruction_set: str
    threads: int
    compiler: str


def runtime() -> Runtime:
    """What runs here. RISKSLIDE_ISA forces an instruction set, RISKSLIDE_THREADS the threads."""
    return {
        "version": __version__,
        "instruction_set": _core.instruction_set(),
        "threads": _core.default_threads(),
        "compiler": _core.compiler(),
    }
