"""A FIX 4.4 acceptor that sends every application message back as it came.

The smallest whole application of `fixoms.fix`: what `from_app` gets goes out again, values byte for
byte, header aside (routing fields are turned round). A message with PossResend(97)=Y whose
ClOrdID(11) was seen before is the same order again and is not echoed twice.

    python tools/echo_acceptor.py --port 5001 --sender-comp-id VENUE --target-comp-id ALICE

Prints `listening on HOST:PORT` when ready, and stops with Logout(5) on SIGINT and SIGTERM.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from dataclasses import replace

from fixoms.clock import now
from fixoms.fix import (
    STRICT,
    Acceptor,
    AuditFact,
    Dictionary,
    FileWireLog,
    Listener,
    MemoryStore,
    Message,
    QuietApplication,
    Role,
    SessionConfig,
    SessionId,
    SqliteStore,
    Store,
    TlsFiles,
    UnsupportedMessageType,
    UserDefined,
    body_fields,
    load_quickfix_xml,
    reverse_route,
    tags,
)

REMEMBERED_ORDERS_MAX = 100_000
"""ClOrdIDs kept to recognise a PossResend(97); the oldest are forgotten."""


class Echo(QuietApplication):
    """Sends back what it gets."""

    def __init__(self, unsupported: frozenset[str]) -> None:
        self.acceptor: Acceptor | None = None
        self._unsupported = unsupported
        self._seen: dict[tuple[SessionId, bytes], None] = {}

    def from_app(self, session: SessionId, message: Message) -> None:
        """Echo, unless it is a repetition or of a type that is not taken."""
        if message.msg_type in self._unsupported:
            raise UnsupportedMessageType
        fields = reverse_route(message) + body_fields(message)
        cl_ord_id = message.get(tags.CL_ORD_ID)
        if message.get(tags.POSS_RESEND) == b"Y":
            if cl_ord_id is not None and (session, cl_ord_id) in self._seen:
                return
            fields.insert(0, (tags.POSS_RESEND, b"Y"))
        if cl_ord_id is not None:
            self._seen[session, cl_ord_id] = None
            if len(self._seen) > REMEMBERED_ORDERS_MAX:
                del self._seen[next(iter(self._seen))]
        assert self.acceptor is not None
        self.acceptor.send(session, Message(message.msg_type, fields))


def session_config(arguments: argparse.Namespace) -> Callable[[SessionId], SessionConfig]:
    """How every session is configured."""
    dictionary: Dictionary | None = Dictionary.fix44()
    if arguments.dictionary == "none":
        dictionary = None
    elif arguments.dictionary:
        dictionary = load_quickfix_xml(arguments.dictionary)

    def config(session: SessionId) -> SessionConfig:
        return SessionConfig(
            id=session,
            role=Role.ACCEPTOR,
            dictionary=dictionary,
            validation=replace(STRICT, user_defined=UserDefined[arguments.user_fields.upper()]),
            reset_on_logon="on-logon" in arguments.reset,
            reset_on_logout="on-logout" in arguments.reset,
            reset_on_disconnect="on-disconnect" in arguments.reset,
            heartbeat_interval_s_max=arguments.heartbeat_max,
            logout_timeout_s=arguments.logout_timeout,
            timestamp_digits=arguments.timestamp_digits,
            resend_request_chunk=arguments.resend_request_chunk,
            next_expected_msg_seq_num=arguments.next_expected,
            last_msg_seq_num_processed=arguments.last_processed,
            check_sending_time=not arguments.any_sending_time,
        )

    return config


def parse_arguments(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="FIX 4.4 acceptor that echoes.")
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 (default): any free port")
    add("--sender-comp-id", default="ECHO", help="who we are: TargetCompID(56) of the peer")
    add("--target-comp-id", action="append", help="who may log on; repeatable; default: any")
    add("--store", default="memory", help="memory (default) or the path of a SQLite file")
    add(
        "--reset",
        action="append",
        default=[],
        choices=["on-logon", "on-logout", "on-disconnect", "never"],
        help="when the sequence numbers start at 1; repeatable; default: never",
    )
    add("--dictionary", help="QuickFIX XML file, or none; default: our FIX 4.4")
    add(
        "--user-fields",
        default="refuse",
        choices=["refuse", "accept_declared", "accept_all"],
        help="tags from 5000 up",
    )
    add("--unsupported", action="append", default=[], metavar="MSGTYPE", help="answer 380=3")
    add("--heartbeat-max", type=int, default=3600, help="largest HeartBtInt(108) taken, seconds")
    add("--logout-timeout", type=float, default=2.0, help="seconds")
    add("--timestamp-digits", type=int, default=3, choices=[3, 6, 9])
    add("--resend-request-chunk", type=int, default=0, help="0: ask for everything at once")
    add(
        "--next-expected",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="answer NextExpectedMsgSeqNum(789) in kind; default: yes",
    )
    add("--last-processed", action="store_true", help="send LastMsgSeqNumProcessed(369)")
    add("--any-sending-time", action="store_true", help="do not check SendingTime(52)")
    add("--wire-log", metavar="DIRECTORY")
    add("--tls-certificate", metavar="FILE")
    add("--tls-key", metavar="FILE")
    add("--tls-client-ca", metavar="FILE", help="clients must show a certificate of this CA")
    add("--verbose", action="store_true", help="print audit facts")
    return parser.parse_args(words)


def say(fact: AuditFact) -> None:
    """One audit fact for people."""
    print(fact.session or "stranger", fact.remote, fact.fact, flush=True)


async def serve(arguments: argparse.Namespace) -> None:
    """Run until told to stop."""
    config = session_config(arguments)
    wanted = arguments.target_comp_id or ["any"]
    us = arguments.sender_comp_id
    known = [
        config(SessionId(sender_comp_id=us, target_comp_id=peer))
        for peer in wanted
        if peer != "any"
    ]
    store: Store = MemoryStore() if arguments.store == "memory" else SqliteStore(arguments.store)
    tls = None
    if arguments.tls_certificate:
        tls = TlsFiles(
            certificate=arguments.tls_certificate,
            key=arguments.tls_key,
            peer_ca=arguments.tls_client_ca,
        ).server()
    echo = Echo(frozenset(arguments.unsupported))
    acceptor = echo.acceptor = Acceptor(
        application=echo,
        store=store,
        listener=Listener(
            host=arguments.host, port=arguments.port, ssl_context=tls.context if tls else None
        ),
        clock=now,
        sessions=known,
        unknown=(lambda peer: config(peer) if peer.sender_comp_id == us else None)
        if "any" in wanted
        else None,
        wire_log=FileWireLog(arguments.wire_log) if arguments.wire_log else None,
        audit=say if arguments.verbose else None,
    )
    port = await acceptor.start()
    print(f"listening on {arguments.host}:{port}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await acceptor.stop()
    await store.close()


if __name__ == "__main__":
    asyncio.run(serve(parse_arguments(sys.argv[1:])))
