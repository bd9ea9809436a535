"""riskslide: portfolio margin by risk slides, for one account or a clearing house."""

from ._version import __version__
from .account.verdict import Assessment, Status
from .book.instruments import Instruments
from .book.portfolio import Portfolio
from .book.positions import Positions
from .edge.files.load import load_book, read_market, read_positions
from .edge.names import parse_instrument
from .engine import assess
from .engine import compile_rulebook as compile
from .errors import InputError, RiskslideError
from .margin.program import Program
from .market.market import Market
from .market.quotes import Quote
from .runtime import runtime
from .scenario.shocks import Scenarios
from .study.compare import Comparison, compare
from .value.cube import Cube, WorstLoss, aggregate, revalue, worst_loss
from .value.exposure import Exposure, greeks, stress
from .value.implied import VolStatus, implied_vol
from .value.pricing import Greeks, SecondOrder, american, bachelier, black76, bsm
from .value.revaluation import Revaluation
from .value.tail import Tail, tail
from .venue.load import load_rulebook
from .venue.rulebook import Rulebook

__all__ = [
    "Assessment",
    "Comparison",
    "Cube",
    "Exposure",
    "Greeks",
    "InputError",
    "Instruments",
    "Market",
    "Portfolio",
    "Positions",
    "Program",
    "Quote",
    "Revaluation",
    "RiskslideError",
    "Rulebook",
    "Scenarios",
    "SecondOrder",
    "Status",
    "Tail",
    "VolStatus",
    "WorstLoss",
    "__version__",
    "aggregate",
    "american",
    "assess",
    "bachelier",
    "black76",
    "bsm",
    "compare",
    "compile",
    "greeks",
    "implied_vol",
    "load_book",
    "load_rulebook",
    "parse_instrument",
    "read_market",
    "read_positions",
    "revalue",
    "runtime",
    "stress",
    "tail",
    "worst_loss",
]
