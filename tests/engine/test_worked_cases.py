"""The fifteen worked cases of the venue's rules, held as conversations against the engine.

`worked_cases.txt` is what a trader reads; this file plays it. A line `A > ...` sends, the lines
`A < ...` after it are all that session A must receive, `A = ...` sums the trades of one order.
ExecType L (Triggered) is our venue's addition and is stated like any other report.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from fixoms.domain.commands import (
    VENUE,
    Command,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    EnterOrder,
    OrderTerms,
    Origin,
    ReplaceOrder,
    SetPhase,
    SetReferencePrice,
    StartDay,
)
from fixoms.domain.enums import (
    ExecInst,
    ExecType,
    OrdRejReason,
    OrdType,
    Phase,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.events import Execution
from fixoms.domain.ids import OrderId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import SECOND, Nanos, Price, Qty
from fixoms.engine.engine import Engine, EngineSettings

MARKET = "XFOM"
SESSIONS = ("A", "B", "C", "D")
DECIMALS = 2

CASES = {
    block.partition(":")[0]: block
    for block in Path(__file__)
    .with_name("worked_cases.txt")
    .read_text(encoding="ascii")
    .split("\ncase ")[1:]
}

SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
ORD_TYPES = {
    "Limit": OrdType.LIMIT,
    "Market": OrdType.MARKET,
    "Stop": OrdType.STOP,
    "Trailing": OrdType.PEGGED,
}
TIFS = {"IOC": TimeInForce.IMMEDIATE_OR_CANCEL}
STPS = {"none": SelfTradePrevention.NONE, "cancel-oldest": SelfTradePrevention.CANCEL_OLDEST}


def units(text: str) -> int:
    """`9.5` is 950 units of a price with two decimals."""
    scaled = Decimal(text).scaleb(DECIMALS)
    assert scaled == int(scaled)
    return int(scaled)


class Conversation:
    """One case: an engine of its own, and what each session has received and not yet checked."""

    def __init__(self, symbol: str) -> None:
        self.engine = Engine(EngineSettings(default_market=MARKET))
        self.instrument = Instrument(symbol=symbol, market=MARKET, price_decimals=DECIMALS)
        self.seq = 0
        self.inbox: dict[str, list[Execution]] = {name: [] for name in SESSIONS}
        for name in SESSIONS:
            self.handle(DefineParticipant(VENUE, f"FIRM{name}"))
            self.handle(DefineSession(VENUE, name, f"FIRM{name}"))
        self.handle(DefineInstrument(VENUE, self.instrument))
        self.handle(StartDay(VENUE, "20260105"))

    def handle(self, command: Command) -> None:
        self.seq += 1
        for event in self.engine.handle(command, self.seq, Nanos(self.seq * SECOND)):
            if isinstance(event, Execution):
                self.inbox[event.owner.session].append(event)

    def say(self, session: str, words: list[str]) -> None:
        """`new X Buy 100 Limit 10 tif=IOC` or `replace Y of X Buy 100 Limit 10`."""
        origin = Origin(session=session, participant=f"FIRM{session}", user="trader")
        plain = [word for word in words if "=" not in word]
        more = dict(word.split("=") for word in words if "=" in word)
        resend = plain[-1] == "resend"
        if resend:
            plain.pop()
        verb, cl_ord_id, *rest = plain
        orig = rest[1] if verb == "replace" else ""
        side, qty, ord_type, *price = rest[2:] if orig else rest
        terms = OrderTerms(
            side=SIDES[side],
            ord_type=ORD_TYPES[ord_type],
            tif=TIFS[more["tif"]] if "tif" in more else TimeInForce.DAY,
            qty=Qty(int(qty)),
            price=Price(units(price[0])) if price else None,
            stop_px=Price(units(more["stop"])) if "stop" in more else None,
            max_floor=Qty(int(more["peak"])) if "peak" in more else None,
            exec_inst=ExecInst.TRAILING_STOP_PEG.value if ord_type == "Trailing" else "",
            peg_offset=units(more["offset"]) if "offset" in more else None,
            stp=STPS[more.get("stp", "none")],
        )
        symbol = self.instrument.symbol
        if verb == "new":
            self.handle(EnterOrder(origin, cl_ord_id, symbol, "", terms, resend))
        else:
            self.handle(ReplaceOrder(origin, cl_ord_id, orig, OrderId(0), symbol, "", terms))

    def hear(self, session: str, words: list[str]) -> None:
        """The next report of the session is exactly this one."""
        assert self.inbox[session], f"{session} received nothing, expected {' '.join(words)}"
        check(self.inbox[session].pop(0), words)

    def hear_total(self, session: str, words: list[str]) -> None:
        """The trades of one order since the last request add up to this, all at one price."""
        mine = [one for one in self.inbox[session] if one.cl_ord_id == words[0]]
        self.inbox[session] = [one for one in self.inbox[session] if one not in mine]
        assert mine, f"{session} received no trade of {words[0]}"
        wanted = words[words.index("last") + 1]
        assert {one.last_px for one in mine} == {units(wanted.partition("@")[2])}
        assert sum(one.last_qty for one in mine) == int(wanted.partition("@")[0])
        at = words.index("last")
        check(mine[-1], words[:at] + words[at + 2 :])

    def expect_silence(self) -> None:
        """Nobody received anything that no line has asked for."""
        left = {name: box for name, box in self.inbox.items() if box}
        assert not left


def check(report: Execution, words: list[str]) -> None:
    """`X Trade Filled of W last 10@9.5 qty 100 cum 100 leaves 0 avg 9.5 reason NAME`."""
    cl_ord_id, exec_type, status, *rest = words
    named = dict(zip(rest[::2], rest[1::2], strict=True))
    heard = (report.cl_ord_id, report.exec_type.name, report.ord_status.name)
    spelled = {"PartiallyFilled": "PARTIALLY_FILLED", "OrderStatus": "ORDER_STATUS"}
    exec_name = spelled.get(exec_type, exec_type.upper())
    assert heard == (cl_ord_id, exec_name, spelled.get(status, status.upper()))
    for name, text in named.items():
        match name:
            case "of":
                assert report.orig_cl_ord_id == text
            case "last":
                qty, _, price = text.partition("@")
                assert (report.last_qty, report.last_px) == (int(qty), units(price))
            case "qty":
                assert report.terms.qty == int(text)
            case "cum":
                assert report.cum_qty == int(text)
            case "leaves":
                assert report.leaves_qty == int(text)
            case "avg":
                assert report.notional == units(text) * report.cum_qty
            case "reason":
                assert report.ord_rej_reason is OrdRejReason[text]
            case _:
                pytest.fail(f"unknown word {name}")
    if exec_type == ExecType.TRADE.name.title():
        assert report.trade_id > 0


@pytest.mark.parametrize("case", CASES)
def test_worked_case(case: str) -> None:
    talk = Conversation(case.replace("-", ""))
    for line in CASES[case].splitlines()[2:]:
        words = line.split()
        match words[:2]:
            case []:
                continue
            case [session, ">"]:
                talk.say(session, words[2:])
            case [session, "<"]:
                talk.hear(session, words[2:])
            case [session, "="]:
                talk.hear_total(session, words[2:])
            case ["phase", phase]:
                talk.expect_silence()
                talk.handle(SetPhase(VENUE, talk.instrument.instrument_id, Phase(phase)))
            case ["reference", price]:
                reference = Price(units(price))
                talk.handle(SetReferencePrice(VENUE, talk.instrument.instrument_id, reference))
            case _:
                pytest.fail(f"cannot read {line!r}")
    talk.expect_silence()


def test_all_fifteen_cases_are_here() -> None:
    assert len(CASES) == 15
