"""Names in a random stream: which ClOrdIDs its commands carry, and which they mean.

Owns: turning "the k-th ClOrdID back" (`@k`) of a drawn step into a real one, so that any step can
be taken out of a stream and the rest still makes one.
Must not know: how steps are drawn, how a venue decides.
"""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from fixoms.domain.commands import (
    CancelList,
    CancelOrder,
    Command,
    EnterList,
    EnterOrder,
    MassCancel,
    OrderTerms,
    ReplaceOrder,
    RequestListStatus,
    RequestStatus,
)
from fixoms.domain.enums import (
    Side,
)

from .world import (
    SESSIONS,
    origin,
)

Named: TypeAlias = EnterOrder | ReplaceOrder


def named(steps: Sequence[Command]) -> list[Command]:
    """Give each request its ClOrdID and turn `@k` into the k-th ClOrdID or ListID back."""
    commands: list[Command] = []
    orders: list[Named] = []
    lists: list[EnterList] = []
    for number, one in enumerate(steps, start=1):
        command = one
        match command:
            case ReplaceOrder() | CancelOrder() | RequestStatus():
                command = _aim(command, orders)
            case CancelList() | RequestListStatus():
                command = _aim_at_list(command, lists)
            case _:
                pass
        match command:
            case EnterOrder():
                name = _own_id(command, orders, number)
                command = msgspec.structs.replace(command, cl_ord_id=name)
                if command.poss_resend:
                    command = _resend(command, orders)
                orders.append(command)
            case EnterList():
                command = _name_list(command, number)
                lists.append(command)
                orders += [
                    EnterOrder(command.origin, leg.cl_ord_id, leg.symbol, leg.market, leg.terms)
                    for leg in command.orders
                ]
            case ReplaceOrder() | CancelOrder() | MassCancel():
                command = msgspec.structs.replace(command, cl_ord_id=f"n{number}")
                if isinstance(command, ReplaceOrder):
                    orders.append(command)
            case _:
                pass
        commands.append(command)
    return commands


def _name_list(command: EnterList, number: int) -> EnterList:
    legs = tuple(
        msgspec.structs.replace(leg, cl_ord_id=f"n{number}.{at}")
        for at, leg in enumerate(command.orders)
    )
    return msgspec.structs.replace(command, list_id=f"L{number}", orders=legs)


def _aim_at_list(
    command: CancelList | RequestListStatus, lists: list[EnterList]
) -> CancelList | RequestListStatus:
    if not lists:
        return msgspec.structs.replace(command, list_id="none")
    target = lists[-1 - int(command.list_id[1:]) % len(lists)]
    return msgspec.structs.replace(command, list_id=target.list_id)


def _own_id(command: EnterOrder, orders: list[Named], number: int) -> str:
    if not command.cl_ord_id or not orders:
        return f"n{number}"
    return orders[-1 - int(command.cl_ord_id[1:]) % len(orders)].cl_ord_id


def _resend(command: EnterOrder, orders: list[Named]) -> EnterOrder:
    """Half of the possible resends repeat the first message exactly."""
    for one in orders:
        same = isinstance(one, EnterOrder) and one.cl_ord_id == command.cl_ord_id
        if same and isinstance(one, EnterOrder) and command.terms.side is Side.BUY:
            return msgspec.structs.replace(one, poss_resend=True)
    return command


def _aim(
    command: ReplaceOrder | CancelOrder | RequestStatus,
    orders: list[Named],
) -> Command:
    """Point a request at an earlier order: its ClOrdID, symbol, side, and mostly its session."""
    name = command.orig_cl_ord_id if not isinstance(command, RequestStatus) else command.cl_ord_id
    if not name.startswith("@"):
        return command
    if not orders:
        unknown = msgspec.structs.replace(command, origin=origin("A1"))
        if isinstance(unknown, RequestStatus):
            return msgspec.structs.replace(unknown, cl_ord_id="none")
        return msgspec.structs.replace(unknown, orig_cl_ord_id="none")
    target = orders[-1 - int(name[1:]) % len(orders)]
    sender = command.origin if command.origin.session in SESSIONS else target.origin
    if isinstance(command, RequestStatus):
        return msgspec.structs.replace(
            command, cl_ord_id=target.cl_ord_id, symbol=target.symbol, side=target.terms.side
        )
    if isinstance(command, CancelOrder):
        return msgspec.structs.replace(
            command,
            origin=sender,
            orig_cl_ord_id=target.cl_ord_id,
            symbol=target.symbol,
            side=target.terms.side,
        )
    return msgspec.structs.replace(
        command,
        origin=sender,
        orig_cl_ord_id=target.cl_ord_id,
        symbol=target.symbol,
        terms=_changed(target.terms, command.terms),
    )


def _changed(old: OrderTerms, drawn: OrderTerms) -> OrderTerms:
    """Mostly the old order with another price or size; with an account of `Y`, any terms at all."""
    if drawn.account == "Y":
        return msgspec.structs.replace(drawn, side=old.side)
    price = old.price if drawn.account == "X" or old.price is None else drawn.price or old.price
    stop = old.stop_px if old.stop_px is None else drawn.stop_px or old.stop_px
    return msgspec.structs.replace(old, qty=drawn.qty, price=price, stop_px=stop)
