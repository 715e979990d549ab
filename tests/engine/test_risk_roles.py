"""No role reaches what it was not given: the whole matrix of role and request, generated."""

from itertools import product

import pytest

from fixoms.domain.commands import (
    VENUE,
    AssignProfile,
    CancelList,
    CancelOrder,
    Command,
    DefineProfile,
    EnterList,
    EnterOrder,
    ListedOrder,
    MassCancel,
    OrderTerms,
    Origin,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
)
from fixoms.domain.enums import (
    BusinessRejectReason,
    ContingencyType,
    ExecType,
    MassCancelRequestType,
    MassStatusReqType,
    OrdType,
    Side,
    TimeInForce,
)
from fixoms.domain.events import (
    BusinessRejected,
    Event,
    Execution,
    ProfileAssigned,
    ProfileDefined,
)
from fixoms.domain.ids import OrderId
from fixoms.domain.limits import Profile, Scope, ScopeKind
from fixoms.domain.units import Price, Qty

from .transcript import Desk

A = Origin(session="A", participant="ALFA", user="trader")
SESSION = Scope(ScopeKind.SESSION, name="A")
USER = Scope(ScopeKind.USER, "ALFA", "trader")
PARTICIPANT = Scope(ScopeKind.PARTICIPANT, "ALFA")
TERMS = OrderTerms(Side.BUY, OrdType.LIMIT, TimeInForce.DAY, Qty(5), Price(900))

REQUESTS: dict[str, Command] = {
    "D": EnterOrder(A, "X", "ACME", "", TERMS),
    "G": ReplaceOrder(A, "Y", "X", OrderId(0), "ACME", "", TERMS),
    "F": CancelOrder(A, "C", "X", OrderId(0), "ACME", "", Side.BUY),
    "H": RequestStatus(A, "X", OrderId(0), "ACME", "", Side.BUY),
    "E": EnterList(A, "L", ContingencyType.INDEPENDENT, (ListedOrder("X1", 1, "ACME", "", TERMS),)),
    "K": CancelList(A, "L"),
    "M": RequestListStatus(A, "L"),
    "q": MassCancel(A, "MC", MassCancelRequestType.ALL_ORDERS),
    "AF": RequestMassStatus(A, "MS", MassStatusReqType.ALL_ORDERS),
}

ROLES: dict[str, tuple[str, ...]] = {
    "trader": tuple(REQUESTS),
    "order-entry": ("D", "F"),
    "read-only": ("H", "AF", "M"),
    "drop-copy": (),
    "canceler": ("F", "q", "K"),
    **{f"only-{msg_type}": (msg_type,) for msg_type in REQUESTS},
}


def refused(events: list[Event]) -> bool:
    return any(
        isinstance(each, BusinessRejected) and each.reason is BusinessRejectReason.NOT_AUTHORIZED
        for each in events
    )


def desk_with(*profiles: tuple[Scope, Profile]) -> Desk:
    desk = Desk({})
    for scope, profile in profiles:
        desk.handle(DefineProfile(VENUE, profile))
        desk.handle(AssignProfile(VENUE, scope, profile.name))
    return desk


@pytest.mark.parametrize(("role", "msg_type"), list(product(ROLES, REQUESTS)))
def test_a_role_permits_its_messages_and_no_others(role: str, msg_type: str) -> None:
    desk = desk_with((SESSION, Profile(role, ROLES[role])))
    events = desk.handle(REQUESTS[msg_type])
    assert refused(events) is (msg_type not in ROLES[role])
    if refused(events):
        assert len(events) == 1


@pytest.mark.parametrize(("admission", "role"), list(product(ROLES, ROLES)))
def test_session_and_user_must_both_permit(admission: str, role: str) -> None:
    desk = desk_with(
        (SESSION, Profile(f"s-{admission}", ROLES[admission])),
        (USER, Profile(f"u-{role}", ROLES[role])),
    )
    for msg_type, request in REQUESTS.items():
        permitted = msg_type in ROLES[admission] and msg_type in ROLES[role]
        assert refused(desk.handle(request)) is not permitted


