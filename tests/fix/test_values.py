"""FIX 4.4 data types: what is one, what it means, how it is written."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixoms.domain.units import Nanos
from fixoms.fix.values import (
    VALIDITY,
    InvalidValue,
    parse_boolean,
    parse_int,
    parse_price,
    parse_utc_timestamp,
    render_boolean,
    render_utc_date,
    render_utc_time,
    render_utc_timestamp,
)

EXAMPLES = {
    "int": (
        ["0", "-1", "00023", "23"],
        ["", "+1", "1.0", "1,000", " 1", "1 ", "--1", "-", "9" * 19],
    ),
    "Length": (["0", "0000086"], ["-1", "x", ""]),
    "NumInGroup": (["0", "2"], ["-1", "1.0", ""]),
    "SeqNum": (["1", "999999999"], ["-1", "+1"]),
    "TagNum": (["35"], ["x"]),
    "DayOfMonth": (["1", "31", "09"], ["0", "32"]),
    "float": (
        ["0", "-1", "23.23", "00023.2300", "23.", ".5", "-.5"],
        ["", ".", "-", "+1", "1e3", "1,000", "1.2.3", " 1", "1 ", "NaN", "inf", "0x10", "9" * 33],
    ),
    "Qty": (["002000.00"], ["+200.00", "1_000"]),
    "Price": (["10.05", "-0.25"], ["10.05 USD"]),
    "PriceOffset": (["-5"], ["x"]),
    "Amt": (["1.10"], ["$1"]),
    "Percentage": ([".05"], ["5%"]),
    "char": (["A", "1", " ", "~"], ["", "AB", "\x7f", "\x00"]),
    "Boolean": (["Y", "N"], ["y", "1", "", "YN"]),
    "String": (["x", "a b", "\u00e9"], ["", "a\x01b"]),
    "MultipleValueString": (["6", "6 G", "AV AN"], ["", " ", "6  G", " 6", "6 "]),
    "MultipleStringValue": (["AV AN A"], ["AV  AN"]),
    "MultipleCharValue": (["2 A F"], ["2 AF", "2  A"]),
    "Country": (["US"], ["USA", "us", ""]),
    "Currency": (["USD"], ["US", "usd", "US$"]),
    "Exchange": (["XNYS", "N"], ["", "X NYS"]),
    "Language": (["en"], ["EN", "eng"]),
    "MonthYear": (
        ["202601", "20260131", "202601w1", "202601w5"],
        ["2026", "202613", "20260132", "202601w6", "202601w0", "20260230"],
    ),
    "UTCTimestamp": (
        ["20260105-13:30:00", "20260105-13:30:00.123", "20260105-13:30:00.123456",
         "20260105-13:30:00.123456789", "20161231-23:59:60", "99991231-23:59:60",
         "20240229-00:00:00"],
        ["20260105", "20260105-13:30", "20260105-24:00:00", "20260105-13:60:00", "",
         "20260105-13:30:61", "20250229-00:00:00", "20260105 13:30:00", "2026-01-05-13:30:00",
         "20260105-13:30:00.", "20260105-13:30:00.1", "20260105-13:30:00.12",
         "20260105-13:30:00.1234", "20260105-13:30:00.12a", "20260105-13:30:00Z",
         "20260105-13:30:00,123", "20261305-13:30:00", "20260100-13:30:00"],
    ),
    "UTCTimeOnly": (["13:30:00", "23:59:60", "13:30:00.123"], ["13:30", "24:00:00", "13:30:00.1"]),
    "UTCDateOnly": (["20260105", "20240229"], ["20260230", "260105", "2026-01-05", "20230229"]),
    "LocalMktDate": (["20000229", "99991231"], ["00000101", "19000229", "20260431", ""]),
    "TZTimeOnly": (["07:39Z", "07:39-05", "15:39:01+08:30"], ["7:39Z", "07:39+15"]),
    "TZTimestamp": (["20060901-07:39Z", "20060901-13:09:00.123+05:30"], ["20060931-07:39Z"]),
    "data": (["x", "a\x01b"], [""]),
    "XMLData": (["<a/>"], [""]),
}  # fmt: skip


def test_every_type_has_examples() -> None:
    assert EXAMPLES.keys() == VALIDITY.keys()


@pytest.mark.parametrize(
    ("type_name", "value"), [(name, value) for name, pair in EXAMPLES.items() for value in pair[0]]
)
def test_values_of_a_type(type_name: str, value: str) -> None:
    assert VALIDITY[type_name](value.encode("latin-1"))


@pytest.mark.parametrize(
    ("type_name", "value"), [(name, value) for name, pair in EXAMPLES.items() for value in pair[1]]
)
def test_what_is_not_of_the_type(type_name: str, value: str) -> None:
    assert not VALIDITY[type_name](value.encode("latin-1"))


@given(st.binary(max_size=40))
def test_checks_answer_for_any_bytes(value: bytes) -> None:
    assert {bool(check(value)) for check in VALIDITY.values()} <= {True, False}


moments = st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)


def nanos_of(moment: datetime) -> Nanos:
    return Nanos((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000)


@given(moments, st.integers(0, 999))
def test_timestamps_round_trip(moment: datetime, nanos: int) -> None:
    exact = Nanos(nanos_of(moment) + nanos)
    assert parse_utc_timestamp(render_utc_timestamp(exact, 9)) == exact
    assert parse_utc_timestamp(render_utc_timestamp(exact, 6)) == exact - exact % 1000
    assert parse_utc_timestamp(render_utc_timestamp(exact)) == exact - exact % 1_000_000
    assert parse_utc_timestamp(render_utc_timestamp(exact, 0)) == exact - exact % 1_000_000_000


@given(moments)
def test_timestamps_agree_with_datetime(moment: datetime) -> None:
    text = moment.strftime("%Y%m%d-%H:%M:%S.") + f"{moment.microsecond:06d}"
    assert render_utc_timestamp(nanos_of(moment), 6) == text.encode()
    assert parse_utc_timestamp(text.encode()) == nanos_of(moment)


def test_a_leap_second_is_the_next_second() -> None:
    assert parse_utc_timestamp(b"20161231-23:59:60") == parse_utc_timestamp(b"20170101-00:00:00")


@pytest.mark.parametrize("year", [b"0001", b"1969", b"9999"])
def test_timestamps_of_any_year(year: bytes) -> None:
    moment = parse_utc_timestamp(year + b"1231-23:59:59.999999999")
    assert moment % 1_000_000_000 == 999_999_999
    assert parse_utc_timestamp(year + b"1231-23:59:59") == moment - 999_999_999


def test_dates_and_times_of_a_moment() -> None:
    moment = parse_utc_timestamp(b"20260105-13:30:00.123")
    assert render_utc_date(moment) == b"20260105"
    assert render_utc_time(moment) == b"13:30:00.123"


@pytest.mark.parametrize(
    "value", ["", "x", "20260105-13:30:00.1x3", "20260105-13:30:00.12", "20260230-00:00:00.000"]
)
def test_a_bad_timestamp_is_refused_before_and_after_its_second_is_known(value: str) -> None:
    parse_utc_timestamp(b"20260105-13:30:00")
    for _ in range(2):
        with pytest.raises(InvalidValue):
            parse_utc_timestamp(value.encode())


def test_digits_of_a_second() -> None:
    with pytest.raises(ValueError, match="0, 3, 6 or 9"):
        render_utc_timestamp(Nanos(0), 4)


def test_decimals_are_exact() -> None:
    assert parse_price(b"002000.00") == Decimal("2000.00")
    assert parse_price(b"-.5") == Decimal("-0.5")
    for value in (b"1e3", b"+1", b"", b"NaN"):
        with pytest.raises(InvalidValue):
            parse_price(value)


def test_numbers_and_flags() -> None:
    assert parse_int(b"-007") == -7
    assert (parse_boolean(b"Y"), parse_boolean(b"N")) == (True, False)
    assert (render_boolean(True), render_boolean(False)) == (b"Y", b"N")
    with pytest.raises(InvalidValue, match="'x' is not a int"):
        parse_int(b"x")
    with pytest.raises(InvalidValue):
        parse_boolean(b"y")
