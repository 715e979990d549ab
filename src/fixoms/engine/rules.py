"""The limits an order is held against: each a figure, what is used of it, and a sentence.

Owns: the evaluation order as data, what each check counts, and the text of its refusal.
Must not know: who may send orders, how limits are set.

Every check judges the increase an order or a replace brings. What adds nothing passes, so reducing
orders pass whatever was used before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from fixoms.domain.enums import OrdRejReason
from fixoms.domain.instrument import Instrument, render_units
from fixoms.domain.limits import MICRO, Check, Limits, Scope, ScopeKind
from fixoms.domain.units import Price
from fixoms.engine.positions import Holder, Holding, Ledger, Purse

_OTHER, _LIMIT = OrdRejReason.OTHER, OrdRejReason.ORDER_EXCEEDS_LIMIT
_MICRO_DECIMALS = 6
BP: Final = 10_000

_USED = "{use} used, this order adds {more}, headroom {headroom}"


class Row(NamedTuple):
    """One line of the evaluation order.

    `scopes` says whose limits are looked at, in that order; a scope narrowed to the instrument goes
    before the same scope without. `reason` is OrdRejReason(103), `text` the template of Text(58).
    """

    check: Check
    scopes: str
    reason: OrdRejReason
    text: str


EVALUATION: Final[tuple[Row, ...]] = (
    Row(
        Check.MESSAGE_RATE,
        "session, participant",
        _OTHER,
        "{scope} has sent its limit of {limit} new orders and replaces in this second",
    ),
    Row(
        Check.KILL_SWITCH,
        "all, session, user, participant, account, client, instrument",
        _OTHER,
        "the kill switch of {scope} is on: {why}",
    ),
    Row(
        Check.PERMISSION,
        "session, user, participant",
        OrdRejReason.BROKER_OPTION,
        "role {role} does not permit {what}",
    ),
    Row(
        Check.RESTRICTED,
        "all, participant, account, client",
        _OTHER,
        "{instrument} is on the restricted list of {scope}",
    ),
    Row(
        Check.SHORT_SALE,
        "instrument, account",
        _OTHER,
        "{instrument} {why}",
    ),
    Row(
        Check.MARKET_PRICE,
        "instrument",
        _OTHER,
        "the market price of {instrument} from {source} is older than {limit} s",
    ),
    Row(
        Check.DUPLICATE,
        "account, client, participant",
        OrdRejReason.DUPLICATE_ORDER,
        "an order of the same side, price and quantity came less than {limit} s ago ({scope})",
    ),
    Row(
        Check.ORDER_QTY,
        "account, client, participant, instrument",
        _LIMIT,
        "max order quantity of {scope} is {limit}, this order is {use}",
    ),
    Row(
        Check.ORDER_VALUE,
        "account, client, participant, instrument",
        _LIMIT,
        "max order value of {scope} is {limit}, this order is {use}",
    ),
    Row(
        Check.COLLAR,
        "account, client, participant, instrument",
        _LIMIT,
        "price collar of {scope} is {limit} round {reference}, Price(44) {price} is {use} away",
    ),
    Row(
        Check.OPEN_ORDERS,
        "account, client, participant",
        _LIMIT,
        "max open orders of {scope} is {limit}: " + _USED,
    ),
    Row(
        Check.POSITION,
        "account, client, participant",
        _LIMIT,
        "max {side} position of {scope} in {instrument} is {limit}: " + _USED,
    ),
    Row(
        Check.GROSS,
        "account, client, participant",
        _LIMIT,
        "max gross exposure of {scope} is {limit}: " + _USED,
    ),
    Row(
        Check.NET,
        "account, client, participant",
        _LIMIT,
        "max net exposure of {scope} is {limit}: " + _USED,
    ),
    Row(
        Check.COLLATERAL,
        "account, client, participant",
        _LIMIT,
        "collateral of {scope} is {limit}: " + _USED + " (initial margin less profit)",
    ),
    Row(
        Check.DAILY_VALUE,
        "account, client, participant",
        _LIMIT,
        "max daily value of {scope} is {limit}: " + _USED,
    ),
)
"""In this order an order is judged; the first check that fails is the reason. The kill switch and
permissions are final; from the restricted list on, an override lets one named order pass. Duplicate
and what follows come after the venue's own checks of phase, tick, lot and band."""

