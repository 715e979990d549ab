"""The real venue as the subject of scripts: same code, a journal in memory, a virtual clock.

Owns: how a script gets its venue, and what its `restart`, `operator` and `expect` lines reach.
Must not know: the steps of scripts, how a venue decides.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from fixoms import config as configuration
from fixoms.config import Config
from fixoms.domain.roles import UserRole
from fixoms.domain.units import Nanos
from fixoms.gateway.authentication import Claim, Finding, PasswordChange, Users
from fixoms.journal.memory import MemoryJournal
from fixoms.replay.script import Script
from fixoms.replay.virtual import Revive, VirtualTarget
from fixoms.replay.virtual_loop import Split, VirtualLoop, whole
from fixoms.replay.world import Book, CannotConnect, Identity, OperatorRefused
from fixoms.users import LockOut
from fixoms.venue import Venue

CONFIG_NAME = "venue.yaml"
"""The configuration a script is played with unless it names another."""

PASSWORD = "in-process"  # noqa: S105  opens only venues that live in this process
OPERATOR = "script"
BOOK_LEVELS = 1000


class ScriptUsers:
    """One user for each participant, called like it, all with the same password.

    Stands in for the users file, whose password hashes cost 20 ms a logon; wrong passwords are
    counted by the same lock-out.
    """

    def __init__(self, lock_out: LockOut) -> None:
        self._lock_out = lock_out

        self._changed: dict[str, str] = {}
        self._locked: dict[str, str] = {}

    def judge(self, claim: Claim, now: Nanos) -> Finding:
        """See gateway.authentication.Users."""
        name = claim.user
        objection = self._objection(name, claim.password, now)
        if not objection and name != claim.participant:
            objection = f"acts for {name}"
        return Finding(user=name, objection=objection, roles=(UserRole.TRADER,))

    def change_password(self, name: str, old: str, new: str, now: Nanos) -> PasswordChange:
        """See gateway.authentication.Users."""
        objection = self._objection(name, old, now)
        if objection:
            return PasswordChange(reason=objection)
        self._changed[name] = new
        return PasswordChange(is_right=True, is_changed=True)

    def lock(self, name: str, reason: str) -> str:
        """See gateway.authentication.Users."""
        self._locked[name] = reason
        return f"{name} is locked"

    def unlock(self, name: str) -> str:
        """See gateway.authentication.Users."""
        self._locked.pop(name, None)
        self._lock_out.free(name)
        return f"{name} is not locked"

    def rows(self, now: Nanos) -> list[dict[str, str]]:  # noqa: ARG002  a user file has dates
        """See gateway.authentication.Users; every name is a user, so only exceptions are told."""
        return [{"user": name, "locked": why} for name, why in self._locked.items()]

    def _objection(self, name: str, password: str, now: Nanos) -> str:
        if name in self._locked:
            return f"locked by an operator: {self._locked[name]}"
        if self._lock_out.is_locked(name, now):
            return "user is locked"
        if password != self._changed.get(name, PASSWORD):
            self._lock_out.wrong(name, now)
            return "wrong password"
        self._lock_out.right(name)
        return ""


class VenueSubject:
    """One life of a venue on one loop."""

    def __init__(
        self, config: Config, journal: MemoryJournal, users: Users, loop: VirtualLoop
    ) -> None:
        # The port is never reached from outside this process: any free one does.
        fix = msgspec.structs.replace(config.fix, port=0)
        self._config = msgspec.structs.replace(config, fix=fix)
        self._journal = journal
        self._failures: list[Exception] = []
        self._venue = Venue(self._config, journal, loop.now, users, on_broken=self._failures.append)

    async def start(self) -> int:
        """See Subject.start."""
        return await self._venue.start()

    def crash(self) -> None:
        """See Subject.crash."""
        self._journal.crash()

    async def stop(self) -> None:
        """See Subject.stop. Raises what broke the venue, if something did."""
        if self._failures:
            raise self._failures[0]
        await self._venue.stop()

    def identity(self, terminal: str) -> Identity:
        """See Subject.identity; a stranger presents itself without a user."""
        session = self._config.sessions.get(terminal)
        return Identity(
            sender_comp_id=terminal,
            target_comp_id=self._config.fix.comp_id,
            username=session.participant if session else "",
            password=PASSWORD if session else "",
        )

    async def operate(self, words: Sequence[str]) -> str:
        """See Subject.operate."""
        answer = self._venue.operate(words, OPERATOR)
        if not answer.ok:
            raise OperatorRefused(answer.text)
        return answer.text

    def book(self, symbol: str) -> Book | None:
        """See Subject.book."""
        engine = self._venue.engine
        instrument = engine.find_instrument(symbol, "")
        if instrument is None:
            return None
        bids, asks = engine.depth(instrument.instrument_id, BOOK_LEVELS)
        sides = [
            tuple(
                (instrument.render_qty(each.qty), instrument.render_price(each.price))
                for each in levels
            )
            for levels in (bids, asks)
        ]
        return Book(*sides)

    def phase(self, symbol: str) -> str | None:
        """See Subject.phase."""
        engine = self._venue.engine
        instrument = engine.find_instrument(symbol, "")
        return None if instrument is None else str(engine.phase(instrument.instrument_id))


def in_process(config: Config | None = None, split: Split = whole) -> VirtualTarget:
    """A target that gives each script a venue of its own.

    A script's `config` line wins; without one `config` is used, or the nearest `venue.yaml` in the
    folder of the script or one above it.
    """
    read: dict[Path, Config] = {}

    def found(script: Script) -> Revive:
        chosen = config
        if script.config or chosen is None:
            path = _nearest(Path(script.path), script.config or CONFIG_NAME)
            chosen = read.get(path) or read.setdefault(path, configuration.load(path))
        return _revive(chosen)

    return VirtualTarget(found, split)


def _revive(config: Config) -> Callable[[VirtualLoop], VenueSubject]:
    journal = MemoryJournal()
    users = ScriptUsers(LockOut(config.lock_out))
    return lambda loop: VenueSubject(config, journal, users, loop)


def _nearest(script: Path, name: str) -> Path:
    for folder in script.absolute().parents:
        if (folder / name).is_file():
            return folder / name
    raise CannotConnect(f"no {name} in the folder of the script or above it")
