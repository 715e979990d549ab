"""The judge of a story: recomputes each client's truth from the wire and holds all else to it.

Owns: what must be so at the end, whatever happened on the way.
Must not know: how the story went, how the venue decides. Clients' messages come first; the journal,
the engine, SQL and MQTT must tell the same.

Each check is a function of the evidence that yields objections; `audit` runs them all.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from fixoms.domain.commands import (
    CancelList,
    CancelOrder,
    EnterList,
    EnterOrder,
    MassCancel,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
)
from fixoms.domain.rendering import render_avg_px
from fixoms.domain.units import Qty
from fixoms.simulation.client import Heard, Said, Truth, parse
from fixoms.simulation.evidence import Evidence, Told, Value
from fixoms.simulation.ledger import (
    LIVE,
    NEW,
    REJECTED,
    STATUS,
    TRADE,
    Ledger,
)
from fixoms.simulation.workload import CLIENTS

OBJECTIONS_MAX: Final = 20
"""So many are enough to see what is wrong."""

_HEADER: Final = frozenset({8, 9, 35, 49, 56, 34, 52, 43, 122, 10})
_REQUESTS: Final = frozenset(("D", "F", "G", "H", "E", "K", "M", "q", "AF"))
_COMMANDS: Final = (
    EnterOrder,
    ReplaceOrder,
    CancelOrder,
    RequestStatus,
    EnterList,
    CancelList,
    RequestListStatus,
    MassCancel,
    RequestMassStatus,
)


def audit(evidence: Evidence) -> list[str]:
    """Everything that is wrong, empty when nothing is."""
    objections = list(evidence.faults)
    for check in CHECKS:
        objections += check(evidence)
        if len(objections) >= OBJECTIONS_MAX:
            break
    return objections[:OBJECTIONS_MAX]


# Sessions: numbers, and that every message came once and as it was kept.


def clients_saw_good_fix(evidence: Evidence) -> Iterator[str]:
    """No client found a frame, a number or a Logon wrong."""
    for truth in evidence.truths:
        for fault in truth.faults:
            yield f"{truth.name}: {fault}"


def numbers_agree(evidence: Evidence) -> Iterator[str]:
    """What each side expects next is what the other sends next."""
    for truth in evidence.truths:
        numbers = evidence.numbers.get(truth.name)
        if numbers is None:
            yield f"{truth.name}: the journal knows no numbers of it"
        elif (numbers.next_in, numbers.next_out) != (truth.next_out, truth.next_in):
            yield (
                f"{truth.name}: the journal expects {numbers.next_in} and sends"
                f" {numbers.next_out}, the client {truth.next_out} and {truth.next_in}"
            )


def every_message_arrived_once(evidence: Evidence) -> Iterator[str]:
    """Each application message of the journal was heard once, as it stands there, and no other."""
    for truth in evidence.truths:
        kept = {
            number: record
            for number, record in evidence.sent.get(truth.name, {}).items()
            if not record.admin
        }
        heard = [each for each in truth.heard if each.msg_type != "3"]
        count = Counter(each.msg_seq_num for each in heard)
        for number, times in count.items():
            if times > 1:
                yield f"{truth.name}: message {number} was heard {times} times"
            if number not in kept:
                yield f"{truth.name}: message {number} was heard, the journal has none"
        for number in kept:
            if number not in count:
                how = "filled as a gap" if number in truth.filled else "never heard"
                yield f"{truth.name}: message {number} was {how}"
        for each in heard:
            record = kept.get(each.msg_seq_num)
            if record is not None and _body(record.frame) != (each.msg_type, each.fields):
                yield f"{truth.name}: message {each.msg_seq_num} is not the one of the journal"


def _body(frame: bytes) -> tuple[str, tuple[tuple[int, str], ...]]:
    _, fields = parse(frame)
    return dict(fields)[35], tuple(each for each in fields if each[0] not in _HEADER)


# Requests: everything said was decided once and answered once.


def every_request_was_decided_once(evidence: Evidence) -> Iterator[str]:
    """Each request is one command of the journal, or was refused before it became one.

    A Reject(3) that was lost with its connection is not sent again, as administrative messages are
    not: the journal then shows that it was said.
    """
    decided = Counter(
        (entry.command.origin.session, entry.command.origin.msg_seq_num)
        for entry in evidence.entries
        if isinstance(entry.command, _COMMANDS)
    )
    for truth in evidence.truths:
        refused = _refused(truth)
        unheard = _rejects_unheard(evidence, truth)
        for said in _requests(truth):
            if said.msg_seq_num in unheard:
                continue
            times = decided.pop((truth.name, said.msg_seq_num), 0)
            refusals = len(refused.get(said.msg_seq_num, ()))
            # The engine may refuse as well, with a BusinessMessageReject(j) of its own.
            if times > 1 or refusals > 1 or times + refusals == 0:
                yield (
                    f"{truth.name}: request {said.msg_seq_num} (35={said.msg_type}) was decided"
                    f" {times} times, refused {refusals} times"
                )
    for (session, number), times in decided.items():
        yield f"{session}: request {number} was decided {times} times and never said"


def _requests(truth: Truth) -> Iterator[Said]:
    return (each for each in truth.said.values() if each.msg_type in _REQUESTS)


def _refused(truth: Truth) -> dict[int, list[Heard]]:
    """Reject(3) and BusinessMessageReject(j) by the number of what they refuse."""
    refused: dict[int, list[Heard]] = {}
    for each in truth.heard:
        if each.msg_type in ("3", "j"):
            refused.setdefault(int(each.get(45) or 0), []).append(each)
    return refused


def _rejects_unheard(evidence: Evidence, truth: Truth) -> set[int]:
    """Numbers refused by a Reject(3) for which the client heard a gap fill."""
    unheard: set[int] = set()
    for number, record in evidence.sent.get(truth.name, {}).items():
        if record.admin and number in truth.filled:
            msg_type, fields = _body(record.frame)
            if msg_type == "3":
                unheard.add(int(dict(fields)[45]))
    return unheard


def every_order_was_answered_once(evidence: Evidence) -> Iterator[str]:
    """Each order said is New or Rejected, once; each cancel and replace done or refused, once."""
    for truth in evidence.truths:
        refused = {*_refused(truth), *_rejects_unheard(evidence, truth)}
        wanted: Counter[str] = Counter()
        changes: Counter[str] = Counter()
        for said in _requests(truth):
            if said.msg_seq_num in refused:
                continue
            if said.msg_type == "D":
                wanted[said.get(11)] += 1
            elif said.msg_type == "E":
                wanted.update(value for tag, value in said.fields if tag == 11)
            elif said.msg_type in "FG":
                changes[said.get(11)] += 1
        answered: Counter[str] = Counter()
        changed: Counter[str] = Counter()
        for each in truth.heard:
            name, exec_type = each.get(11), each.get(150)
            if each.msg_type == "8" and exec_type in (NEW, REJECTED):
                answered[name] += 1
            elif each.msg_type == "9" or (each.msg_type == "8" and exec_type in "45"):
                changed[name] += bool(each.get(41))
        for name in wanted:
            if answered[name] != wanted[name]:
                yield (
                    f"{truth.name}: order {name} was said {wanted[name]} times and answered"
                    f" {answered[name]} times"
                )
        for name in changes:
            if changed[name] != changes[name]:
                yield (
                    f"{truth.name}: request {name} was said {changes[name]} times and answered"
                    f" {changed[name]} times"
                )


# Orders and trades.


def ledger_of(evidence: Evidence) -> tuple[Ledger, list[str]]:
    """Every order from the reports its owner's session heard, in the order it heard them."""
    ledger = Ledger()
    objections: list[str] = []
    for truth in evidence.truths:
        for each in truth.heard:
            if each.msg_type == "8" and each.get(150) != STATUS and _is_owner(truth, each, ledger):
                objections += ledger.add(truth.name, each)
    return ledger, objections


