"""The composition root: the venue as a process.

Owns: what meets what when `fixoms serve` runs: configuration, clock, journal on disk, wire log,
users, operator's socket, the outlets' process and the embedded broker; signals, and the order in
which all of it starts and stops.
Must not know: FIX, orders, SQL, MQTT.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Sequence
from ipaddress import ip_network
from logging.handlers import RotatingFileHandler
from typing import Final, Protocol

from fixoms import __version__
from fixoms.audit.chain import Chain
from fixoms.audit.record import Fact, Kind
from fixoms.audit.trail import Trail
from fixoms.children import Child, own_command
from fixoms.clock import now
from fixoms.config import Config
from fixoms.fix.acceptor import AuditFact
from fixoms.fix.effects import Refused
from fixoms.fix.wire_log import FileWireLog
from fixoms.gateway.auditing import SessionAuditor, desk_fact, desk_refusal, is_kept
from fixoms.gateway.authentication import Finding
from fixoms.gateway.desk_call import DeskCall
from fixoms.gateway.operator_socket import OperatorListener, OperatorSocket
from fixoms.gateway.operator_words import Answer, Caller, only_reads
from fixoms.gateway.recovery import DecisionDiffersError
from fixoms.journal.errors import JournalError
from fixoms.journal.journal import Journal
from fixoms.journal.recovery import OpeningReport
from fixoms.outlets.status import read_status
from fixoms.settings import EMBEDDED, OFF
from fixoms.users import LockOut, UserBook
from fixoms.venue import Venue, tls_context

LOG_BYTES_MAX: Final = 16 << 20
LOG_FILES_MAX: Final = 5
"""Size and number of the venue's own log files; the oldest goes when they are full."""

EXIT_FAILED: Final = 1

_log = logging.getLogger("fixoms")


class Say(Protocol):
    """Tells a person one line."""

    def __call__(self, line: str) -> None:
        """Print `line`."""


def say_on_stderr(line: str) -> None:
    """Print a line for the person who started the venue."""
    print(line, file=sys.stderr, flush=True)


class CannotStartError(Exception):
    """The venue cannot start; the message says what stands in the way and what to do."""


