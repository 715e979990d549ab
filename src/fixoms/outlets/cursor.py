"""How far an outlet without a database has got, in a small durable file.

Owns: the file, its atomic replacement, what is kept in it.
Must not know: which outlet's it is.
"""

import os
from pathlib import Path

import msgspec

from fixoms.domain.ids import InstrumentId
from fixoms.domain.units import Nanos
from fixoms.outlets.listings import Listing


class CursorError(Exception):
    """The cursor file cannot be read or written; the text names it and the way out."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Last journal entry that is out, its time, and what was known by then.

    `listings` are the instruments, `retained` the newest retained message of each topic: a broker
    that was started anew has none of them. Both are bounded by the number of instruments.
    """

    seq: int = 0
    time: Nanos = Nanos(0)
    listings: dict[InstrumentId, Listing] = {}
    retained: dict[str, msgspec.Raw] = {}


def load_cursor(path: Path) -> Cursor:
    """Read the cursor; a missing file is the beginning. Raises CursorError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Cursor)
    except FileNotFoundError:
        return Cursor()
    except msgspec.DecodeError as error:
        raise CursorError(
            f"cursor file {path} is damaged ({error}): delete it to publish from entry 1 again"
        ) from None
    except OSError as error:
        raise CursorError(f"cursor file {path} cannot be read: {error.strerror}") from None


def store_cursor(path: Path, cursor: Cursor) -> None:
    """Replace the file so that a crash leaves the old one or the new one. Raises CursorError."""
    new = path.with_suffix(".new")
    try:
        with new.open("wb") as file:
            file.write(msgspec.json.encode(cursor))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise CursorError(f"cursor file {path} cannot be written: {error.strerror}") from None
