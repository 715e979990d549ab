"""Mistakes in a configuration that the types of its keys cannot show.

Owns: the checks between keys (a session names a known participant, steps fit decimals, an URL
holds no password) and their texts.
Must not know: files, lines, YAML. Each mistake is a (key, text) that config.py gives its line.
"""

import difflib
import ipaddress
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fixoms.domain.instrument import to_units
from fixoms.domain.units import PRICE_MAX, QTY_MAX
from fixoms.settings import EMBEDDED, OFF, InstrumentSettings, SessionSettings, Settings


def mistakes(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every (key, text) the types alone could not find."""
    try:
        ZoneInfo(settings.venue.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = settings.venue.time_zone
        accepted = "a name of the IANA time zone database such as UTC or Europe/Istanbul"
        yield "venue.time_zone", f"{zone!r} is not allowed; allowed: {accepted}"
    yield from _address_mistakes("fix.allowed_addresses", settings.fix.allowed_addresses)
    if (desk := settings.operator.listener) is not None:
        key = "operator.listener.allowed_addresses"
        yield from _address_mistakes(key, desk.allowed_addresses)
    for comp_id, session in settings.sessions.items():
        yield from _session_mistakes(f"sessions.{comp_id}", session, settings)
    if settings.fix.comp_id in settings.sessions:
        yield (
            f"sessions.{settings.fix.comp_id}",
            "is the venue's own CompID (fix.comp_id); a session is named by the peer's",
        )
    seen: dict[tuple[str, str], int] = {}
    for index, each in enumerate(settings.instruments):
        key = f"instruments[{index}]"
        listing = (each.symbol, each.market or settings.venue.market)
        if listing in seen:
            text = f"{each.symbol} on {listing[1]} is already instruments[{seen[listing]}]"
            yield f"{key}.symbol", text
        seen.setdefault(listing, index)
        yield from instrument_mistakes(f"{key}.", each)
    yield from _schedule_mistakes(settings)
    yield from _url_mistakes(settings)


def _session_mistakes(
    key: str, session: SessionSettings, settings: Settings
) -> Iterator[tuple[str, str]]:
    if session.participant not in settings.participants:
        near = difflib.get_close_matches(session.participant, settings.participants, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; allowed: a name under `participants`"
        yield f"{key}.participant", f"{session.participant!r} is not a participant{hint}"
    yield from _address_mistakes(f"{key}.allowed_addresses", session.allowed_addresses)
    if session.heartbeat_s_min > session.heartbeat_s_max:
        yield (
            f"{key}.heartbeat_s_min",
            f"{session.heartbeat_s_min} is above heartbeat_s_max, {session.heartbeat_s_max}",
        )


def _address_mistakes(key: str, addresses: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for index, address in enumerate(addresses):
        try:
            ipaddress.ip_network(address)
        except ValueError:
            accepted = "an IP address or network such as 192.0.2.7 or 192.0.2.0/24"
            yield f"{key}[{index}]", f"{address!r} is not allowed; allowed: {accepted}"


def instrument_mistakes(prefix: str, each: InstrumentSettings) -> Iterator[tuple[str, str]]:
    """Check decimals, steps and bounds in an order in which each may rely on those before it."""
    table = not isinstance(each.tick, Decimal)
    steps = each.steps()
    if not steps or steps[0].from_price != 0:
        yield f"{prefix}tick", "the first step of a tick table starts `from: 0`"
    for index, step in enumerate(steps):
        place = f"{prefix}tick[{index}].tick" if table else f"{prefix}tick"
        yield from _unit_mistakes(
            place, step.tick, each.price_decimals, "price_decimals", PRICE_MAX
        )
        if table and index:
            before = steps[index - 1].from_price
            place = f"{prefix}tick[{index}].from"
            yield from _unit_mistakes(
                place, step.from_price, each.price_decimals, "price_decimals", PRICE_MAX
            )
            if step.from_price <= before:
                yield place, f"{step.from_price} is not above the step before it, {before}"
    quantities = {"lot_size": each.lot_size, "min_qty": each.min_qty, "max_qty": each.max_qty}
    sound = True
    for name, qty in quantities.items():
        if qty is None:
            continue
        for mistake in _unit_mistakes(
            f"{prefix}{name}", qty, each.qty_decimals, "qty_decimals", QTY_MAX
        ):
            sound = False
            yield mistake
        if sound and qty % each.lot_size:
            yield f"{prefix}{name}", f"{qty} is not a multiple of lot_size, {each.lot_size}"
    if each.min_qty is not None and each.min_qty > each.max_qty:
        yield f"{prefix}min_qty", f"{each.min_qty} is above max_qty, {each.max_qty}"
    if each.reference_price is not None:
        yield from _unit_mistakes(
            f"{prefix}reference_price",
            each.reference_price,
            each.price_decimals,
            "price_decimals",
            PRICE_MAX,
        )
    for name in ("static_band_percent", "dynamic_band_percent", "initial_margin_percent"):
        percent: Decimal = getattr(each, name)
        if not 0 <= percent <= 1000 or to_units(percent, 2) is None:
            yield (
                f"{prefix}{name}",
                f"{percent} is not allowed; allowed: 0 (off) to 1000, with at most two decimals",
            )


def _unit_mistakes(
    key: str, value: Decimal, decimals: int, named: str, units_max: int
) -> Iterator[tuple[str, str]]:
    units = to_units(value, decimals)
    if value <= 0:
        yield key, f"{value} is not allowed; allowed: a decimal number above 0"
    elif units is None:
        yield key, f"{value} has more decimals than {named}, {decimals}"
    elif units > units_max:
        yield key, f"{value} is not allowed; at most {Decimal(units_max).scaleb(-decimals):f}"


def _schedule_mistakes(settings: Settings) -> Iterator[tuple[str, str]]:
    scopes = {each.segment for each in settings.instruments}
    for each in settings.instruments:
        scopes |= {each.symbol, f"{each.symbol}@{each.market or settings.venue.market}"}
    for index, step in enumerate(settings.schedule):
        key = f"schedule[{index}].scope"
        if step.do.is_day and step.scope:
            yield key, f"{step.do.value} is the whole venue's and takes no scope"
        elif not step.do.is_day and step.scope not in scopes:
            accepted = "a segment, SYMBOL or SYMBOL@MARKET of `instruments`"
            yield key, f"{step.scope!r} is not allowed; allowed: {accepted}"


def _url_mistakes(settings: Settings) -> Iterator[tuple[str, str]]:
    broker = settings.mqtt.broker
    if broker not in (EMBEDDED, OFF):
        yield from _one_url("mqtt.broker", broker, ("mqtt", "mqtts"), "embedded, off, or ")
    if settings.sql.url:
        schemes = ("sqlite+aiosqlite", "postgresql+asyncpg")
        yield from _one_url("sql.url", settings.sql.url, schemes, "")


def _one_url(
    key: str, url: str, schemes: tuple[str, ...], others: str
) -> Iterator[tuple[str, str]]:
    forms = " or ".join(f"{scheme}://…" for scheme in schemes)
    try:
        parts = urlsplit(url)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_sound = urlsplit(""), False
    needs_host = not parts.scheme.startswith("sqlite")
    if parts.password is not None:
        yield key, "a password does not belong in a config file; name a file in password_file"
    elif parts.scheme not in schemes or not port_is_sound or (needs_host and not parts.hostname):
        yield key, f"{url!r} is not allowed; allowed: {others}a URL {forms}"
