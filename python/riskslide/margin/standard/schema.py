"""Decides what a rule book of the `expiry-standard` method holds."""

from __future__ import annotations

from collections.abc import Mapping

from ...rules import Spec

_FRACTION = Spec("number", 0.0, 1.0)
_FACTOR = Spec("number", 0.0, 1000.0)

SCHEMA: Mapping[str, Spec] = {
    "perpetual.maintenance": _FACTOR,
    "perpetual.initial": _FACTOR,
    "option.most_spot": _FACTOR,
    "option.least_spot": _FACTOR,
    "option.call_maintenance": _FACTOR,
    "option.put_maintenance": _FACTOR,
    "option.put_value": _FACTOR,
    "option.put_initial": _FACTOR,
    "unpaired.maintenance": _FACTOR,
    "unpaired.initial": _FACTOR,
}

OPTIONAL: Mapping[str, Mapping[str, Spec]] = {
    "base": {
        "maintenance": Spec("table", 0.0, 1.0),
        "initial": Spec("table", 0.0, 1.0),
        "other_maintenance": _FRACTION,
        "other_initial": _FRACTION,
    },
    "oracle": {
        "perpetual_threshold": _FRACTION,
        "option_threshold": _FRACTION,
        "base_threshold": _FRACTION,
        "charge": _FACTOR,
    },
    "peg": {"asset": Spec("text"), "threshold": _FACTOR, "factor": _FACTOR},
}