def _is_owner(truth: Truth, report: Heard, ledger: Ledger) -> bool:
    """Whether the report is of an order this session entered.

    Who acts on an order of another session of his participant hears of it too.
    """
    order_id = report.get(37)
    if order_id == "NONE":
        return True
    known = ledger.orders.get(order_id)
    if known is not None:
        return known.client == truth.name
    return report.get(150) == NEW or not _is_of_a_fellow(truth)


def _is_of_a_fellow(truth: Truth) -> bool:
    participants = Counter(CLIENTS.values())
    return participants[CLIENTS[truth.name]] > 1


def reports_add_up(evidence: Evidence) -> Iterator[str]:
    """CumQty, LeavesQty and AvgPx of every report are what the fills before it make."""
    yield from ledger_of(evidence)[1]


def trades_have_two_sides(evidence: Evidence) -> Iterator[str]:
    """Every fill is told once to each side: what is bought is sold, at the same price."""
    ledger, _ = ledger_of(evidence)
    bought: dict[str, Decimal] = {}
    for trade_id, sides in ledger.trades().items():
        if sorted(order.side == "1" for order, _ in sides) != [False, True]:
            names = [f"{order.order_id} of {order.client}" for order, _ in sides]
            yield f"trade {trade_id} is told to {' and '.join(names)}"
            continue
        (one, fill), (_, other) = sides
        if (fill.qty, fill.price) != (other.qty, other.price):
            yield f"trade {trade_id}: {fill.qty} at {fill.price}, and {other.qty} at {other.price}"
        for order, each in sides:
            sign = 1 if order.side == "1" else -1
            bought[one.symbol] = bought.get(one.symbol, Decimal(0)) + sign * each.qty
    for symbol, net in bought.items():
        if net:
            yield f"{symbol}: bought minus sold is {net}"


