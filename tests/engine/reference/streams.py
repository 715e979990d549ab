"""Random command streams over all features together.

Owns: one random step, and the streams made of them: drawn by hypothesis or from a seed.
Must not know: how a venue decides.

A step is drawn without knowledge of the others, so that any step can be taken out of a stream and
the rest still makes one; it names orders as "the k-th ClOrdID back" (`@k`), which naming.py
resolves.
"""

from collections.abc import Sequence
from dataclasses import fields
from random import Random
from typing import Protocol, TypeVar

import msgspec
from hypothesis import strategies as st

from fixoms.domain.commands import (
    BustTrade,
    CancelByOperator,
    CancelList,
    CancelOrder,
    Command,
    CorrectTrade,
    EndDay,
    EnterList,
    EnterOrder,
    ListedOrder,
    MassCancel,
    OrderTerms,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
    SessionClosed,
    SessionOpened,
    SetInstrumentStatus,
    SetPhase,
    SetReferencePrice,
    StartDay,
)
from fixoms.domain.enums import (
    ContingencyType,
    ExecInst,
    InstrumentStatus,
    MassCancelRequestType,
    MassStatusReqType,
    OrdType,
    Phase,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.ids import OrderId, TradeId
from fixoms.domain.units import SECOND, Nanos, Price, Qty

from .naming import named
from .world import (
    ACME,
    ALL,
    BETA,
    DAYS,
    OPERATOR,
    SESSIONS,
    START,
    Features,
    origin,
)

T = TypeVar("T")


class Chooser(Protocol):
    """A source of choices: hypothesis, which shrinks them, or a seeded Random in the soak."""

    def pick(self, values: Sequence[T]) -> T:
        """One of the values."""
        ...

    def number(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        ...


class SeededChooser:
    """Choices from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def pick(self, values: Sequence[T]) -> T:
        return self._random.choice(values)

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)


class DrawnChooser:
    """Choices hypothesis draws and shrinks."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def pick(self, values: Sequence[T]) -> T:
        return self._draw(st.sampled_from(values))

    def number(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))


def _price(choose: Chooser) -> Price:
    return Price(choose.number(97, 103))


def _terms(choose: Chooser, features: Features) -> OrderTerms:
    side = choose.pick((Side.BUY, Side.SELL, Side.BUY, Side.SELL, Side.SELL_SHORT))
    ord_types = [OrdType.LIMIT] * 8
    ord_types += [OrdType.MARKET] * 2 * features.market
    ord_types += [OrdType.STOP, OrdType.STOP_LIMIT] * features.stops
    ord_types += [OrdType.MARKET_IF_TOUCHED] * features.touched
    ord_types += [OrdType.MARKET_TO_LIMIT] * features.market_to_limit
    ord_types += [OrdType.PEGGED] * 2 * (features.trailing or features.pegs)
    ord_type = choose.pick(ord_types)
    tifs = [TimeInForce.DAY] * 6
    tifs += [TimeInForce.GOOD_TILL_CANCEL, TimeInForce.GOOD_TILL_DATE] * features.good_till
    tifs += [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL] * features.immediate
    if features.auctions:
        tifs += [TimeInForce.AT_THE_OPENING, TimeInForce.AT_THE_CLOSE]
        tifs += [TimeInForce.GOOD_TILL_CROSSING]
    tif = choose.pick(tifs)
    qty = Qty(choose.number(1, 8))
    price = _price(choose) if ord_type in (OrdType.LIMIT, OrdType.STOP_LIMIT) else None
    stop_px = peg_offset = expire_time = max_floor = min_qty = None
    expire_date, insts = "", []
    match ord_type:
        case OrdType.STOP | OrdType.STOP_LIMIT:
            stop_px = _price(choose)
            if features.trailing and choose.number(0, 3) == 0:
                insts.append(ExecInst.TRAILING_STOP_PEG)
                peg_offset = choose.number(1, 3) * (1 if side.is_buy else -1)
        case OrdType.MARKET_IF_TOUCHED:
            stop_px = _price(choose)
            price = choose.pick((None, _price(choose)))
        case OrdType.PEGGED:
            kinds = [ExecInst.TRAILING_STOP_PEG] * 2 * features.trailing
            if features.pegs:
                kinds += [ExecInst.PRIMARY_PEG, ExecInst.MARKET_PEG, ExecInst.MID_PRICE_PEG]
            insts.append(choose.pick(kinds))
            if insts == [ExecInst.TRAILING_STOP_PEG]:
                peg_offset = choose.number(1, 3) * (1 if side.is_buy else -1)
            else:
                peg_offset = choose.number(-2, 2)
                price = choose.pick((None, _price(choose)))
        case _:
            pass
    if tif is TimeInForce.GOOD_TILL_DATE:
        if choose.number(0, 1):
            expire_date = choose.pick(DAYS)
        else:
            expire_time = Nanos(START + choose.number(1, 60) * SECOND)
    if features.iceberg and ord_type is OrdType.LIMIT and choose.number(0, 4) == 0:
        max_floor = Qty(choose.number(1, 3))
    if features.all_or_none and choose.number(0, 8) == 0:
        insts.append(ExecInst.ALL_OR_NONE)
    elif features.min_qty and choose.number(0, 8) == 0:
        min_qty = Qty(choose.number(1, 5))
    elif features.post_only and choose.number(0, 8) == 0:
        insts.append(ExecInst.PARTICIPATE_DONT_INITIATE)
    stp = SelfTradePrevention.PARTICIPANT_DEFAULT
    if features.self_trade:
        stp = choose.pick((stp, *SelfTradePrevention))
    if features.hostile and choose.number(0, 30) == 0:
        qty, price, max_floor = choose.pick(
            (
                (Qty(0), price, max_floor),
                (Qty(3), Price(101), max_floor),
                (qty, None, max_floor),
                (qty, Price(120), max_floor),
                (qty, price, Qty(9)),
                (Qty(10**12), Price(10**12), None),
            )
        )
    return OrderTerms(
        side=side,
        ord_type=ord_type,
        tif=tif,
        qty=qty,
        price=price,
        stop_px=stop_px,
        max_floor=max_floor,
        min_qty=min_qty,
        exec_inst=" ".join(insts),
        peg_offset=peg_offset,
        expire_time=expire_time,
        expire_date=expire_date,
        stp=stp,
        account=choose.pick(("", "", "X", "Y")),
    )


def _symbol(choose: Chooser, features: Features) -> str:
    symbols = ("ACME", "ACME", "ACME", "BETA")
    if features.hostile and choose.number(0, 40) == 0:
        return "NONE"
    return choose.pick(symbols)


def step(choose: Chooser, features: Features) -> Command:
    """One random step; the ClOrdIDs it names are still relative (`@k`), its own is still empty."""
    session = choose.pick(tuple(SESSIONS))
    kinds = ["enter"] * 48 + ["replace"] * 14 + ["cancel"] * 6 + ["status"] * 3
    kinds += ["phase"] * 7 * features.auctions + ["day"] * 2 * features.days
    kinds += ["record"] * 2 * features.records
    kinds += ["mass"] * 2 * features.mass + ["session"] * 2 * features.disconnect
    kinds += ["desk"] * 2 * features.operator
    kinds += ["correction"] * 2 * features.corrections
    kinds += (["list"] * 8 + ["ask list"] * 2) * features.lists
    match choose.pick(kinds):
        case "enter":
            return _enter(choose, features, session)
        case "replace":
            terms = _terms(choose, features)
            back = f"@{_back(choose)}"
            own = choose.number(0, 12) != 0
            return ReplaceOrder(
                origin("" if own else session), "", back, OrderId(0), "ACME", "", terms
            )
        case "cancel":
            back = f"@{_back(choose)}"
            own = choose.number(0, 8) != 0
            return CancelOrder(
                origin("" if own else session), "", back, OrderId(0), "ACME", "", Side.BUY
            )
        case "status":
            by_id = OrderId(choose.number(0, 12))
            back = "" if by_id else f"@{_back(choose)}"
            return RequestStatus(origin(session), back, by_id, "ACME", "", Side.BUY)
        case "correction":
            trade = TradeId(choose.number(1, 12))
            if choose.number(0, 1) == 0:
                return BustTrade(OPERATOR, trade, "desk")
            qty = Qty(choose.number(0, 4))
            return CorrectTrade(OPERATOR, trade, _price(choose), qty, "desk")
        case "record":
            key = choose.pick((ACME.instrument_id, BETA.instrument_id))
            if choose.number(0, 1) == 0:
                return SetReferencePrice(OPERATOR, key, _price(choose))
            statuses = (InstrumentStatus.ACTIVE, InstrumentStatus.ACTIVE)
            status = choose.pick((*statuses, *InstrumentStatus))
            return SetInstrumentStatus(OPERATOR, key, status)
        case "list":
            return _list(choose, features, session)
        case "ask list":
            name = f"@{_back(choose)}"
            if choose.number(0, 1) == 0:
                return CancelList(origin(session), name)
            return RequestListStatus(origin(session), name)
        case "phase":
            return _phase(choose, features)
        case "day":
            starts = choose.number(0, 1) == 0
            return StartDay(OPERATOR, choose.pick(DAYS)) if starts else EndDay(OPERATOR)
        case "mass":
            return _mass(choose, features, session)
        case "session":
            if choose.number(0, 1) == 0:
                return SessionOpened(origin(session))
            return SessionClosed(origin(session), logged_out=choose.pick((True, False)))
        case _:
            one = OrderId(choose.number(0, 9))
            owner = "" if one else choose.pick(("ALFA", "BETA", "GAMA", "NOBODY"))
            return CancelByOperator(OPERATOR, "desk", order_id=one, participant=owner)


def _back(choose: Chooser) -> int:
    return choose.number(0, choose.pick((2, 12)))


def _list(choose: Chooser, features: Features, session: str) -> Command:
    contingency = choose.pick(tuple(ContingencyType))
    count = 3 if contingency is ContingencyType.ONE_TRIGGERS_OCO else choose.number(2, 3)
    legs = tuple(
        ListedOrder("", choose.pick((at, 9 - at)), symbol, "", _terms_for(choose, features, symbol))
        for at, symbol in enumerate(_symbol(choose, features) for _ in range(count))
    )
    return EnterList(origin(session), "", contingency, legs)


def _enter(choose: Chooser, features: Features, session: str) -> Command:
    cl_ord_id, resend = "", False
    if choose.number(0, 20) == 0:
        cl_ord_id = f"@{_back(choose)}"
        resend = choose.number(0, 1) == 0
    if features.hostile and choose.number(0, 60) == 0:
        session = "Z9"
    symbol = _symbol(choose, features)
    terms = _terms_for(choose, features, symbol)
    return EnterOrder(origin(session), cl_ord_id, symbol, "", terms, resend)


def _terms_for(choose: Chooser, features: Features, symbol: str) -> OrderTerms:
    """Terms that mostly fit the tick and lot of the instrument."""
    terms = _terms(choose, features)
    if symbol != "BETA":
        return terms
    price = terms.price
    return msgspec.structs.replace(
        terms,
        qty=Qty(terms.qty + terms.qty % 2 * choose.pick((1, 1, 1, 0))),
        price=price if price is None or price < 100 else Price(100 + (price - 100) // 2 * 5),
    )


def _phase(choose: Chooser, features: Features) -> Command:
    phases = [Phase.CONTINUOUS] * 6
    phases += [Phase.OPENING_AUCTION] * 3 + [Phase.CLOSING_AUCTION] + [Phase.VOLATILITY_AUCTION]
    if features.halts:
        phases += [Phase.HALT, Phase.CLOSED, Phase.POST_CLOSE]
    scope = choose.pick((ACME.instrument_id, ACME.instrument_id, BETA.instrument_id, "MAIN"))
    return SetPhase(OPERATOR, scope, choose.pick(phases))


def _mass(choose: Chooser, features: Features, session: str) -> Command:
    if choose.number(0, 4) == 0:
        side = choose.pick((None, Side.BUY, Side.SELL))
        every = MassStatusReqType.ALL_ORDERS
        return RequestMassStatus(origin(session), "m", every, side=side)
    kind = choose.pick(tuple(MassCancelRequestType))
    symbol = segment = ""
    if kind is MassCancelRequestType.SECURITY:
        symbol = _symbol(choose, features)
    if kind is MassCancelRequestType.TRADING_SESSION:
        segment = choose.pick(("MAIN", "SECOND"))
    return MassCancel(
        origin(session),
        "",
        kind,
        symbol=symbol,
        segment=segment,
        side=choose.pick((None, None, Side.BUY, Side.SELL)),
        account=choose.pick(("", "", "X")),
    )


def some(choose: Chooser, features: Features) -> Features:
    """Leave out a random part of the features: what is rare among all of them is common there."""
    if choose.number(0, 3) == 0:
        return features
    kept = {field.name: choose.number(0, 1) == 1 for field in fields(Features)}
    return Features(**{name: getattr(features, name) and kept[name] for name in kept})


def seeded_stream(seed: int, length: int, features: Features = ALL) -> list[Command]:
    """Make the stream of a seed; the same in every process."""
    choose = SeededChooser(seed)
    features = some(choose, features)
    return named([step(choose, features) for _ in range(length)])


def call_stream(seed: int, length: int) -> list[Command]:
    """Make a stream that gathers plain orders in one call and uncrosses them."""
    choose = SeededChooser(seed)
    plain = Features(
        **{field.name: field.name in ("market", "iceberg") for field in fields(Features)}
    )
    gathered = [_enter(choose, plain, choose.pick(tuple(SESSIONS))) for _ in range(length)]
    key = ACME.instrument_id
    call = choose.pick((Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION, Phase.VOLATILITY_AUCTION))
    start: list[Command] = [
        SetPhase(OPERATOR, key, call),
        SetReferencePrice(OPERATOR, key, _price(choose)),
    ]
    return [*start, *named(gathered), SetPhase(OPERATOR, key, Phase.CONTINUOUS)]


def streams(features: Features = ALL, max_size: int = 30) -> st.SearchStrategy[list[Command]]:
    """Hypothesis strategy of streams, shrunk by leaving steps out and by simpler steps."""

    @st.composite
    def steps(draw: st.DrawFn, kept: Features) -> Command:
        return step(DrawnChooser(draw), kept)

    @st.composite
    def whole(draw: st.DrawFn) -> list[Command]:
        kept = some(DrawnChooser(draw), features)
        return named(draw(st.lists(steps(kept), max_size=max_size)))

    return whole()
