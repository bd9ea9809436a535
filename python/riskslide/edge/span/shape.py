"""Decides which elements of a risk parameter file are read; the others are passed over."""

from __future__ import annotations

from .stream import Shape

SCENARIOS = 16

_RATE: Shape = {"r": None, "val": None}
_TIER: Shape = {"tn": None, "sPe": None, "ePe": None, "rate": _RATE}
_TIERS: Shape = {"tier": _TIER}
_LEG: Shape = {"cc": None, "tn": None, "pe": None, "rs": None, "i": None}
_SPREAD: Shape = {
    "spread": None,
    "chargeMeth": None,
    "rate": _RATE,
    "pLeg": _LEG,
    "tLeg": _LEG,
}
_SPREADS: Shape = {"dSpread": _SPREAD}

_SCAN: Shape = {"r": None, "priceScan": None, "volScan": None}
_CONTRACT: Shape = {
    **dict.fromkeys(("cId", "pe", "setlDate", "p", "d", "cvf", "sc", "o", "k")),
    "ra": {"r": None, "a": SCENARIOS, "d": None},
    "scanRate": _SCAN,
}
_PORTFOLIO: Shape = dict.fromkeys(("pfId", "pfCode", "currency", "cvf", "valueMeth", "exercise"))
_SERIES: Shape = {
    **dict.fromkeys(("pe", "setlDate", "cvf", "sc")),
    "scanRate": _SCAN,
    "opt": _CONTRACT,
}
_OPTIONS: Shape = {**_PORTFOLIO, "series": _SERIES}

_COMMODITY: Shape = {
    **dict.fromkeys(("cc", "name", "currency", "somMeth")),
    "pfLink": dict.fromkeys(("exch", "pfId", "pfCode", "pfType")),
    "intraTiers": _TIERS,
    "somTiers": _TIERS,
    "spotRate": dict.fromkeys(("r", "pe", "sprd", "outr")),
    "dSpread": _SPREAD,
    "interSpreads": _SPREADS,
}
_CLEARING: Shape = {
    "ec": None,
    "exchange": {
        "exch": None,
        "phyPf": {**_PORTFOLIO, "phy": _CONTRACT},
        "futPf": {**_PORTFOLIO, "fut": _CONTRACT},
        "oopPf": _OPTIONS,
        "oofPf": _OPTIONS,
        "ooePf": _OPTIONS,
    },
    "ccDef": _COMMODITY,
    "interSpreads": _SPREADS,
}
SPAN_FILE: Shape = {
    "spanFile": {"created": None, "pointInTime": {"date": None, "clearingOrg": _CLEARING}}
}

CONTRACTS = ("phy", "fut", "opt")
# What the method knows and this reader does not: counted, so that it can be said.
UNREAD = ("cmbPf", "oocPf", "interTiers", "sSpread", "hSpread", "superInterSpreads")
