"""Requests on lists of orders, as the reference venue decides them.

Owns: when a list enters, and its status.
Must not know: what a fill means to bound orders (links.py, market.py), and anything of
fixoms.engine.
"""

from fixoms.domain.commands import (
    CancelList,
    EnterList,
    EnterOrder,
    ListedOrder,
    Origin,
    RequestListStatus,
)
from fixoms.domain.enums import (
    BusinessRejectReason,
    ContingencyType,
    OrdRejReason,
    OrdStatus,
)

from .book import Place
from .links import OrderGroup
from .records import Records
from .report import Report
from .requests import OrderRequests


class ListRequests:
    """Decides requests on lists."""

    def __init__(self, records: Records, requests: OrderRequests) -> None:
        self._records = records
        self._requests = requests

    def enter(self, command: EnterList) -> None:
        origin = command.origin
        key = (origin.participant, command.list_id)
        group = OrderGroup(command.list_id, origin.participant, command.contingency)
        if key in self._records.lists or not self._is_well_formed(command):
            self._report_list(origin, group)
            return
        self._records.lists[key] = group
        legs = sorted(command.orders, key=lambda leg: leg.list_seq_no)
        if command.contingency is ContingencyType.INDEPENDENT:
            for leg in legs:
                self._enter_legs(command, group, [leg])
                self._records.floor.settle()
        else:
            self._enter_legs(command, group, legs)
            self._records.floor.settle()
        self._report_list(origin, group)

    @staticmethod
    def _is_well_formed(command: EnterList) -> bool:
        count = len(command.orders)
        least = {ContingencyType.INDEPENDENT: 1, ContingencyType.ONE_TRIGGERS_OCO: 3}
        if count < least.get(command.contingency, 2):
            return False
        return command.contingency is not ContingencyType.ONE_TRIGGERS_OCO or count == 3

    def _enter_legs(self, command: EnterList, group: OrderGroup, legs: list[ListedOrder]) -> None:
        """All of the legs enter or none; then those that are not held work, in their order."""
        session = command.origin.session
        judged = []
        for at, leg in enumerate(legs):
            held = group.has_parent and at > 0
            order, reasons = self._requests.judge(leg, command.origin, held=held)
            twice = any(one.cl_ord_id == leg.cl_ord_id for one in legs[:at])
            if twice or self._records.named(session, leg.cl_ord_id) is not None:
                reasons = {OrdRejReason.DUPLICATE_ORDER}
            judged.append((leg, order, reasons))
        if any(reasons for _, _, reasons in judged):
            for leg, _, reasons in judged:
                self._requests.refuse(session, leg.cl_ord_id, reasons or {OrdRejReason.OTHER})
                group.refused.append(leg.cl_ord_id)
            return
        entered = [order for _, order, _ in judged if order is not None]
        for leg, order in zip(legs, entered, strict=True):
            self._records.entered[self._records.numbers + 1] = EnterOrder(
                command.origin, leg.cl_ord_id, leg.symbol, leg.market, leg.terms
            )
            group.add(order)
            self._requests.accept(order)
        for order in entered:
            if order.place is Place.PARKED:
                self._records.floor.market_of(order).work(order)

    def _report_list(self, origin: Origin, group: OrderGroup) -> None:
        states = [
            f"{one.cl_ord_id}:{one.status.name}:{one.cum}:{one.leaves}" for one in group.orders
        ]
        states += [f"{name}:REJECTED:0:0" for name in group.refused]
        self._records.tell(Report("LIST_STATUS", origin.session, group.list_id, " ".join(states)))

    def ask(self, command: CancelList | RequestListStatus) -> None:
        group = self._records.lists.get((command.origin.participant, command.list_id))
        if group is None:
            reasons = frozenset({BusinessRejectReason.UNKNOWN_ID})
            session = command.origin.session
            self._records.tell(
                Report("BUSINESS_REJECTED", session, command.list_id, reasons=reasons)
            )
            return
        if isinstance(command, CancelList):
            self._records.end_all([*group.held(), *group.orders], OrdStatus.CANCELED)
        self._report_list(command.origin, group)
