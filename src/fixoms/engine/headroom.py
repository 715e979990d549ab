"""What is left of every limit of a scope.

Owns: the answer to "how much may still be done", for people and for programs.
Must not know: orders; figures are those the checks compare (rules.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import MICRO, Check, Limits, Scope, ScopeKind, ValueLimits
from fixoms.domain.units import SECOND
from fixoms.engine.positions import HOLDERS, Holding, Ledger, Purse
from fixoms.engine.rules import BP, Unit, need_of, net_of
from fixoms.engine.state import State

_MICRO_DECIMALS = 6


class Headroom(msgspec.Struct, frozen=True):
    """One limit of a scope. `limit`, `used` and `headroom` are exact decimals as text.

    `limits_of` is the scope the limit was set for, the same or a more general one. `side` is long
    or short for positions. `currency` is set where figures are money. A negative headroom says by
    how much the limit is passed.
    """

    check: Check
    scope: Scope
    limits_of: Scope
    instrument_id: InstrumentId
    currency: str
    side: str
    limit: str
    used: str
    headroom: str


def headroom(state: State, scope: Scope) -> tuple[Headroom, ...]:
    """Every limit that applies to the scope, in the order of evaluation; empty without limits.

    A position limit has a line for each instrument the scope holds or has orders in.
    """
    found = state.controls.find(scope)
    if found is None:
        return ()
    limits_of, limits = found
    return tuple(_Counter(state, scope, limits_of).lines(limits))


class _Counter:
    """Writes the lines of one scope."""

    def __init__(self, state: State, scope: Scope, limits_of: Scope) -> None:
        self._state = state
        self._scope = scope
        self._limits_of = limits_of

    def _line(
        self,
        check: Check,
        unit: Unit,
        limit: int,
        used: int,
        *,
        instrument_id: InstrumentId | None = None,
        currency: str = "",
        side: str = "",
    ) -> Headroom:
        return Headroom(
            check,
            self._scope,
            self._limits_of,
            self._scope.instrument_id if instrument_id is None else instrument_id,
            currency,
            side,
            unit.render(limit),
            unit.render(used),
            unit.render(limit - used),
        )

    def lines(self, limits: Limits) -> Iterator[Headroom]:
        micro, count = Unit(_MICRO_DECIMALS, ""), Unit(0, "")
        if limits.message_rate is not None:
            yield self._line(Check.MESSAGE_RATE, count, limits.message_rate, self._messages())
        if limits.order_qty is not None:
            yield self._line(Check.ORDER_QTY, micro, limits.order_qty, 0)
        for values in limits.values:
            if values.order_value is not None:
                yield self._line(
                    Check.ORDER_VALUE, micro, values.order_value, 0, currency=values.currency
                )
        if limits.collar_bp is not None:
            yield self._line(Check.COLLAR, Unit(2, ""), limits.collar_bp, 0)
        if self._scope.kind not in HOLDERS:
            return
        if limits.open_orders is not None:
            yield self._line(Check.OPEN_ORDERS, count, limits.open_orders, self._orders())
        yield from self._positions(limits)
        yield from self._money(limits)

    def _messages(self) -> int:
        window = self._state.controls.windows.get(self._scope)
        now = self._state.time // SECOND
        return window.count if window is not None and window.second == now else 0

    def _holdings(self) -> Iterator[tuple[InstrumentId, Holding]]:
        scope = self._scope
        for (kind, participant, name, instrument_id), holding in sorted(
            self._state.ledger.holdings.items(), key=lambda item: item[0]
        ):
            if (kind, participant, name) == (scope.kind, scope.participant, scope.name) and (
                scope.instrument_id in ("", instrument_id)
            ):
                yield instrument_id, holding

    def _orders(self) -> int:
        return sum(holding.orders for _, holding in self._holdings())

    def _positions(self, limits: Limits) -> Iterator[Headroom]:
        for instrument_id, holding in self._holdings():
            decimals = self._state.listings[instrument_id].instrument.qty_decimals
            unit, one = Unit(decimals, ""), 10**decimals
            for side, micro, used in (
                ("long", limits.long_qty, holding.net + holding.open_buy),
                ("short", limits.short_qty, holding.open_sell - holding.net),
            ):
                if micro is not None:
                    limit = int(micro * one // MICRO)
                    yield self._line(
                        Check.POSITION, unit, limit, used, instrument_id=instrument_id, side=side
                    )

    def _money(self, limits: Limits) -> Iterator[Headroom]:
        scope, ledger = self._scope, self._state.ledger
        if scope.instrument_id:
            yield from self._money_in_instrument(limits, ledger)
            return
        held = ledger.currencies(scope.kind, scope.participant, scope.name)
        named = [each.currency for each in limits.values if each.currency]
        for currency in sorted(dict.fromkeys([*held, *named])):
            values = limits.in_currency(currency)
            if values is not None:
                purse = ledger.purse(scope.kind, scope.participant, scope.name, currency)
                yield from self._purse(values, purse, currency)

    def _money_in_instrument(self, limits: Limits, ledger: Ledger) -> Iterator[Headroom]:
        instrument_id = self._scope.instrument_id
        currency = self._state.listings[instrument_id].instrument.currency
        values = limits.in_currency(currency)
        if values is None or values.gross is None:
            return
        unit, raised = Unit(ledger.value_decimals, ""), _raised(ledger)
        used = sum(holding.worst for _, holding in self._holdings())
        yield self._line(Check.GROSS, unit, values.gross * raised, used, currency=currency)

    def _purse(self, values: ValueLimits, purse: Purse, currency: str) -> Iterator[Headroom]:
        ledger = self._state.ledger
        unit, raised = Unit(ledger.value_decimals, ""), _raised(ledger)
        for check, micro, used in (
            (Check.GROSS, values.gross, purse.gross),
            (Check.NET, values.net, net_of(purse)),
        ):
            if micro is not None:
                yield self._line(check, unit, micro * raised, used, currency=currency)
        if values.collateral is not None:
            fine = Unit(ledger.value_decimals + 4, "")
            limit = values.collateral * raised * BP
            yield self._line(Check.COLLATERAL, fine, limit, need_of(purse), currency=currency)
        if values.daily_value is not None:
            used = purse.day + purse.buys + purse.sells
            limit = values.daily_value * raised
            yield self._line(Check.DAILY_VALUE, unit, limit, used, currency=currency)


def _raised(ledger: Ledger) -> int:
    """Units of value in a millionth of a currency."""
    return int(10 ** (ledger.value_decimals - _MICRO_DECIMALS))


def scopes_with_limits(state: State, participant: str, account: str) -> tuple[Scope, ...]:
    """The scopes of an account, or of a whole participant without one, that have limits."""
    scopes = [Scope(ScopeKind.PARTICIPANT, participant)]
    if account:
        scopes = [Scope(ScopeKind.ACCOUNT, participant, account)]
    narrowed = [
        Scope(each.kind, each.participant, each.name, instrument_id)
        for each in scopes
        for instrument_id in state.listings
    ]
    return tuple(each for each in (*scopes, *narrowed) if state.controls.find(each) is not None)
