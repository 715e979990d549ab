"""Snapshots: the engine's state after an entry, so that a start reads only what came later.

Owns: the snapshot file, its checksum and version; which snapshot is the newest valid one.
Must not know: what the engine's state looks like (it is opaque bytes), when snapshots are made.

A file is MAGIC, its format version and the CRC-32 of the rest, then a MessagePack record.
"""

import os
import struct
import zlib
from pathlib import Path
from typing import Final

import msgspec

from fixoms.domain.units import Nanos
from fixoms.journal.segment import sync_directory
from fixoms.journal.session_log import SessionNumbers

SNAPSHOT_VERSION: Final = 1

_MAGIC: Final = b"FXSNAP"
_HEADER: Final = struct.Struct(">6sHI")


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """State after entry `seq` at `time`, and the numbers of the sessions after group `group`.

    `state_hash` is the engine's own hash of `engine`; empty when it gave none.
    """

    seq: int
    time: Nanos
    group: int
    sessions: dict[str, SessionNumbers]
    engine: bytes
    state_hash: str = ""


class SnapshotBrokenError(Exception):
    """A snapshot file cannot be used; the text says which and why."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)


def snapshot_path(directory: Path, seq: int) -> Path:
    """Where the snapshot after entry `seq` is."""
    return directory / f"snapshot-{seq:020d}.snap"


def snapshot_paths(directory: Path) -> list[Path]:
    """Snapshots of a journal, newest first."""
    return sorted(directory.glob("snapshot-*.snap"), reverse=True)


def save_snapshot(directory: Path, snapshot: Snapshot) -> Path:
    """Write a snapshot; it appears whole or not at all. Blocks until the disk has it."""
    body = _encoder.encode(snapshot)
    path = snapshot_path(directory, snapshot.seq)
    unfinished = path.with_suffix(".tmp")
    with unfinished.open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, SNAPSHOT_VERSION, zlib.crc32(body)))
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_directory(directory)
    return path


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot. Raises SnapshotBrokenError when it is not what was written."""
    try:
        content = path.read_bytes()
        magic, version, crc = _HEADER.unpack(content[: _HEADER.size])
        body = content[_HEADER.size :]
        if magic != _MAGIC:
            raise SnapshotBrokenError(f"{path}: it is not a snapshot")
        if version != SNAPSHOT_VERSION:
            raise SnapshotBrokenError(
                f"{path}: format version {version}, this program reads {SNAPSHOT_VERSION}"
            )
        if zlib.crc32(body) != crc:
            raise SnapshotBrokenError(f"{path}: it fails its checksum")
        return _decoder.decode(body)
    except (OSError, struct.error, msgspec.DecodeError) as error:
        raise SnapshotBrokenError(f"{path}: it cannot be read: {error}") from error


def newest_snapshot(directory: Path) -> tuple[Snapshot | None, list[str]]:
    """Find the newest valid snapshot, and what is wrong with those newer than it."""
    broken: list[str] = []
    for path in snapshot_paths(directory):
        try:
            return load_snapshot(path), broken
        except SnapshotBrokenError as error:
            broken.append(str(error))
    return None, broken
