"""The initiator against our acceptor: reconnecting, recovering, TLS."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixoms.clock import now
from fixoms.fix import (
    Acceptor,
    Dial,
    DisconnectReason,
    Initiator,
    Listener,
    MemoryStore,
    Message,
    QuietApplication,
    Role,
    SessionConfig,
    SessionId,
    TlsFiles,
    body_fields,
)

VENUE = SessionId(sender_comp_id="VENUE", target_comp_id="ALICE")
ALICE = SessionId(sender_comp_id="ALICE", target_comp_id="VENUE")


class Echo(QuietApplication):
    def __init__(self) -> None:
        self.acceptor: Acceptor | None = None

    def from_app(self, session: SessionId, message: Message) -> None:
        assert self.acceptor is not None
        self.acceptor.send(session, Message(message.msg_type, body_fields(message)))


class Trader(QuietApplication):
    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.reasons: list[DisconnectReason] = []
        self._changed = asyncio.Event()

    def from_app(self, session: SessionId, message: Message) -> None:
        self.got.append(message.require(58))
        self._changed.set()

    def logout(self, session: SessionId, reason: DisconnectReason) -> None:
        self.reasons.append(reason)

    async def until(self, count: int) -> list[bytes]:
        async with asyncio.timeout(15):
            while len(self.got) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.got


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def venue(
    port: int = 0, store: MemoryStore | None = None, tls: object = None
) -> AsyncIterator[tuple[Acceptor, int]]:
    echo = Echo()
    acceptor = echo.acceptor = Acceptor(
        application=echo,
        store=store or MemoryStore(),
        listener=Listener(port=port, ssl_context=getattr(tls, "context", None), tick_s=0.02),
        clock=now,
        sessions=[SessionConfig(id=VENUE, role=Role.ACCEPTOR)],
    )
    port = await acceptor.start()
    try:
        yield acceptor, port
    finally:
        await acceptor.stop(timeout_s=1)


def trader(port: int, tls: object = None, **policies: object) -> tuple[Initiator, Trader]:
    application = Trader()
    config = SessionConfig(id=ALICE, role=Role.INITIATOR, **policies)  # type: ignore[arg-type]
    dial = Dial(
        host="127.0.0.1",
        port=port,
        backoff_s=0.02,
        backoff_s_max=0.1,
        tick_s=0.02,
        ssl_context=getattr(tls, "context", None),
        server_hostname="venue.example" if tls else None,
    )
    store = MemoryStore()
    return Initiator(
        application=application, store=store, session=config, dial=dial, clock=now
    ), application


def order(text: str) -> Message:
    return Message("B").add(148, "h").add(58, text)


async def test_connects_sends_and_logs_out() -> None:
    async with venue() as (acceptor, port):
        initiator, application = trader(port)
        await initiator.start()
        async with asyncio.timeout(10):
            await initiator.logged_on()
        for n in range(100):
            initiator.send(order(f"{n}"))
        assert await application.until(100) == [b"%d" % n for n in range(100)]
        await initiator.stop("done")
        assert application.reasons == [DisconnectReason.LOGOUT_ANSWERED]
        assert acceptor.status()[0].next_in == 103


async def test_reconnects_and_recovers_what_was_sent_meanwhile() -> None:
    port = free_port()
    initiator, application = trader(port)
    initiator.send(order("before the venue exists"))
    await initiator.start()
    store = MemoryStore()
    async with venue(port, store):
        assert await application.until(1) == [b"before the venue exists"]
    # The venue is gone; the next one has its store.
    initiator.send(order("while it is down"))
    async with venue(port, store) as (acceptor, _):
        assert await application.until(2) == [b"before the venue exists", b"while it is down"]
        acceptor.send(VENUE, order("from the venue"))
        assert (await application.until(3))[2] == b"from the venue"
        await initiator.stop()


async def test_stop_while_dialing() -> None:
    initiator, _ = trader(free_port())
    await initiator.start()
    await asyncio.sleep(0.05)
    await initiator.stop()
    assert not initiator.is_logged_on


def test_role_is_checked() -> None:
    with pytest.raises(ValueError, match="configured as acceptor"):
        Initiator(
            application=Trader(),
            store=MemoryStore(),
            session=SessionConfig(id=ALICE, role=Role.ACCEPTOR),
            dial=Dial(host="127.0.0.1", port=1),
            clock=now,
        )


class Authority:
    """A certificate authority for one test."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self.certificate = directory / f"{name}.crt"
        self._key = directory / f"{name}.key"
        self._openssl(
            *("req", "-x509", "-subj", f"/CN={name}", "-days", "2", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )

    @staticmethod
    def _openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def issue(self, name: str, stem: str | None = None) -> tuple[Path, Path]:
        stem = stem or name
        key, request = self._directory / f"{stem}.key", self._directory / f"{stem}.csr"
        certificate, names = self._directory / f"{stem}.crt", self._directory / f"{stem}.ext"
        # What the strict verification of Python 3.13 asks of a certificate.
        extensions = ["keyUsage=critical,digitalSignature", "authorityKeyIdentifier=keyid"]
        names.write_text("\n".join([f"subjectAltName=DNS:{name}", *extensions, ""]), "ascii")
        self._openssl(
            *("req", "-new", "-subj", f"/CN={name}", "-newkey", "ec", "-nodes"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", str(key), "-out", str(request)),
        )
        self._openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.certificate)),
            *("-CAkey", str(self._key), "-CAcreateserial", "-days", "2"),
            *("-extfile", str(names), "-out", str(certificate)),
        )
        return certificate, key


