"""What is fixed for the life of an engine: choices and bounds.

Owns: every bound the engine keeps by itself, and the outcome of passing it.
Must not know: anything that changes while trading; that arrives by commands.
"""

import msgspec

from fixoms.domain.units import SECOND, Nanos


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Choices and bounds; two engines that decide alike have equal settings.

    `default_market` is the MIC an order means when it names none. `triggered_reports` says whether
    an elected stop is reported (ExecType L) before it is worked.

    | bound | passing it |
    | --- | --- |
    | `orders_max`: orders held, live or finished today | Rejected, OrdRejReason(103)=3 |
    | `cl_ord_ids_max`: ClOrdID(11) values remembered today | Rejected 103=3, replaces 102=2 |
    | `lists_max`: lists remembered today | the list is rejected |
    | `list_orders_max`: orders in one NewOrderList(E) | the list is rejected |
    | `watched_max`: pegged, trailing and all-or-none orders per instrument | Rejected, 103=3 |
    | `elections_max`: stops one command elects in an instrument | a volatility auction starts |
    | `elections_max`: rounds in which pegged orders follow each other | the next command goes on |
    | `status_reports_max`: orders one OrderMassStatusRequest(AF) means | it is refused as a whole |
    | `positions_max`: accounts, clients and instruments with a position | Rejected, 103=3 |
    | `trades_max`: trades that can still be busted or corrected | the oldest can no longer be |
    """

    default_market: str = "XFOM"
    triggered_reports: bool = True
    volatility_auction: Nanos = Nanos(120 * SECOND)
    orders_max: int = 5_000_000
    cl_ord_ids_max: int = 20_000_000
    lists_max: int = 100_000
    list_orders_max: int = 100
    watched_max: int = 1_000
    elections_max: int = 10_000
    status_reports_max: int = 10_000
    trades_max: int = 5_000_000
    positions_max: int = 1_000_000
