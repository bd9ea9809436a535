"""Decides what a Dutch auction of an account costs and pays: share, bid, cash, fee, shortfall.

Source: public contracts and documentation of Derive v2 (docs.derive.xyz), liquidation. Amounts are
in the reporting currency, shares and rates fractions of 1, times seconds since the auction began.
Positive amounts belong to the account: the maintenance margin of an account that is auctioned is
negative, being its equity less what it must hold. It decides neither margins nor who bids.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from ..errors import refuse
from ..margin.auction import AUCTION
from ..rules import Rules, Spec

SCHEMA: Mapping[str, Spec] = {f"auction.{name}": spec for name, spec in AUCTION.items()}

LARGEST = 1e150  # amounts whose products stay in float64


class Offered(NamedTuple):
    """What is auctioned: an account as it stands when somebody bids.

    value: mark value of all it holds, cash and `paid` included; maintenance: equity less the
    maintenance requirement, < 0 in an auction; paid: cash that earlier bidders paid in, >= 0, which
    is not for sale.
    """

    value: float
    maintenance: float
    paid: float = 0.0


class Bid(NamedTuple):
    """A bid that is taken: share of every position (and of the cash that is for sale); price that
    the bidder pays into the account; held: free cash that the bidder must hold."""

    share: float
    price: float
    held: float


@dataclass(frozen=True, slots=True)
class Auction:
    """Parameters of an auction.

    start, cutoff: share of the mark value asked for at the start, and where the slow part begins;
    fast_length, slow_length, insolvent_length: seconds, > 0; fee_rate: of the mark value of what
    could be sold at the start; buffer: of what the requirement asks for, beyond maintenance;
    mtm_cutoff: mark value below which everything is for sale at once. Raises InputError
    (`E_NOT_FINITE`, `E_RANGE`) for values outside `SCHEMA` and a cutoff above the start.
    """

    start: float
    cutoff: float
    fast_length: float
    slow_length: float
    insolvent_length: float
    fee_rate: float
    buffer: float
    mtm_cutoff: float = 0.0

    def __post_init__(self) -> None:
        for key, spec in SCHEMA.items():
            value = _finite(getattr(self, key.split(".")[1]), key)
            if not spec.low <= value <= spec.high:
                refuse("E_RANGE", key, None, value, f"must be from {spec.low:g} to {spec.high:g}")
        if self.cutoff > self.start:
            refuse("E_RANGE", "auction.cutoff", None, self.cutoff, "must not exceed auction.start")

    @classmethod
    def of(cls, rules: Rules) -> Self:
        """The auction of a rule book that holds the section `auction`."""
        return cls(*(rules.number(key) for key in SCHEMA))

    def discount(self, seconds: float) -> float:
        """Share of the mark value asked for: from `start` to `cutoff`, then to 0; 0 after that.

        Raises InputError (`E_DOMAIN`) for a time before the start.
        """
        time = _elapsed(seconds)
        if time <= self.fast_length:
            fallen = (self.start - self.cutoff) * (time / self.fast_length)
            return max(self.start - fallen, self.cutoff)
        left = 1.0 - (time - self.fast_length) / self.slow_length
        return self.cutoff * max(left, 0.0)

    def is_insolvent(self, value: float, seconds: float) -> bool:
        """Whether the security module pays: nothing is left to sell, or nobody bought it."""
        return _finite(value, "value") <= 0.0 or self.discount(seconds) <= 0.0

    def buffer_margin(self, offered: Offered) -> float:
        """What the account has beyond maintenance and the buffer; the auction ends at >= 0."""
        at = _checked(offered)
        return at.maintenance + (at.maintenance - at.value) * self.buffer

    def max_share(self, offered: Offered, discount: float) -> float:
        """Largest share that may be bought now, of what the account holds now, in [0, 1].

        Buying it brings the buffer margin to 0. It is 0 where the buffer margin is not negative,
        and 1 where the mark value is below `mtm_cutoff`. Raises InputError (`E_DOMAIN`) for a mark
        value <= 0, which is not auctioned for money, and a discount outside [0, 1].
        """
        asked = _share(discount, "discount")
        short = self.buffer_margin(offered)
        if short >= 0.0:
            return 0.0
        if offered.value <= 0.0:
            fix = "must be > 0; the account is insolvent (Auction.security_payment)"
            refuse("E_DOMAIN", "value", None, offered.value, fix)
        if offered.value < self.mtm_cutoff:
            return 1.0
        # Both terms taken away are >= 0, so the denominator is < 0 and the share at most 1.
        return short / (short - offered.value * asked - offered.paid * (1.0 - asked))

    def start_fee(self, offered: Offered) -> float:
        """Fee that the account pays the security module as the auction starts, >= 0.

        It is on the share that would be for sale at the full mark value; 0 where that is <= 0.
        """
        if _checked(offered).value <= 0.0:
            return 0.0
        fresh = offered._replace(paid=0.0)
        return self.max_share(fresh, 1.0) * offered.value * self.fee_rate

    def bid(self, offered: Offered, discount: float, wanted: float) -> Bid:
        """The bid for a wanted share of what the account holds now, cut to `max_share`.

        What earlier bidders paid in is not sold: it leaves the price, and the price is negative
        where it exceeds the mark value. Raises InputError as `max_share`, and for a wanted share
        outside [0, 1].
        """
        share = min(_share(wanted, "wanted"), self.max_share(offered, discount))
        price = (offered.value - offered.paid) * discount * share
        taken_over = abs(self.buffer_margin(offered) - offered.paid) * share
        return Bid(share, price, price + taken_over)

    def security_payment(self, offered: Offered, seconds: float, share: float) -> float:
        """What the security module pays whoever takes over a share of an insolvent account, >= 0.

        It rises from what the account owes, -min(value, 0), to -maintenance. seconds: since the
        account became insolvent.
        """
        at, time = _checked(offered), _elapsed(seconds)
        owed = max(-at.value, 0.0)
        most = max(-at.maintenance, owed)
        risen = min(time / self.insolvent_length, 1.0)
        return _share(share, "share") * (owed + (most - owed) * risen)


def after_bid(bid: Bid, cash: float, paid: float) -> tuple[float, float]:
    """(cash, paid) of the account after a bid; its positions are (1 - share) of what they were.

    cash: before the bid, `paid` included.
    """
    for_sale = _finite(cash, "cash") - _finite(paid, "paid")
    now_paid = paid + bid.price
    return for_sale * (1.0 - bid.share) + now_paid, now_paid


def socialised_loss(payment: float, module: float) -> float:
    """What of a payment the security module's cash does not cover: the loss of all cash holders."""
    return max(_finite(payment, "payment") - max(_finite(module, "module"), 0.0), 0.0)


