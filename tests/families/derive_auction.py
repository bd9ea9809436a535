"""Decides how Derive's liquidation files are replayed: one auction, bid after bid, under PM1.

MtM and margin of every state come from `derive_pm1.figures`; what follows from them, the library
says. An insolvent file pays by an older rule: what somebody pays there is not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from families import derive_pm1, derive_reference
from families.derive_account import Account, Parameters, scaled
from families.derive_compare import Fixed, Implementation, compare_figures, largest, leaf_count
from families.derive_settings import amount, amounts, settings_of
from families.tally import Tally

from riskslide.account.auction import Auction, Offered, after_bid

TOLERANCE = 1e-10  # USD for amounts, of the whole for shares
AUCTION = {
    "startingMtMPercentage": "start",
    "fastAuctionCutoffPercentage": "cutoff",
    "fastAuctionLength_s": "fast_length",
    "slowAuctionLength_s": "slow_length",
    "insolventAuctionLength_s": "insolvent_length",
    "liquidatorFeeRate": "fee_rate",
    "bufferMarginPercentage": "buffer",
    "mtmCutoff": "mtm_cutoff",
}
SECTIONS = ("pmrm1", "auction_for_liquidation_cases")
SHARES = ("PreFMax", "PostFMax", "fLiquidatedOfOriginal", "FinalPercentageReceived")
OLDER = (
    "Lowerbound",
    "SMPayout",
    "ExpectedBidPrice",
    "PreFMax",
    "PostFMax",
    "fLiquidatedOfOriginal",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What every bid of a file is computed with."""

    auction: Auction
    parameters: Parameters
    margin: Implementation

    def offered(self, account: Account, paid: float) -> Offered:
        found = self.margin(account, self.parameters)
        return Offered(found["portfolio_mtm"][0], found["mm"][0], paid)


@dataclass(frozen=True, slots=True)
class Course:
    """How far an auction has come: the account that the next bidder should meet, None after a bid
    for an insolvent one; share of the original that is left; cash paid in."""

    expected: Account | None
    left: float = 1.0
    paid: float = 0.0


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict):
        return "is no object"
    missing = {"InitialPortfolio", "Actions"} - raw.keys()
    if missing:
        return f"has no {', '.join(sorted(missing))} of an auction"
    if raw.get("IsForce"):
        return "is a forced liquidation, for which no rule is known"
    lacking = [name for name in SECTIONS if section(path, raw, name) is None]
    return f"no parameters, neither in it nor beside it: {', '.join(lacking)}" if lacking else ""


