"""What risk managers command: limits, roles, kill switch, restricted list, proposals.

Owns: which of these commands may be carried out, by whom, when a second person is needed, and the
events that tell what was before and after.
Must not know: how limits are checked (risk.py), how orders are canceled one by one.

What configuration sets never overrules what a person set while the venue ran.
"""

from __future__ import annotations

from typing import Final

from fixoms.domain.commands import (
    VENUE,
    ApproveProposal,
    AssignProfile,
    DefineProfile,
    DismissProposal,
    Kill,
    Origin,
    OverrideOrder,
    SetLimits,
    SetLocate,
    SetMarketPrice,
    SetRestricted,
    SetRiskPolicy,
    SetShortRule,
    Unkill,
)
from fixoms.domain.enums import ExecRestatementReason
from fixoms.domain.events import (
    KillSwitched,
    LimitsChanged,
    LocateChanged,
    MarketPriceChanged,
    OverrideGiven,
    ProfileAssigned,
    ProfileDefined,
    ProposalChanged,
    RestrictedChanged,
    RiskPolicyChanged,
    ShortRuleChanged,
)
from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import (
    EACH,
    LIMIT_MAX,
    NO_LIMITS,
    Limits,
    ProposalState,
    Scope,
    ScopeKind,
    ShortRule,
    ValueLimits,
)
from fixoms.domain.units import PRICE_MAX, QTY_MAX, Qty
from fixoms.engine.controls import PROPOSALS_MAX, SCOPES_MAX, Killed, MarketPrice, Proposal, SetBy
from fixoms.engine.order import Happening, Order
from fixoms.engine.positions import HOLDERS
from fixoms.engine.risk import Risk
from fixoms.engine.state import State
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading, live_orders

_BP: Final = 10_000
_OF_ORDERS: Final = ("order_qty", "collar_bp")
_OF_USE: Final = ("open_orders", "long_qty", "short_qty")
_FIGURES: Final = (*_OF_ORDERS, *_OF_USE, "message_rate", "duplicate_window")
_MONEY: Final = ("order_value", "gross", "net", "collateral", "daily_value")
_PER_INSTRUMENT_MONEY: Final = ("order_value", "gross")


