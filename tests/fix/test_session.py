"""The session protocol, by the tests of FIX 4.4 Vol. 2. Whole conversations are in sessions/."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.application import (
    BusinessReject,
    IncorrectTagValue,
    RejectLogon,
    UnsupportedMessageType,
)
from fixoms.fix.codec import UnsendableField, encode, parse
from fixoms.fix.config import Role, SessionConfig
from fixoms.fix.effects import DisconnectReason, Fact, Refused
from fixoms.fix.identity import SessionId, body_fields
from fixoms.fix.message import FieldMissing, Message
from fixoms.fix.states import Phase
from tests.fix.counterparty import ORDER, START, US, Counterparty, EchoApplication

LOGON = ["35=A|34=1|98=0|108=30"]


def logged_on(application: EchoApplication | None = None, **policies: object) -> Counterparty:
    peer = Counterparty(application, **policies)
    assert peer.log_on() == LOGON
    return peer


class TestLogon:
    """Vol. 2 tests 1B and 1S."""

    def test_answered(self) -> None:
        peer = logged_on()
        assert peer.session.is_logged_on
        assert peer.application.heard == ["created", "admin A", "logon"]

    def test_with_gap_is_answered_then_messages_are_requested(self) -> None:
        peer = Counterparty()
        assert peer.log_on(msg_seq_num=5) == ["35=A|34=1|98=0|108=30", "35=2|34=2|7=1|16=0"]
        assert peer.session.is_recovering
        # The Logon(A) itself needs no resending.
        assert peer.say("35=4|34=1|43=Y|36=5|123=Y") == []
        assert peer.state.next_in == 6

    def test_too_low_is_refused_with_the_expected_number(self) -> None:
        peer = Counterparty()
        peer.state.next_in = 7
        assert peer.log_on() == ["35=5|34=1|58=MsgSeqNum too low, expecting 7 but received 1"]
        assert peer.reason() is DisconnectReason.SEQ_NUM_TOO_LOW
        assert peer.application.heard == ["created", "admin A"]

    @pytest.mark.parametrize(
        ("first", "reason"),
        [
            ("35=0|34=1", DisconnectReason.FIRST_MESSAGE_NOT_LOGON),
            ("35=5|34=1", DisconnectReason.FIRST_MESSAGE_NOT_LOGON),
            ("35=A|98=0|108=30", DisconnectReason.SEQ_NUM_MISSING),
            ("35=A|34=x|98=0|108=30", DisconnectReason.SEQ_NUM_MISSING),
            ("35=A|34=1|49=MALLORY|98=0|108=30", DisconnectReason.LOGON_REFUSED),
            ("35=A|34=1|56=OTHER|98=0|108=30", DisconnectReason.LOGON_REFUSED),
            ("35=A|34=1|52=20010101-00:00:00|98=0|108=30", DisconnectReason.LOGON_REFUSED),
            ("35=A|34=1|52=(absent)|98=0|108=30", DisconnectReason.LOGON_REFUSED),
        ],
    )
    def test_strangers_are_cut_without_a_word(self, first: str, reason: DisconnectReason) -> None:
        peer = Counterparty()
        peer.connect()
        assert peer.say(first + "|141=Y" * first.startswith("35=A")) == []
        assert peer.reason() is reason
        assert (peer.state.next_in, peer.state.next_out) == (1, 1)

    def test_garbled_bytes_first(self) -> None:
        peer = Counterparty()
        peer.connect()
        assert peer.say_raw(b"GET / HTTP/1.1\r\n\r\n") == []
        assert peer.reason() is DisconnectReason.GARBLED_LOGON

    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ("98=0|108=-1", "HeartBtInt(108) must not be negative, is -1"),
            ("98=0|108=3601", "HeartBtInt(108) must be at most 3600, is 3601"),
            ("98=1|108=30", "EncryptMethod(98) must be 0 (none), is 1"),
            ("98=0", "Required tag missing: HeartBtInt(108) is missing from Logon(A)"),
        ],
    )
    def test_unacceptable_content_is_named(self, fields: str, text: str) -> None:
        peer = Counterparty()
        peer.state.next_out = 4
        peer.connect()
        assert peer.say(f"35=A|34=1|{fields}|141=Y") == [f"35=5|34=4|58={text}"]
        assert peer.reason() is DisconnectReason.LOGON_REFUSED
        assert (peer.state.next_in, peer.state.next_out) == (1, 4)
        assert "logon" not in peer.application.heard

    @pytest.mark.parametrize("text", ["", "Logon refused"])
    def test_refused_by_the_application_changes_nothing(self, text: str) -> None:
        class Guard(EchoApplication):
            def from_admin(self, session: SessionId, message: Message) -> None:
                raise RejectLogon(text, audit="wrong password")

        peer = Counterparty(Guard())
        peer.state.next_in, peer.state.next_out = 5, 9
        heard = peer.log_on("141=Y|553=ALICE|554=guess")
        assert heard == ([f"35=5|34=9|58={text}"] if text else [])
        assert (peer.state.next_in, peer.state.next_out) == (5, 9)
        assert Refused(DisconnectReason.LOGON_REFUSED, "wrong password") in peer.facts

    def test_reset_by_the_peer(self) -> None:
        peer = Counterparty()
        peer.state.next_in, peer.state.next_out = 50, 60
        assert peer.log_on("141=Y") == ["35=A|34=1|98=0|108=30|141=Y"]
        assert (peer.state.next_in, peer.state.next_out) == (2, 2)

    def test_reset_by_the_peer_not_allowed(self) -> None:
        peer = Counterparty(allow_reset_by_peer=False)
        peer.state.next_out = 60
        assert peer.log_on("141=Y") == [
            "35=5|34=60|58=ResetSeqNumFlag(141)=Y is not allowed in this session"
        ]

    def test_reset_on_logon(self) -> None:
        peer = Counterparty(reset_on_logon=True)
        peer.state.next_in, peer.state.next_out = 50, 60
        assert peer.log_on() == LOGON

    def test_live_reset(self) -> None:
        peer = logged_on()
        peer.say("35=1|34=2|112=A", "35=1|34=3|112=B")
        assert peer.say("35=A|34=1|98=0|108=30|141=Y") == ["35=A|34=1|98=0|108=30|141=Y"]
        assert peer.say("35=1|34=2|112=C") == ["35=0|34=2|112=C"]

    def test_live_reset_by_us_keeps_messages_on_the_way(self) -> None:
        peer = logged_on()
        peer.say("35=0|34=2")
        peer.session.reset(peer.now)
        peer.carry_out()
        assert peer.hear() == ["35=A|34=1|98=0|108=30|141=Y"]
        # Sent before the peer saw our Logon(A): still the old numbering, and not lost.
        assert peer.say(f"35=D|34=3|{ORDER}") == [
            f"35=D|34=2|{ORDER}".replace("|60=20260105-13:30:00", "")
        ]
        assert peer.say("35=A|34=1|98=0|108=30|141=Y") == []
        assert peer.say("35=1|34=2|112=X") == ["35=0|34=3|112=X"]

    def test_live_logon_without_reset_is_rejected(self) -> None:
        peer = logged_on()
        assert peer.say("35=A|34=2|98=0|108=30") == [
            (
                "35=3|34=2|45=2|58=Logon(A) without ResetSeqNumFlag(141)=Y in a live session"
                "|372=A|373=99"
            )
        ]

    def test_messages_in_the_same_segment(self) -> None:
        peer = Counterparty()
        peer.connect()
        data = peer.frame("35=A|34=1|98=0|108=30") + peer.frame(f"35=D|34=2|{ORDER}")
        heard = peer.say_raw(data + peer.frame("35=1|34=3|112=T"))
        assert [text[:9] for text in heard] == ["35=A|34=1", "35=D|34=2", "35=0|34=3"]

    def test_timeout(self) -> None:
        peer = Counterparty(logon_timeout_s=5)
        peer.connect()
        peer.wait(4.9)
        assert peer.reason() is None
        peer.wait(0.2)
        assert peer.reason() is DisconnectReason.LOGON_TIMEOUT

    @pytest.mark.parametrize(
        ("ours", "theirs", "accepted"),
        [(True, "Y", True), (True, "N", False), (False, "Y", False), (False, "", True)],
    )
    def test_test_message_indicator(self, ours: bool, theirs: str, accepted: bool) -> None:
        peer = Counterparty(test_message_indicator=ours)
        heard = peer.log_on(f"464={theirs}" if theirs else "")
        assert heard[0].startswith("35=A" if accepted else "35=5")
        if accepted:
            assert heard[0].endswith(f"464={'Y' if ours else 'N'}")


class TestNextExpected:
    """NextExpectedMsgSeqNum(789)."""

    def test_both_sides_recover_without_asking(self) -> None:
        peer = Counterparty(next_expected_msg_seq_num=True)
        for number in (1, 2, 3):
            assert peer.send(f"35=8|37={number}") == number
        heard = peer.log_on("789=2", msg_seq_num=3)
        assert heard == [
            "35=A|34=4|98=0|108=30|789=1",
            "35=8|34=2|43=Y|37=2",
            "35=8|34=3|43=Y|37=3",
        ]
        # We wait for 1 and 2, and ask after all when they do not come.
        assert peer.say("35=0|34=4") == []
        assert "35=2|34=6|7=1|16=0" in peer.wait(31)

    def test_too_high(self) -> None:
        peer = Counterparty(next_expected_msg_seq_num=True)
        text = "NextExpectedMsgSeqNum(789) too high, expecting 1 but received 9"
        assert peer.log_on("789=9") == [f"35=5|34=1|58={text}"]

    def test_in_kind_only(self) -> None:
        assert Counterparty(next_expected_msg_seq_num=True).log_on() == LOGON
        assert Counterparty().log_on("789=1") == LOGON
        wanted = ["35=A|34=1|98=0|108=30|789=2"]
        assert Counterparty(next_expected_msg_seq_num=True).log_on("789=1") == wanted


class TestSequence:
    """Vol. 2 tests 2a to 2t."""

    def test_2b_requested_once_held_and_worked_in_order(self) -> None:
        peer = logged_on()
        assert peer.say("35=1|34=4|112=D", "35=1|34=5|112=E") == ["35=2|34=2|7=2|16=0"]
        assert peer.say("35=1|34=2|112=B") == ["35=0|34=3|112=B"]
        assert peer.say("35=1|34=3|112=C") == [
            "35=0|34=4|112=C",
            "35=0|34=5|112=D",
            "35=0|34=6|112=E",
        ]
        assert not peer.session.is_recovering
        # The peer's answer to EndSeqNo(16)=0 repeats what was held.
        repeated = "35=1|34=4|43=Y|122=20260105-13:29:59|112=D"
        assert peer.say(repeated) == []

    def test_2b_bounded(self) -> None:
        peer = logged_on(held_messages_max=2)
        heard = peer.say(*(f"35=1|34={n}|112=T{n}" for n in range(3, 8)))
        assert heard == ["35=2|34=2|7=2|16=0"]
        assert any(getattr(fact, "fact", None) is Fact.OVERFLOW for fact in peer.facts)
        heard = peer.say("35=1|34=2|112=T2")
        # 5 to 7 did not fit and are asked for when their turn comes.
        answers = [f"35=0|34={n + 1}|112=T{n}" for n in (2, 3, 4)]
        assert heard == [*answers, "35=2|34=6|7=5|16=0"]
        again = "43=Y|122=20260105-13:30:00"
        heard = peer.say(*(f"35=1|34={n}|{again}|112=T{n}" for n in (5, 6, 7)))
        assert heard == [f"35=0|34={n + 2}|112=T{n}" for n in (5, 6, 7)]
        assert not peer.session.is_recovering

    def test_2b_in_chunks(self) -> None:
        peer = logged_on(resend_request_chunk=2)
        assert peer.say("35=0|34=7") == ["35=2|34=2|7=2|16=3"]
        again = "43=Y|122=20260105-13:30:00"
        assert peer.say(f"35=0|34=2|{again}") == []
        assert peer.say(f"35=0|34=3|{again}") == ["35=2|34=3|7=4|16=5"]
        assert peer.say(f"35=4|34=4|{again}|36=6|123=Y") == ["35=2|34=4|7=6|16=6"]
        assert peer.say(f"35=0|34=6|{again}") == []
        assert peer.state.next_in == 8

    def test_a_gap_that_is_not_filled_ends_the_session(self) -> None:
        peer = logged_on(heartbeat_interval_s=0, resend_timeout_s=10, resend_attempts_max=3)
        peer.say("35=A|34=1|98=0|108=0|141=Y")
        assert peer.say("35=0|34=5") == ["35=2|34=2|7=2|16=0"]
        assert peer.wait(29.5) == ["35=2|34=3|7=2|16=0", "35=2|34=4|7=2|16=0"]
        text = "MsgSeqNum(34) 2 was not sent again when asked for"
        assert peer.wait(1) == [f"35=5|34=5|58={text}"]
        assert peer.reason() is DisconnectReason.GAP_NOT_FILLED

    def test_2c(self) -> None:
        peer = logged_on()
        peer.say("35=0|34=2")
        text = "MsgSeqNum too low, expecting 3 but received 2"
        assert peer.say("35=0|34=2") == [f"35=5|34=2|58={text}"]
        assert peer.ended is not None
        assert peer.application.reasons == [DisconnectReason.SEQ_NUM_TOO_LOW]
        assert peer.state.next_in == 3

    def test_2e_duplicate_is_ignored(self) -> None:
        peer = logged_on()
        order = f"35=D|34=2|{ORDER}"
        assert len(peer.say(order)) == 1
        assert peer.say(f"35=D|34=2|43=Y|122=20260105-13:29:00|{ORDER}") == []
        assert len(peer.application.got) == 1

    @pytest.mark.parametrize("msg_seq_num", [2, 1])
    def test_2f_orig_sending_time_after_sending_time(self, msg_seq_num: int) -> None:
        peer = logged_on()
        text = (
            "SendingTime accuracy problem: OrigSendingTime(122) 20260105-13:30:10 "
            "is later than SendingTime(52) 20260105-13:30:00.000"
        )
        late = f"35=D|34={msg_seq_num}|43=Y|122=20260105-13:30:10|{ORDER}"
        assert peer.say(late) == [
            f"35=3|34=2|45={msg_seq_num}|58={text}|372=D|373=10",
            f"35=5|34=3|58={text}",
        ]
        # Only the Logout(5) still counts.
        assert peer.say(f"35=D|34=3|{ORDER}") == []
        peer.say("35=5|34=4")
        assert peer.reason() is DisconnectReason.LOGOUT_ANSWERED

    def test_2g_no_orig_sending_time(self) -> None:
        peer = logged_on()
        peer.say("35=0|34=2")
        text = "Required tag missing: OrigSendingTime(122)"
        assert peer.say(f"35=D|34=2|43=Y|{ORDER}") == [
            f"35=3|34=2|45=2|58={text}|371=122|372=D|373=1"
        ]
        assert peer.say("35=1|34=3|112=X") == ["35=0|34=3|112=X"]

    def test_2i_begin_string(self) -> None:
        peer = logged_on()
        wrong = peer.frame("35=1|34=2|112=X", begin=b"FIX.4.2")
        assert peer.say_raw(wrong) == ["35=5|34=2|58=Incorrect BeginString"]
        assert peer.reason() is None
        peer.wait(2.1)
        assert peer.reason() is DisconnectReason.LOGOUT_UNANSWERED

    @pytest.mark.parametrize("wrong", ["49=MALLORY", "56=OTHER"])
    def test_2k_comp_ids(self, wrong: str) -> None:
        peer = logged_on()
        heard = peer.say(f"35=0|34=2|{wrong}")
        assert heard[0].startswith("35=3|34=2|45=2|58=CompID problem: ")
        assert heard[0].endswith("372=0|373=9")
        assert heard[1].startswith("35=5|34=3|58=")
        assert peer.state.next_in == 3

    @pytest.mark.parametrize("offset", [-121, 121])
    def test_2o_sending_time(self, offset: int) -> None:
        peer = logged_on()
        peer.now = Nanos(START + offset * SECOND)
        frame = peer.frame("35=0|34=2")
        peer.now = START
        heard = peer.say_raw(frame)
        assert heard[0].endswith("372=0|373=10")
        assert heard[1].startswith("35=5|34=3|58=")

    @pytest.mark.parametrize("offset", [-120, 120])
    def test_2n_sending_time_just_in_time(self, offset: int) -> None:
        peer = logged_on()
        peer.now = Nanos(START + offset * SECOND)
        frame = peer.frame("35=1|34=2|112=X")
        peer.now = START
        assert peer.say_raw(frame) == ["35=0|34=2|112=X"]

    def test_2q_and_2r(self) -> None:
        peer = logged_on()
        assert peer.say("35=*|34=2") == ["35=3|34=2|45=2|58=Invalid MsgType(35): *|372=*|373=11"]
        assert peer.say("35=ZZ|34=3|58=x") == [
            "35=j|34=3|45=3|58=Unsupported message type: MsgType(35)=ZZ|372=ZZ|380=3"
        ]
        assert peer.say("35=1|34=4|112=X") == ["35=0|34=4|112=X"]

    @pytest.mark.parametrize("number", ["", "34=|", "34=two|", "34=-2|"])
    def test_2s_msg_seq_num_missing(self, number: str) -> None:
        peer = logged_on()
        heard = peer.say(f"35=0|{number}112=X")
        assert len(heard) == 1
        assert heard[0].startswith("35=5|34=2|58=")
        assert "MsgSeqNum(34)" in heard[0]
        assert peer.reason() is DisconnectReason.SEQ_NUM_MISSING
        assert peer.state.next_in == 2

    def test_garbled_is_ignored_and_found_missing(self) -> None:
        peer = logged_on()
        bad = peer.frame("35=1|34=2|112=X").replace(b"112=X", b"112=Y")
        good = peer.frame("35=1|34=3|112=Z")
        assert peer.say_raw(bad + good) == ["35=2|34=2|7=2|16=0"]
        assert peer.say("35=1|34=2|112=X") == ["35=0|34=3|112=X", "35=0|34=4|112=Z"]


class TestHeartbeats:
    """Vol. 2 tests 4, 5, 6."""

    def test_4a_heartbeat_when_silent(self) -> None:
        peer = logged_on()
        assert peer.wait(29.8) == []
        assert peer.wait(0.3) == ["35=0|34=2"]

    def test_4b_test_request(self) -> None:
        assert logged_on().say("35=1|34=2|112=A=B") == ["35=0|34=2|112=A=B"]

    def test_6_silence_is_tested_then_ended(self) -> None:
        peer = logged_on()
        assert peer.wait(36.1) == ["35=0|34=2", "35=1|34=3|112=TEST1"]
        assert peer.wait(35.8) == []
        assert peer.reason() is None
        peer.wait(0.2)
        assert peer.reason() is DisconnectReason.HEARTBEAT_TIMEOUT
        assert peer.application.reasons == [DisconnectReason.HEARTBEAT_TIMEOUT]

    def test_6_any_message_shows_life(self) -> None:
        peer = logged_on()
        peer.wait(37)
        assert peer.say("35=0|34=2|112=TEST1") == []
        assert "35=0|34=4" in peer.wait(35)
        assert peer.reason() is None

    def test_delay_multiplier(self) -> None:
        peer = logged_on(test_request_delay_multiplier=2.0, heartbeat_timeout_multiplier=3.0)
        assert all(text.startswith("35=0") for text in peer.wait(59.8))
        assert peer.wait(0.3) == ["35=1|34=3|112=TEST1"]

    def test_zero_asks_for_none(self) -> None:
        peer = Counterparty()
        peer.log_on(heartbeat=0)
        assert peer.wait(600) == []
        assert peer.reason() is None


class TestResend:
    """Vol. 2 test 8."""

    def test_originals_and_gap_fills(self) -> None:
        peer = logged_on()
        peer.say("35=1|34=2|112=A", f"35=D|34=3|{ORDER}", f"35=D|34=4|97=Y|115=BOB|{ORDER}")
        peer.say("35=1|34=5|112=B")
        plain = ORDER.replace("|60=20260105-13:30:00", "")
        whole = [
            "35=4|34=1|43=Y|36=3|123=Y",
            f"35=D|34=3|43=Y|{plain}",
            f"35=D|34=4|43=Y|128=BOB|{plain}",
            "35=4|34=5|43=Y|36=6|123=Y",
        ]
        assert peer.say("35=2|34=6|7=1|16=0") == whole
        assert peer.say("35=2|34=7|7=1|16=999999") == whole
        assert peer.say("35=2|34=8|7=3|16=3") == [whole[1]]
        assert peer.say("35=2|34=9|7=2|16=2") == ["35=4|34=2|43=Y|36=3|123=Y"]
        assert peer.say("35=1|34=10|112=C") == ["35=0|34=6|112=C"]

    def test_times(self) -> None:
        peer = logged_on()
        peer.say(f"35=D|34=2|{ORDER}")
        peer.wait(5)
        peer.say_raw(b"")
        peer.session.receive(peer.frame("35=2|34=3|7=2|16=0"), peer.now)
        peer.carry_out()
        (again,) = peer.raw()
        assert again.get(122) == b"20260105-13:30:00.000"
        assert again.get(52) == b"20260105-13:30:05.000"
        assert again.get(60) == b"20260105-13:30:00"

    def test_in_pieces_with_one_gap_fill_across_them(self) -> None:
        peer = logged_on(resend_chunk=2)
        for n in range(2, 7):
            peer.say(f"35=D|34={n}|{ORDER}")
        for n in range(7, 10):
            peer.say(f"35=1|34={n}|112=X")
        heard = peer.say("35=2|34=10|7=1|16=0")
        assert [text.split("|36=")[0].split("|11=")[0] for text in heard] == [
            "35=4|34=1|43=Y",
            *(f"35=D|34={n}|43=Y" for n in range(2, 7)),
            "35=4|34=7|43=Y",
        ]
        assert [fetch.begin for fetch in peer.fetches] == [1, 4, 6]
        assert all(fetch.limit == 2 for fetch in peer.fetches)

    def test_a_second_request_waits_for_the_first(self) -> None:
        peer = logged_on(resend_chunk=1)
        peer.say(*(f"35=D|34={n}|{ORDER}" for n in (2, 3, 4)))
        peer.answers_fetches = False
        peer.say("35=2|34=5|7=2|16=3")
        peer.answer(peer.fetches.pop())
        peer.carry_out()
        assert [text[:14] for text in peer.hear()] == ["35=D|34=2|43=Y"]
        # The second piece is being read when the peer asks for more, and then for yet more.
        peer.say("35=2|34=6|7=4|16=4")
        assert peer.session.is_waiting
        heard = []
        while peer.fetches:
            peer.answer(peer.fetches.pop())
            peer.carry_out()
            heard += [text[:14] for text in peer.hear()]
        assert heard == ["35=D|34=3|43=Y", "35=D|34=4|43=Y"]
        assert not peer.session.is_waiting

    def test_what_follows_a_request_is_answered_after_it(self) -> None:
        peer = logged_on()
        peer.answers_fetches = False
        assert peer.say("35=2|34=2|7=1|16=0", "35=1|34=3|112=X") == []
        assert peer.session.is_waiting
        peer.answer(peer.fetches[0])
        peer.carry_out()
        assert peer.hear() == ["35=4|34=1|43=Y|36=2|123=Y", "35=0|34=2|112=X"]
        assert not peer.session.is_waiting

    @pytest.mark.parametrize(
        ("request_", "tag", "reason"),
        [
            ("7=9|16=0", 7, 5),
            ("7=2|16=1", 16, 5),
            ("16=0", 7, 1),
            ("7=1", 16, 1),
            ("7=x|16=0", 7, 6),
        ],
    )
    def test_nonsense_is_rejected(self, request_: str, tag: int, reason: int) -> None:
        peer = logged_on()
        peer.say("35=1|34=2|112=X")
        heard = peer.say(f"35=2|34=3|{request_}")
        assert len(heard) == 1
        assert heard[0].startswith("35=3|34=3|45=3|")
        assert heard[0].endswith(f"371={tag}|372=2|373={reason}")
        assert peer.say("35=1|34=4|112=Y") == ["35=0|34=4|112=Y"]

    def test_20_both_sides_ask(self) -> None:
        peer = logged_on()
        peer.say(f"35=D|34=2|{ORDER}")
        assert peer.say("35=0|34=6") == ["35=2|34=3|7=3|16=0"]
        heard = peer.say("35=2|34=7|7=2|16=2")
        assert [text[:14] for text in heard] == ["35=D|34=2|43=Y"]
        assert peer.say("35=4|34=3|43=Y|36=6|123=Y") == []
        assert peer.state.next_in == 8

    def test_a_loop_is_ended(self) -> None:
        peer = logged_on(repeated_resend_requests_max=4)
        for n in range(2, 6):
            assert peer.say(f"35=2|34={n}|7=1|16=0")
        text = "ResendRequest(2) for MsgSeqNum(34) 1 again and again: resend loop"
        assert peer.say("35=2|34=6|7=1|16=0") == [f"35=5|34=2|58={text}"]
        assert peer.reason() is DisconnectReason.RESEND_LOOP

    def test_slow_repetition_is_no_loop(self) -> None:
        peer = Counterparty(repeated_resend_requests_max=2)
        peer.log_on(heartbeat=0)
        for n in range(2, 10):
            assert peer.say(f"35=2|34={n}|7=1|16=0")
            peer.wait(61)

    def test_messages_sent_while_disconnected(self) -> None:
        peer = logged_on()
        peer.lose()
        assert peer.send("35=8|37=X") == 2
        assert peer.send("35=8|37=Y") == 3
        assert peer.log_on(msg_seq_num=2) == ["35=A|34=4|98=0|108=30"]
        assert peer.say("35=2|34=3|7=2|16=0") == [
            "35=8|34=2|43=Y|37=X",
            "35=8|34=3|43=Y|37=Y",
            "35=4|34=4|43=Y|36=5|123=Y",
        ]


class TestSequenceReset:
    """Vol. 2 tests 10 and 11."""

    def test_10_gap_fill_that_lowers(self) -> None:
        peer = logged_on()
        heard = peer.say("35=4|34=2|36=2|123=Y")
        assert heard[0].startswith("35=3|34=2|45=2|58=Value is incorrect (out of range)")
        assert heard[0].endswith("expecting 2|372=4|373=5")
        assert peer.say("35=1|34=2|112=X") == ["35=0|34=3|112=X"]

    def test_10_gap_fill_too_high_waits_for_its_turn(self) -> None:
        peer = logged_on()
        assert peer.say("35=4|34=5|36=9|123=Y") == ["35=2|34=2|7=2|16=0"]
        assert peer.say("35=4|34=2|43=Y|36=5|123=Y") == []
        assert peer.state.next_in == 9

    def test_10_gap_fill_over_held_messages(self) -> None:
        peer = logged_on()
        peer.say("35=0|34=4")
        assert peer.say("35=4|34=2|43=Y|36=7|123=Y") == []
        assert peer.state.next_in == 7
        assert not peer.session.is_recovering
        assert any(getattr(fact, "fact", None) is Fact.SKIPPED for fact in peer.facts)

    def test_11_reset_ignores_its_own_number(self) -> None:
        peer = logged_on()
        assert peer.say("35=4|34=0|36=25") == []
        assert peer.say("35=1|34=25|112=X") == ["35=0|34=2|112=X"]
        assert peer.say("35=4|34=99|36=26|123=N") == []
        heard = peer.say("35=4|34=0|36=3|123=N")
        assert heard[0].startswith("35=3|34=3|45=0|")
        assert peer.say("35=1|34=26|112=Y") == ["35=0|34=4|112=Y"]


class TestLogout:
    """Vol. 2 tests 12 and 13."""

    def test_answered(self) -> None:
        peer = logged_on()
        assert peer.say("35=5|34=2|58=bye") == ["35=5|34=2"]
        assert peer.ended is not None
        assert peer.ended.text == "bye"
        assert peer.state.next_in == 3
        assert peer.application.reasons == [DisconnectReason.PEER_LOGOUT]

    def test_with_a_gap_is_answered_and_not_counted(self) -> None:
        peer = logged_on()
        assert peer.say("35=5|34=9") == ["35=5|34=2"]
        assert peer.state.next_in == 2

    def test_begun_by_us(self) -> None:
        peer = logged_on()
        peer.session.logout("End of day", peer.now)
        peer.carry_out()
        assert peer.hear() == ["35=5|34=2|58=End of day"]
        # What the peer had on the way is still taken, and answers wait for the next session.
        assert peer.say(f"35=D|34=2|{ORDER}") == []
        assert len(peer.application.got) == 1
        assert peer.say("35=2|34=3|7=1|16=2") == ["35=4|34=1|43=Y|36=3|123=Y"]
        assert peer.say("35=5|34=4") == []
        assert peer.reason() is DisconnectReason.LOGOUT_ANSWERED
        assert peer.state.next_out == 4

    def test_unanswered(self) -> None:
        peer = logged_on(logout_timeout_s=3)
        peer.session.logout("", peer.now)
        peer.wait(2.9)
        assert peer.reason() is None
        peer.wait(0.2)
        assert peer.reason() is DisconnectReason.LOGOUT_UNANSWERED

    @pytest.mark.parametrize(
        ("policy", "by_logout", "numbers"),
        [
            ("reset_on_logout", True, (1, 1)),
            ("reset_on_logout", False, (2, 2)),
            ("reset_on_disconnect", True, (1, 1)),
            ("reset_on_disconnect", False, (1, 1)),
        ],
    )
    def test_reset_policies(self, policy: str, by_logout: bool, numbers: tuple[int, int]) -> None:
        peer = logged_on(None, **{policy: True})
        if by_logout:
            peer.say("35=5|34=2")
        peer.lose()
        assert (peer.state.next_in, peer.state.next_out) == numbers


class TestApplication:
    def test_refusals_become_messages(self) -> None:
        refusals: list[Exception] = [
            UnsupportedMessageType(),
            BusinessReject(6, "NotAuthorized", "A1"),
            IncorrectTagValue(54),
            FieldMissing(44),
        ]

        class Refuser(EchoApplication):
            def from_app(self, session: SessionId, message: Message) -> None:
                raise refusals.pop(0)

        peer = logged_on(Refuser())
        heard = peer.say(*(f"35=D|34={n}|{ORDER}" for n in range(2, 6)))
        assert heard == [
            "35=j|34=2|45=2|58=Unsupported message type: MsgType(35)=D|372=D|380=3",
            "35=j|34=3|45=3|58=NotAuthorized|372=D|379=A1|380=6",
            (
                "35=3|34=4|45=4|58=Value is incorrect (out of range) for this tag: Side(54)"
                "|371=54|372=D|373=5"
            ),
            "35=j|34=5|45=5|58=Conditionally required field missing: Price(44)|372=D|380=5",
        ]
        assert peer.state.next_in == 6

    def test_a_broken_application_does_not_use_up_the_number(self) -> None:
        class Broken(EchoApplication):
            def from_app(self, session: SessionId, message: Message) -> None:
                raise ZeroDivisionError

        peer = logged_on(Broken())
        with pytest.raises(ZeroDivisionError):
            peer.say(f"35=D|34=2|{ORDER}")
        assert peer.state.next_in == 2

    def test_values_go_back_byte_for_byte(self) -> None:
        peer = logged_on()
        fields = f"{ORDER}|38=002000.00|454=0|58=\xfc|354=4|355=a=b\\"
        data = peer.frame(f"35=D|34=2|{fields}").replace(b"a=b\\", b"a=\x01b")
        body = data[data.index(b"35=") : -7]
        total = sum(data[: data.index(b"35=")] + body) % 256
        peer.session.receive(data[:-7] + b"10=%03d\x01" % total, peer.now)
        peer.carry_out()
        (echo,) = peer.raw()
        assert body_fields(echo) == body_fields(peer.application.got[0])
        assert echo.get(38) == b"002000.00"
        assert echo.get(454) == b"0"
        assert echo.get(355) == b"a=\x01b"

    def test_soh_in_a_value_is_refused_and_not_numbered(self) -> None:
        peer = logged_on()
        with pytest.raises(UnsendableField):
            peer.session.send(Message("8").add(58, "a\x01b=c"), peer.now)
        assert peer.state.next_out == 2

    def test_administrative_types_are_the_sessions(self) -> None:
        with pytest.raises(ValueError, match=r"MsgType\(35\)=5 belongs to the session"):
            logged_on().session.send(Message("5"), START)

    def test_fields_of_the_session_cannot_be_forged(self) -> None:
        peer = logged_on()
        forged = Message("8").add(34, 99).add(49, "X").add(52, "Y").add(43, "Y").add(37, "Z")
        peer.session.send(forged, peer.now)
        peer.carry_out()
        (sent,) = peer.raw()
        assert (sent.get(34), sent.get(49), sent.get(43)) == (b"2", b"VENUE", None)

    def test_routing_fields_stand_in_the_header_by_tag(self) -> None:
        peer = logged_on()
        message = Message("8").add(37, "Z").add(128, "D").add(57, "S").add(97, "Y").add(50, "T")
        peer.session.send(message, peer.now)
        peer.carry_out()
        (sent,) = peer.raw()
        assert [tag for tag, _ in sent] == [34, 49, 50, 52, 56, 57, 97, 128, 37]

    def test_last_msg_seq_num_processed(self) -> None:
        peer = Counterparty(last_msg_seq_num_processed=True)
        assert peer.log_on() == ["35=A|34=1|369=0|98=0|108=30"]
        assert peer.say("35=1|34=2|112=X") == ["35=0|34=2|369=2|112=X"]
        assert peer.wait(30) == ["35=0|34=3|369=2"]

    @pytest.mark.parametrize("digits", [3, 6, 9])
    def test_timestamp_digits(self, digits: int) -> None:
        peer = logged_on(timestamp_digits=digits)
        peer.session.receive(peer.frame("35=1|34=2|112=X"), Nanos(START + 123_456_789))
        peer.carry_out()
        (answer,) = peer.raw()
        expected = "20260105-13:30:00.123456789"[: 18 + digits]
        assert answer.get(52) == expected.encode()

    @pytest.mark.parametrize("digits", ["", ".1", ".123", ".123456", ".123456789"])
    def test_timestamps_taken(self, digits: str) -> None:
        peer = logged_on()
        heard = peer.say(f"35=1|34=2|52=20260105-13:30:00{digits}|112=X")
        assert heard[0].startswith("35=3" if digits == ".1" else "35=0")


class TestInitiator:
    def dialed(self, **policies: object) -> Counterparty:
        us = SessionId(sender_comp_id="VENUE", target_comp_id="ALICE")
        peer = Counterparty(None, id=us, role=Role.INITIATOR, **policies)
        peer.connect()
        return peer

    def test_logs_on(self) -> None:
        peer = self.dialed(heartbeat_interval_s=20)
        assert peer.hear() == ["35=A|34=1|98=0|108=20"]
        assert not peer.session.is_logged_on
        assert peer.say("35=A|34=1|98=0|108=20") == []
        assert peer.session.is_logged_on

    def test_reset_on_logon(self) -> None:
        peer = self.dialed(reset_on_logon=True)
        assert peer.hear() == ["35=A|34=1|98=0|108=30|141=Y"]
        peer.say("35=A|34=1|98=0|108=30|141=Y")
        assert (peer.state.next_in, peer.state.next_out) == (2, 2)

    def test_peer_starts_anew(self) -> None:
        peer = Counterparty(role=Role.INITIATOR)
        peer.state.next_in, peer.state.next_out = 5, 9
        peer.connect()
        assert peer.hear() == ["35=A|34=9|98=0|108=30"]
        peer.say("35=A|34=1|98=0|108=30|141=Y")
        assert (peer.state.next_in, peer.state.next_out) == (2, 2)

    def test_gap_in_the_answer(self) -> None:
        peer = self.dialed()
        peer.hear()
        assert peer.say("35=A|34=4|98=0|108=30") == ["35=2|34=2|7=1|16=0"]

    def test_refused(self) -> None:
        peer = self.dialed()
        peer.hear()
        assert peer.say("35=5|34=1|58=wrong password") == []
        assert peer.reason() is DisconnectReason.LOGON_REFUSED
        assert peer.ended is not None
        assert peer.ended.text == "wrong password"
        assert peer.state.next_in == 1

    def test_no_answer(self) -> None:
        peer = self.dialed(logon_timeout_s=4)
        peer.wait(4.1)
        assert peer.reason() is DisconnectReason.LOGON_TIMEOUT

    def test_next_expected(self) -> None:
        peer = Counterparty(role=Role.INITIATOR, next_expected_msg_seq_num=True)
        peer.send("35=D|11=A")
        peer.connect()
        assert peer.hear() == ["35=A|34=2|98=0|108=30|789=1"]
        assert peer.say("35=A|34=1|98=0|108=30|789=1") == ["35=D|34=1|43=Y|11=A"]

    def test_credentials_by_to_admin(self) -> None:
        class Trader(EchoApplication):
            def to_admin(self, session: SessionId, message: Message) -> None:
                if message.msg_type == "A":
                    message.add(553, "alice").add(554, "secret")

        peer = Counterparty(Trader(), role=Role.INITIATOR)
        peer.connect()
        assert peer.hear() == ["35=A|34=1|98=0|108=30|553=alice|554=secret"]


def test_configuration_is_checked() -> None:
    with pytest.raises(ValueError, match="timestamp_digits is 3, 6 or 9, not 4"):
        SessionConfig(id=US, role=Role.ACCEPTOR, timestamp_digits=4)
    with pytest.raises(ValueError, match="heartbeat_interval_s must not be negative"):
        SessionConfig(id=US, role=Role.INITIATOR, heartbeat_interval_s=-1)


CONVERSATION = [
    "35=A|34=1|98=0|108=30",
    "35=1|34=2|112=HELLO",
    f"35=D|34=3|{ORDER}",
    "35=0|34=5",
    f"35=D|34=4|43=Y|122=20260105-13:29:59|{ORDER}",
    "35=2|34=6|7=1|16=0",
    "35=ZZ|34=7|58=x",
    "35=D|34=8|11=A|40=w",
    "35=5|34=9",
]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=1200), max_size=12))
def test_any_cut_of_the_bytes_gives_the_same_answers(cuts: list[int]) -> None:
    whole, cut = Counterparty(), Counterparty()
    whole.connect()
    cut.connect()
    data = b"".join(whole.frame(text) for text in CONVERSATION)
    expected = whole.say_raw(data)
    heard: list[str] = []
    at = 0
    for end in [*sorted(c for c in cuts if c < len(data)), len(data)]:
        heard += cut.say_raw(data[at:end])
        at = end
    assert heard == expected
    assert cut.state == whole.state
    assert cut.session.phase is whole.session.phase is Phase.ENDED


def test_one_byte_at_a_time() -> None:
    whole, cut = Counterparty(), Counterparty()
    whole.connect()
    cut.connect()
    data = b"".join(whole.frame(text) for text in CONVERSATION)
    heard = [text for at in range(len(data)) for text in cut.say_raw(data[at : at + 1])]
    assert heard == whole.say_raw(data)


def test_a_stored_frame_is_what_encode_made() -> None:
    peer = logged_on()
    peer.say(f"35=D|34=2|{ORDER}")
    stored = peer.stored[2]
    message = parse(stored)
    assert encode(message.msg_type, [], message.fields) == stored
