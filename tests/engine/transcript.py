"""Conversations with the engine as text a trader reads.

A script has a request at the margin of each line and, indented below it, everything the engine
answers. `play` reads the requests only and writes the whole transcript anew, so a test compares two
texts. Sessions A to D are brokers of their own; A2 is a second session of A's broker.

    A: buy X 100 @10 peak=30          A: sell X 100 market tif=IOC     B: buy X 9 type=stop stop=11
    A: replace Y of X 120 @10.01      A: cancel Y of X                  A: status X
    A: list L oco: buy X 10 @9 | sell Y 10 @11                          A: masscancel M all
    venue: phase continuous           venue: reference 10               venue: wait 120
    venue: day end | venue: day start 20260106 | venue: bust 1 | venue: correct 1 50 @9.99
"""

from decimal import Decimal

from fixoms.domain.commands import (
    VENUE,
    AdvanceTime,
    BustTrade,
    CancelByOperator,
    CancelList,
    CancelOnDisconnect,
    CancelOrder,
    Command,
    CorrectTrade,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    EndDay,
    EnterList,
    EnterOrder,
    ListedOrder,
    MassCancel,
    OrderTerms,
    Origin,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
    SessionClosed,
    SetInstrumentStatus,
    SetPhase,
    SetReferencePrice,
    StartDay,
)
from fixoms.domain.enums import (
    ContingencyType,
    ExecType,
    InstrumentStatus,
    MassCancelRequestType,
    MassStatusReqType,
    OrdType,
    Phase,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.events import (
    BookChanged,
    BusinessRejected,
    CancelRejected,
    CommandRefused,
    DayEnded,
    Event,
    Execution,
    IndicativeChanged,
    ListStatusReported,
    MassCancelReported,
    PhaseChanged,
    ReferencePriceChanged,
    TradeBusted,
    TradeCorrected,
)
from fixoms.domain.ids import OrderId, TradeId
from fixoms.domain.instrument import Instrument, TickBand
from fixoms.domain.units import SECOND, Nanos, Price, Qty
from fixoms.engine.engine import Engine, EngineSettings

SYMBOL = "ACME"
MARKET = "XFOM"
BROKERS = {"A": "ALFA", "A2": "ALFA", "B": "BETA", "C": "GAMA", "D": "DELTA"}
START = Nanos(1_767_619_800 * SECOND)

SIDES = {"buy": Side.BUY, "sell": Side.SELL, "short": Side.SELL_SHORT}
TIFS = {
    "DAY": TimeInForce.DAY,
    "GTC": TimeInForce.GOOD_TILL_CANCEL,
    "OPG": TimeInForce.AT_THE_OPENING,
    "IOC": TimeInForce.IMMEDIATE_OR_CANCEL,
    "FOK": TimeInForce.FILL_OR_KILL,
    "GTX": TimeInForce.GOOD_TILL_CROSSING,
    "GTD": TimeInForce.GOOD_TILL_DATE,
    "CLO": TimeInForce.AT_THE_CLOSE,
}
TYPES = {
    "stop": OrdType.STOP,
    "stoplimit": OrdType.STOP_LIMIT,
    "touch": OrdType.MARKET_IF_TOUCHED,
    "mtl": OrdType.MARKET_TO_LIMIT,
    "peg": OrdType.PEGGED,
}
STPS = {
    "none": SelfTradePrevention.NONE,
    "newest": SelfTradePrevention.CANCEL_NEWEST,
    "oldest": SelfTradePrevention.CANCEL_OLDEST,
    "both": SelfTradePrevention.CANCEL_BOTH,
    "decrement": SelfTradePrevention.DECREMENT,
}
LISTS = {
    "free": ContingencyType.INDEPENDENT,
    "oco": ContingencyType.ONE_CANCELS_OTHER,
    "oto": ContingencyType.ONE_TRIGGERS_OTHER,
    "ouo": ContingencyType.ONE_UPDATES_OTHER,
    "bracket": ContingencyType.ONE_TRIGGERS_OCO,
}


def units(text: str) -> Price:
    return Price(int(Decimal(text).scaleb(2)))


def money(price: int | None) -> str:
    """Two decimals, as short as can be: 10, 9.5, 10.25."""
    if price is None:
        return "-"
    text = f"{Decimal(price).scaleb(-2):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def spoken(name: str) -> str:
    """PARTIALLY_FILLED is PartiallyFilled."""
    return "".join(part.title() for part in name.split("_"))


def read_terms(words: list[str], side: Side) -> OrderTerms:
    """`100 @10 peak=30 tif=IOC` or `100 market`."""
    qty, *rest = words
    options = dict(word.split("=") for word in rest if "=" in word)
    prices = [word[1:] for word in rest if word.startswith("@")]
    ord_type = OrdType.MARKET if "market" in rest else OrdType.LIMIT
    if "type" in options:
        ord_type = TYPES[options["type"]]
    return OrderTerms(
        side=side,
        ord_type=ord_type,
        tif=TIFS[options.get("tif", "DAY")],
        qty=Qty(int(qty)),
        price=units(prices[0]) if prices else None,
        stop_px=units(options["stop"]) if "stop" in options else None,
        max_floor=Qty(int(options["peak"])) if "peak" in options else None,
        min_qty=Qty(int(options["min"])) if "min" in options else None,
        exec_inst=options.get("inst", "").replace("+", " "),
        peg_offset=units(options["offset"]) if "offset" in options else None,
        expire_time=Nanos(START + int(options["until"]) * SECOND) if "until" in options else None,
        expire_date=options.get("date", ""),
        stp=STPS[options["stp"]] if "stp" in options else SelfTradePrevention.PARTICIPANT_DEFAULT,
        account=options.get("account", ""),
    )


class Desk:
    """An engine, and what one needs to speak to it."""

    def __init__(self, setup: dict[str, str]) -> None:
        self.engine = Engine(
            EngineSettings(
                default_market=MARKET,
                elections_max=int(setup.get("elections", "1000")),
                watched_max=int(setup.get("watched", "1000")),
                list_orders_max=int(setup.get("list", "10")),
                orders_max=int(setup.get("orders", "1000")),
                status_reports_max=int(setup.get("statuses", "1000")),
            )
        )
        self.seq = 0
        self.time = START
        self.sides: dict[str, Side] = {}
        for broker in dict.fromkeys(BROKERS.values()):
            self.handle(DefineParticipant(VENUE, broker))
        policy = CancelOnDisconnect(on_loss=True)
        for session, broker in BROKERS.items():
            loses = policy if session == setup.get("cod", "") else CancelOnDisconnect()
            self.handle(DefineSession(VENUE, session, broker, loses))
        tick = Price(int(setup.get("tick", "1")))
        bands: tuple[TickBand, ...] = (TickBand(Price(0), tick),)
        if "tick_from" in setup:
            start, _, above = setup["tick_from"].partition(":")
            bands += (TickBand(units(start), Price(int(above))),)
        self.instrument = Instrument(
            symbol=SYMBOL,
            market=MARKET,
            tick_bands=bands,
            lot_size=Qty(int(setup.get("lot", "1"))),
            reference_price=units(setup["reference"]) if "reference" in setup else None,
            static_band_bp=int(setup.get("static", "0")),
            dynamic_band_bp=int(setup.get("dynamic", "0")),
        )
        self.handle(DefineInstrument(VENUE, self.instrument))
        self.handle(StartDay(VENUE, "20260105"))

    def handle(self, command: Command) -> list[Event]:
        self.seq += 1
        return self.engine.handle(command, self.seq, Nanos(self.time))

    def say(self, line: str) -> list[str]:
        """Carry out one request and write down the answers."""
        who, _, words = line.partition(":")
        command = self._venue(words.split()) if who == "venue" else self._client(who, words.strip())
        told = (self.tell(event) for event in self.handle(command))
        return [text for text in told if text]

    def _venue(self, words: list[str]) -> Command:
        match words:
            case ["phase", phase, *scope]:
                return SetPhase(VENUE, scope[0] if scope else SYMBOL, Phase(phase))
            case ["reference", price]:
                return SetReferencePrice(VENUE, self.instrument.instrument_id, units(price))
            case ["wait", seconds]:
                self.time = Nanos(self.time + int(seconds) * SECOND)
                return AdvanceTime(VENUE)
            case ["day", "end"]:
                return EndDay(VENUE)
            case ["day", "start", day]:
                return StartDay(VENUE, day)
            case ["bust", trade]:
                return BustTrade(VENUE, TradeId(int(trade)), "erroneous")
            case ["correct", trade, qty, price]:
                return CorrectTrade(
                    VENUE, TradeId(int(trade)), units(price[1:]), Qty(int(qty)), "erroneous"
                )
            case ["cancel", "order", number]:
                return CancelByOperator(VENUE, "desk", order_id=OrderId(int(number)))
            case ["cancel", "all", broker]:
                return CancelByOperator(VENUE, "desk", participant=broker)
            case ["status", status]:
                return SetInstrumentStatus(
                    VENUE, self.instrument.instrument_id, InstrumentStatus(status)
                )
            case _:
                raise AssertionError(words)

    def _client(self, who: str, text: str) -> Command:
        origin = Origin(session=who, participant=BROKERS.get(who, "NOBODY"), user="trader")
        words = text.split()
        symbol = SYMBOL
        for word in list(words):
            if word.startswith("symbol="):
                symbol = word[7:]
                words.remove(word)
        match words:
            case [("buy" | "sell" | "short") as side, name, *rest]:
                self.sides[name] = SIDES[side]
                resend = "resend" in rest
                rest = [word for word in rest if word != "resend"]
                terms = read_terms(rest, SIDES[side])
                return EnterOrder(origin, name, symbol, "", terms, resend)
            case ["replace", name, "of", orig, *rest]:
                side_now = self.sides.setdefault(name, self.sides.get(orig, Side.BUY))
                terms = read_terms(rest, side_now)
                return ReplaceOrder(origin, name, orig, OrderId(0), symbol, "", terms)
            case ["cancel", name, "of", orig]:
                side_now = self.sides.setdefault(name, self.sides.get(orig, Side.BUY))
                if orig.startswith("#"):
                    number = OrderId(int(orig[1:]))
                    return CancelOrder(origin, name, "", number, symbol, "", side_now)
                return CancelOrder(origin, name, orig, OrderId(0), symbol, "", side_now)
            case ["status", name]:
                return RequestStatus(origin, name, OrderId(0), symbol, "", Side.BUY)
            case ["list", name, kind, *_]:
                return self._list(origin, name, kind, text.partition(": ")[2])
            case ["cancellist", name]:
                return CancelList(origin, name)
            case ["liststatus", name]:
                return RequestListStatus(origin, name)
            case ["masscancel", name, scope, *more]:
                kind = MassCancelRequestType.ALL_ORDERS
                segment = named = ""
                if scope.isupper() and scope != "MAIN":
                    kind, named = MassCancelRequestType.SECURITY, scope
                elif scope == "MAIN" or scope.istitle():
                    kind, segment = MassCancelRequestType.TRADING_SESSION, scope
                narrowed = SIDES[more[0]] if more else None
                return MassCancel(origin, name, kind, symbol=named, segment=segment, side=narrowed)
            case ["massstatus", name]:
                return RequestMassStatus(origin, name, MassStatusReqType.ALL_ORDERS)
            case ["lost"]:
                return SessionClosed(origin, logged_out=False)
            case ["logout"]:
                return SessionClosed(origin, logged_out=True)
            case _:
                raise AssertionError(text)

    def _list(self, origin: Origin, name: str, kind: str, text: str) -> EnterList:
        legs = []
        for number, leg in enumerate(text.split("|") if text.strip() else [], start=1):
            side, cl_ord_id, *rest = leg.split()
            self.sides[cl_ord_id] = SIDES[side]
            terms = read_terms(rest, SIDES[side])
            legs.append(ListedOrder(cl_ord_id, number, SYMBOL, "", terms))
        return EnterList(origin, name, LISTS[kind.rstrip(":")], tuple(legs))

    def tell(self, event: Event) -> str:
        """One event as a line, empty for what repeats another."""
        match event:
            case Execution():
                return tell_execution(event)
            case CancelRejected():
                orig = f" of {event.orig_cl_ord_id}" if event.orig_cl_ord_id else ""
                return (
                    f"{event.origin.session} {event.cl_ord_id} CancelRejected{orig}"
                    f" {spoken(event.reason.name)} {spoken(event.ord_status.name)}: {event.text}"
                )
            case BusinessRejected():
                reason = spoken(event.reason.name)
                return (
                    f"{event.origin.session} {event.ref_id} BusinessRejected {reason}: {event.text}"
                )
            case BookChanged():
                bid = "-" if event.bid_px is None else f"{event.bid_qty}@{money(event.bid_px)}"
                ask = "-" if event.ask_px is None else f"{event.ask_qty}@{money(event.ask_px)}"
                return f"book {bid} / {ask}"
            case PhaseChanged():
                reason = f": {event.reason}" if event.reason else ""
                return f"phase {event.old} to {event.new}{reason}"
            case IndicativeChanged():
                if event.price is None:
                    return "indicative -"
                side = "buy" if event.surplus_is_bid else "sell"
                surplus = f" surplus {event.surplus_qty} {side}" if event.surplus_qty else ""
                return f"indicative {event.qty}@{money(event.price)}{surplus}"
            case ReferencePriceChanged():
                return f"reference {money(event.price)}"
            case TradeBusted():
                return f"trade {event.trade_id} busted {event.qty}@{money(event.price)}"
            case TradeCorrected():
                old, new = (
                    f"{event.old_qty}@{money(event.old_price)}",
                    f"{event.qty}@{money(event.price)}",
                )
                return f"trade {event.trade_id} corrected {old} to {new}"
            case DayEnded():
                return f"day {event.trading_day} ended, {event.expired} expired"
            case CommandRefused():
                return f"refused: {event.reason}"
            case MassCancelReported():
                names = " ".join(name for _, name in event.affected) or "nothing"
                why = f" rejected {event.reject_reason}: {event.text}" if event.text else ""
                return f"{event.origin.session} {event.cl_ord_id} mass canceled {names}{why}"
            case ListStatusReported():
                states = ", ".join(
                    f"{one.cl_ord_id} {spoken(one.ord_status.name)}" for one in event.orders
                )
                why = f": {event.text}" if event.text else ""
                return (
                    f"{event.origin.session} list {event.list_id} status"
                    f" {event.list_order_status} ({states}){why}"
                )
            case _:
                return ""


def tell_execution(event: Execution) -> str:
    """`A X Trade 40@10 PartiallyFilled 100@10 cum 40 leaves 60`."""
    kind, status = spoken(event.exec_type.name), spoken(event.ord_status.name)
    head = f"{event.owner.session} {event.cl_ord_id} {kind}"
    if event.orig_cl_ord_id:
        head += f" of {event.orig_cl_ord_id}"
    if event.requester not in ("", event.owner.session):
        head += f" for {event.requester}"
    if event.ord_rej_reason is not None:
        return f"{head} {spoken(event.ord_rej_reason.name)}: {event.text}"
    if event.last_qty:
        head += f" {event.last_qty}@{money(event.last_px)}"
    if kind != status:
        head += f" {status}"
    price = "" if event.price is None else f"@{money(event.price)}"
    body = f" {event.terms.qty}{price}"
    if event.stop_px is not None and not event.triggered:
        body += f" stop {money(event.stop_px)}"
    body += f" cum {event.cum_qty} leaves {event.leaves_qty}"
    if event.exec_type is ExecType.ORDER_STATUS and event.report_count:
        body += f" ({event.report_number} of {event.report_count})"
    return f"{head}{body}" + (f": {event.text}" if event.text else "")


def play(script: str) -> str:
    """The transcript of the script's requests; `setup key=value ...` in the first line."""
    lines = [line for line in script.strip("\n").splitlines() if line and line[0] != " "]
    setup: dict[str, str] = {}
    if lines and lines[0].startswith("setup "):
        setup = dict(word.split("=") for word in lines[0].split()[1:])
    desk = Desk(setup)
    out = []
    for line in lines:
        out.append(line)
        if not line.startswith(("setup ", "#")):
            out += [f"    {answer}" for answer in desk.say(line)]
    return "\n".join(out)
