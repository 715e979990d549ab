"""The terms of an order, read from wherever they stand.

Owns: which field of an order means what to the venue, which are conditionally required, and which
wire values have no place in its integers and enums.
Must not know: which message the order came in, what the engine decides.

A value the venue cannot express does not stop the reading: the first such value becomes the
refusal, and all of them go back to the client as they came.
"""

from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

from fixoms.domain import extensions
from fixoms.domain.commands import OrderTerms, Refusal
from fixoms.domain.enums import (
    ExecInst,
    OrdRejReason,
    OrdType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import NOTIONAL_MAX, PRICE_MAX, QTY_MAX, Nanos, Price, Qty
from fixoms.fix import tags
from fixoms.fix.groups import Group
from fixoms.fix.message import Message
from fixoms.fix.values import parse_utc_timestamp
from fixoms.gateway.units import parse_units

Fields: TypeAlias = Message | Group
"""Where the terms of an order stand: a message of its own, or one order of a list."""

CLIENT_ID_ROLE: Final = b"3"
"""PartyRole(452) of the client behind an order."""

PARTY_FIELDS_MAX: Final = 64
"""Most fields of the Parties group an order may carry: they ride on every report of it."""

_PARTIES: Final = frozenset(
    {
        tags.NO_PARTY_IDS,
        tags.PARTY_ID,
        tags.PARTY_ID_SOURCE,
        tags.PARTY_ROLE,
        tags.NO_PARTY_SUB_IDS,
        tags.PARTY_SUB_ID,
        tags.PARTY_SUB_ID_TYPE,
    }
)

ECHOED: Final = (
    tags.CURRENCY,
    tags.SETTL_TYPE,
    tags.POSITION_EFFECT,
    tags.ORDER_CAPACITY,
    tags.ORDER_RESTRICTIONS,
    tags.SECONDARY_CL_ORD_ID,
    tags.ACCOUNT_TYPE,
    tags.ACCT_ID_SOURCE,
    tags.CL_ORD_LINK_ID,
    tags.SECURITY_ID,
    tags.SECURITY_ID_SOURCE,
)
"""Fields the venue does not act on and repeats on every report of the order."""

_Member = TypeVar("_Member")

SIDES: Final = {side.value.encode(): side for side in Side}
_ORD_TYPES: Final = {ord_type.value.encode(): ord_type for ord_type in OrdType}
_TIFS: Final = {tif.value.encode(): tif for tif in TimeInForce}
_STPS: Final = {
    stp.value.encode(): stp
    for stp in SelfTradePrevention
    if stp is not SelfTradePrevention.PARTICIPANT_DEFAULT
}
_NEEDS_PRICE: Final = frozenset({OrdType.LIMIT, OrdType.STOP_LIMIT})
_NEEDS_STOP_PX: Final = frozenset({OrdType.STOP, OrdType.STOP_LIMIT, OrdType.MARKET_IF_TOUCHED})
_EXEC_INSTS: Final = frozenset(inst.value for inst in ExecInst)
_IGNORED_EXEC_INSTS: Final = frozenset("125")  # Not held, work, held: a broker's affair, echoed.


def text_of(fields: Fields, tag: int) -> str:
    """Text of a field, empty when it is absent."""
    value = fields.get(tag)
    return "" if value is None else value.decode("latin-1")


def read_terms(
    fields: Fields, instrument: Instrument | None, name: Callable[[int], str]
) -> tuple[OrderTerms, Refusal | None]:
    """Terms of an order, and why the venue cannot express them if it cannot.

    `name` gives a field's name for texts. Raises FieldMissing for a conditionally required field.
    """
    reader = _TermsReader(fields, instrument, name)
    terms = reader.read()
    return terms, reader.refusal


class _TermsReader:
    """Reads one order's terms and keeps the first reason why the venue cannot express them."""

    __slots__ = ("_echo", "_fields", "_instrument", "_name", "refusal")

    def __init__(
        self, fields: Fields, instrument: Instrument | None, name: Callable[[int], str]
    ) -> None:
        self._fields = fields
        self._instrument = instrument
        self._name = name
        self._echo: list[tuple[int, str]] = []
        self.refusal: Refusal | None = None

    def read(self) -> OrderTerms:
        fields = self._fields
        side = self._side()
        ord_type = self._enum(tags.ORD_TYPE, _ORD_TYPES, OrdType.LIMIT)
        tif = self._tif()
        exec_inst = self._exec_inst()
        trailing = ExecInst.TRAILING_STOP_PEG.value in exec_inst
        if self.refusal is None:
            self._require_conditional(ord_type, tif, trailing=trailing)
        self._repeat(*ECHOED)
        if fields.get(tags.CASH_ORDER_QTY) is not None:
            self._refuse(
                OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
                "CashOrderQty(152) is not taken; give OrderQty(38)",
            )
            qty = Qty(0)
        else:
            qty = self._qty(tags.ORDER_QTY) or Qty(0)
        dated = tif is TimeInForce.GOOD_TILL_DATE
        if not dated:
            # They say when a GTD order ends, and nothing of any other.
            self._repeat(tags.EXPIRE_DATE, tags.EXPIRE_TIME)
        price = self._price(tags.PRICE)
        if price is not None and abs(price) * qty > NOTIONAL_MAX:
            self._refuse(
                OrdRejReason.ORDER_EXCEEDS_LIMIT,
                f"Price(44) x OrderQty(38) is above {NOTIONAL_MAX} units",
            )
        return OrderTerms(
            side=side,
            ord_type=ord_type,
            tif=tif,
            qty=qty,
            price=price,
            stop_px=self._price(tags.STOP_PX),
            max_floor=self._qty(tags.MAX_FLOOR),
            min_qty=self._qty(tags.MIN_QTY),
            exec_inst=exec_inst,
            peg_offset=self._peg_offset(),
            expire_time=self._expire_time() if dated else None,
            expire_date=text_of(fields, tags.EXPIRE_DATE) if dated else "",
            stp=self._stp(),
            account=text_of(fields, tags.ACCOUNT),
            client=client_of(fields),
            located=fields.get(tags.LOCATE_REQD) == b"N",
            parties=self._parties() if tags.NO_PARTY_IDS in fields else (),
            echo=tuple(self._echo),
        )

    def _repeat(self, *repeated: int) -> None:
        for tag in repeated:
            value = self._fields.get(tag)
            if value is not None:
                self._echo.append((tag, value.decode("latin-1")))

    def _parties(self) -> tuple[tuple[int, str], ...]:
        """Read the Parties group as it came."""
        fields = [(tag, value) for tag, value in self._fields.fields if tag in _PARTIES]
        if len(fields) > PARTY_FIELDS_MAX:
            self._refuse(
                OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
                f"NoPartyIDs(453) with {len(fields)} fields is above {PARTY_FIELDS_MAX}",
            )
            return ()
        return tuple((tag, value.decode("latin-1")) for tag, value in fields)

    def _refuse(self, reason: OrdRejReason, text: str) -> None:
        if self.refusal is None:
            self.refusal = Refusal(reason, text)

    def _require_conditional(self, ord_type: OrdType, tif: TimeInForce, *, trailing: bool) -> None:
        require = self._fields.require
        require(tags.ORDER_QTY) if self._fields.get(tags.CASH_ORDER_QTY) is None else None
        if ord_type in _NEEDS_PRICE and not (trailing and ord_type is OrdType.STOP_LIMIT):
            require(tags.PRICE)
        if ord_type in _NEEDS_STOP_PX and not trailing:
            require(tags.STOP_PX)
        if trailing:
            require(tags.PEG_OFFSET_VALUE)
        if ord_type is OrdType.PEGGED:
            require(tags.EXEC_INST)
        if tif is TimeInForce.GOOD_TILL_DATE and self._fields.get(tags.EXPIRE_TIME) is None:
            require(tags.EXPIRE_DATE)

    def _enum(self, tag: int, members: dict[bytes, _Member], otherwise: _Member) -> _Member:
        value = self._fields.require(tag)
        member = members.get(value)
        if member is not None:
            return member
        self._refuse_value(tag, value)
        return otherwise

    def _refuse_value(self, tag: int, value: bytes) -> None:
        self._echo.append((tag, value.decode("latin-1")))
        self._refuse(
            OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
            f"{self._name(tag)} {value.decode('latin-1')} is not traded at this venue",
        )

    def _side(self) -> Side:
        """Side(54); a replace may leave it to the order (the dictionary says where it may not)."""
        if self._fields.get(tags.SIDE) is None:
            return Side.SELL
        return self._enum(tags.SIDE, SIDES, Side.SELL)

    def _tif(self) -> TimeInForce:
        if self._fields.get(tags.TIME_IN_FORCE) is None:
            return TimeInForce.DAY
        return self._enum(tags.TIME_IN_FORCE, _TIFS, TimeInForce.DAY)

    def _stp(self) -> SelfTradePrevention:
        value = self._fields.get(extensions.SELF_TRADE_PREVENTION)
        if value is None:
            return SelfTradePrevention.PARTICIPANT_DEFAULT
        member = _STPS.get(value)
        if member is None:
            self._refuse_value(extensions.SELF_TRADE_PREVENTION, value)
            return SelfTradePrevention.PARTICIPANT_DEFAULT
        return member

    def _exec_inst(self) -> str:
        """The instructions the venue acts on; those it only repeats go into the echo."""
        value = self._fields.get(tags.EXEC_INST)
        if value is None:
            return ""
        exec_inst = value.decode("latin-1")
        insts = exec_inst.split(" ")
        acted_on = [inst for inst in insts if inst in _EXEC_INSTS]
        for inst in insts:
            if inst not in _EXEC_INSTS and inst not in _IGNORED_EXEC_INSTS:
                self._refuse(
                    OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
                    f"ExecInst(18) {inst} is not taken at this venue",
                )
        if len(acted_on) < len(insts):
            self._echo.append((tags.EXEC_INST, exec_inst))
        return " ".join(acted_on)

    def _units(
        self, tag: int, decimals: int | None, bound: int, otherwise: OrdRejReason
    ) -> int | None:
        """Units of a price or quantity field, or None when absent or not expressible."""
        value = self._fields.get(tag)
        if value is None:
            return None
        units = None if decimals is None else parse_units(value, decimals)
        if units is not None and -bound <= units <= bound:
            return units
        text = value.decode("latin-1")
        self._echo.append((tag, text))
        if decimals is None:
            pass  # The symbol is unknown, which the engine answers; its units are unknown with it.
        elif units is None:
            self._refuse(otherwise, f"{self._name(tag)} {text} has more than {decimals} decimals")
        else:
            self._refuse(otherwise, f"{self._name(tag)} {text} is above the venue's largest value")
        return None

    def _price_units(self, tag: int) -> int | None:
        decimals = None if self._instrument is None else self._instrument.price_decimals
        return self._units(tag, decimals, PRICE_MAX, OrdRejReason.OTHER)

    def _price(self, tag: int) -> Price | None:
        units = self._price_units(tag)
        return None if units is None else Price(units)

    def _qty(self, tag: int) -> Qty | None:
        decimals = None if self._instrument is None else self._instrument.qty_decimals
        units = self._units(tag, decimals, QTY_MAX, OrdRejReason.INCORRECT_QUANTITY)
        return None if units is None else Qty(units)

    def _peg_offset(self) -> int | None:
        offset_type = self._fields.get(tags.PEG_OFFSET_TYPE)
        if offset_type not in (None, b"0"):
            self._refuse(
                OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
                "PegOffsetType(836) must be 0 (price)",
            )
        return self._price_units(tags.PEG_OFFSET_VALUE)

    def _expire_time(self) -> Nanos | None:
        value = self._fields.get(tags.EXPIRE_TIME)
        return None if value is None else parse_utc_timestamp(value)


def client_of(fields: Fields) -> str:
    """PartyID(448) of the client (PartyRole 3), else empty."""
    party_id = b""
    for tag, value in fields.fields:
        if tag == tags.PARTY_ID:
            party_id = value
        elif tag == tags.PARTY_ROLE and value == CLIENT_ID_ROLE:
            return party_id.decode("latin-1")
    return ""
