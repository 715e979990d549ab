"""Values of FIX 4.4 data types: is this text one, what does it mean, how is it written.

Owns: the syntax of every data type, UTC timestamps and decimals at the edge. Must not know:
fields, messages, instruments, the wall clock.

Strict as FIX 4.4 is: no plus sign, no exponent, no spaces, no thousands separator. Bounds that the
standard leaves open are stated here, so that no value of a peer is ever too long to convert.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from fixoms.domain.units import Nanos

INT_DIGITS_MAX = 18
"""Most digits of an int, leading zeros included: every accepted int fits 64 bits."""

DECIMAL_DIGITS_MAX = 32
"""Most digits on either side of a decimal point; FIX 4.4 asks for 15 significant digits."""

_NANOS_PER_SECOND = 1_000_000_000
_SECONDS_REMEMBERED = 4096
_DATES_REMEMBERED = 4096

_DATE = rb"(?!0000)[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_TIME = rb"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)"
_FRACTION = rb"(?:\.[0-9]{3}(?:[0-9]{3}){0,2})?"
_ZONE = rb"(?:Z|[+-](?:0[0-9]|1[0-4])(?::[0-5][0-9])?)"
_TZ_TIME = rb"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)" + _FRACTION + rb")?"

_int = re.compile(rb"-?[0-9]{1,%d}" % INT_DIGITS_MAX).fullmatch
_unsigned = re.compile(rb"[0-9]{1,%d}" % INT_DIGITS_MAX).fullmatch
_float = re.compile(
    rb"-?(?:[0-9]{1,%d}(?:\.[0-9]{0,%d})?|\.[0-9]{1,%d})" % ((DECIMAL_DIGITS_MAX,) * 3)
).fullmatch
_date = re.compile(_DATE).fullmatch
_time = re.compile(_TIME + _FRACTION).fullmatch
_timestamp = re.compile(rb"(" + _DATE + rb")-" + _TIME + _FRACTION).fullmatch
_month_year = re.compile(
    rb"((?!0000)[0-9]{4}(?:0[1-9]|1[0-2]))(?:w[1-5]|(0[1-9]|[12][0-9]|3[01]))?"
).fullmatch
_day_of_month = re.compile(rb"0?[1-9]|[12][0-9]|3[01]").fullmatch
_tz_time = re.compile(_TZ_TIME + _ZONE + rb"?").fullmatch
_tz_timestamp = re.compile(rb"(" + _DATE + rb")-" + _TZ_TIME + _ZONE + rb"?").fullmatch
_words = re.compile(rb"[^ \x01]+(?: [^ \x01]+)*").fullmatch
_chars = re.compile(rb"[!-~](?: [!-~])*").fullmatch
_country = re.compile(rb"[A-Z]{2}").fullmatch
_currency = re.compile(rb"[A-Z]{3}").fullmatch
_exchange = re.compile(rb"[!-~]+").fullmatch
_language = re.compile(rb"[a-z]{2}").fullmatch

_seconds: dict[bytes, int] = {}
_rendered_seconds: dict[int, bytes] = {}
_known_dates: set[bytes] = set()


class InvalidValue(ValueError):
    """A value is not of its FIX data type."""

    def __init__(self, type_name: str, value: bytes) -> None:
        shown = value[:40].decode("ascii", "backslashreplace")
        super().__init__(f"{shown!r} is not a {type_name}")
        self.type_name = type_name
        self.value = value


def is_valid_date(value: bytes) -> bool:
    """YYYYMMDD that exists in the calendar; 99991231 is a date people use."""
    if value in _known_dates:
        return True
    if _date(value) is None:
        return False
    month, day = int(value[4:6]), int(value[6:8])
    if day > 28 and day > _days_in_month(int(value[:4]), month):
        return False
    if len(_known_dates) < _DATES_REMEMBERED:
        _known_dates.add(value)
    return True


def _days_in_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in {4, 6, 9, 11} else 31


def is_valid_utc_timestamp(value: bytes) -> bool:
    """YYYYMMDD-HH:MM:SS with nothing, milli-, micro- or nanoseconds; second 60 is a leap second."""
    found = _timestamp(value)
    return found is not None and is_valid_date(found[1])


def is_valid_month_year(value: bytes) -> bool:
    """YYYYMM, YYYYMMDD, or YYYYMMwN with N the week 1 to 5."""
    found = _month_year(value)
    return found is not None and (found[2] is None or is_valid_date(value))


def _is_valid_tz_timestamp(value: bytes) -> bool:
    found = _tz_timestamp(value)
    return found is not None and is_valid_date(found[1])


def is_valid_char(value: bytes) -> bool:
    """One printable ASCII character that is not the field delimiter."""
    return len(value) == 1 and 32 <= value[0] < 127


def is_valid_boolean(value: bytes) -> bool:
    """Y or N."""
    return value in {b"Y", b"N"}


def is_valid_string(value: bytes) -> bool:
    """At least one byte, and no SOH."""
    return len(value) > 0 and b"\x01" not in value


def is_valid_data(value: bytes) -> bool:
    """At least one byte of any value."""
    return len(value) > 0


def is_valid_int(value: bytes) -> bool:
    """Digits with an optional minus; leading zeros are allowed."""
    return _int(value) is not None


def is_valid_unsigned(value: bytes) -> bool:
    """Digits only: counts, lengths and sequence numbers."""
    return _unsigned(value) is not None


def is_valid_float(value: bytes) -> bool:
    """Digits with an optional minus and decimal point, before, between or behind them."""
    return _float(value) is not None


def _matches(fullmatch: Callable[[bytes], object]) -> Callable[[bytes], bool]:
    def is_valid(value: bytes) -> bool:
        return fullmatch(value) is not None

    return is_valid


VALIDITY: Final[Mapping[str, Callable[[bytes], bool]]] = MappingProxyType(
    {
        "int": is_valid_int,
        "Length": is_valid_unsigned,
        "NumInGroup": is_valid_unsigned,
        "SeqNum": is_valid_unsigned,
        "TagNum": is_valid_unsigned,
        "DayOfMonth": _matches(_day_of_month),
        "float": is_valid_float,
        "Qty": is_valid_float,
        "Price": is_valid_float,
        "PriceOffset": is_valid_float,
        "Amt": is_valid_float,
        "Percentage": is_valid_float,
        "char": is_valid_char,
        "Boolean": is_valid_boolean,
        "String": is_valid_string,
        "MultipleValueString": _matches(_words),
        "MultipleStringValue": _matches(_words),
        "MultipleCharValue": _matches(_chars),
        "Country": _matches(_country),
        "Currency": _matches(_currency),
        "Exchange": _matches(_exchange),
        "Language": _matches(_language),
        "MonthYear": is_valid_month_year,
        "UTCTimestamp": is_valid_utc_timestamp,
        "UTCTimeOnly": _matches(_time),
        "UTCDateOnly": is_valid_date,
        "LocalMktDate": is_valid_date,
        "TZTimeOnly": _matches(_tz_time),
        "TZTimestamp": _is_valid_tz_timestamp,
        "data": is_valid_data,
        "XMLData": is_valid_data,
    }
)
"""FIX data type to the check of its syntax. Types of later versions serve loaded dictionaries."""


def parse_int(value: bytes) -> int:
    """Value of an int, Length, NumInGroup or SeqNum; raises InvalidValue."""
    if _int(value) is None:
        raise InvalidValue("int", value)
    return int(value)


def parse_price(value: bytes) -> Decimal:
    """Exact value of a Price, Qty, Amt, Percentage or PriceOffset; raises InvalidValue."""
    if _float(value) is None:
        raise InvalidValue("Price", value)
    return Decimal(value.decode("ascii"))


def parse_boolean(value: bytes) -> bool:
    """True for Y, False for N; raises InvalidValue."""
    if value == b"Y":
        return True
    if value == b"N":
        return False
    raise InvalidValue("Boolean", value)


def parse_utc_timestamp(value: bytes) -> Nanos:
    """Nanoseconds since 1970 of a UTCTimestamp; raises InvalidValue.

    A leap second (`23:59:60`) counts as the first second of the next minute, as POSIX time does.
    """
    second = _seconds.get(value[:17])
    size = len(value)
    if second is None or (size != 17 and not (size == 21 and _milliseconds(value))):
        if not is_valid_utc_timestamp(value):
            raise InvalidValue("UTCTimestamp", value)
        second = _second_of(value)
    if size == 17:
        return Nanos(second * _NANOS_PER_SECOND)
    return Nanos(second * _NANOS_PER_SECOND + int(value[18:]) * int(10 ** (27 - size)))


def _milliseconds(value: bytes) -> bool:
    return value[17] == 46 and value[18:].isdigit()


def _second_of(value: bytes) -> int:
    day = datetime(int(value[:4]), int(value[4:6]), int(value[6:8]), tzinfo=UTC)
    clock = int(value[9:11]) * 3600 + int(value[12:14]) * 60 + int(value[15:17])
    second = int(day.timestamp()) + clock
    if len(_seconds) >= _SECONDS_REMEMBERED:
        _seconds.clear()
    _seconds[value[:17]] = second
    return second


def render_utc_timestamp(nanos: Nanos, digits: int = 3) -> bytes:
    """UTCTimestamp with 0, 3, 6 or 9 digits of a second; further digits are cut, not rounded."""
    second, fraction = divmod(nanos, _NANOS_PER_SECOND)
    text = _rendered_seconds.get(second)
    if text is None:
        moment = datetime.fromtimestamp(second, tz=UTC)
        text = moment.strftime("%Y%m%d-%H:%M:%S").encode("ascii")
        if len(_rendered_seconds) >= _SECONDS_REMEMBERED:
            _rendered_seconds.clear()
        _rendered_seconds[second] = text
    if digits == 3:
        return b"%b.%03d" % (text, fraction // 1_000_000)
    if digits == 6:
        return b"%b.%06d" % (text, fraction // 1_000)
    if digits == 9:
        return b"%b.%09d" % (text, fraction)
    if digits == 0:
        return text
    raise ValueError(f"a UTCTimestamp has 0, 3, 6 or 9 digits of a second, not {digits}")


def render_utc_date(nanos: Nanos) -> bytes:
    """UTCDateOnly of a moment."""
    return render_utc_timestamp(nanos, 0)[:8]


def render_utc_time(nanos: Nanos) -> bytes:
    """UTCTimeOnly of a moment, to the millisecond."""
    return render_utc_timestamp(nanos, 3)[9:]


def render_boolean(value: bool) -> bytes:
    """Y or N."""
    return b"Y" if value else b"N"