def withdrawals_blocked(insolvent: float, module: float) -> bool:
    """Whether cash may not be withdrawn: insolvent accounts lack more than the module holds.

    insolvent: maintenance margin of all insolvent accounts together, <= 0.
    """
    return -_finite(insolvent, "insolvent") > _finite(module, "module")


def _checked(offered: Offered) -> Offered:
    for name, amount in zip(Offered._fields, offered, strict=True):
        if abs(_finite(amount, name)) > LARGEST:
            refuse("E_OVERFLOW", name, None, amount, f"must be within {LARGEST:g}")
    if offered.paid < 0.0:
        refuse("E_DOMAIN", "paid", None, offered.paid, "must be >= 0")
    return offered


def _share(value: float, name: str) -> float:
    if not 0.0 <= _finite(value, name) <= 1.0:
        refuse("E_DOMAIN", name, None, value, "must be from 0 to 1")
    return value


def _elapsed(seconds: float) -> float:
    if _finite(seconds, "seconds") < 0.0:
        refuse("E_DOMAIN", "seconds", None, seconds, "must be >= 0: the auction has not started")
    return seconds


def _finite(value: float, name: str) -> float:
    if not math.isfinite(value):
        refuse("E_NOT_FINITE", name, None, value, "must be a finite number")
    return value