class Server:
    """One running venue with everything around it."""

    def __init__(self, config: Config, say: Say) -> None:
        self._config = config
        self._say = say
        self._stopping = asyncio.Event()
        self._failure: Exception | None = None
        self._children: list[Child] = []
        self._closing = contextlib.AsyncExitStack()
        self.venue: Venue | None = None
        self._trail: Trail | None = None
        self._auditor = SessionAuditor(
            lambda session: None if self.venue is None else self.venue.finding_of(session)
        )
        self.mqtt_url = "" if config.mqtt.broker in (EMBEDDED, OFF) else config.mqtt.broker

    async def start(self) -> int:
        """Start everything and return the FIX port. Raises CannotStartError."""
        config = self._config
        try:
            config.data_dir.mkdir(parents=True, exist_ok=True)
            _log_to_file(config)
            journal = Journal.open(config.journal_dir, config.journal_settings)
        except (OSError, JournalError) as error:
            raise CannotStartError(str(error)) from error
        for line in _report(journal.report):
            self._say(line)
        self._closing.push_async_callback(journal.close)
        journal.on_failure = self._fail
        loop = asyncio.get_running_loop()
        self._trail = Trail(
            Chain(config.audit_dir), lambda line: loop.call_soon_threadsafe(self._say, line)
        )
        self._closing.push_async_callback(asyncio.to_thread, self._trail.close)
        wire_log = FileWireLog(config.wire_log_dir) if config.fix.wire_log else None
        if wire_log is not None:
            self._closing.callback(wire_log.close)
        users = UserBook(config.users_path, LockOut(config.lock_out))
        try:
            venue = Venue(
                config,
                journal,
                now,
                users,
                wire_log=wire_log,
                audit=self._audit,
                note=self._trail.record,
                on_broken=self._fail,
                slowest_reader=lambda: _slowest_reader(config),
                hash_off_loop=True,
            )
        except (DecisionDiffersError, JournalError, OSError) as error:
            await self._closing.aclose()
            raise CannotStartError(str(error)) from error
        try:
            port = await venue.start()
        except JournalError as error:
            await self._closing.aclose()
            raise CannotStartError(str(error)) from error
        except OSError as error:
            await self._closing.aclose()
            address = f"{config.fix.host}:{config.fix.port}"
            raise CannotStartError(f"cannot listen on {address}: {error.strerror}") from error
        self.venue = venue
        self._note(Kind.VENUE_STARTED, f"{config.venue.name} {__version__}, port {port}")
        if sys.platform != "win32":
            desk = OperatorSocket(
                config.operator_socket, config.operator.local_roles, self._operate
            )
            await desk.start()
            self._closing.push_async_callback(desk.stop)
        await self._listen_for_operators(venue)
        await self._start_children()
        if not len(users):
            self._say("no users yet: nobody can log on before `fixoms user add`")
        return port

    async def _listen_for_operators(self, venue: Venue) -> None:
        """Open the desk over TLS where the configuration asks for it. Raises CannotStartError."""
        settings = self._config.operator.listener
        if settings is None:
            return
        try:
            listener = OperatorListener(
                host=settings.host,
                port=settings.port,
                context=tls_context(self._config, settings.tls).context(),
                networks=[ip_network(each) for each in settings.allowed_addresses] or None,
                identify=venue.identify,
                refuse=self._refuse_operator,
                hear=self._operate,
            )
            port = await listener.start()
        except OSError as error:
            await venue.stop()
            await self._closing.aclose()
            text = f"the operator's desk cannot be opened at {settings.host}:{settings.port}"
            raise CannotStartError(f"{text}: {error}") from error
        self._closing.push_async_callback(listener.stop)
        self._say(f"the operator's desk is open at {settings.host}:{port} (TLS)")

    def _refuse_operator(self, user: str, remote: str, finding: Finding | None) -> None:
        """Keep who was not let in at the desk, and why."""
        assert self._trail is not None, "the audit is opened before the desk"
        self._trail.record(desk_refusal(user, remote, finding, now()))

    async def _start_children(self) -> None:
        config = self._config
        command_line = own_command("outlets", "--config", str(config.path))
        if config.mqtt.broker == EMBEDDED:
            port = config.mqtt.embedded_port or _free_port()
            command = [sys.executable, "-m", "fixoms.outlets.broker", "--port", str(port)]
            self._children.append(Child("embedded MQTT broker", command, self._say))
            self.mqtt_url = f"mqtt://127.0.0.1:{port}"
            command_line += ["--mqtt-url", self.mqtt_url]
        self._children.append(Child("outlets", command_line, self._say))
        for child in self._children:
            await child.start()

    def _audit(self, told: AuditFact) -> None:
        """Keep what sessions do and who is refused: in the venue's own log, and in the audit."""
        _log_fact(told)
        fact = self._auditor.fact(told, now())
        if fact is not None and self._trail is not None:
            self._trail.record(fact)

    def _note(self, kind: Kind, text: str) -> None:
        if self._trail is not None:
            self._trail.record(Fact(time=now(), kind=kind, text=text))

    async def _operate(self, words: Sequence[str], caller: Caller) -> Answer:
        """Carry out an operator's words, and keep who said them and what came of it.

        While the audit cannot be written nothing is changed from the desk; reading goes on.
        """
        assert self.venue is not None, "the desk opens after the venue"
        assert self._trail is not None, "the audit is opened before the venue"
        reads = only_reads(words)
        if self._trail.failure and not reads:
            return Answer(ok=False, text=f"the audit cannot be written: {self._trail.failure}")
        answer = await self.venue.operate_durably(words, caller)
        if is_kept(words, answer):
            self._trail.record(desk_fact(words, caller, answer, reads=reads, now=now()))
        return answer

    def _fail(self, failure: Exception) -> None:
        """Stop because the journal cannot be written or an invariant is broken."""
        if self._failure is None:
            self._failure = failure
            self._say(f"the venue stops: {failure}")
            _log.error("the venue stops", exc_info=failure)
        self._stopping.set()

    def stop_soon(self) -> None:
        """Ask the venue to stop in order."""
        self._stopping.set()

    def reload(self) -> None:
        """Read certificates again (SIGHUP)."""
        if self.venue is not None:
            try:
                self.venue.reload_certificates()
            except OSError as error:
                self._say(f"certificates stay as they are: {error}")
            else:
                self._say("certificates are read again")

    async def run(self) -> int:
        """Wait until the venue is asked to stop, stop it, and return the exit code."""
        await self._stopping.wait()
        await self.stop()
        return EXIT_FAILED if self._failure is not None else 0

    async def stop(self) -> None:
        """Log sessions out, flush, snapshot, then let the outlets finish what is readable."""
        if self.venue is not None:
            if self._failure is None:
                await self.venue.stop()
            else:
                await self.venue.abandon(self._failure)
        self._note(Kind.VENUE_STOPPED, "" if self._failure is None else str(self._failure))
        with contextlib.suppress(JournalError):  # It was told when it failed.
            await self._closing.aclose()
        # Outlets end after the journal is complete, the broker after the outlets.
        for child in reversed(self._children):
            await child.stop()
        self._children.clear()