def engine_has_the_orders(evidence: Evidence) -> Iterator[str]:
    """Every live order of the wire stands in the engine with the same figures, and no other."""
    ledger, _ = ledger_of(evidence)
    for order_id, order in ledger.orders.items():
        view = evidence.orders.get(order_id)
        status = order.last.get(39)
        if view is None:
            if status in LIVE:
                yield f"{order_id} of {order.client} is live on the wire and gone in the engine"
            continue
        instrument = evidence.instruments[view.instrument_id]
        engine = (
            view.cl_ord_id,
            view.status.value,
            instrument.render_qty(view.leaves_qty),
            instrument.render_qty(view.cum_qty),
            render_avg_px(view.notional, view.cum_qty, instrument.price_decimals),
            instrument.render_qty(view.terms.qty),
        )
        wire = tuple(order.last.get(tag) for tag in (11, 39, 151, 14, 6))
        # OrderQty(38) is left out when nothing of it is left, by decrement of a self-trade.
        wire = (*wire, order.last.get(38) or instrument.render_qty(Qty(0)))
        if engine != wire:
            yield f"{order_id}: {wire} on the wire, {engine} in the engine"
    for order_id, view in evidence.orders.items():
        if order_id not in ledger.orders:
            yield f"{order_id} is in the engine, and {view.owner.session} was never told"


# Journal and engine.


def journal_decides_the_state(evidence: Evidence) -> Iterator[str]:
    """Recovered, decided again from entry 1, and live before the end: one state."""
    seqs = [entry.seq for entry in evidence.entries]
    if seqs != list(range(1, len(seqs) + 1)):
        yield "the sequences of the journal are not 1, 2, 3 ..."
    times = [entry.time for entry in evidence.entries]
    if times != sorted(times):
        yield "time falls in the journal"
    if evidence.decided_hash != evidence.state_hash:
        yield f"decided from entry 1: {evidence.decided_hash}, recovered: {evidence.state_hash}"
    if evidence.live_hash and evidence.live_hash != evidence.state_hash:
        yield f"before the end: {evidence.live_hash}, recovered: {evidence.state_hash}"


# SQL.


_ORDER_FIELDS: Final = {
    "cl_ord_id": 11, "leaves_qty": 151, "cum_qty": 14, "avg_px": 6, "order_qty": 38,
    "price": 44, "stop_px": 99, "symbol": 55, "text": 58, "account": 1, "last_exec_id": 17,
}  # fmt: skip
_EVENT_FIELDS: Final = {
    "order_id": 37, "cl_ord_id": 11, "orig_cl_ord_id": 41, "symbol": 55, "last_qty": 32,
    "last_px": 31, "leaves_qty": 151, "cum_qty": 14, "avg_px": 6, "trade_id": 527,
    "contra": 375, "ref_exec_id": 19, "text": 58, "trading_day": 75,
}  # fmt: skip


def sql_has_the_orders(evidence: Evidence) -> Iterator[str]:
    """Orders and their history in SQL are the reports, field by field."""
    cursor = evidence.tables["outlet_cursor"]
    if [row["seq"] for row in cursor] != [len(evidence.entries)]:
        yield f"sql: its cursor is at {cursor}, the journal ends at {len(evidence.entries)}"
    ledger, _ = ledger_of(evidence)
    rows = {str(row["order_id"]): row for row in evidence.tables["orders"]}
    rows.pop("NONE", None)
    for order_id, order in ledger.orders.items():
        row = rows.pop(order_id, None)
        if row is None:
            yield f"sql: {order_id} is missing"
        else:
            yield from _compare(f"sql: {order_id}", row, order.last, _ORDER_FIELDS)
    for left in rows:
        yield f"sql: {left} was never told to a client"
    yield from _cancel_rejects(evidence)
    events: dict[str, dict[str, Value]] = {}
    for row in evidence.tables["order_events"]:
        if row["kind"] == "execution" and row["exec_type"] != "order-status":
            exec_id = str(row["exec_id"])
            if exec_id in events:
                yield f"sql: {exec_id} is there twice"
            events[exec_id] = row
    for truth in evidence.truths:
        for each in truth.heard:
            if each.msg_type == "8" and each.get(150) != STATUS:
                found = events.get(each.get(17))
                if found is None:
                    yield f"sql: {each.get(17)} is missing"
                else:
                    yield from _compare(f"sql: {each.get(17)}", found, each, _EVENT_FIELDS)
    for exec_id in events:
        if exec_id not in ledger.exec_ids:
            yield f"sql: {exec_id} was never told to a client"


