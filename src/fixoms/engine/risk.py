"""The pre-trade gate: whether an order or a replace may go on, for everything risk managers set.

Owns: the checks that know the sender (rate, kill switch, role, restricted list, short sale,
duplicates), which limits apply to an order, and the limits once more when it is to trade.
Must not know: what a limit counts (rules.py), how anything is set (risk_desk.py), how it matches.

With nothing set, `active` is False and nothing is looked at. The evaluation order is the table in
rules.py.

A limit lowered below its use stops what adds to it and cancels nothing. An order that rests may
then trade only as far as the position itself stays inside: one that would carry it past the limit
is canceled before the trade. An overridden order is not asked again.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fixoms.domain.commands import (
    Command,
    EnterList,
    OrderTerms,
    Refusal,
)
from fixoms.domain.enums import ExecType, Side
from fixoms.domain.events import Owner, RiskOverridden, RiskRefused, SessionAbused
from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import (
    LIMIT_MAX,
    NO_INSTRUMENT,
    NO_LIMITS,
    Check,
    Limits,
    Scope,
    ScopeKind,
    ShortRule,
    StalePolicy,
)
from fixoms.domain.units import SECOND, Price
from fixoms.engine.access import AccessRefusal, Roles
from fixoms.engine.controls import RECENT_MAX, Controls, DuplicateKey, Window, scopes_of
from fixoms.engine.guards import make_guards
from fixoms.engine.listing import Listing
from fixoms.engine.order import Order
from fixoms.engine.positions import HOLDERS, Holding, Ledger, Position
from fixoms.engine.rules import BP, ROWS, Broken, PositionRule, Trial, Unit, make_rules
from fixoms.engine.state import Session, State
from fixoms.engine.tape import Tape

_COUNTED: Final = ("D", "G", "E")
"""MsgType(35) of what a message rate counts."""

_FINAL: Final = frozenset((Check.MESSAGE_RATE, Check.KILL_SWITCH, Check.PERMISSION))
"""Checks no override lets an order pass."""

_UNBOUNDED: Final = 1 << 62


class Risk:
    """Judges orders before the book and before each trade.

    `active` says that something is set at all.
    """

    __slots__ = (
        "_collars",
        "_controls",
        "_duplicate_window",
        "_ledger",
        "_limited",
        "_lists",
        "_rated",
        "_rates",
        "_state",
        "_tape",
        "_too_fast",
        "active",
        "roles",
    )

    def __init__(self, state: State, tape: Tape) -> None:
        self._state = state
        self._tape = tape
        self._controls: Controls = state.controls
        self._ledger: Ledger = state.ledger
        self.roles = Roles(state)
        self.active = False
        self._collars = False
        self._lists = False
        self._limited = False
        self._rated = False
        self._duplicate_window = 0
        self._rates: dict[str, tuple[tuple[Scope, int, Window], ...]] = {}
        self._too_fast: Broken | None = None

    def refresh(self) -> None:
        """Take notice of what was set; every compiled rule is made anew when it is next used."""
        controls, ledger = self._controls, self._ledger
        limits = [each.limits for each in controls.limits.values()]
        self._rated = any(each.message_rate is not None for each in limits)
        self._collars = any(each.collar_bp is not None for each in limits)
        self._duplicate_window = max((each.duplicate_window or 0 for each in limits), default=0)
        ledger.limits_positions = any(
            each.long_qty is not None or each.short_qty is not None for each in limits
        )
        self._rates.clear()
        self.roles.refresh()
        ledger.epoch += 1
        kinds = self._kinds()
        reserves = ShortRule.LOCATE in controls.shorts.values()
        if set(kinds) != set(ledger.tracked) or (bool(kinds) or reserves) is not ledger.on:
            self.recount(kinds, reserves=reserves)
        self._limited = any(
            msgspec.structs.replace(each, message_rate=None) != NO_LIMITS for each in limits
        )
        if any(participant.live for participant in self._state.participants.values()):
            ledger.shake()
        self._lists = bool(
            controls.restricted
            or controls.shorts
            or controls.policy.stale_policy is StalePolicy.REJECT
        )
        self.active = bool(limits or controls.kills or self.roles.any or self._lists)

    def _kinds(self) -> list[ScopeKind]:
        """The kinds of holder whose sums a limit needs."""
        return [
            scope.kind
            for scope, each in self._controls.limits.items()
            if scope.kind in HOLDERS and _needs_sums(each.limits)
        ]

    def recount(self, kinds: list[ScopeKind], *, reserves: bool) -> None:
        """Keep sums for these kinds of holder, counted anew."""
        state = self._state
        live = [
            participant.live[order_id]
            for participant in state.participants.values()
            for order_id in sorted(participant.live)
        ]
        self._ledger.track(kinds, reserves=reserves, listings=state.listings.values(), live=live)

    def restore(self) -> None:
        """Count anew from the facts of a snapshot."""
        ledger = self._ledger
        if ledger.on:
            kinds = self._kinds()
            self.recount(kinds, reserves=not kinds)
        self.refresh()

    def note_instrument(self, listing: Listing, *, reference_moved: bool) -> None:
        """Take notice of a new or changed instrument."""
        ledger = self._ledger
        if reference_moved and listing.reference_price is not None:
            ledger.set_mark(listing, listing.reference_price)
        ledger.epoch += 1
        if ledger.on:
            self.recount(list(ledger.tracked), reserves=not ledger.tracked)
        else:
            ledger.widen(listing)

    # What is asked before anything looks at the request.

    def admit(self, command: Command, msg_type: str, session: Session) -> Session | AccessRefusal:
        """The session again, or why it may not send this type of message at all.

        Counts new orders and replaces against the rate; those above it are answered like other
        refused orders.
        """
        user = command.origin.user
        if self.roles.any:
            refusal = self.roles.refuse_message(session, user, msg_type)
            if refusal:
                return AccessRefusal(refusal)
        self._too_fast = None
        if self._rated and msg_type in _COUNTED:
            count = len(command.orders) if isinstance(command, EnterList) else 1
            self._too_fast = self._count(session, user, count)
        return session

    def _count(self, session: Session, user: str, count: int) -> Broken | None:
        second = self._tape.time // SECOND
        rates = self._rates.get(session.name)
        if rates is None:
            rates = self._rates[session.name] = self._rates_of(session)
        broken = None
        for scope, limit, window in rates:
            if window.second != second:
                window.second, window.count, window.over = second, 0, 0
            window.count += count
            if window.count > limit:
                window.over += count
                text = ROWS[Check.MESSAGE_RATE].text.format(scope=scope.text, limit=limit)
                broken = broken or Broken(Check.MESSAGE_RATE, scope, limit, window.count, text)
                self._note_abuse(session, user, scope, window, count)
        return broken

    def _note_abuse(
        self, session: Session, user: str, scope: Scope, window: Window, count: int
    ) -> None:
        bound = self._controls.policy.abuse_after
        if bound and window.over - count < bound <= window.over:
            text = f"{window.over} messages above the rate of {scope.text} in one second"
            self._tape.events.append(
                SessionAbused(session.name, session.participant.name, user, text)
            )

    def _rates_of(self, session: Session) -> tuple[tuple[Scope, int, Window], ...]:
        controls = self._controls
        found = []
        for scope in (
            Scope(ScopeKind.SESSION, name=session.name),
            Scope(ScopeKind.PARTICIPANT, session.participant.name),
        ):
            limits = controls.find(scope)
            if limits is not None and limits[1].message_rate is not None:
                window = controls.windows.get(scope)
                if window is None:
                    window = controls.windows[scope] = Window(0, 0, 0)
                found.append((scope, limits[1].message_rate, window))
        return tuple(found)

    # A new order.

    def refuse_sender(
        self, session: Session, user: str, cl_ord_id: str, listing: Listing, terms: OrderTerms
    ) -> Refusal | None:
        """Why a new order may not go on, whatever its figures are."""
        controls = self._controls
        if self._too_fast is None and not (controls.kills or self._lists or self.roles.any):
            return None
        broken = (
            self._too_fast
            or self._killed(session, user, listing.instrument_id, terms)
            or self._forbidden(session, user, listing, terms)
            or self._off_limits(session, listing, terms, terms.qty)
        )
        return self._judge(broken, session.owner(user), cl_ord_id, listing.instrument_id)

    def refuse_terms(
        self, session: Session, user: str, cl_ord_id: str, listing: Listing, terms: OrderTerms
    ) -> Refusal | None:
        """Why a new order that is sound by itself passes a limit."""
        if not self._limited:
            return None
        position = self._position(session.participant.name, terms, listing)
        price = terms.price or terms.stop_px or self._unpriced(listing)
        qty = terms.qty
        value = price * qty * position.scale
        reference = self._collar_reference(listing) if self._collars else None
        broken = None
        if self._duplicate_window:
            broken = self._repeated(position, terms)
        if broken is None:
            broken = _first_broken(
                position, terms.side.is_buy, qty, value, 1, qty, value, terms.price, reference
            )
            if broken is None and not self._duplicate_window:
                return None
        refusal = self._judge(broken, session.owner(user), cl_ord_id, listing.instrument_id)
        if refusal is None and self._duplicate_window:
            self._remember(position, terms)
        return refusal

    def _unpriced(self, listing: Listing) -> int:
        return self._ledger.marks.get(listing.instrument_id) or listing.last_price or 0

    # A replace.

    def refuse_replace(
        self, session: Session, user: str, cl_ord_id: str, order: Order, terms: OrderTerms
    ) -> Refusal | None:
        """Why an order may not be changed so; what reduces it passes all but rate and role."""
        listing = order.listing
        broken = self._too_fast or self._forbidden(session, user, listing, terms)
        if broken is None and not _reduces(order, terms):
            added = terms.qty - order.terms.qty
            broken = (
                self._killed(session, user, listing.instrument_id, terms)
                or self._off_limits(session, listing, terms, added)
                or self._refuse_increase(order, terms)
            )
        return self._judge(broken, order.owner, cl_ord_id, listing.instrument_id, session.name)

    def _refuse_increase(self, order: Order, terms: OrderTerms) -> Broken | None:
        listing, old, ledger = order.listing, order.terms, self._ledger
        position = self._position(order.owner.participant, terms, listing)
        price = terms.price or terms.stop_px or self._unpriced(listing)
        old_price = order.hold_price or ledger.value_price(order)
        left = terms.qty - order.cum_qty
        moves = (old.account, old.client) != (terms.account, terms.client)
        if moves:
            # All of it comes to the new account, the filled part too.
            qty, value, orders = int(terms.qty), price * terms.qty, 1
            ledger.release(order)
        else:
            qty = left - order.leaves_qty
            value, orders = price * left - old_price * order.leaves_qty, 0
        raised = price * terms.qty > old_price * old.qty or moves
        broken = _first_broken(
            position,
            order.is_buy,
            qty,
            value * position.scale,
            orders,
            terms.qty if terms.qty > old.qty or moves else 0,
            price * terms.qty * position.scale if raised else 0,
            terms.price if terms.price != old.price else None,
            self._collar_reference(listing),
        )
        if moves and ledger.on:
            ledger.shake()
            ledger.note(order, ExecType.ORDER_STATUS)
        return broken

    # The checks that are no limits.

    def _killed(
        self, session: Session, user: str, instrument_id: InstrumentId, terms: OrderTerms
    ) -> Broken | None:
        kills = self._controls.kills
        if not kills:
            return None
        participant = session.participant.name
        for scope in (
            Scope(ScopeKind.ALL),
            Scope(ScopeKind.SESSION, name=session.name),
            Scope(ScopeKind.USER, participant, user),
            Scope(ScopeKind.PARTICIPANT, participant),
            Scope(ScopeKind.ACCOUNT, participant, terms.account),
            Scope(ScopeKind.CLIENT, participant, terms.client),
            Scope(ScopeKind.INSTRUMENT, instrument_id=instrument_id),
        ):
            killed = kills.get(scope)
            if killed is not None:
                text = ROWS[Check.KILL_SWITCH].text.format(scope=scope.text, why=killed.reason)
                return Broken(Check.KILL_SWITCH, scope, 0, 0, text)
        return None

    def _forbidden(
        self, session: Session, user: str, listing: Listing, terms: OrderTerms
    ) -> Broken | None:
        found = self.roles.refuse_order(session, user, listing.instrument, terms)
        if found is None:
            return None
        role, what = found
        text = ROWS[Check.PERMISSION].text.format(role=role, what=what)
        return Broken(Check.PERMISSION, Scope(ScopeKind.SESSION, name=session.name), 0, 0, text)

    def _off_limits(
        self, session: Session, listing: Listing, terms: OrderTerms, added: int
    ) -> Broken | None:
        """Restricted list, short sale, stale market price."""
        controls, name = self._controls, session.participant.name
        instrument_id = listing.instrument_id
        if controls.restricted:
            for scope in (
                Scope(ScopeKind.ALL),
                Scope(ScopeKind.PARTICIPANT, name),
                Scope(ScopeKind.ACCOUNT, name, terms.account),
                Scope(ScopeKind.CLIENT, name, terms.client),
            ):
                if (scope, instrument_id) in controls.restricted:
                    text = ROWS[Check.RESTRICTED].text.format(
                        scope=scope.text, instrument=instrument_id
                    )
                    return Broken(Check.RESTRICTED, scope, 0, 0, text)
        if controls.shorts:
            broken = self._refuse_short(name, listing, terms, added)
            if broken is not None:
                return broken
        return self._refuse_stale(listing)

    def _refuse_short(
        self, participant: str, listing: Listing, terms: OrderTerms, added: int
    ) -> Broken | None:
        instrument_id = listing.instrument_id
        rule = self._controls.shorts.get(instrument_id, ShortRule.ALLOWED)
        side = terms.side
        if rule is ShortRule.ALLOWED or side not in (Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT):
            return None
        template = ROWS[Check.SHORT_SALE].text
        if rule is ShortRule.BANNED:
            scope = Scope(ScopeKind.INSTRUMENT, instrument_id=instrument_id)
            text = template.format(instrument=instrument_id, why="may not be sold short")
            return Broken(Check.SHORT_SALE, scope, 0, 0, text)
        if side is Side.SELL_SHORT_EXEMPT or terms.located or added <= 0:
            return None
        located = self._controls.locates.get((participant, terms.account, instrument_id), 0)
        shorts = self._position(participant, terms, listing).shorts
        used = shorts.open + shorts.sold
        if used + added <= located:
            return None
        render = listing.instrument.render_qty
        scope = Scope(ScopeKind.ACCOUNT, participant, terms.account, instrument_id)
        why = (
            f"needs a locate to be sold short, or LocateReqd(114)=N: {render(located)} located for"
            f" account {terms.account!r} today, {render(used)} used, this order adds"
            f" {render(added)}"
        )
        text = template.format(instrument=instrument_id, why=why)
        return Broken(Check.SHORT_SALE, scope, 0, 0, text)

    def _refuse_stale(self, listing: Listing) -> Broken | None:
        policy = self._controls.policy
        if policy.stale_policy is not StalePolicy.REJECT or not self._is_stale(listing):
            return None
        instrument_id = listing.instrument_id
        seconds = policy.market_price_max_age // SECOND
        text = ROWS[Check.MARKET_PRICE].text.format(
            instrument=instrument_id,
            source=self._controls.market_prices[instrument_id].source,
            limit=seconds,
        )
        scope = Scope(ScopeKind.INSTRUMENT, instrument_id=instrument_id)
        return Broken(Check.MARKET_PRICE, scope, seconds, 0, text)

    def _is_stale(self, listing: Listing) -> bool:
        market = self._controls.market_prices.get(listing.instrument_id)
        if market is None:
            return False
        age = self._tape.time - min(market.as_of, market.received)
        return age > self._controls.policy.market_price_max_age

    def _collar_reference(self, listing: Listing) -> Price | None:
        """The external market's price, or the venue's own reference, or the last trade."""
        market = self._controls.market_prices.get(listing.instrument_id)
        if market is not None and (
            self._controls.policy.stale_policy is not StalePolicy.IGNORE
            or not self._is_stale(listing)
        ):
            return market.price
        return listing.anchor

    def _repeated(self, position: Position, terms: OrderTerms) -> Broken | None:
        if not self._duplicate_window:
            return None
        last = self._controls.recent.get(_duplicate_key(position, terms))
        if last is None:
            return None
        age = self._tape.time - last
        for scope in scopes_of(position.participant, terms.account, terms.client, NO_INSTRUMENT):
            found = self._controls.find(scope)
            window = None if found is None else found[1].duplicate_window
            if window is not None and age < window:
                seconds = Unit(9, "").render(window)
                text = ROWS[Check.DUPLICATE].text.format(limit=seconds, scope=scope.text)
                return Broken(Check.DUPLICATE, scope, window, age, text)
        return None

    def _remember(self, position: Position, terms: OrderTerms) -> None:
        """Know an equal order again; forget what is too old to matter."""
        time, recent = self._tape.time, self._controls.recent
        while recent:
            oldest = next(iter(recent))
            if time - recent[oldest] < self._duplicate_window and len(recent) < RECENT_MAX:
                break
            del recent[oldest]
        key = _duplicate_key(position, terms)
        recent.pop(key, None)
        recent[key] = time

    # Limits.

    def _position(self, participant: str, terms: OrderTerms, listing: Listing) -> Position:
        """The position an order counts in, with the rules that hold now."""
        ledger = self._ledger
        position = ledger.position(participant, terms.account, terms.client, listing)
        if position.rules_epoch != ledger.epoch:
            self._compile(position)
        return position

    def _compile(self, position: Position) -> None:
        ledger, controls, listing = self._ledger, self._controls, position.listing
        found: list[tuple[Scope, Limits]] = []
        for scope in scopes_of(
            position.participant, position.account, position.client, listing.instrument_id
        ):
            limits = controls.find(scope)
            if limits is not None:
                found.append((scope, limits[1]))
        kinds = [kind for kind in ledger.tracked if kind is not ScopeKind.CLIENT or position.client]
        holdings: dict[ScopeKind, Holding] = dict(zip(kinds, position.holdings, strict=True))
        position.rules = make_rules(ledger, found, listing.instrument, holdings)
        position.guards = make_guards(position.rules, holdings)
        rooms = [rule for rule in position.rules if isinstance(rule, PositionRule)]
        position.rooms = tuple((rule.holding, rule.limit, rule.is_long) for rule in rooms)
        position.rules_epoch = ledger.epoch

    def room(self, order: Order) -> int:
        """How much the order may trade before a position passes its limit."""
        position = order.position
        if position is None or order.overridden:
            return _UNBOUNDED
        if position.rules_epoch != self._ledger.epoch:
            self._compile(position)
        room = _UNBOUNDED
        for holding, limit, is_long in position.rooms:
            if is_long is order.is_buy:
                left = limit - holding.net if is_long else limit + holding.net
                room = min(room, left)
        return room

    def over(self, first: Order, second: Order, qty: int) -> Order | None:
        """The order whose trade of `qty` would carry a position past its limit, if one is."""
        for order in (first, second):
            if self.room(order) < qty:
                return order
        return None

    # What is said.

    def _judge(
        self,
        broken: Broken | None,
        owner: Owner,
        cl_ord_id: str,
        instrument_id: InstrumentId,
        sender: str = "",
    ) -> Refusal | None:
        if broken is None:
            return None
        if broken.check not in _FINAL:
            key = (sender or owner.session, cl_ord_id)
            override = self._controls.overrides.get(key)
            if override is not None:
                self._tape.events.append(
                    RiskOverridden(owner, cl_ord_id, broken.check, broken.text, override[0])
                )
                return None
        self._tape.events.append(
            RiskRefused(
                owner,
                cl_ord_id,
                instrument_id,
                broken.check,
                broken.scope,
                min(broken.limit, LIMIT_MAX),
                max(-LIMIT_MAX, min(broken.use, LIMIT_MAX)),
                broken.text,
            )
        )
        return Refusal(ROWS[broken.check].reason, broken.text)

    def take_override(self, session: str, order: Order) -> None:
        """Use up the override of an order that enters or is replaced."""
        if self._controls.overrides.pop((session, order.cl_ord_id), None) is not None:
            order.overridden = True
            self._ledger.shake()


def _duplicate_key(position: Position, terms: OrderTerms) -> DuplicateKey:
    return (
        position.participant,
        terms.account,
        position.listing.instrument_id,
        terms.side.value,
        terms.price or 0,
        terms.stop_px or 0,
        terms.qty,
    )


def _first_broken(
    position: Position,
    is_buy: bool,
    qty: int,
    value: int,
    orders: int,
    total_qty: int,
    total_value: int,
    price: Price | None,
    reference: Price | None,
) -> Broken | None:
    """The first limit an order breaks; most break none, which the guards tell at once."""
    distance = 0
    if price is not None and reference is not None:
        distance = -(-abs(price - reference) * BP // reference)
    for guard in position.guards:
        if not guard.passes(is_buy, qty, value, orders, total_qty, total_value, distance):
            break
    else:
        return None
    trial = Trial(
        is_buy=is_buy,
        qty=qty,
        value=value,
        orders=orders,
        total_qty=total_qty,
        total_value=total_value,
        price=price,
        reference=reference,
    )
    return next((rule.broken(trial) for rule in position.rules if rule.breaks(trial)), None)


def _needs_sums(limits: Limits) -> bool:
    return (
        limits.open_orders is not None
        or limits.long_qty is not None
        or limits.short_qty is not None
        or any(
            figure is not None
            for each in limits.values
            for figure in (each.gross, each.net, each.collateral, each.daily_value)
        )
    )


def _reduces(order: Order, terms: OrderTerms) -> bool:
    """Whether the replace adds no risk: no more quantity, no price nearer to the market.

    Account and client stay, and so does what makes the order wait.
    """
    old = order.terms
    if (
        terms.qty > old.qty
        or (terms.account, terms.client) != (old.account, old.client)
        or terms.ord_type is not old.ord_type
        or terms.stop_px != old.stop_px
        or terms.exec_inst != old.exec_inst
        or terms.peg_offset != old.peg_offset
    ):
        return False
    if terms.price is None or old.price is None:
        return terms.price is old.price
    return terms.price <= old.price if order.is_buy else terms.price >= old.price
