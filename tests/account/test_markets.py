"""Guards in which market a balance counts, where rules of collateral differ by market."""

from __future__ import annotations

import pytest

import riskslide as rs
from riskslide.account.markets import placed, unplaced

HOMES = {"BTC": "BTC", "LBTC": "BTC", "ETH": "ETH"}
PAR = frozenset({"USD", "USDC"})
CONTRACTS = rs.Instruments.from_columns(
    name=["BTC-P", "ETH-P", "SOL-P", "ETH-COIN"],
    kind=["perpetual", "perpetual", "perpetual", "spot"],
    underlying=["BTC", "ETH", "SOL", "ETH"],
    currency=["USDC", "USDC", "USDC", "USDC"],
)


def book(contracts: dict[str, list[str]], assets: dict[str, list[str]]) -> rs.Portfolio:
    """One contract of each name, one coin of each asset, by account."""
    held = [(a, name) for a, names in contracts.items() for name in names]
    owned = [(a, name) for a, names in assets.items() for name in names]
    return rs.Portfolio.from_columns(
        CONTRACTS,
        account=[a for a, _ in held],
        instrument=[i for _, i in held],
        quantity=[1.0] * len(held),
        balance_account=[a for a, _ in owned],
        balance_asset=[i for _, i in owned],
        balance_amount=[1.0] * len(owned),
    )


def places(contracts: list[str], assets: list[str]) -> dict[str, str]:
    """Market of every asset of an account, which stands in a book with others."""
    others = {"b": ["SOL-P"], "d": ["BTC-P", "ETH-P"]}
    portfolio = book({"c": contracts} | others, {"a": ["ETH", "DAI"], "c": assets, "d": ["BTC"]})
    where = placed(portfolio, HOMES, PAR)
    me = portfolio.accounts.index("c")
    found = {
        where.keys[at]
        for at, account in zip(where.at.tolist(), portfolio.balance_account.tolist(), strict=True)
        if account == me
    }
    assert len(found) == len(assets)
    return dict(found)


@pytest.mark.parametrize(
    ("contracts", "assets", "wanted"),
    [
        # at home, where contracts are held there
        (["BTC-P"], ["BTC", "LBTC"], {"BTC": "BTC", "LBTC": "BTC"}),
        (["BTC-P", "ETH-P"], ["ETH", "BTC"], {"ETH": "ETH", "BTC": "BTC"}),
        # elsewhere in the first market of the account, by name
        (["ETH-P"], ["BTC"], {"BTC": "ETH"}),
        (["SOL-P", "ETH-P"], ["BTC", "DAI"], {"BTC": "ETH", "DAI": "ETH"}),
        (["SOL-P"], ["BTC", "ETH"], {"BTC": "SOL", "ETH": "SOL"}),
        # without contracts at home, and what has none with the first that has one
        ([], ["ETH", "LBTC"], {"ETH": "ETH", "LBTC": "BTC"}),
        ([], ["ETH", "DAI"], {"ETH": "ETH", "DAI": "ETH"}),
        ([], ["ETH", "LBTC", "DAI"], {"ETH": "ETH", "LBTC": "BTC", "DAI": "BTC"}),
        ([], ["DAI"], {"DAI": ""}),
        # at par nowhere
        (["BTC-P"], ["USDC", "DAI"], {"USDC": "", "DAI": "BTC"}),
        ([], ["USD", "ETH"], {"USD": "", "ETH": "ETH"}),
        # a coin that is held as a position is no contract
        (["ETH-COIN"], ["BTC"], {"BTC": "BTC"}),
        (["ETH-COIN", "SOL-P"], ["BTC"], {"BTC": "SOL"}),
    ],
)
def test_a_balance_counts_at_home_or_in_the_market_of_its_account(
    contracts: list[str], assets: list[str], wanted: dict[str, str]
) -> None:
    assert places(contracts, assets) == wanted


def test_without_homes_a_balance_counts_with_the_contracts() -> None:
    portfolio = book({"a": ["ETH-P"]}, {"a": ["BTC", "USDC"], "b": ["BTC"]})
    where = placed(portfolio, {}, PAR)
    found = [where.keys[k] for k in where.at.tolist()]
    assert found == [("BTC", "ETH"), ("USDC", ""), ("BTC", "")]
    assert unplaced(portfolio).keys == (("BTC", ""), ("USDC", ""))


def test_an_asset_at_par_has_no_home() -> None:
    portfolio = book({"a": ["ETH-P"]}, {"a": ["USDC"]})
    assert placed(portfolio, {"USDC": "ETH"}, PAR).keys == (("USDC", ""),)


def test_nothing_is_placed_where_nothing_is_owned() -> None:
    where = placed(book({"a": ["ETH-P"]}, {}), HOMES, PAR)
    assert (where.keys, where.at.tolist()) == ((), [])
