"""The wire log: lines, masks, rotation, and reading them back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.identity import SessionId
from fixoms.fix.wire_log import Direction, FileWireLog, line_of, masked
from fixoms.fix.wire_reader import (
    TagFilter,
    frame_of,
    order_chain,
    parse_line,
    pretty,
    read,
    show,
)
from tests.fix.counterparty import START, US
from tests.fix.wire_text import HEADER, ORDER, frame

DAY = 86_400 * SECOND
FIX44 = Dictionary.fix44()


def test_a_line() -> None:
    line = line_of(Direction.IN, frame("35=0|112=a\\b"), Nanos(START + 1_234_000))
    assert line == r"20260105-13:30:00.001234 < 8=FIX.4.4|9=13|35=0|112=a\x5cb|10=195|"


@given(st.binary(max_size=200))
def test_any_bytes_make_one_line_and_come_back(data: bytes) -> None:
    text = line_of(Direction.OUT, b"\x01" + data, START)
    assert text.isascii()
    assert text.isprintable()
    line = parse_line(text)
    assert line is not None
    assert frame_of(line) == masked(b"\x01" + data)


@pytest.mark.parametrize(
    ("body", "secret"),
    [
        (f"35=A|{HEADER}|98=0|108=30|553=alice|554=s3cret", b"s3cret"),
        (f"35=A|{HEADER}|98=0|108=30|925=s3cret|554=x", b"s3cret"),
        (f"35=A|{HEADER}|98=0|108=30|95=6|96=s3cret", b"s3cret"),
        (f"35=A|{HEADER}|98=0|108=30|95=99|96=s3cret", b"s3cret"),
        (f"35=A|{HEADER}|98=0|108=30|95=8|96=a|s3cret", b"s3cret"),
        (f"35=BE|{HEADER}|923=1|924=3|553=alice|554=old|925=s3cret", b"s3cret"),
        (f"35=ZZ|{HEADER}|554=s3cret", b"s3cret"),
    ],
)
def test_secrets_are_masked(body: str, secret: bytes) -> None:
    hidden = masked(frame(body))
    assert secret not in hidden
    assert b"***" in hidden
    # A RawDataLength(95) that is wrong hides everything behind it.
    assert hidden.endswith(frame(body)[-7:]) or "95=99" in body


def test_garbled_secrets_are_masked() -> None:
    assert b"s3cret" not in masked(b"8=FIX.4.4\x01554=s3cret\x01garbage")
    assert b"s3cret" not in masked(b"8=FIX.4.4\x01554=s3cret")


def test_raw_data_of_other_messages_stays() -> None:
    news = frame(f"35=B|{HEADER}|148=h|33=1|58=x|95=4|96=text")
    assert masked(news) == news


def test_rotation_by_day_and_size(tmp_path: Path) -> None:
    log = FileWireLog(tmp_path, bytes_max=1000)
    for day in range(2):
        for _ in range(10):
            log.write(US, Direction.IN, frame(ORDER), Nanos(START + day * DAY))
    log.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "VENUE-ALICE-20260105-2.fixlog",
        "VENUE-ALICE-20260105.fixlog",
        "VENUE-ALICE-20260106-2.fixlog",
        "VENUE-ALICE-20260106.fixlog",
    ]
    assert sum(1 for _ in read(tmp_path.iterdir())) == 20
    # A process that comes back goes on in the newest part.
    again = FileWireLog(tmp_path, bytes_max=1000)
    again.write(US, Direction.IN, frame(ORDER), Nanos(START + DAY))
    again.close()
    assert len(list(tmp_path.iterdir())) == 4
    assert sum(1 for _ in read(tmp_path.iterdir())) == 21


def test_a_peers_name_cannot_leave_the_directory(tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    log = FileWireLog(directory)
    evil = SessionId(sender_comp_id="../../etc", target_comp_id="a/b\x00c")
    log.write(evil, Direction.IN, frame(ORDER), START)
    log.close()
    (path,) = tmp_path.rglob("*.fixlog")
    assert path.parent == directory


def test_a_full_disk_is_told_and_does_not_stop_the_session(tmp_path: Path) -> None:
    log = FileWireLog(tmp_path / "logs")
    (tmp_path / "logs").rmdir()
    log.write(US, Direction.IN, frame(ORDER), START)
    assert isinstance(log.failures[US], FileNotFoundError)


def lines(tmp_path: Path, *bodies: str) -> Path:
    path = tmp_path / "log.fixlog"
    text = [line_of(Direction.IN, frame(body), START) for body in bodies]
    path.write_text("\n".join([*text, "not a line", ""]), "ascii")
    return path


def test_pretty_names_fields_and_values(tmp_path: Path) -> None:
    (line,) = read([lines(tmp_path, f"{ORDER}|18=1 6|58=two words|9999=x")])
    assert pretty(line, FIX44) == (
        "13:30:00.000000 < NewOrderSingle MsgSeqNum=2 SendingTime=20260105-13:30:00.123 "
        "ClOrdID=A1 Symbol=ACME Side=Buy TransactTime=20260105-13:30:00 OrderQty=100 "
        "OrdType=Limit Price=10.05 TimeInForce=Day "
        f"ExecInst={_exec_inst('1')},{_exec_inst('6')} Text='two words' 9999=x"
    )


def _exec_inst(value: str) -> str:
    return str(FIX44.by_name["ExecInst"].value_name(value.encode()))


def test_pretty_shows_what_is_garbled() -> None:
    line = parse_line("20260105-13:30:00.000000 < rubbish")
    assert line is not None
    assert pretty(line, FIX44) == "13:30:00.000000 < (garbled) rubbish"


def test_an_order_is_followed_over_its_chain(tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        f"35=D|{HEADER}|11=A1|55=ACME",
        f"35=D|{HEADER}|11=B1|55=ACME",
        f"35=G|{HEADER}|11=A2|41=A1|55=ACME",
        f"35=8|{HEADER}|11=A2|41=A1|37=7",
        f"35=F|{HEADER}|11=A3|41=A2|55=ACME",
        f"35=8|{HEADER}|11=B1|37=8",
    )
    assert order_chain([path], "A2") == {"A1", "A2", "A3"}
    shown = list(show([path], FIX44, cl_ord_id="A1"))
    assert [text.split(" ")[2] for text in shown] == [
        "NewOrderSingle",
        "OrderCancelReplaceRequest",
        "ExecutionReport",
        "OrderCancelRequest",
    ]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [("35=D", 1), ("MsgType=NewOrderSingle", 1), ("Side=Buy", 1), ("54", 2), ("Symbol=X", 0)],
)
def test_filters(tmp_path: Path, wanted: str, count: int) -> None:
    path = lines(tmp_path, ORDER, f"35=F|{HEADER}|11=A2|41=A1|54=2")
    assert len(list(show([path], FIX44, [TagFilter.parse(wanted, FIX44)]))) == count


def test_a_filter_that_names_nothing() -> None:
    with pytest.raises(ValueError, match="'Colour' is neither a tag nor a field name"):
        TagFilter.parse("Colour=red", FIX44)