class RiskDesk:
    """Carries out the commands of risk managers."""

    __slots__ = ("_risk", "_state", "_tape", "_trading")

    def __init__(self, state: State, tape: Tape, trading: Trading, risk: Risk) -> None:
        self._state = state
        self._tape = tape
        self._trading = trading
        self._risk = risk

    # Limits.

    def set_limits(self, command: SetLimits) -> None:
        """Set, raise, lower or remove the limits of a scope."""
        controls, scope = self._state.controls, command.scope
        refusal = self._refuse_limits(scope, command.limits)
        if refusal:
            self._tape.refuse(command.origin, refusal)
            return
        known = controls.limits.get(scope)
        if known is not None and _is_venue(command.origin) and known.user != VENUE.user:
            text = f"limits of {scope.text} stay as {known.user} set them"
            self._tape.done(command.origin, text)
            return
        present, after = controls.find(scope), command.limits
        if after == NO_LIMITS:
            left = controls.find(scope, without_own=True)
            after = NO_LIMITS if left is None else left[1]
        raised = _raise_above(
            NO_LIMITS if present is None else present[1], after, controls.policy.four_eyes_bp
        )
        if raised and not _is_venue(command.origin):
            self._propose(command, f"limits of {scope.text}: {raised}")
            return
        self._apply_limits(command, "")

    def _apply_limits(self, command: SetLimits, approved_by: str) -> None:
        controls, scope = self._state.controls, command.scope
        known = controls.limits.get(scope)
        before = NO_LIMITS if known is None else known.limits
        if command.limits == NO_LIMITS:
            controls.limits.pop(scope, None)
        else:
            controls.limits[scope] = SetBy(command.limits, command.origin.user)
        if before != command.limits:
            self._tape.events.append(
                LimitsChanged(
                    command.origin, scope, before, command.limits, command.reason, approved_by
                )
            )
            self._risk.refresh()
        self._tape.done(command.origin, f"limits of {scope.text} are set")

    def _refuse_limits(self, scope: Scope, limits: Limits) -> str:
        refusal = self._refuse_scope(scope, wildcards=True)
        if refusal:
            return refusal
        if scope.kind in (ScopeKind.ALL, ScopeKind.USER):
            return f"{scope.text} takes no limits"
        if len(self._state.controls.limits) >= SCOPES_MAX:
            return f"{SCOPES_MAX} scopes have limits, no more can"
        for name in _FIGURES:
            figure = getattr(limits, name)
            if figure is not None and not 0 <= figure <= LIMIT_MAX:
                return f"{name} {figure} is not 0 to {LIMIT_MAX}"
            if figure is not None and name not in _taken(scope):
                return f"{scope.text} takes no {name}"
        seen: dict[str, bool] = {}
        for each in limits.values:
            if each.currency in seen:
                return f"currency {each.currency or 'each'} occurs twice"
            seen[each.currency] = True
            refusal = _refuse_money(scope, each)
            if refusal:
                return refusal
        return ""

    def _refuse_scope(self, scope: Scope, *, wildcards: bool = False) -> str:
        """Why a scope means nobody."""
        state, kind = self._state, scope.kind
        iid = scope.instrument_id
        if iid and iid not in state.listings and not (wildcards and iid == EACH):
            return f"{iid!r} is not listed"
        if iid == EACH and kind is not ScopeKind.INSTRUMENT:
            return f"{scope.text}: each instrument is what a scope without instrument means"
        if iid and kind not in (*HOLDERS, ScopeKind.INSTRUMENT):
            return f"{scope.text} cannot be narrowed to an instrument"
        if kind is ScopeKind.INSTRUMENT:
            return "" if iid else "an instrument must be named"
        if kind is ScopeKind.SESSION:
            known = scope.name in state.sessions or (wildcards and scope.name == EACH)
            return "" if known else f"session {scope.name!r} is not known"
        if kind is ScopeKind.ALL:
            return ""
        if scope.participant == EACH and wildcards:
            wrong = kind is not ScopeKind.PARTICIPANT and scope.name != EACH
            return "each participant goes with each account or client" if wrong else ""
        if scope.participant not in state.participants:
            return f"participant {scope.participant!r} is not known"
        if kind is ScopeKind.CLIENT and not scope.name:
            return "a client must be named"
        return ""

    # Four eyes.

    def _propose(self, command: SetLimits | OverrideOrder | SetRiskPolicy, text: str) -> None:
        controls = self._state.controls
        if not command.origin.user:
            self._tape.refuse(command.origin, f"{text}: needs a named person, and a second one")
            return
        if len(controls.proposals) >= PROPOSALS_MAX:
            self._tape.refuse(command.origin, f"{PROPOSALS_MAX} proposals wait, no more can")
            return
        controls.proposal_id += 1
        number = controls.proposal_id
        controls.proposals[number] = Proposal(number, self._tape.time, command, text)
        self._tell_proposal(command.origin, controls.proposals[number], ProposalState.WAITING)
        self._tape.done(
            command.origin, f"proposal {number} waits for a second risk manager: {text}"
        )

    def _tell_proposal(self, origin: Origin, proposal: Proposal, state: ProposalState) -> None:
        author = proposal.command.origin.user
        self._tape.events.append(
            ProposalChanged(origin, proposal.proposal_id, state, author, proposal.text)
        )

    def approve(self, command: ApproveProposal) -> None:
        """Carry out a proposal; its author cannot."""
        proposal = self._state.controls.proposals.get(command.proposal_id)
        user = command.origin.user
        if proposal is None:
            text = f"proposal {command.proposal_id} does not wait"
        elif not user or _is_venue(command.origin):
            text = "a proposal is approved by a named person"
        elif user == proposal.command.origin.user:
            text = f"proposal {command.proposal_id} is {user}'s own, another must approve it"
        else:
            self._approve(command, proposal)
            return
        self._tape.refuse(command.origin, text)

    def _approve(self, command: ApproveProposal, proposal: Proposal) -> None:
        proposed, user = proposal.command, command.origin.user
        if isinstance(proposed, SetLimits):
            # The venue may have changed since: an instrument, a participant may be gone.
            refusal = self._refuse_limits(proposed.scope, proposed.limits)
            if refusal:
                self._tape.refuse(command.origin, refusal)
                return
        del self._state.controls.proposals[proposal.proposal_id]
        self._tell_proposal(command.origin, proposal, ProposalState.APPROVED)
        if isinstance(proposed, SetLimits):
            self._apply_limits(proposed, user)
        elif isinstance(proposed, SetRiskPolicy):
            self._apply_policy(proposed)
        else:
            self._give_override(proposed, user)

    def dismiss(self, command: DismissProposal) -> None:
        """Drop a proposal."""
        proposal = self._state.controls.proposals.pop(command.proposal_id, None)
        if proposal is None:
            self._tape.refuse(command.origin, f"proposal {command.proposal_id} does not wait")
            return
        self._tell_proposal(command.origin, proposal, ProposalState.DISMISSED)
        self._tape.done(command.origin, f"proposal {command.proposal_id} is dismissed")

    def override(self, command: OverrideOrder) -> None:
        """Let one named order pass the limits, now or once a second person agrees."""
        state = self._state
        session = state.sessions.get(command.session)
        if session is None or not command.cl_ord_id:
            text = f"session {command.session!r} is not known, or no ClOrdID(11) is named"
            self._tape.refuse(command.origin, text)
        elif command.cl_ord_id in session.orders:
            text = f"ClOrdID(11) {command.cl_ord_id!r} was already used today"
            self._tape.refuse(command.origin, text)
        elif len(state.controls.overrides) >= PROPOSALS_MAX:
            self._tape.refuse(command.origin, f"{PROPOSALS_MAX} overrides are given, no more can")
        elif state.controls.policy.four_eyes_bp is not None:
            text = f"override of ClOrdID(11) {command.cl_ord_id!r} of {command.session}"
            self._propose(command, text)
        else:
            self._give_override(command, "")

    def _give_override(self, command: OverrideOrder, approved_by: str) -> None:
        by = approved_by or command.origin.user
        key = (command.session, command.cl_ord_id)
        self._state.controls.overrides[key] = (by, command.reason)
        self._tape.events.append(
            OverrideGiven(
                command.origin, command.session, command.cl_ord_id, command.reason, approved_by
            )
        )
        text = f"ClOrdID(11) {command.cl_ord_id!r} of {command.session} may pass the limits once"
        self._tape.done(command.origin, text)

    # Kill switch.

    def kill(self, command: Kill) -> None:
        """Stop a scope, and cancel what rests of it when asked."""
        controls, scope = self._state.controls, command.scope
        refusal = self._refuse_scope(scope)
        if not refusal and scope.instrument_id and scope.kind is not ScopeKind.INSTRUMENT:
            refusal = "the kill switch takes a holder or an instrument, not both"
        if not refusal and len(controls.kills) >= SCOPES_MAX:
            refusal = f"{SCOPES_MAX} kill switches are on, no more can be"
        if refusal:
            self._tape.refuse(command.origin, refusal)
            return
        controls.kills[scope] = Killed(command.origin.user, self._tape.time, command.reason)
        self._risk.refresh()
        canceled = self._cancel(scope, command.reason) if command.cancel_resting else 0
        self._tape.events.append(
            KillSwitched(command.origin, scope, True, canceled, command.reason)
        )
        self._tape.done(
            command.origin, f"the kill switch of {scope.text} is on, {canceled} orders canceled"
        )

    def _cancel(self, scope: Scope, reason: str) -> int:
        state = self._state
        if scope.participant:
            meant = live_orders(state.participants[scope.participant].live)
        else:
            meant = [state.orders[each] for each in sorted(state.orders)]
        canceled = 0
        for order in meant:
            if order.is_live and _covers(scope, order):
                canceled += 1
                self._trading.finish(
                    order,
                    Happening.CANCEL,
                    f"kill switch of {scope.text}: {reason}",
                    reason=ExecRestatementReason.MARKET_OPTION,
                )
        return canceled

    def unkill(self, command: Unkill) -> None:
        """Lift a kill switch."""
        if not command.origin.user or _is_venue(command.origin):
            self._tape.refuse(command.origin, "a kill switch is lifted by a named person")
            return
        if self._state.controls.kills.pop(command.scope, None) is None:
            self._tape.refuse(command.origin, f"the kill switch of {command.scope.text} is not on")
            return
        self._risk.refresh()
        self._tape.events.append(
            KillSwitched(command.origin, command.scope, False, 0, command.reason)
        )
        self._tape.done(command.origin, f"the kill switch of {command.scope.text} is off")

    # Roles.

    def define_profile(self, command: DefineProfile) -> None:
        """Create a role or change what it may do."""
        profiles, profile = self._state.controls.profiles, command.profile
        if not profile.name:
            self._tape.refuse(command.origin, "a role needs a name")
            return
        if profile.name not in profiles and len(profiles) >= SCOPES_MAX:
            self._tape.refuse(command.origin, f"{SCOPES_MAX} roles are known, no more can be")
            return
        before = profiles.get(profile.name)
        profiles[profile.name] = profile
        if before != profile:
            self._tape.events.append(ProfileDefined(command.origin, before, profile))
            self._risk.refresh()
        self._tape.done(command.origin, f"role {profile.name} is defined")

    def assign_profile(self, command: AssignProfile) -> None:
        """Give a session, a user or a participant a role, or take it away."""
        controls, scope = self._state.controls, command.scope
        refusal = self._refuse_scope(scope)
        if scope.kind not in (ScopeKind.SESSION, ScopeKind.USER, ScopeKind.PARTICIPANT):
            refusal = f"{scope.text} takes no role"
        elif scope.instrument_id:
            refusal = "a role names its instruments itself"
        elif scope.kind is ScopeKind.USER and not scope.name:
            refusal = "a user must be named"
        elif command.profile and command.profile not in controls.profiles:
            refusal = f"role {command.profile!r} is not defined"
        elif len(controls.assigned) >= SCOPES_MAX:
            refusal = f"{SCOPES_MAX} roles are given, no more can be"
        if refusal:
            self._tape.refuse(command.origin, refusal)
            return
        before = controls.assigned.get(scope, "")
        if command.profile:
            controls.assigned[scope] = command.profile
        else:
            controls.assigned.pop(scope, None)
        if before != command.profile:
            self._tape.events.append(
                ProfileAssigned(command.origin, scope, before, command.profile)
            )
            self._risk.refresh()
        role = f"role {command.profile}" if command.profile else "no role"
        self._tape.done(command.origin, f"{scope.text} has {role}")

    # The lists and the policy.

    def set_policy(self, command: SetRiskPolicy) -> None:
        """Set what holds for the whole venue; four eyes are loosened by two people only."""
        controls, policy = self._state.controls, command.policy
        if policy.market_price_max_age <= 0 or policy.abuse_after < 0:
            self._tape.refuse(command.origin, "ages are above 0 and counts not below")
            return
        if policy.four_eyes_bp is not None and policy.four_eyes_bp < 0:
            self._tape.refuse(command.origin, "four_eyes_bp is not below 0")
            return
        bound = controls.policy.four_eyes_bp
        looser = bound is not None and (policy.four_eyes_bp is None or policy.four_eyes_bp > bound)
        if looser and not _is_venue(command.origin):
            self._propose(command, "the bound above which raises need two people rises")
            return
        self._apply_policy(command)

    def _apply_policy(self, command: SetRiskPolicy) -> None:
        controls, policy = self._state.controls, command.policy
        before, controls.policy = controls.policy, policy
        if before != policy:
            self._tape.events.append(RiskPolicyChanged(command.origin, before, policy))
            self._risk.refresh()
        self._tape.done(command.origin, "the risk policy is set")

    def set_restricted(self, command: SetRestricted) -> None:
        """Put an instrument on a restricted list or take it off."""
        controls, scope = self._state.controls, command.scope
        refusal = self._refuse_scope(scope) or self._refuse_instrument(command.instrument_id)
        if scope.kind not in (ScopeKind.ALL, *HOLDERS) or scope.instrument_id:
            refusal = f"{scope.text} has no restricted list"
        elif len(controls.restricted) >= SCOPES_MAX:
            refusal = f"the restricted lists hold {SCOPES_MAX} entries, no more fit"
        if refusal:
            self._tape.refuse(command.origin, refusal)
            return
        key = (scope, command.instrument_id)
        before = key in controls.restricted
        if command.restricted:
            controls.restricted[key] = command.reason
        else:
            controls.restricted.pop(key, None)
        self._tape.events.append(
            RestrictedChanged(
                command.origin,
                command.instrument_id,
                scope,
                before,
                command.restricted,
                command.reason,
            )
        )
        self._risk.refresh()
        what = "is" if command.restricted else "is not"
        text = f"{command.instrument_id} {what} on the restricted list of {scope.text}"
        self._tape.done(command.origin, text)

    def set_short_rule(self, command: SetShortRule) -> None:
        """Say whether an instrument may be sold short."""
        shorts = self._state.controls.shorts
        refusal = self._refuse_instrument(command.instrument_id)
        if refusal:
            self._tape.refuse(command.origin, refusal)
            return
        before = shorts.get(command.instrument_id, ShortRule.ALLOWED)
        if command.rule is ShortRule.ALLOWED:
            shorts.pop(command.instrument_id, None)
        else:
            shorts[command.instrument_id] = command.rule
        if before is not command.rule:
            self._tape.events.append(
                ShortRuleChanged(command.origin, command.instrument_id, before, command.rule)
            )
            self._risk.refresh()
        text = f"short sales of {command.instrument_id}: {command.rule.value}"
        self._tape.done(command.origin, text)

    def set_locate(self, command: SetLocate) -> None:
        """Say how much an account may sell short today."""
        locates = self._state.controls.locates
        refusal = self._refuse_instrument(command.instrument_id)
        if command.participant not in self._state.participants:
            refusal = f"participant {command.participant!r} is not known"
        elif not 0 <= command.qty <= QTY_MAX:
            refusal = f"quantity {command.qty} is not 0 to {QTY_MAX}"
        elif len(locates) >= SCOPES_MAX:
            refusal = f"{SCOPES_MAX} locates are given, no more can be"
        if refusal:
            self._tape.refuse(command.origin, refusal)
            return
        key = (command.participant, command.account, command.instrument_id)
        before = locates.get(key, Qty(0))
        locates[key] = command.qty
        self._tape.events.append(
            LocateChanged(command.origin, *key, before, command.qty, command.reason)
        )
        instrument = self._state.listings[command.instrument_id].instrument
        text = f"{instrument.render_qty(command.qty)} of {command.instrument_id} located"
        self._tape.done(command.origin, f"{text} for account {command.account!r}")

    def set_market_price(self, command: SetMarketPrice) -> None:
        """Take a price of an external market."""
        listing = self._state.listings.get(command.instrument_id)
        if listing is None or not 0 < command.price <= PRICE_MAX:
            text = f"market price {command.price} of {command.instrument_id!r} cannot be used"
            self._tape.refuse(command.origin, text)
            return
        controls, time = self._state.controls, self._tape.time
        controls.market_prices[command.instrument_id] = MarketPrice(
            command.price, command.as_of, time, command.source
        )
        self._state.ledger.set_mark(listing, command.price)
        self._tape.events.append(
            MarketPriceChanged(
                command.instrument_id,
                listing.instrument.symbol,
                command.price,
                command.as_of,
                command.source,
            )
        )

    def _refuse_instrument(self, instrument_id: InstrumentId) -> str:
        return "" if instrument_id in self._state.listings else f"{instrument_id!r} is not listed"