async def log_on_and_off(initiator: Initiator) -> None:
    await initiator.start()
    async with asyncio.timeout(10):
        await initiator.logged_on()
    await initiator.stop()


async def test_mutual_tls_and_reload(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("venue.example", "venue")
    client_certificate, client_key = authority.issue("alice.example", "alice")
    server = TlsFiles(certificate=certificate, key=key, peer_ca=authority.certificate).server()
    client = TlsFiles(
        certificate=client_certificate, key=client_key, peer_ca=authority.certificate
    ).client()
    async with venue(tls=server) as (_, port):
        initiator, application = trader(port, client)
        await initiator.start()
        async with asyncio.timeout(10):
            await initiator.logged_on()

        # Bad files leave the present certificate; good ones serve new connections only.
        before = certificate.read_bytes()
        certificate.write_text("not a certificate", "ascii")
        with pytest.raises(ssl.SSLError):
            server.reload()
        authority.issue("venue.example", "venue")
        assert certificate.read_bytes() != before
        server.reload()
        initiator.send(order("still here"))
        assert await application.until(1) == [b"still here"]
        assert application.reasons == []
        shown = await asyncio.to_thread(_certificate_shown, port, client.context())
        assert shown == ssl.PEM_cert_to_DER_cert(certificate.read_text("ascii"))
        await initiator.stop()
        assert application.reasons == [DisconnectReason.LOGOUT_ANSWERED]


def _certificate_shown(port: int, context: ssl.SSLContext) -> bytes | None:
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="venue.example") as secure,
    ):
        return secure.getpeercert(binary_form=True)


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated")
@pytest.mark.parametrize("fault", ["no certificate", "other authority", "old version", "plain"])
async def test_tls_refuses(tmp_path: Path, fault: str) -> None:
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    certificate, key = authority.issue("venue.example", "venue")
    server = TlsFiles(certificate=certificate, key=key, peer_ca=authority.certificate).server()
    context = ssl.create_default_context(cafile=str(authority.certificate))
    issuer = other if fault == "other authority" else authority
    if fault != "no certificate":
        context.load_cert_chain(*issuer.issue("alice.example", "alice"))
    if fault == "old version":
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with venue(tls=server) as (acceptor, port):
        assert await _is_refused(port, None if fault == "plain" else context)
        assert acceptor.status()[0].next_in == 1


async def _is_refused(port: int, context: ssl.SSLContext | None) -> bool:
    name = "venue.example" if context is not None else None
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=name
        )
        writer.write(b"8=FIX.4.4\x01")
        async with asyncio.timeout(10):
            # A TLS 1.3 server refuses after the client's handshake is done.
            data = await reader.read(100)
    except OSError:
        return True
    writer.close()
    return not data.startswith(b"8=FIX")


async def test_a_server_that_is_not_trusted(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    certificate, key = other.issue("venue.example", "venue")
    server = TlsFiles(certificate=certificate, key=key).server()
    async with venue(tls=server) as (acceptor, port):
        initiator, _ = trader(port, TlsFiles(peer_ca=authority.certificate).client())
        await initiator.start()
        await asyncio.sleep(0.3)
        assert not initiator.is_logged_on
        await initiator.stop()
        assert acceptor.status()[0].next_in == 1


def test_a_tls_server_needs_a_certificate() -> None:
    with pytest.raises(ValueError, match="needs a certificate"):
        TlsFiles().server()
