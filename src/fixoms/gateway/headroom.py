"""CollateralInquiry(BB): how much may still be done, in CollateralReport(BA).

Owns: which limits a question means, and the message each becomes.
Must not know: how limits are counted. The question changes nothing, so it is answered from the
engine's view without a command, and only of the asker's own participant.

One report for each limit. MarginExcess(899) is the headroom where the limit is money, negative when
it is passed; Text(58) says limit, use and headroom of every kind. Without Account(1) the limits of
the participant are meant; Symbol(55) and Currency(15) narrow.

FIX: Vol. 5, CollateralInquiry and CollateralReport.
"""

from collections.abc import Iterator
from typing import Final

from fixoms.domain.ids import InstrumentId
from fixoms.engine.engine import Engine
from fixoms.engine.headroom import Headroom
from fixoms.fix import tags
from fixoms.fix.message import Message

REPORTS_MAX: Final = 1_000
"""Most reports one question is answered with; one that means more is answered by a single report
that says so."""

_UNASSIGNED, _ASSIGNED = "0", "3"
"""CollStatus(910): the account has no limits, or has the one reported."""


class HeadroomDesk:
    """Answers questions about limits."""

    msg_types: Final = frozenset({"BB"})

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def objection(self, session: str, user: str, msg_type: str) -> str:
        """Why the roles inside the engine do not permit a question, empty when they do."""
        return self._engine.objection(session, user, msg_type)

    def answer(self, participant: str, message: Message) -> Iterator[Message]:
        """Yield the reports of one question."""
        inquiry = message.text(tags.COLL_INQUIRY_ID) or ""
        account = message.text(tags.ACCOUNT) or ""
        symbol = message.text(tags.SYMBOL) or ""
        meant: list[Headroom] = []
        instrument_id = InstrumentId("")
        if symbol:
            market = message.text(tags.SECURITY_EXCHANGE) or ""
            instrument = self._engine.find_instrument(symbol, market)
            if instrument is None:
                yield _single(inquiry, account, f"Symbol(55) {symbol} is not listed at this venue")
                return
            instrument_id = instrument.instrument_id
        for scope in self._engine.scopes_with_limits(participant, account):
            meant += self._engine.headroom(scope)
        currency = message.text(tags.CURRENCY) or ""
        meant = [
            each
            for each in meant
            if (not instrument_id or each.instrument_id in ("", instrument_id))
            and (not currency or each.currency in ("", currency))
        ]
        if not meant:
            yield _single(inquiry, account, "no limits apply")
        elif len(meant) > REPORTS_MAX:
            text = f"{len(meant)} limits are meant, at most {REPORTS_MAX} are reported at once"
            yield _single(inquiry, account, text)
        else:
            for number, line in enumerate(meant, start=1):
                yield self._report(inquiry, account, line, number, len(meant))

    def _report(
        self, inquiry: str, account: str, line: Headroom, number: int, count: int
    ) -> Message:
        report = _begin(inquiry, account, _ASSIGNED, number, count)
        instrument = self._engine.instrument(line.instrument_id)
        if instrument is not None:
            report.add(tags.SYMBOL, instrument.symbol)
            report.add(tags.SECURITY_EXCHANGE, instrument.market)
        if line.currency:
            report.add(tags.CURRENCY, line.currency)
            report.add(tags.MARGIN_EXCESS, line.headroom)
        side = f"{line.side} " if line.side else ""
        text = (
            f"{side}{line.check.value} of {line.scope.text}:"
            f" limit {line.limit}, used {line.used}, headroom {line.headroom}"
        )
        return report.add(tags.TEXT, text)


def _begin(inquiry: str, account: str, status: str, number: int, count: int) -> Message:
    report = Message("BA").add(tags.COLL_RPT_ID, f"{inquiry or 'L'}-{number}")
    if inquiry:
        report.add(tags.COLL_INQUIRY_ID, inquiry)
    report.add(tags.COLL_STATUS, status).add(tags.TOT_NUM_REPORTS, count)
    report.add(tags.LAST_RPT_REQUESTED, "Y" if number == count else "N")
    if account:
        report.add(tags.ACCOUNT, account)
    return report


def _single(inquiry: str, account: str, text: str) -> Message:
    return _begin(inquiry, account, _UNASSIGNED, 1, 1).add(tags.TEXT, text)
