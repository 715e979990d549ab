"""Orders bound to each other, as the reference sees it.

Owns: a list of orders, and which of them a fill or an end concerns.
Must not know: markets, reports, and anything of fixoms.engine.
"""

from dataclasses import dataclass, field

from fixoms.domain.enums import ContingencyType

from .book import Place, RefOrder


@dataclass
class OrderGroup:
    """One list. `orders` in the order of ListSeqNo(67); `parent` is the one the others wait for.

    `refused` are the ClOrdIDs of orders that did not enter.
    """

    list_id: str
    participant: str
    contingency: ContingencyType
    orders: list[RefOrder] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    parent: RefOrder | None = None

    def add(self, order: RefOrder) -> None:
        """Bind the next order; all but the first may be held until that one is filled."""
        if self.has_parent and self.orders:
            order.place = Place.HELD
        elif self.has_parent:
            self.parent = order
        order.group = self
        self.orders.append(order)

    @property
    def has_parent(self) -> bool:
        """Whether all but the first order are held until that one is filled."""
        kinds = (ContingencyType.ONE_TRIGGERS_OTHER, ContingencyType.ONE_TRIGGERS_OCO)
        return self.contingency in kinds

    def is_parent(self, order: RefOrder) -> bool:
        """Whether the others wait for this order."""
        return self.parent is order

    def is_exclusive(self, order: RefOrder) -> bool:
        """Whether a fill of the order takes quantity from its siblings."""
        kinds = (ContingencyType.ONE_CANCELS_OTHER, ContingencyType.ONE_UPDATES_OTHER)
        bracket = self.contingency is ContingencyType.ONE_TRIGGERS_OCO
        return self.contingency in kinds or (bracket and not self.is_parent(order))

    def siblings(self, order: RefOrder) -> list[RefOrder]:
        """Those a fill of the order cancels or reduces."""
        if not self.is_exclusive(order):
            return []
        asleep = (Place.GONE, Place.HELD)
        return [one for one in self.orders if one is not order and one.place not in asleep]

    def held(self) -> list[RefOrder]:
        """Those that wait for the first order."""
        return [one for one in self.orders if one.place is Place.HELD]
