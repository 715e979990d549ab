"""What people are told of limits, the kill switch and proposals."""

import pytest

from fixoms.domain.commands import VENUE, AdvanceTime, Origin
from fixoms.domain.events import (
    Event,
    KillSwitched,
    LimitsChanged,
    Owner,
    ProposalChanged,
    RiskOverridden,
    RiskRefused,
    SessionAbused,
)
from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import Check, Limits, ProposalState, Scope, ScopeKind
from fixoms.outlets.alerts import AlertSettings, alert_for
from fixoms.outlets.listings import Listings

RITA = Origin("", "", "rita")
ACC1 = Scope(ScopeKind.ACCOUNT, "ALFA", "ACC1")
OWNER = Owner("A", "ALFA", "alice")

TOLD: tuple[tuple[Event, str, str, str], ...] = (
    (
        KillSwitched(RITA, ACC1, True, 3, "runaway"),
        "warning",
        "kill-switch",
        "kill switch of account ACC1 of ALFA thrown by rita, 3 orders canceled: runaway",
    ),
    (
        KillSwitched(RITA, ACC1, False, 0, ""),
        "warning",
        "kill-switch",
        "kill switch of account ACC1 of ALFA lifted by rita",
    ),
    (
        RiskRefused(OWNER, "X", InstrumentId("ACME@XFOM"), Check.NET, ACC1, 5, 6, "max net is 5"),
        "notice",
        "limit-reached",
        "net exposure refused X of A: max net is 5",
    ),
    (
        RiskOverridden(OWNER, "X", Check.NET, "max net is 5", "sam"),
        "warning",
        "limit-overridden",
        "X of A passed by word of sam although: max net is 5",
    ),
    (
        LimitsChanged(RITA, ACC1, Limits(), Limits(open_orders=5), "new", "sam"),
        "notice",
        "limits-changed",
        "limits of account ACC1 of ALFA set by rita, approved by sam: new",
    ),
    (
        ProposalChanged(RITA, 7, ProposalState.WAITING, "rita", "limits of participant ALFA"),
        "warning",
        "proposal-waiting",
        "proposal 7 of rita waiting: limits of participant ALFA",
    ),
    (
        ProposalChanged(RITA, 7, ProposalState.APPROVED, "rita", "limits"),
        "notice",
        "proposal-approved",
        "proposal 7 of rita approved: limits",
    ),
    (
        SessionAbused("A", "ALFA", "alice", "9 messages above the rate"),
        "warning",
        "session-abused",
        "session A: 9 messages above the rate",
    ),
)


@pytest.mark.parametrize(("event", "severity", "kind", "text"), TOLD)
def test_what_is_told(event: Event, severity: str, kind: str, text: str) -> None:
    alert = alert_for(event, AdvanceTime(VENUE), Listings(), AlertSettings())
    assert alert is not None
    assert (alert.severity.value, alert.kind, alert.text) == (severity, kind, text)
