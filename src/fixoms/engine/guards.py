"""The limits of one scope in one pass: whether all of them hold, and no more.

Owns: the quick answer on the path of every order. It decides exactly as the rules do one by one
(rules.py), which are asked for the reason when the answer is no; tests hold the two equal.
Must not know: scopes, texts, how limits are set.
"""

from __future__ import annotations

from typing import Final

from fixoms.domain.limits import Check, ScopeKind
from fixoms.engine.positions import Holder, Holding
from fixoms.engine.rules import BP, PositionRule, Rule, WorstRule

UNLIMITED: Final = 1 << 200
"""Larger than any figure a limit is compared with."""


class Guard:
    """The limits of one scope on the orders of one position; UNLIMITED where there is none.

    `holding` is None for a scope that holds nothing (an instrument).
    """

    __slots__ = (
        "_counted",
        "_has_values",
        "_holding",
        "collar",
        "collateral",
        "daily",
        "gross",
        "long",
        "net",
        "open_orders",
        "order_qty",
        "order_value",
        "short",
        "worst",
    )

    def __init__(self, rules: list[Rule], holding: Holding | None) -> None:
        self._holding = holding
        self._counted: Holding | Holder | None = None
        self.order_qty = _limit(rules, Check.ORDER_QTY)
        self.order_value = _limit(rules, Check.ORDER_VALUE)
        self.collar = _limit(rules, Check.COLLAR)
        self.open_orders = _limit(rules, Check.OPEN_ORDERS)
        self.net = _limit(rules, Check.NET)
        self.collateral = _limit(rules, Check.COLLATERAL)
        self.daily = _limit(rules, Check.DAILY_VALUE)
        self.long = self.short = self.gross = self.worst = UNLIMITED
        for rule in rules:
            if isinstance(rule, PositionRule):
                if rule.is_long:
                    self.long = rule.limit
                else:
                    self.short = rule.limit
            elif isinstance(rule, WorstRule):
                self.worst = rule.limit
            elif rule.check is Check.GROSS:
                self.gross = rule.limit
        values = (self.net, self.collateral, self.daily, self.gross, self.worst)
        self._has_values = any(each < UNLIMITED for each in values)
        if holding is not None:
            # A scope narrowed to the instrument counts the orders in it.
            narrowed = any(rule.scope.instrument_id for rule in rules)
            self._counted = holding if narrowed else holding.holder

    def passes(  # one comparison a limit, in one frame
        self,
        is_buy: bool,
        qty: int,
        value: int,
        orders: int,
        total_qty: int,
        total_value: int,
        distance_bp: int,
    ) -> bool:
        """Whether what an order adds stays inside; the arguments are those of `Trial`."""
        if (
            total_qty > self.order_qty
            or total_value > self.order_value
            or distance_bp > self.collar
        ):
            return False
        holding, counted = self._holding, self._counted
        if holding is None or counted is None:
            return True
        if orders and counted.orders + orders > self.open_orders:
            return False
        if qty > 0:
            if is_buy:
                if holding.net + holding.open_buy + qty > self.long:
                    return False
            elif holding.open_sell - holding.net + qty > self.short:
                return False
        if value <= 0 or not self._has_values:
            return True
        purse = holding.purse
        if is_buy:
            grown = holding.at + holding.buys + value
            side = purse.at + purse.buys + value
        else:
            grown = holding.sells - holding.at + value
            side = purse.sells - purse.at + value
        more = grown - holding.worst
        if more > 0 and (
            grown > self.worst
            or purse.gross + more > self.gross
            or purse.need + more * holding.margin_bp - (purse.cash + purse.at) * BP
            > self.collateral
        ):
            return False
        return side <= self.net and purse.day + purse.buys + purse.sells + value <= self.daily


def _limit(rules: list[Rule], check: Check) -> int:
    return next((rule.limit for rule in rules if rule.check is check), UNLIMITED)


def make_guards(rules: tuple[Rule, ...], holdings: dict[ScopeKind, Holding]) -> tuple[Guard, ...]:
    """A guard for each scope of the rules, in their order; `holdings` by kind of scope."""
    scopes = dict.fromkeys(rule.scope for rule in rules)
    return tuple(
        Guard([rule for rule in rules if rule.scope == scope], holdings.get(scope.kind))
        for scope in scopes
    )
