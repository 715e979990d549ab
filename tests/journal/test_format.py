"""What is on disk, and how it may grow: an older journal is read, a newer one is named."""

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from fixoms.domain.units import Nanos
from fixoms.journal.entry import (
    Inbound,
    NumbersReset,
    encode,
    pack,
    unpack_entries,
    unpack_session_records,
)
from fixoms.journal.errors import JournalCorruptError
from fixoms.journal.journal import Journal
from fixoms.journal.snapshot import Snapshot, SnapshotBrokenError, load_snapshot, save_snapshot
from tests.journal.records import entry, report


def test_a_blob_is_one_messagepack_array() -> None:
    blob = pack([encode(entry(1)), encode(entry(2))])
    assert unpack_entries(blob) == [entry(1), entry(2)]
    plain = msgspec.msgpack.decode(blob)
    assert [each[:2] for each in plain] == [["Entry", 1], ["Entry", 2]]
    assert unpack_entries(pack([])) == []
    assert unpack_session_records(b"") == []
    records = [report("ALICE", 1), Inbound("ALICE", 2), NumbersReset("ALICE", 1, 1, Nanos(3))]
    assert unpack_session_records(pack([encode(record) for record in records])) == records


def test_fields_added_later_take_their_default_in_an_older_blob() -> None:
    """The rule by which records grow without a new format version."""
    plain = msgspec.msgpack.decode(encode(entry(1)))
    command = plain[3]
    assert command[0] == "EnterOrder"
    terms = command[5]
    assert len(terms) > 4
    # As a program wrote it that knew only the first fields of OrderTerms and no later ones.
    command[5] = terms[:5]
    plain[3] = command[:6]
    (read,) = unpack_entries(pack([msgspec.msgpack.encode(plain)]))
    assert read == entry(1)


def test_a_record_nobody_knows_is_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack_entries(pack([msgspec.msgpack.encode(["Surprise", 1])]))
    with pytest.raises(msgspec.DecodeError):
        unpack_session_records(pack([msgspec.msgpack.encode(["Outbound", "ALICE"])]))


async def test_another_format_version_is_named_and_not_touched(tmp_path: Path) -> None:
    await (Journal.open(tmp_path)).close()
    path = tmp_path / "segment-00000001.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'format_version'")
        connection.commit()
    with pytest.raises(JournalCorruptError, match="format version 2, this program reads 1"):
        Journal.open(tmp_path)


def test_another_snapshot_version_is_named(tmp_path: Path) -> None:
    path = save_snapshot(tmp_path, Snapshot(1, Nanos(1), 1, {}, b"state"))
    assert load_snapshot(path).engine == b"state"
    content = path.read_bytes()
    path.write_bytes(content[:6] + struct.pack(">H", 2) + content[8:])
    with pytest.raises(SnapshotBrokenError, match="format version 2, this program reads 1"):
        load_snapshot(path)
