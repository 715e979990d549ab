"""A group: the records that became durable together, and the seal that protects them.

Owns: gathering staged records into groups within bounds; the checksum and the hash chain.
Must not know: SQLite, threads, callbacks.
"""

import hashlib
import struct
import zlib
from typing import NamedTuple

from fixoms.domain.commands import StartDay
from fixoms.domain.units import Nanos
from fixoms.journal.entry import Entry, Inbound, NumbersReset, Record, encode, pack
from fixoms.journal.errors import JournalOrderError
from fixoms.journal.session_log import SessionLog, SessionNumbers, Span
from fixoms.journal.settings import JournalSettings

CHAIN_START = bytes(32)
"""What the first group of a journal names as the hash of the group before it."""

_HEADER = struct.Struct(">QQQqII")


class Row(NamedTuple):
    """A sealed group as it is stored.

    Its entries are `first_seq` to `last_seq`; a group without entries has `last_seq` one below
    `first_seq`. `last_time` is the time of entry `last_seq`. `previous` is the digest of the
    group before, `crc` the CRC-32 of everything else here.
    """

    number: int
    first_seq: int
    last_seq: int
    last_time: Nanos
    previous: bytes
    crc: int
    entries: bytes
    session: bytes

    def _header(self) -> bytes:
        return (
            _HEADER.pack(
                self.number,
                self.first_seq,
                self.last_seq,
                self.last_time,
                len(self.entries),
                len(self.session),
            )
            + self.previous
        )

    def checksum(self) -> int:
        """CRC-32 the row ought to carry."""
        return zlib.crc32(self.session, zlib.crc32(self.entries, zlib.crc32(self._header())))

    def digest(self) -> bytes:
        """SHA-256 of the row, which the next one carries as `previous`."""
        hashed = hashlib.sha256(self._header())
        hashed.update(self.entries)
        hashed.update(self.session)
        return hashed.digest()


class Group(NamedTuple):
    """Records of one group, encoded and not yet sealed.

    `spans`: where its messages are. `begun`: epoch and last number before it of the sessions whose
    numbers begin anew in it.
    """

    number: int
    first_seq: int
    last_seq: int
    last_time: Nanos
    entries: list[bytes]
    session: list[bytes]
    spans: list[Span]
    begun: dict[str, tuple[int, int]]

    def seal(self, previous: bytes) -> Row:
        """Make the row that follows the row with digest `previous`."""
        row = Row(
            self.number,
            self.first_seq,
            self.last_seq,
            self.last_time,
            previous,
            0,
            pack(self.entries),
            pack(self.session),
        )
        return row._replace(crc=row.checksum())


class Batch(NamedTuple):
    """Groups that are written in one transaction. `new_day`: a trading day begins among them."""

    groups: list[Group]
    new_day: bool
    size: int


class Gathering:
    """Records staged and not yet handed to the writer, in groups within the bounds."""

    def __init__(
        self,
        settings: JournalSettings,
        last_group: int,
        last_seq: int,
        last_time: Nanos,
        sessions: dict[str, SessionNumbers],
    ) -> None:
        self.last_seq = last_seq
        self.last_time = last_time
        self.last_group = last_group
        self.sessions = SessionLog(sessions)
        self._records_max = settings.group_records_max
        self._bytes_max = settings.group_bytes_max
        self._closed: list[Group] = []
        self._closed_size = 0
        self._first_seq = last_seq + 1
        self._entries: list[bytes] = []
        self._session: list[bytes] = []
        self._size = 0
        self._lazy: dict[str, Inbound] = {}
        self._new_day = False

    @property
    def size(self) -> int:
        """Bytes gathered, without what is lazy."""
        return self._closed_size + self._size

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is gathered, not even lazily."""
        return not (self._entries or self._session or self._closed or self._lazy)

    def add(self, record: Record) -> None:
        """Encode a record into the open group, in order.

        Raises JournalOrderError for an Entry that does not follow the last, or an Outbound whose
        number was used; nothing is added then.
        """
        chunk = encode(record)
        if isinstance(record, Entry):
            if record.seq != self.last_seq + 1:
                raise JournalOrderError(
                    f"entry {record.seq} was staged, entry {self.last_seq + 1} is the next one"
                )
            self.last_seq = record.seq
            self.last_time = record.time
            self._entries.append(chunk)
            if isinstance(record.command, StartDay):
                self._new_day = True
        else:
            self.sessions.follow(record)
            if self._lazy and isinstance(record, Inbound | NumbersReset):
                self._lazy.pop(record.session, None)
            self._session.append(chunk)
        self._size += len(chunk)
        if (
            self._size >= self._bytes_max
            or len(self._entries) + len(self._session) >= self._records_max
        ):
            self.close_group()

    def add_lazily(self, record: Inbound) -> None:
        """Remember a record for the next group; a later one of its session replaces it."""
        self.sessions.follow(record)
        self._lazy[record.session] = record

    def close_group(self) -> int:
        """End the open group, lazy records included. Returns the number of the last group."""
        for lazy in self._lazy.values():
            self._session.append(encode(lazy))
        self._lazy.clear()
        if self._entries or self._session:
            self.last_group += 1
            self._closed.append(
                Group(
                    self.last_group,
                    self._first_seq,
                    self.last_seq,
                    self.last_time,
                    self._entries,
                    self._session,
                    self.sessions.close_group(self.last_group),
                    self.sessions.take_begun(),
                )
            )
            self._closed_size += self._size
            self._first_seq = self.last_seq + 1
            self._entries = []
            self._session = []
            self._size = 0
        return self.last_group

    def take(self) -> Batch:
        """Close the open group and hand over everything gathered."""
        self.close_group()
        batch = Batch(self._closed, self._new_day, self._closed_size)
        self._closed = []
        self._closed_size = 0
        self._new_day = False
        return batch