ROWS: Final = {row.check: row for row in EVALUATION}
_PLACE: Final = {row.check: place for place, row in enumerate(EVALUATION)}


class Trial:
    """What an order or a replace would add.

    `qty` and `value` (in the ledger's unit) are the increase of what works, negative when it
    shrinks; `orders` is 1 for a new order. `total_qty` and `total_value` are those of the whole
    order, 0 where a replace does not raise them. `price` is Price(44), None when it is not new.
    `reference` is what the collar is round, None when nothing is known.
    """

    __slots__ = (
        "is_buy",
        "orders",
        "price",
        "qty",
        "reference",
        "total_qty",
        "total_value",
        "value",
    )

    def __init__(
        self,
        *,
        is_buy: bool,
        qty: int,
        value: int,
        orders: int,
        total_qty: int,
        total_value: int,
        price: Price | None,
        reference: Price | None,
    ) -> None:
        self.is_buy = is_buy
        self.qty = qty
        self.value = value
        self.orders = orders
        self.total_qty = total_qty
        self.total_value = total_value
        self.price = price
        self.reference = reference


class Broken(NamedTuple):
    """A check that failed. `limit` and `use` are in the units of `RiskRefused`."""

    check: Check
    scope: Scope
    limit: int
    use: int
    text: str


class Unit(NamedTuple):
    """How the figures of a rule read: decimals of one unit, and what stands behind the number.

    `counts` marks figures that are told as they are, not in millionths.
    """

    decimals: int
    suffix: str
    counts: bool = False

    def render(self, figure: int) -> str:
        """The figure, as short as can be."""
        text = render_units(figure, self.decimals)
        if self.decimals:
            text = text.rstrip("0").rstrip(".")
        return text + self.suffix

    def to_micro(self, figure: int) -> int:
        """The figure in millionths, rounded up; a count stays as it is."""
        if self.counts:
            return figure
        one: int = 10**self.decimals
        return -(-figure * MICRO // one)


_COUNT: Final = Unit(0, "", counts=True)


class Rule:
    """One limit of one scope. `breaks` is on the path of every order; the rest is not."""

    __slots__ = ("check", "limit", "micro", "scope", "unit")

    def __init__(self, check: Check, scope: Scope, limit: int, micro: int, unit: Unit) -> None:
        self.check = check
        self.scope = scope
        self.limit = limit
        self.micro = micro
        self.unit = unit

    def breaks(self, trial: Trial) -> bool:
        """Whether the order would carry the use past the limit, and raises it."""
        more = self.adds(trial)
        return more > 0 and self.used() + more > self.limit

    def used(self) -> int:
        """What is used before the order."""
        return 0

    def adds(self, trial: Trial) -> int:
        """What the order adds to it."""
        raise NotImplementedError

    def words(self, trial: Trial) -> dict[str, str]:
        """Further words of the template."""
        del trial
        return {}

    def broken(self, trial: Trial) -> Broken:
        """The refusal."""
        used, more, unit = self.used(), self.adds(trial), self.unit
        text = ROWS[self.check].text.format(
            scope=self.scope.text,
            limit=unit.render(self.limit),
            use=unit.render(used if "{more}" in ROWS[self.check].text else used + more),
            more=unit.render(more),
            headroom=unit.render(self.limit - used),
            **self.words(trial),
        )
        return Broken(self.check, self.scope, self.micro, unit.to_micro(used + more), text)


class OrderQtyRule(Rule):
    """Quantity of one order."""

    __slots__ = ()

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        return trial.total_qty


class OrderValueRule(Rule):
    """Value of one order."""

    __slots__ = ()

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        return trial.total_value


class CollarRule(Rule):
    """Distance of the price from the reference, in basis points rounded up."""

    __slots__ = ("_instrument",)

    def __init__(self, scope: Scope, limit: int, instrument: Instrument) -> None:
        super().__init__(Check.COLLAR, scope, limit, limit, Unit(2, " %", counts=True))
        self._instrument = instrument

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        price, reference = trial.price, trial.reference
        if price is None or reference is None:
            return 0
        return -(-abs(price - reference) * BP // reference)

    def words(self, trial: Trial) -> dict[str, str]:
        """See Rule."""
        render = self._instrument.render_price
        return {"reference": render(trial.reference or 0), "price": render(trial.price or 0)}


class OpenOrdersRule(Rule):
    """Orders that work at once, parked, armed and held ones included."""

    __slots__ = ("_counted",)

    def __init__(self, scope: Scope, limit: int, counted: Holding | Holder) -> None:
        super().__init__(Check.OPEN_ORDERS, scope, limit, limit, _COUNT)
        self._counted = counted

    def used(self) -> int:
        """See Rule."""
        return self._counted.orders

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        return trial.orders


class PositionRule(Rule):
    """Position in one instrument, long or short, with the working orders that could raise it."""

    __slots__ = ("_instrument", "holding", "is_long")

    def __init__(
        self,
        scope: Scope,
        micro: int,
        holding: Holding,
        instrument: Instrument,
        *,
        is_long: bool,
    ) -> None:
        unit = Unit(instrument.qty_decimals, "")
        limit = micro * 10**instrument.qty_decimals // MICRO
        super().__init__(Check.POSITION, scope, limit, micro, unit)
        self.holding = holding
        self._instrument = instrument
        self.is_long = is_long

    def used(self) -> int:
        """See Rule."""
        holding = self.holding
        if self.is_long:
            return holding.net + holding.open_buy
        return holding.open_sell - holding.net

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        return trial.qty if trial.is_buy is self.is_long else 0

    def words(self, trial: Trial) -> dict[str, str]:
        """See Rule."""
        del trial
        side = "long" if self.is_long else "short"
        return {"side": side, "instrument": self._instrument.instrument_id}

    def broken(self, trial: Trial) -> Broken:
        """See Rule; a scope narrowed to the instrument names it once."""
        told = super().broken(trial)
        name = self._instrument.instrument_id
        return told._replace(text=told.text.replace(f"in {name} in {name}", f"in {name}"))


class WorstRule(Rule):
    """Exposure in one instrument."""

    __slots__ = ("_holding",)

    def __init__(self, scope: Scope, limit: int, micro: int, unit: Unit, holding: Holding) -> None:
        super().__init__(Check.GROSS, scope, limit, micro, unit)
        self._holding = holding

    def used(self) -> int:
        """See Rule."""
        return self._holding.worst

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        return worst_with(self._holding, trial) - self._holding.worst


def worst_with(holding: Holding, trial: Trial) -> int:
    """What the holding would count with the order working."""
    buys, sells = holding.buys, holding.sells
    if trial.is_buy:
        buys += trial.value
    else:
        sells += trial.value
    return max(holding.at + buys, sells - holding.at)


class _PurseRule(Rule):
    __slots__ = ("_holding", "_purse")

    def __init__(
        self, check: Check, scope: Scope, limit: int, micro: int, unit: Unit, holding: Holding
    ) -> None:
        super().__init__(check, scope, limit, micro, unit)
        self._holding = holding
        self._purse: Purse = holding.purse


class GrossRule(_PurseRule):
    """Sum of the exposures in all instruments."""

    __slots__ = ()

    def used(self) -> int:
        """See Rule."""
        return self._purse.gross

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        return worst_with(self._holding, trial) - self._holding.worst


class NetRule(_PurseRule):
    """Exposure with instruments set against each other, on the side the order is on."""

    __slots__ = ()

    def breaks(self, trial: Trial) -> bool:
        """See Rule."""
        return trial.value > 0 and self._side(trial) + trial.value > self.limit

    def _side(self, trial: Trial) -> int:
        purse = self._purse
        return purse.at + purse.buys if trial.is_buy else purse.sells - purse.at

    def used(self) -> int:
        """See Rule."""
        return net_of(self._purse)

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        return max(self._side(trial) + trial.value, self.used()) - self.used()


def net_of(purse: Purse) -> int:
    """Net exposure: the larger of the two sides."""
    return max(purse.at + purse.buys, purse.sells - purse.at)


class CollateralRule(_PurseRule):
    """Initial margin less profit; figures in basis points of value, so that no rate is rounded."""

    __slots__ = ()

    def used(self) -> int:
        """See Rule."""
        return need_of(self._purse)

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        holding = self._holding
        return (worst_with(holding, trial) - holding.worst) * holding.margin_bp


def need_of(purse: Purse) -> int:
    """Initial margin less profit, in basis points of value."""
    return purse.need - (purse.cash + purse.at) * BP


class DailyValueRule(_PurseRule):
    """Traded today and working."""

    __slots__ = ()

    def used(self) -> int:
        """See Rule."""
        purse = self._purse
        return purse.day + purse.buys + purse.sells

    def adds(self, trial: Trial) -> int:
        """See Rule."""
        return trial.value


def make_rules(
    ledger: Ledger,
    found: list[tuple[Scope, Limits]],
    instrument: Instrument,
    holdings: dict[ScopeKind, Holding],
) -> tuple[Rule, ...]:
    """The rules of `found`, pairs of a scope and its limits, in the order of evaluation."""
    rules = [
        rule
        for scope, limits in found
        for rule in _rules_of(ledger, scope, limits, instrument, holdings.get(scope.kind))
    ]
    return tuple(sorted(rules, key=lambda rule: _PLACE[rule.check]))


def _rules_of(
    ledger: Ledger, scope: Scope, limits: Limits, instrument: Instrument, holding: Holding | None
) -> Iterator[Rule]:
    if limits.order_qty is not None:
        unit = Unit(instrument.qty_decimals, "")
        limit = limits.order_qty * 10**instrument.qty_decimals // MICRO
        yield OrderQtyRule(Check.ORDER_QTY, scope, limit, limits.order_qty, unit)
    if limits.collar_bp is not None:
        yield CollarRule(scope, limits.collar_bp, instrument)
    values = limits.in_currency(instrument.currency)
    decimals, suffix = ledger.value_decimals, f" {instrument.currency}"
    raise_by, unit = 10 ** (decimals - _MICRO_DECIMALS), Unit(decimals, suffix)
    if values is not None and values.order_value is not None:
        micro = values.order_value
        yield OrderValueRule(Check.ORDER_VALUE, scope, micro * raise_by, micro, unit)
    if holding is None:
        return
    if limits.open_orders is not None:
        counted = holding if scope.instrument_id else holding.holder
        yield OpenOrdersRule(scope, limits.open_orders, counted)
    if limits.long_qty is not None:
        yield PositionRule(scope, limits.long_qty, holding, instrument, is_long=True)
    if limits.short_qty is not None:
        yield PositionRule(scope, limits.short_qty, holding, instrument, is_long=False)
    if values is None:
        return
    if values.gross is not None:
        micro = values.gross
        if scope.instrument_id:
            yield WorstRule(scope, micro * raise_by, micro, unit, holding)
        else:
            yield GrossRule(Check.GROSS, scope, micro * raise_by, micro, unit, holding)
    if values.net is not None:
        micro = values.net
        yield NetRule(Check.NET, scope, micro * raise_by, micro, unit, holding)
    if values.collateral is not None:
        micro = values.collateral
        fine = Unit(decimals + 4, suffix)
        yield CollateralRule(Check.COLLATERAL, scope, micro * raise_by * BP, micro, fine, holding)
    if values.daily_value is not None:
        micro = values.daily_value
        yield DailyValueRule(Check.DAILY_VALUE, scope, micro * raise_by, micro, unit, holding)