def _is_venue(origin: Origin) -> bool:
    return origin == VENUE


def _covers(scope: Scope, order: Order) -> bool:
    owner, terms = order.owner, order.terms
    match scope.kind:
        case ScopeKind.ALL | ScopeKind.PARTICIPANT:
            return True
        case ScopeKind.SESSION:
            return owner.session == scope.name
        case ScopeKind.USER:
            return owner.user == scope.name
        case ScopeKind.ACCOUNT:
            return terms.account == scope.name
        case ScopeKind.CLIENT:
            return terms.client == scope.name
        case ScopeKind.INSTRUMENT:
            return order.listing.instrument_id == scope.instrument_id


def _taken(scope: Scope) -> tuple[str, ...]:
    """The figures limits of the scope may hold."""
    if scope.kind is ScopeKind.SESSION:
        return ("message_rate",)
    if scope.kind is ScopeKind.INSTRUMENT:
        return _OF_ORDERS
    if scope.instrument_id:
        return (*_OF_ORDERS, *_OF_USE)
    if scope.kind is ScopeKind.PARTICIPANT:
        return _FIGURES
    return (*_OF_ORDERS, *_OF_USE, "duplicate_window")


def _refuse_money(scope: Scope, each: ValueLimits) -> str:
    for name in _MONEY:
        figure = getattr(each, name)
        if figure is None:
            continue
        if not 0 <= figure <= LIMIT_MAX:
            return f"{name} {figure} is not 0 to {LIMIT_MAX}"
        if scope.kind is ScopeKind.SESSION or (
            scope.kind is ScopeKind.INSTRUMENT and name != "order_value"
        ):
            return f"{scope.text} takes no {name}"
        if scope.instrument_id and name not in _PER_INSTRUMENT_MONEY:
            return f"{scope.text} takes no {name}: it is kept over all instruments"
    return ""


def _raise_above(before: Limits, after: Limits, bound_bp: int | None) -> str:
    """The first figure that rises by more than the bound, in words; empty when none does."""
    if bound_bp is None:
        return ""
    pairs = [(name, getattr(before, name), getattr(after, name)) for name in _FIGURES]
    currencies = {each.currency: each for each in (*before.values, *after.values)}
    for currency in sorted(currencies):
        old, new = before.in_currency(currency), after.in_currency(currency)
        pairs += [
            (
                f"{name} {currency}".strip(),
                None if old is None else getattr(old, name),
                None if new is None else getattr(new, name),
            )
            for name in _MONEY
        ]
    for name, old_figure, new_figure in pairs:
        if old_figure is None:
            continue
        if new_figure is None:
            return f"{name} {old_figure} is removed"
        # A shorter duplicate window is the laxer one.
        low, high = old_figure, new_figure
        if name == "duplicate_window":
            low, high = new_figure, old_figure
        if (high - low) * _BP > low * bound_bp:
            return f"{name} goes from {old_figure} to {new_figure}"
    return ""
