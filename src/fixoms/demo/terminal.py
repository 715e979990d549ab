"""A trader's FIX terminal: one session over TCP, orders out, reports in.

Owns: the FIX messages of the demo's traders, and waiting for an answer.
Must not know: the venue's insides (it speaks to it over a socket like any client), the screen.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from fixoms.clock import now
from fixoms.demo.scene import SYMBOL, Cancel, Enter, Expected, Replace, Step
from fixoms.domain.enums import ExecType, OrdStatus, OrdType, Side, TimeInForce
from fixoms.domain.wording import word
from fixoms.fix import tags
from fixoms.fix.application import QuietApplication
from fixoms.fix.config import Role, SessionConfig
from fixoms.fix.identity import SessionId
from fixoms.fix.initiator import Dial, Initiator
from fixoms.fix.message import Message
from fixoms.fix.store import MemoryStore
from fixoms.fix.values import render_utc_timestamp

LOGON_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 10.0


class NoAnswer(Exception):
    """The venue did not answer as it should; the message says what was missing."""


class Report:
    """An ExecutionReport(8) or OrderCancelReject(9) as a trader reads it."""

    def __init__(self, message: Message) -> None:
        def text(tag: int) -> str:
            return message.text(tag) or ""

        self.is_execution = message.msg_type == "8"
        self.cl_ord_id = text(tags.CL_ORD_ID)
        self.exec_type = word(ExecType(text(tags.EXEC_TYPE))) if self.is_execution else "refused"
        self.status = word(OrdStatus(text(tags.ORD_STATUS)))
        self.filled = text(tags.CUM_QTY)
        self.left = text(tags.LEAVES_QTY)
        self.last_qty = text(tags.LAST_QTY)
        self.last_px = text(tags.LAST_PX)
        self.contra = text(tags.CONTRA_BROKER)
        self.text = text(tags.TEXT)

    def fits(self, expected: Expected) -> bool:
        """Whether this is the report waited for."""
        return (
            self.cl_ord_id == expected.cl_ord_id
            and self.status == expected.status
            and (self.filled or "0") == str(expected.filled)
        )


class Terminal(QuietApplication):
    """One trader. `tell` is given every report as it comes."""

    def __init__(self, name: str, user: str, password: str, tell: Callable[[str, Report], None]):
        self.name = name
        self._user = user
        self._password = password
        self._tell = tell
        self._reports: list[Report] = []
        self._news = asyncio.Event()
        self._initiator: Initiator | None = None

    async def log_on(self, host: str, port: int, venue: str) -> None:
        """Connect and log on; raises NoAnswer."""
        session = SessionConfig(
            id=SessionId(sender_comp_id=self.name, target_comp_id=venue),
            role=Role.INITIATOR,
            reset_on_logon=True,
        )
        self._initiator = Initiator(
            application=self,
            store=MemoryStore(),
            session=session,
            dial=Dial(host=host, port=port),
            clock=now,
        )
        await self._initiator.start()
        try:
            async with asyncio.timeout(LOGON_TIMEOUT_S):
                await self._initiator.logged_on()
        except TimeoutError:
            raise NoAnswer(f"{self.name} could not log on to {host}:{port}") from None

    async def log_out(self) -> None:
        """Log out and disconnect, if connected."""
        if self._initiator is not None:
            await self._initiator.stop("good bye")
            self._initiator = None

    def send(self, step: Step) -> None:
        """Send the message of a step."""
        if self._initiator is None:
            raise NoAnswer(f"{self.name} is not logged on")
        self._initiator.send(_message(step))

    async def until(self, expected: Expected) -> None:
        """Wait for a report; raises NoAnswer when it does not come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                while not any(report.fits(expected) for report in self._reports):
                    self._news.clear()
                    await self._news.wait()
                return
        raise NoAnswer(
            f"{self.name} got no report on {expected.cl_ord_id}: {expected.status}, "
            f"{expected.filled} filled"
        )

    def to_admin(self, session: SessionId, message: Message) -> None:  # noqa: ARG002
        """Put name and password into the Logon(A)."""
        if message.msg_type == "A":
            message.add(tags.USERNAME, self._user).add(tags.PASSWORD, self._password)

    def from_app(self, session: SessionId, message: Message) -> None:  # noqa: ARG002
        """Take a report."""
        if message.msg_type in ("8", "9"):
            report = Report(message)
            self._reports.append(report)
            self._tell(self.name, report)
            self._news.set()


def _message(step: Step) -> Message:
    side = Side.BUY if step.is_buy else Side.SELL
    time = render_utc_timestamp(now())
    msg_type = {Enter: "D", Replace: "G", Cancel: "F"}[type(step)]
    message = Message(msg_type).add(tags.CL_ORD_ID, step.cl_ord_id)
    if not isinstance(step, Enter):
        message.add(tags.ORIG_CL_ORD_ID, step.orig_cl_ord_id)
    message.add(tags.SYMBOL, SYMBOL).add(tags.SIDE, side.value)
    message.add(tags.TRANSACT_TIME, time).add(tags.ORDER_QTY, step.qty)
    if not isinstance(step, Cancel):
        message.add(tags.ORD_TYPE, OrdType.LIMIT.value).add(tags.PRICE, step.price)
        message.add(tags.TIME_IN_FORCE, TimeInForce.DAY.value)
    return message