def _cancel_rejects(evidence: Evidence) -> Iterator[str]:
    rows = Counter(
        tuple(str(row[column]) for column in ("session", "order_id", "cl_ord_id", "reason", "text"))
        for row in evidence.tables["order_events"]
        if row["kind"] == "cancel-reject"
    )
    wire = Counter(
        (truth.name, *(each.get(tag) for tag in (37, 11, 102, 58)))
        for truth in evidence.truths
        for each in truth.heard
        if each.msg_type == "9"
    )
    for each in (rows - wire) + (wire - rows):
        yield f"sql: the refusal {each} is there {rows[each]} times, {wire[each]} on the wire"


def _compare(
    where: str, row: dict[str, Value], report: Heard, fields: dict[str, int]
) -> Iterator[str]:
    for column, tag in fields.items():
        stands, told = row[column], report.get(tag)
        if told != ("" if stands is None else str(stands)) and (told or str(stands).strip("0.")):
            yield f"{where}: {column} is {stands!r}, {told!r} on the wire"


def sql_has_the_trades(evidence: Evidence) -> Iterator[str]:
    """The trades that stand, and the books, are those of wire and engine."""
    ledger, _ = ledger_of(evidence)
    rows = {
        str(row["trade_id"]): (Decimal(str(row["qty"])), Decimal(str(row["price"])))
        for row in evidence.tables["trades"]
        if row["status"] != "busted"
    }
    wire = {
        trade_id: (sides[0][1].qty, sides[0][1].price)
        for trade_id, sides in ledger.trades().items()
    }
    if rows != wire:
        for trade_id in sorted({*rows, *wire}):
            if rows.get(trade_id) != wire.get(trade_id):
                stands, told = rows.get(trade_id), wire.get(trade_id)
                yield f"sql: trade {trade_id} is {stands}, {told} on the wire"
    books = {
        (row["instrument_id"], row["side"], row["price_units"]): (row["qty_units"], row["orders"])
        for row in evidence.tables["order_book"]
    }
    engine = {
        (instrument_id, "bid" if level.is_bid else "ask", level.price): (level.qty, level.orders)
        for instrument_id, sides in evidence.depths.items()
        for levels in sides
        for level in levels
    }
    if books != engine:
        yield f"sql: its books differ from the engine's: {set(books.items()) ^ set(engine.items())}"


# MQTT.


def mqtt_tells_once_and_in_order(evidence: Evidence) -> Iterator[str]:
    """Without repeats, each topic tells in the order of the journal, and all that happened."""
    seen: set[object] = set()
    last: dict[str, tuple[int, int]] = {}
    orders: Counter[object] = Counter()
    executions: Counter[object] = Counter()
    for each in evidence.told:
        if each.fields["id"] in seen:
            continue
        seen.add(each.fields["id"])
        place = _place(each)
        if place < last.get(each.topic, (0, 0)):
            yield f"mqtt: {each.topic} tells {place} after {last[each.topic]}"
        last[each.topic] = place
        kind = each.fields["type"]
        if kind == "order":
            orders[each.fields["exec_id"]] += 1
        elif kind == "execution":
            executions[each.fields["exec_id"]] += 1
    ledger, _ = ledger_of(evidence)
    fills = Counter(
        each.get(17)
        for truth in evidence.truths
        for each in truth.heard
        if each.msg_type == "8"
        and each.get(150) in (TRADE, "G", "H")
        and ledger.exec_ids.get(each.get(17)) == truth.name
    )
    for name, told, wire in (
        ("order states", orders, Counter(ledger.exec_ids)),
        ("executions", executions, fills),
    ):
        differing = {*told.keys(), *wire.keys()}
        wrong = [str(each) for each in differing if told[each] != (1 if each in wire else 0)]
        if wrong:
            yield f"mqtt: {name} differ from the wire: {', '.join(sorted(wrong)[:5])}"


def _place(each: Told) -> tuple[int, int]:
    seq, index = each.fields["seq"], each.fields["index"]
    assert isinstance(seq, int)
    assert isinstance(index, int)
    return seq, index


CHECKS: Final[tuple[Callable[[Evidence], Iterator[str]], ...]] = (
    clients_saw_good_fix,
    numbers_agree,
    every_message_arrived_once,
    every_request_was_decided_once,
    every_order_was_answered_once,
    reports_add_up,
    trades_have_two_sides,
    engine_has_the_orders,
    journal_decides_the_state,
    sql_has_the_orders,
    sql_has_the_trades,
    mqtt_tells_once_and_in_order,
)


def count(evidence: Evidence) -> None:
    """Fill in the figures that the wire alone knows."""
    ledger, _ = ledger_of(evidence)
    evidence.figures.orders = len(ledger.orders)
    evidence.figures.fills = sum(
        each.msg_type == "8" and each.get(150) == TRADE
        for truth in evidence.truths
        for each in truth.heard
    )
