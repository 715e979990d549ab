"""The records of the journal and their bytes.

Owns: what a record is, and how records are packed into the blobs of a group.
Must not know: files, SQLite, when a group is written.

A blob is one MessagePack array of records, so any MessagePack tool can read it. Records are
arrays with their type name first. The format grows by fields with a default at the end of a type,
which older blobs leave out; anything else needs a new FORMAT_VERSION (segment.py).
"""

from typing import TypeAlias

import msgspec

from fixoms.domain.commands import Command
from fixoms.domain.events import Event
from fixoms.domain.units import Nanos


class Entry(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One command of the engine and what was decided. `seq` counts from 1 without a gap."""

    seq: int
    time: Nanos
    command: Command
    events: tuple[Event, ...]


class Outbound(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A numbered FIX message of ours, as it was sent. `admin`: never sent again, gap-filled."""

    session: str
    msg_seq_num: int
    admin: bool
    frame: bytes


class Inbound(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The next MsgSeqNum(34) expected from the peer of a session."""

    session: str
    next_in: int


class NumbersReset(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A session's numbers begin anew; messages of the epoch before are never sent again."""

    session: str
    next_out: int
    next_in: int
    time: Nanos


SessionRecord: TypeAlias = Outbound | Inbound | NumbersReset
Record: TypeAlias = Entry | SessionRecord

_encoder = msgspec.msgpack.Encoder()
_entries = msgspec.msgpack.Decoder(list[Entry])
_session_records = msgspec.msgpack.Decoder(list[SessionRecord])
_ARRAY_32 = 0xDD

encode = _encoder.encode


def pack(chunks: list[bytes]) -> bytes:
    """Put encoded records into one blob; no records make an empty blob."""
    if not chunks:
        return b""
    return b"".join([_ARRAY_32.to_bytes(1, "big"), len(chunks).to_bytes(4, "big"), *chunks])


def unpack_entries(blob: bytes) -> list[Entry]:
    """Decode the entries of a group. Raises msgspec.DecodeError on bytes pack() never made."""
    return _entries.decode(blob) if blob else []


def unpack_session_records(blob: bytes) -> list[SessionRecord]:
    """Decode the session records of a group. Raises msgspec.DecodeError like unpack_entries."""
    return _session_records.decode(blob) if blob else []
