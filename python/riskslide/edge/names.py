"""Decides which venue's way of naming contracts a name follows; what it means is that venue's."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..errors import InputError, refuse
from . import osi
from .contract import Contract
from .deribit import names as deribit
from .okx import names as okx


class Naming(NamedTuple):
    """A venue, examples of its names, and what reads them strictly or raises InputError."""

    venue: str
    forms: str
    parse: Callable[[str], Contract]


NAMINGS = (
    Naming("Deribit", deribit.FORMS, deribit.parse_instrument),
    Naming("OKX", okx.FORMS, okx.parse_instrument),
    Naming("OCC", osi.FORMS, osi.parse_instrument),
)


def parse_instrument(name: str) -> Contract:
    """The contract that a venue's name stands for: Deribit's, OKX's or the OCC's option symbols.

    Every venue's names are read strictly as it prints them; docs/files.md lists the terms. Raises
    InputError `E_INSTRUMENT` with the slip, where the name is nearly that of a venue, or else with
    the forms that are read.

    >>> parse_instrument("BTC-27MAR26-80000-C").strike
    80000.0
    """
    slip = ""
    for naming in NAMINGS:
        try:
            return naming.parse(name)
        except InputError as error:
            slip = slip or ("" if error.fix == f"must be as {naming.forms}" else error.fix)
    forms = "; ".join(f"{n.forms} ({n.venue})" for n in NAMINGS)
    refuse("E_INSTRUMENT", "instrument", None, name, slip or f"must be as {forms}")