@pytest.mark.parametrize("msg_type", REQUESTS)
def test_who_has_no_role_under_a_participant_with_roles_may_do_nothing(msg_type: str) -> None:
    other = Scope(ScopeKind.SESSION, name="A2")
    desk = desk_with((other, Profile("trader")))
    events = desk.handle(REQUESTS[msg_type])
    assert refused(events)
    assert "neither session 'A' nor user 'trader' has a role" in str(events)
    desk.handle(AssignProfile(VENUE, other, ""))
    assert not refused(desk.handle(REQUESTS[msg_type]))


def test_other_participants_need_no_role() -> None:
    desk = desk_with((PARTICIPANT, Profile("drop-copy", ())))
    assert "New" in " ".join(desk.say("B: buy X 1 @9"))
    assert "BusinessRejected" in " ".join(desk.say("A2: buy X 1 @9"))


FEATURES = (
    (Profile("r", ord_types=(OrdType.LIMIT,)), "sell X 5 market", "OrdType(40) 1"),
    (Profile("r", tifs=(TimeInForce.DAY,)), "buy X 5 @9 tif=GTC", "TimeInForce(59) 1"),
    (Profile("r", instruments=("OTHER@XFOM", "BONDS")), "buy X 5 @9", "trading ACME@XFOM"),
    (Profile("r", accounts=("ACC1",)), "buy X 5 @9 account=ACC2", "Account(1) 'ACC2'"),
    (Profile("r", may_rest=False), "buy X 5 @9", "orders that rest, as TimeInForce(59) 0 may"),
)

PERMITTED = (
    (Profile("r", ord_types=(OrdType.LIMIT,)), "buy X 5 @9"),
    (Profile("r", tifs=(TimeInForce.DAY,)), "buy X 5 @9"),
    (Profile("r", instruments=("MAIN",)), "buy X 5 @9"),
    (Profile("r", instruments=("ACME@XFOM",)), "buy X 5 @9"),
    (Profile("r", accounts=("ACC1",)), "buy X 5 @9 account=ACC1"),
    (Profile("r", may_rest=False), "buy X 5 @9 tif=IOC"),
)


@pytest.mark.parametrize(("profile", "line", "what"), FEATURES)
@pytest.mark.parametrize("scope", [SESSION, USER, PARTICIPANT], ids=lambda each: each.kind.value)
def test_an_order_the_role_does_not_permit_is_refused(
    scope: Scope, profile: Profile, line: str, what: str
) -> None:
    desk = desk_with((scope, profile))
    told = " ".join(desk.say(f"A: {line}"))
    assert f"role 'r' does not permit {what}" in told
    assert "Rejected" in told


@pytest.mark.parametrize(("profile", "line"), PERMITTED)
def test_an_order_the_role_permits_enters(profile: Profile, line: str) -> None:
    desk = desk_with((SESSION, profile))
    events = desk.handle(desk._client("A", line))
    assert any(isinstance(each, Execution) and each.exec_type is ExecType.NEW for each in events)


def test_a_replace_cannot_reach_what_a_new_order_cannot() -> None:
    desk = desk_with((SESSION, Profile("r", accounts=("ACC1",))))
    desk.say("A: buy X 5 @9 account=ACC1")
    assert "does not permit Account(1) 'ACC2'" in " ".join(
        desk.say("A: replace Y of X 4 @9 account=ACC2")
    )


def test_a_role_that_may_not_amend_can_cancel() -> None:
    desk = desk_with((SESSION, Profile("r", may_amend=False)))
    desk.say("A: buy X 5 @9")
    assert "does not permit changing orders" in " ".join(desk.say("A: replace Y of X 4 @9"))
    assert "Canceled" in " ".join(desk.say("A: cancel C of X"))


def test_a_changed_role_holds_at_once_and_tells_before_and_after() -> None:
    desk = desk_with((SESSION, Profile("r")))
    narrower = Profile("r", msg_types=("F",))
    events = desk.handle(DefineProfile(VENUE, narrower))
    assert ProfileDefined(VENUE, Profile("r"), narrower) in events
    assert "BusinessRejected" in " ".join(desk.say("A: buy X 5 @9"))
    events = desk.handle(AssignProfile(VENUE, SESSION, ""))
    assert ProfileAssigned(VENUE, SESSION, "r", "") in events
    assert "New" in " ".join(desk.say("A: buy X 5 @9"))
