"""Where a session is, what it is made of, and the ways it goes on or ends.

Owns: the phase (`states.py`), the expected number, and the steps that logon, intake and time share:
ending, resetting, asking for what is missing, rejecting. Must not know: which message or which
silence leads to them; that is `logon.py`, `intake.py` and `session.py`.
"""

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix import answers, tags
from fixoms.fix.answers import number
from fixoms.fix.application import Application
from fixoms.fix.config import SessionConfig, SessionState
from fixoms.fix.effects import Disconnect, DisconnectReason, Fact, ResetNumbers
from fixoms.fix.keepalive import KeepAlive
from fixoms.fix.message import Message
from fixoms.fix.outbound import Outbox
from fixoms.fix.recovery import InboundGap
from fixoms.fix.rejects import BusinessRejectReason, Reject
from fixoms.fix.resend import Resender
from fixoms.fix.states import LOGGED_ON, Phase, Step, next_phase
from fixoms.fix.validation import Validator


class Lifecycle:
    """The state of one session, shared by the parts that move it.

    `deadline` is when patience with the present phase ends; `logon_sent` the number of our newest
    Logon(A); `reset_sent` whether it said ResetSeqNumFlag(141)=Y and is not answered yet; `is_open`
    what the schedule says.
    """

    def __init__(
        self, config: SessionConfig, application: Application, state: SessionState
    ) -> None:
        self.config = config
        self.id = config.id
        self.begin_string = config.id.begin_string.encode("latin-1")
        self.application = application
        self.state = state
        self.phase = Phase.DISCONNECTED
        self.outbox = Outbox(config, application, state)
        self.resender = Resender(
            self.outbox, config.resend_chunk, config.repeated_resend_requests_max
        )
        self.gap = InboundGap(
            count_max=config.held_messages_max,
            bytes_max=config.held_bytes_max,
            chunk=config.resend_request_chunk,
            timeout=nanos(config.resend_timeout_s),
        )
        self.keep_alive = KeepAlive(
            config.test_request_delay_multiplier, config.heartbeat_timeout_multiplier
        )
        self.deadline = Nanos(0)
        self.logon_sent = 0
        self.reset_sent = False
        self.is_open = True
        self._validator = (
            Validator(config.dictionary, config.validation) if config.dictionary else None
        )

    def forget_connection(self) -> None:
        """What belonged to a connection goes with it."""
        self.gap.clear()
        self.resender.clear()
        self.reset_sent = False
        self.outbox.in_hand = 0

    def step(self, step: Step) -> None:
        """Go where `states.TRANSITIONS` says."""
        self.phase = next_phase(self.phase, step)
        self.outbox.is_live = self.phase is Phase.ACTIVE

    def reset_numbers(self, now: Nanos, why: str, next_out: int = 1) -> None:
        """Start a new numbering; what was held, asked for or being resent is void."""
        self.state.next_out = next_out
        self.state.next_in = 1
        self.state.created_at = now
        self.gap.clear()
        self.resender.clear()
        self.outbox.effects.append(ResetNumbers(now, next_out))
        self.outbox.note(Fact.RESET, why)

    def end(self, reason: DisconnectReason, text: str, now: Nanos) -> None:
        """Ask for the connection to be closed; nothing is read or written after this."""
        was_logged_on = self.phase in LOGGED_ON
        self.step(Step.END)
        self.outbox.effects.append(Disconnect(reason, text))
        if was_logged_on:
            self.left(reason, now)

    def left(self, reason: DisconnectReason, now: Nanos) -> None:
        """The session was logged on and is not any more."""
        self.outbox.is_live = False
        self.outbox.note(Fact.LOGGED_OUT, reason.value)
        self.application.logout(self.id, reason)
        by_logout = reason in {DisconnectReason.PEER_LOGOUT, DisconnectReason.LOGOUT_ANSWERED}
        if self.config.reset_on_disconnect or (self.config.reset_on_logout and by_logout):
            self.reset_numbers(now, reason.value)

    def logout_and_end(self, reason: DisconnectReason, text: str, now: Nanos) -> None:
        """Logout(5) with this Text(58), and no waiting for the answer."""
        self.outbox.admin(answers.logout(text), now)
        self.end(reason, text, now)

    def expel(self, text: str, now: Nanos) -> None:
        """Logout(5) after a fault that ends the session; then only its answer counts."""
        self.outbox.admin(answers.logout(text), now)
        self.step(Step.EXPELLED)
        self.deadline = Nanos(now + nanos(self.config.logout_timeout_s))

    def request_missing(self, now: Nanos) -> None:
        """Ask for what is missing, unless that was done."""
        wanted = self.gap.request(self.state.next_in, now)
        if wanted is not None:
            self.ask_for(wanted, now)

    def ask_for(self, wanted: tuple[int, int], now: Nanos) -> None:
        """Say ResendRequest(2) for BeginSeqNo(7) and EndSeqNo(16)."""
        begin, end = wanted
        text = f"BeginSeqNo(7) {begin}, EndSeqNo(16) {end}"
        self.outbox.note(Fact.GAP, text)
        self.outbox.admin(answers.resend_request(begin, end), now)

    def consume_if_expected(self, message: Message, now: Nanos) -> None:
        """Count a message that is worked whatever its number is."""
        if number(message, tags.MSG_SEQ_NUM) == self.state.next_in:
            self.consumed(self.state.next_in + 1, now)

    def consumed(self, next_in: int, now: Nanos) -> None:
        """Everything below `next_in` was received."""
        self.state.next_in = next_in
        if self.gap.advanced(next_in, now):
            self.outbox.note(Fact.GAP_CLOSED, f"expecting MsgSeqNum(34) {next_in}")

    def objection(self, message: Message) -> Reject | None:
        """What MsgType(35) and dictionary have against a message."""
        refused = answers.unsupported_type(message.msg_type, self.config)
        if refused is None and self._validator is not None:
            refused = self._validator.validate(message)
        return refused

    def reject(self, message: Message, why: Reject, now: Nanos) -> None:
        """Answer with Reject(3), or BusinessMessageReject(j) when the reason is one of those."""
        if isinstance(why.reason, BusinessRejectReason):
            self.business_reject(message, why.reason, why.text, "", now)
            return
        self.outbox.note(Fact.REJECT_SENT, why.text)
        self.outbox.admin(answers.reject(message, why), now)

    def business_reject(
        self, message: Message, reason: int, text: str, ref_id: str, now: Nanos
    ) -> None:
        """Answer with BusinessMessageReject(j)."""
        self.outbox.note(Fact.REJECT_SENT, text)
        self.outbox.app(answers.business_reject(message, reason, text, ref_id), now)

    def too_low(self, msg_seq_num: int, now: Nanos) -> None:
        """FIX: Vol. 2 test 2c."""
        text = f"MsgSeqNum too low, expecting {self.state.next_in} but received {msg_seq_num}"
        self.logout_and_end(DisconnectReason.SEQ_NUM_TOO_LOW, text, now)


def nanos(seconds: float) -> Nanos:
    """A setting in seconds as a duration."""
    return Nanos(int(seconds * SECOND))