def _slowest_reader(config: Config) -> int:
    """Find the last entry every outlet has written; 0 while none has said so."""
    status = read_status(config.data_dir)
    return 0 if status is None else status.slowest_seq


def _free_port() -> int:
    """Find a port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _report(report: OpeningReport) -> list[str]:
    """Say what a person should know of how the journal was found."""
    lines = []
    if report.cut_bytes:
        lines.append(
            f"journal: the last {report.cut_bytes} bytes were torn and are cut; with durability "
            "always nobody was told of what they held"
        )
    if report.lost_groups:
        lines.append(f"journal: {report.lost_groups} confirmed groups are missing")
    lines += [f"journal: snapshot passed over: {broken}" for broken in report.broken_snapshots]
    return lines


def _log_fact(fact: AuditFact) -> None:
    """Keep refusals and what sessions do in the venue's own log."""
    level = logging.WARNING if isinstance(fact.fact, Refused) else logging.INFO
    what = getattr(fact.fact, "fact", None) or getattr(fact.fact, "reason", None)
    name = what.value if what is not None else ""
    _log.log(level, "%s %s %s %s", fact.session or "-", fact.remote, name, fact.fact.text)


def _log_to_file(config: Config) -> None:
    """Send log lines to files of bounded size and number in the data folder."""
    handler = RotatingFileHandler(
        config.data_dir / "venue.log", maxBytes=LOG_BYTES_MAX, backupCount=LOG_FILES_MAX
    )
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False


async def serve(config: Config, *, say: Say = say_on_stderr) -> int:
    """Run the venue until SIGTERM or Ctrl-C; returns the process's exit code."""
    server = Server(config, say)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, server.stop_soon)
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, server.reload)
    try:
        port = await server.start()
    except CannotStartError as error:
        say(f"fixoms: {error}")
        return EXIT_FAILED
    say(f"{config.venue.name} listens on {config.fix.host}:{port} (FIX 4.4, {config.fix.comp_id})")
    code = await server.run()
    say(f"{config.venue.name} stopped")
    return code


def run(config: Config, *, say: Say = say_on_stderr) -> int:
    """Run `serve` on the fastest event loop the platform has."""
    return _run(serve(config, say=say))


def _run(main: Coroutine[None, None, int]) -> int:
    try:
        import uvloop  # noqa: PLC0415  # absent where it has no wheel
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def run_outlets(config: Config, mqtt_url: str = "", *, say: Say = say_on_stderr) -> int:
    """Feed SQL and MQTT until standard input ends; returns the process's exit code.

    `mqtt_url` is where the embedded broker was started, or empty for the one of the config.
    """
    # The venue's own process imports neither SQL nor MQTT.
    from fixoms.outlets import process  # noqa: PLC0415
    from fixoms.outlets.alerts import AlertSettings  # noqa: PLC0415

    settings = process.OutletsSettings(
        journal_dir=config.journal_dir,
        data_dir=config.data_dir,
        venue=config.venue.name,
        sql_url=config.sql_url,
        mqtt_url=mqtt_url or (None if config.mqtt.broker == OFF else config.mqtt.broker),
        mqtt_user=config.mqtt.user,
        mqtt_password=config.mqtt_password or "",
        topic_prefix=config.mqtt.prefix,
        alerts=AlertSettings(large_fill_value=config.alerts.large_fill_value),
        audit_dir=config.audit_dir,
        market_prices=config.mqtt.market_prices,
    )
    return process.run(
        settings, now=now, say=say, call_desk=lambda: DeskCall.local(config.operator_socket)
    )
