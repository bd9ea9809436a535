"""Decides what risk parameter files the tests write: small ones of our own, by element."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Fields = dict[str, object]


def element(tag: str, /, *inside: str, **texts: object) -> str:
    """An element with texts and elements inside."""
    said = "".join(f"<{k}>{v}</{k}>" for k, v in texts.items())
    return f"<{tag}>{said}{''.join(inside)}</{tag}>\n"


def array(losses: Iterable[float], delta: float) -> str:
    values = "".join(f"<a>{loss!r}</a>" for loss in losses)
    return f"<ra><r>1</r>{values}<d>{delta!r}</d></ra>"


def future(period: str, losses: Iterable[float], **texts: object) -> str:
    said: Fields = {"cId": period, "pe": period, "p": 100.0, **texts}
    return element("fut", array(losses, 1.0), **said)


def option(side: str, strike: float, losses: Iterable[float], delta: float, **texts: object) -> str:
    said: Fields = {"cId": f"{side}{strike}", "o": side, "k": strike, "p": 1.0, **texts}
    return element("opt", array(losses, delta), **said)


def portfolio(kind: str, code: str, *inside: str, **texts: object) -> str:
    said: Fields = {"pfId": code, "pfCode": code, "currency": "USD", "cvf": 1.0, **texts}
    return element(kind, *inside, **said)


def rate(value: float) -> str:
    return element("rate", r=1, val=value)


def spread(number: int, value: float, *legs: str, method: str = "F") -> str:
    return element("dSpread", rate(value), *legs, spread=number, chargeMeth=method)


def leg(code: str, side: str, ratio: float, *, pe: str = "", tn: int = 0) -> str:
    if tn:
        return element("tLeg", cc=code, tn=tn, rs=side, i=ratio)
    return element("pLeg", cc=code, pe=pe, rs=side, i=ratio)


def span_file(exchange: Iterable[str], definitions: Iterable[str], *, exch: str = "X") -> str:
    """The text of a file of one exchange, dated 2026-02-27."""
    listed = element("exchange", *exchange, exch=exch)
    clearing = element("clearingOrg", listed, *definitions, ec="OWN")
    point = element("pointInTime", clearing, date=20260227, isSetl=1)
    return '<?xml version="1.0"?>\n' + element("spanFile", point, fileFormat="4.00")


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
