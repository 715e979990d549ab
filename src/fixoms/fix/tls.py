"""TLS contexts from files, and changing the files under a running acceptor.

Owns: FIXS settings: TLS 1.2 or newer, server and mutual certificates. Must not know: connections.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where certificates are. FIX: FIXS, FIX-over-TLS.

    With `peer_ca` a server asks clients for a certificate of that authority and refuses others; a
    client trusts servers of that authority only, instead of the system's.
    """

    certificate: str | Path | None = None
    key: str | Path | None = None
    peer_ca: str | Path | None = None
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2

    def server(self) -> "ReloadableContext":
        """A context for an acceptor. Raises OSError or ssl.SSLError for bad files."""
        return ReloadableContext(self._server_context)

    def client(self) -> "ReloadableContext":
        """A context for an initiator. Raises OSError or ssl.SSLError for bad files."""
        return ReloadableContext(self._client_context)

    def _server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self.minimum_version
        if self.certificate is None:
            raise ValueError("a TLS server needs a certificate file")
        context.load_cert_chain(self.certificate, self.key)
        if self.peer_ca is not None:
            context.load_verify_locations(self.peer_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _client_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(
            cafile=None if self.peer_ca is None else str(self.peer_ca)
        )
        context.minimum_version = self.minimum_version
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


class ReloadableContext:
    """The context new connections use. Live connections keep the one they began with."""

    def __init__(self, build: Callable[[], ssl.SSLContext]) -> None:
        self._build = build
        self._context = build()

    def context(self) -> ssl.SSLContext:
        """The present context."""
        return self._context

    def reload(self) -> None:
        """Read the files again. When they are bad the present context stays, and this raises."""
        self._context = self._build()
