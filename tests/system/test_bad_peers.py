"""Bad input over a real socket: a clear answer or silence, and the venue serves on.

One venue for all of these tests: none of them may leave it worse than it found it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.terminal import Terminal, stamp
from tests.system.venue_process import PASSWORD, VenueProcess, venue, write_config


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProcess]:
    folder: Path = tmp_path_factory.mktemp("venue")
    with venue(write_config(folder)) as process:
        yield process
        assert not [line for line in process.lines if "Traceback" in line]


@pytest.fixture
def alpha(running: VenueProcess) -> Iterator[Terminal]:
    """A terminal that is logged on with fresh numbers, and is served to the end."""
    with Terminal(running.port, "ALPHA1") as terminal:
        terminal.logon("alpha", PASSWORD, f141="Y")
        yield terminal
        terminal.send("1", f112="still there")
        while True:
            message = terminal.receive()
            assert message is not None, "the venue dropped a good session"
            if message[35] == "0" and message.get(112) == "still there":
                break
        terminal.logout()


@pytest.mark.parametrize(
    "octets",
    [
        b"\x00\xff" * 500,
        b"GET / HTTP/1.1\r\nHost: venue\r\n\r\n",
        b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01",
        b"8=FIX.4.4\x019=1073741824\x0135=A\x01",
        b"8=FIX.4.4\x019=99999999999999999999\x0135=A\x01",
    ],
)
def test_garbage_from_a_stranger_is_cut_without_a_word(
    running: VenueProcess, octets: bytes
) -> None:
    with Terminal(running.port, "NOBODY") as stranger:
        stranger.raw(octets)
        stranger.expect_closed()


def test_an_unknown_comp_id_learns_nothing(running: VenueProcess) -> None:
    with Terminal(running.port, "NOBODY") as stranger:
        stranger.send("A", f98=0, f108=30, f553="alpha", f554=PASSWORD)
        stranger.expect_closed()


def test_a_first_message_that_is_no_logon_is_cut(running: VenueProcess) -> None:
    with Terminal(running.port, "ALPHA1") as stranger:
        stranger.order("S1", 1, "100", "10.00")
        stranger.expect_closed()


def test_a_wrong_password_changes_no_number(running: VenueProcess) -> None:
    with Terminal(running.port, "ALPHA2") as terminal:
        terminal.logon("alpha", PASSWORD)
        terminal.logout()
    with Terminal(running.port, "ALPHA2") as guesser:
        guesser.send("A", f98=0, f108=30, f141="Y", f553="alpha", f554="wrong-horse")
        answer = guesser.receive()
        assert answer is None or answer[35] == "5"
        if answer is not None:
            assert "password" not in answer.get(58, "").lower()
            guesser.expect_closed()
    with Terminal(running.port, "ALPHA2", next_out=3) as terminal:
        logon = terminal.logon("alpha", PASSWORD)
        assert logon[34] == "3"
        terminal.logout()


def test_a_second_logon_is_refused_and_the_first_stays(
    running: VenueProcess, alpha: Terminal
) -> None:
    with Terminal(running.port, "ALPHA1", next_out=2) as second:
        second.send("A", f98=0, f108=30, f553="alpha", f554=PASSWORD)
        second.expect_closed()
    alpha.order("SL1", 1, "100", "9.00")
    alpha.expect("8", f11="SL1", f150="0")


def test_half_a_message_does_not_disturb_others(running: VenueProcess, alpha: Terminal) -> None:
    with Terminal(running.port, "BRAVO1") as half:
        half.raw(half.frame("A", f98=0, f108=30)[:40])
        alpha.order("H1", 1, "100", "9.00")
        alpha.expect("8", f11="H1", f150="0")


def test_garbled_bytes_inside_a_session_lose_no_good_message(alpha: Terminal) -> None:
    first = alpha.frame("D", f11="G1", f21=1, f55="ACME", f54=1, f60=stamp(), f38=1, f40=2, f44=9)
    alpha.raw(b"garbage" + first + b"8=FIX.4.4\x019=1073741824\x01")
    alpha.expect("8", f11="G1", f150="0")
    alpha.order("G2", 1, "1", "9.00")
    alpha.expect("8", f11="G2", f150="0")


@pytest.mark.parametrize(
    ("changes", "reason", "named"),
    [
        ({"f55": "NOPE"}, "1", "Symbol(55)"),
        ({"f44": "10.005"}, "99", "Price(44) 10.005"),
        ({"f55": "GLOBEX", "f44": "50.01", "f38": "100"}, "99", "Price(44) 50.01"),
        ({"f55": "GLOBEX", "f44": "50.00", "f38": "150"}, "13", "OrderQty(38) 150"),
        ({"f38": "0"}, "13", "OrderQty(38) 0"),
        ({"f38": "-5"}, "13", "OrderQty(38) -5"),
        ({"f38": "99999999999999999999999"}, "13", "OrderQty(38)"),
        ({"f44": "0"}, "99", "Price(44) 0"),
    ],
)
def test_an_unacceptable_order_is_rejected_with_field_and_value(
    alpha: Terminal, changes: dict[str, str], reason: str, named: str
) -> None:
    alpha.order("U" + alpha.name + str(alpha.next_out), 1, "100", "10.00", **changes)
    report = alpha.expect("8", f150="8", f39="8", f37="NONE")
    assert report[103] == reason, report
    assert named in report[58]


def test_a_limit_order_without_price(alpha: Terminal) -> None:
    alpha.order("N1", 1, "100", "10.00", f44=None)
    reject = alpha.expect("j", f372="D", f380="5", f379="N1")
    assert "Price(44)" in reject[58]


def test_a_required_field_missing(alpha: Terminal) -> None:
    number = str(alpha.next_out)
    alpha.order("M1", 1, "100", "10.00", f60=None)
    reject = alpha.expect("3", f45=number, f371="60", f372="D", f373="1")
    assert "TransactTime(60)" in reject[58]


def test_a_duplicate_order_is_rejected_and_the_first_is_untouched(alpha: Terminal) -> None:
    alpha.order("D1", 1, "100", "9.00")
    first = alpha.expect("8", f11="D1", f150="0")
    alpha.order("D1", 1, "300", "9.50")
    alpha.expect("8", f11="D1", f150="8", f103="6", f37="NONE")
    alpha.send("H", f11="D1", f55="ACME", f54=1)
    alpha.expect("8", f37=first[37], f150="I", f39="0", f151="100")


def test_cancel_and_replace_of_an_unknown_order(alpha: Terminal) -> None:
    alpha.send("F", f41="NEVER", f11="X1", f55="ACME", f54=1, f60=stamp(), f38=100)
    alpha.expect("9", f37="NONE", f41="NEVER", f11="X1", f39="8", f434="1", f102="1")
    alpha.send(
        "G", f41="NEVER", f11="X2", f21=1, f55="ACME", f54=1, f60=stamp(), f38=1, f40=2, f44=9
    )
    alpha.expect("9", f37="NONE", f41="NEVER", f11="X2", f39="8", f434="2", f102="1")


def test_a_message_the_venue_does_not_take(alpha: Terminal) -> None:
    alpha.send("R", f131="Q1", f146=1, f55="ACME")
    alpha.expect("j", f372="R", f380="3")


def test_five_wrong_passwords_lock_the_user(running: VenueProcess, alpha: Terminal) -> None:
    for guess in range(6):
        # The sixth has the right password, too late.
        password = PASSWORD if guess == 5 else f"wrong-horse-{guess}"
        with Terminal(running.port, "BRAVO1") as guesser:
            guesser.send("A", f98=0, f108=30, f553="bravo", f554=password)
            answer = guesser.receive()
            assert answer is None or answer[35] == "5"
    log = (running.config.parent / "var" / "venue.log").read_text()
    assert "user 'bravo': user is locked" in log
    assert "wrong-horse" not in log
    alpha.order("L1", 1, "100", "9.00")
    alpha.expect("8", f11="L1", f150="0")