def section(path: Path, raw: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """One of the two sets of parameters of a file."""
    own = raw.get("parameters")
    held = isinstance(own, dict) and name in own
    return settings_of(path, {"parameters": own} if held else {}, name)


def auction_of(settings: Mapping[str, Any]) -> Auction:
    given = {name: float(settings[key]) for key, name in AUCTION.items() if key in settings}
    return Auction(**given)


# --- what is compared ----------------------------------------------------------------------------


def replay(
    path: Path, raw: Any, tally: Tally, margin: Implementation = derive_reference.margin_of
) -> None:
    """Every printed figure against an implementation of PM1 and the library's auction."""
    grid, auction = (section(path, raw, name) or {} for name in SECTIONS)
    rules = Rules(auction_of(auction), derive_pm1.parameters_of(grid), margin)
    where = str(raw.get("case") or path.name)
    feeds = raw["InitialPortfolio"]
    account = derive_pm1.account_of(feeds)
    compare_feeds(feeds, 0, rules, where, tally)
    fee = rules.auction.start_fee(rules.offered(account, 0.0))
    if "LiquidationFee" in raw:
        compare("LiquidationFee", fee, raw["LiquidationFee"], where, tally)
    course = Course(scaled(account, 1.0, account.cash - fee))
    for number, action in enumerate(raw["Actions"]):
        elapsed = action["Time"] - raw.get("StartTime", 0)
        course = replay_action(action, elapsed, course, rules, f"{where} {number}", tally)
    tally.skip("Time", "input", len(raw["Actions"]))
    tally.skip("PercentWant", "input", len(raw["Actions"]))
    for key, value in raw.items():
        if key not in ("InitialPortfolio", "Actions", "LiquidationFee"):
            reason = "input" if key in ("StartTime", "IsForce") else "describes the file"
            tally.skip(f"({key})", reason, leaf_count(value))


def replay_action(
    action: Mapping[str, Any],
    elapsed: int,
    course: Course,
    rules: Rules,
    where: str,
    tally: Tally,
) -> Course:
    """One bid: the state it meets, what it takes and pays, the state it leaves."""
    feeds, printed = action["PortfolioAndFeeds"], action["Results"]
    account = derive_pm1.account_of(feeds, elapsed)
    compare_feeds(feeds, elapsed, rules, where, tally)
    compare_met(account, course, where, tally)
    met = rules.offered(account, course.paid)
    wanted = amount(action["Liquidator"]["PercentWant"])
    insolvent = rules.auction.is_insolvent(met.value, elapsed)
    if insolvent:
        ours, after, share, paid = insolvent_bid(account, wanted, course)
    else:
        ours, after, share, paid = solvent_bid(account, wanted, elapsed, met, course, rules)
    left = rules.offered(after, paid)
    for side, state in (("Pre", met), ("Post", left)):
        held = (state.value, state.maintenance, rules.auction.buffer_margin(state))
        ours |= dict(zip((f"{side}MtM", f"{side}MM", f"{side}BM"), held, strict=True))
    if not insolvent:
        gone = share == 1.0 or left.value <= 0.0
        discount = rules.auction.discount(elapsed)
        ours["PostFMax"] = 0.0 if gone else rules.auction.max_share(left, discount)
    size = largest(amounts(list(printed.values())))
    for name, value in printed.items():
        if name in ours:
            compare(name, ours[name], amount(value), where, tally, size)
        else:
            older = insolvent and name in OLDER
            tally.skip(name, "pays by an older rule" if older else "not a field of the family")
    return Course(None if insolvent else after, course.left * (1.0 - share), paid)


Taken = tuple[dict[str, float], Account, float, float]  # figures, account left, share, cash paid in


def solvent_bid(
    account: Account, wanted: float, elapsed: int, met: Offered, course: Course, rules: Rules
) -> Taken:
    discount = rules.auction.discount(elapsed)
    bid = rules.auction.bid(met, discount, wanted)
    cash, paid = after_bid(bid, account.cash, course.paid)
    ours = {
        "PreFMax": rules.auction.max_share(met, discount),
        "ExpectedBidPrice": bid.price,
        "fLiquidatedOfOriginal": bid.share,
        "FinalPercentageReceived": bid.share * course.left,
        "Lowerbound": 0.0,
        "SMPayout": 0.0,
    }
    return ours, scaled(account, 1.0 - bid.share, cash), bid.share, paid


def insolvent_bid(account: Account, wanted: float, course: Course) -> Taken:
    """What is wanted is a share of the original; cash goes with the positions."""
    share = min(wanted / course.left, 1.0) if course.left > 0.0 else 0.0
    after = scaled(account, 1.0 - share, account.cash * (1.0 - share))
    return {"FinalPercentageReceived": share * course.left}, after, share, course.paid


def compare_feeds(
    feeds: Mapping[str, Any], elapsed: int, rules: Rules, where: str, tally: Tally
) -> None:
    found = derive_pm1.figures(feeds, elapsed, rules.parameters, rules.margin)
    derive_pm1.replay_feeds(feeds, elapsed, found, where, tally)


def compare_met(account: Account, course: Course, where: str, tally: Tally) -> None:
    """Cash and positions that a bid meets are those that fee and earlier bids left."""
    theirs = holdings(account)
    if course.expected is None:
        tally.skip("cash met", "follows a payment by an older rule")
        tally.skip("positions met", "follows a payment by an older rule", len(theirs))
        return
    ours = holdings(course.expected)
    compare("cash met", course.expected.cash, account.cash, where, tally)
    if len(ours) != len(theirs):
        tally.fail("positions met", f"{len(ours)} of them, not {len(theirs)}", where)
        return
    for our, their in zip(ours, theirs, strict=True):
        compare("positions met", our, their, where, tally)


def holdings(account: Account) -> list[float]:
    """Quantities in the order of the file, leaving out what is not held."""
    market = account.market
    options = [o.amount for o in market.options]
    others = [market.perpetual.quantity] if market.perpetual is not None else []
    return [x for x in (*options, *others, *(c.amount for c in account.collaterals)) if x != 0.0]


def compare(
    name: str, ours: float, theirs: float, where: str, tally: Tally, size: float = 0.0
) -> None:
    unit = 1.0 if name in SHARES else max(1.0, 1e-4 * size)
    compare_figures(name, [ours], [theirs], Fixed(TOLERANCE, unit), where, tally)
