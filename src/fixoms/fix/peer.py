"""Who is at the other end of a connection, as far as the network can tell.

Owns: the peer's address and its TLS certificate, and whether an address is in a list of networks.
Must not know: sessions, users, what an address or a certificate entitles to.
"""

import asyncio
import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SHORT_NAMES = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "emailAddress": "emailAddress",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate TLS has verified.

    `fingerprint` is the SHA-256 of its DER form in lower-case hexadecimal, `subject` its
    distinguished name in the order of the certificate (`C=GB,O=Alpha,CN=alice`).
    """

    fingerprint: str
    subject: str


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection. `address` has no port; without mutual TLS no certificate."""

    address: str = ""
    certificate: Certificate | None = None


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether `address` is in one of `networks`; an IPv4 address may come mapped into IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in networks)


def certificate_of(transport: asyncio.BaseTransport | None) -> Certificate | None:
    """The certificate the peer has shown and TLS has verified, if any."""
    tls = None if transport is None else transport.get_extra_info("ssl_object")
    if tls is None:
        return None
    shown = tls.getpeercert(binary_form=True)
    if not shown:
        return None
    # `getpeercert()` tells the names of a certificate only when it was verified.
    names = (tls.getpeercert() or {}).get("subject", ())
    subject = ",".join(
        f"{_SHORT_NAMES.get(name, name)}={value}" for relative in names for name, value in relative
    )
    return Certificate(hashlib.sha256(shown).hexdigest(), subject)
