from fixoms.domain.enums import OrdStatus, OrdType, Side
from fixoms.domain.units import Nanos
from fixoms.domain.wording import utc_text, word


def test_members_of_different_enums_keep_their_own_words() -> None:
    # Their wire values are equal, and so are they.
    assert [word(Side.SELL), word(OrdType.LIMIT), word(OrdStatus.FILLED)] == [
        "sell",
        "limit",
        "filled",
    ]
    assert word(OrdStatus.PARTIALLY_FILLED) == "partially-filled"


def test_a_time_keeps_its_microseconds_and_sorts() -> None:
    assert utc_text(Nanos(0)) == "1970-01-01T00:00:00.000000Z"
    assert utc_text(Nanos(1_767_619_800_000_001_999)) == "2026-01-05T13:30:00.000001Z"
    times = [Nanos(n) for n in (999_999, 10**9, 10**9 + 1_000, 60 * 10**9)]
    assert sorted(map(utc_text, times)) == list(map(utc_text, times))
