"""Every oracle can fail: evidence of a good story is bent in one place, and the auditor objects."""

import copy
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from fixoms.domain.commands import EnterOrder
from fixoms.simulation import auditor
from fixoms.simulation.client import Heard, Said
from fixoms.simulation.evidence import Evidence
from fixoms.simulation.workload import story_of
from fixoms.simulation.world import play

Bend = Callable[[Evidence], None]


@pytest.fixture(scope="module")
def good() -> Evidence:
    """A story in which much trades and nothing is wrong."""
    evidence = play(story_of(14))
    assert auditor.audit(evidence) == []
    return evidence


def _report(evidence: Evidence, exec_type: str = "F") -> tuple[list[Heard], int]:
    """The first report of this kind that somebody heard."""
    for truth in evidence.truths:
        for at, each in enumerate(truth.heard):
            if each.msg_type == "8" and each.get(150) == exec_type:
                return truth.heard, at
    raise AssertionError(exec_type)


def _with(heard: Heard, tag: int, value: str) -> Heard:
    fields = tuple((each, value if each == tag else old) for each, old in heard.fields)
    return replace(heard, fields=fields)


def drop_a_report(evidence: Evidence) -> None:
    heard, at = _report(evidence)
    del heard[at]


def drop_a_part(evidence: Evidence) -> None:
    """Drop a fill after which the same order is told of again."""
    for truth in evidence.truths:
        for at, part in enumerate(truth.heard):
            later = [
                each for each in truth.heard[at + 1 :] if each.get(150) in ("F", "4", "5", "C")
            ]
            if part.get(150) == "F" and any(each.get(37) == part.get(37) for each in later):
                del truth.heard[at]
                return
    raise AssertionError("no partial fill")


def double_a_fill(evidence: Evidence) -> None:
    heard, at = _report(evidence)
    heard.append(replace(heard[at], msg_seq_num=heard[-1].msg_seq_num + 1))


def repeat_a_message(evidence: Evidence) -> None:
    heard, at = _report(evidence, "0")
    heard.append(heard[at])


def change_a_price(evidence: Evidence) -> None:
    heard, at = _report(evidence)
    heard[at] = _with(heard[at], 31, "1")


def change_a_sum(evidence: Evidence) -> None:
    heard, at = _report(evidence)
    heard[at] = _with(heard[at], 14, "123456")


def garble_a_frame(evidence: Evidence) -> None:
    evidence.truths[0].faults.append("wrong CheckSum(10)")


def lose_a_number(evidence: Evidence) -> None:
    evidence.truths[0].next_in += 1


def forget_a_session(evidence: Evidence) -> None:
    del evidence.numbers["BOB"]


def _order_entry(evidence: Evidence) -> int:
    return next(
        at for at, entry in enumerate(evidence.entries) if isinstance(entry.command, EnterOrder)
    )


def lose_an_entry(evidence: Evidence) -> None:
    del evidence.entries[_order_entry(evidence)]


def decide_twice(evidence: Evidence) -> None:
    entry = evidence.entries[_order_entry(evidence)]
    evidence.entries.append(msgspec.structs.replace(entry, seq=len(evidence.entries) + 1))


def say_what_nobody_answers(evidence: Evidence) -> None:
    truth = evidence.truths[0]
    said = Said(
        truth.next_out, "D", ((11, "never"), (55, "ACME")), next(iter(truth.said.values())).at
    )
    truth.said[truth.next_out] = said


def lose_an_order_of_the_engine(evidence: Evidence) -> None:
    live = [key for key, view in evidence.orders.items() if not view.status.is_terminal]
    del evidence.orders[live[0]]


def change_an_order_of_the_engine(evidence: Evidence) -> None:
    key, view = next(iter(evidence.orders.items()))
    evidence.orders[key] = msgspec.structs.replace(view, cl_ord_id="other")


def decide_otherwise(evidence: Evidence) -> None:
    evidence.decided_hash = "other"


def recover_otherwise(evidence: Evidence) -> None:
    evidence.live_hash = "other"


def fall_behind_in_sql(evidence: Evidence) -> None:
    evidence.tables["outlet_cursor"][0]["seq"] = 1


def lose_a_row(evidence: Evidence) -> None:
    rows = evidence.tables["orders"]
    del rows[next(at for at, row in enumerate(rows) if row["order_id"] != "NONE")]


def change_a_row(evidence: Evidence) -> None:
    rows = evidence.tables["orders"]
    next(row for row in rows if row["order_id"] != "NONE")["leaves_qty"] = "77"


def lose_an_event_row(evidence: Evidence) -> None:
    rows = evidence.tables["order_events"]
    rows.remove(next(row for row in rows if row["exec_type"] == "new"))


def lose_a_cancel_reject_row(evidence: Evidence) -> None:
    rows = evidence.tables["order_events"]
    rows.remove(next(row for row in rows if row["kind"] == "cancel-reject"))


def double_an_event_row(evidence: Evidence) -> None:
    evidence.tables["order_events"] *= 2


def lose_a_trade_row(evidence: Evidence) -> None:
    del evidence.tables["trades"][0]


def thicken_a_book(evidence: Evidence) -> None:
    evidence.tables["order_book"][0]["qty_units"] = 1_000_001


def lose_an_mqtt_event(evidence: Evidence) -> None:
    found = next(each for each in evidence.told if each.fields["type"] == "order")
    evidence.told = [each for each in evidence.told if each.fields["id"] != found.fields["id"]]


def turn_mqtt_round(evidence: Evidence) -> None:
    evidence.told.reverse()


def break_the_venue(evidence: Evidence) -> None:
    evidence.faults.append("the venue broke")


BENDS: dict[str, tuple[Bend, ...]] = {
    "clients_saw_good_fix": (garble_a_frame,),
    "numbers_agree": (lose_a_number, forget_a_session),
    "every_message_arrived_once": (drop_a_report, double_a_fill, repeat_a_message, change_a_sum),
    "every_request_was_decided_once": (lose_an_entry, decide_twice, say_what_nobody_answers),
    "every_order_was_answered_once": (say_what_nobody_answers, repeat_a_message),
    "reports_add_up": (drop_a_part, double_a_fill, change_a_price, change_a_sum),
    "trades_have_two_sides": (drop_a_report, change_a_price),
    "engine_has_the_orders": (lose_an_order_of_the_engine, change_an_order_of_the_engine),
    "journal_decides_the_state": (lose_an_entry, decide_otherwise, recover_otherwise),
    "sql_has_the_orders": (
        fall_behind_in_sql,
        lose_a_row,
        change_a_row,
        lose_an_event_row,
        lose_a_cancel_reject_row,
        double_an_event_row,
    ),
    "sql_has_the_trades": (lose_a_trade_row, thicken_a_book),
    "mqtt_tells_once_and_in_order": (lose_an_mqtt_event, turn_mqtt_round),
}


def test_every_oracle_is_tried() -> None:
    assert [check.__name__ for check in auditor.CHECKS] == list(BENDS)


@pytest.mark.parametrize(
    ("check", "bend"), [(check, bend) for check, bends in BENDS.items() for bend in bends]
)
def test_an_oracle_objects(good: Evidence, check: str, bend: Bend) -> None:
    bent = copy.deepcopy(good)
    bend(bent)
    assert list(getattr(auditor, check)(bent)), "the oracle saw nothing wrong"
    assert auditor.audit(bent)


def test_what_the_world_saw_is_told(good: Evidence) -> None:
    bent = copy.deepcopy(good)
    break_the_venue(bent)
    assert auditor.audit(bent) == ["the venue broke"]
