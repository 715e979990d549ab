"""One FIX message as an ordered list of fields.

Owns: the in-memory form of a message, lossless in both directions.
Must not know: framing, checksums, sessions, which fields a message type allows.

Values stay the bytes that came over the wire. What an application echoes goes back byte for byte
(`002000.00`, `454=0`, data fields with SOH inside), so nothing is converted here on its own.
"""

from collections.abc import Iterable, Iterator


class FieldMissing(LookupError):
    """A field the caller needs is not in the message."""

    def __init__(self, tag: int) -> None:
        super().__init__(f"field {tag} is missing")
        self.tag = tag


class Message:
    """A FIX message: its MsgType(35) and its other fields in wire order.

    `fields` holds every field between MsgType(35) and CheckSum(10), header fields included when the
    message was received. A message made by an application holds body fields only: the session puts
    header and trailer around it.
    """

    __slots__ = ("_first", "fields", "msg_type")

    def __init__(self, msg_type: str, fields: Iterable[tuple[int, bytes]] = ()) -> None:
        self.msg_type = msg_type
        self.fields: list[tuple[int, bytes]] = list(fields)
        self._first: dict[int, bytes] | None = None

    @classmethod
    def of(cls, msg_type: str, fields: list[tuple[int, bytes]]) -> "Message":
        """A message that takes over `fields` without copying them. For the codec's hot path."""
        message = cls(msg_type)
        message.fields = fields
        return message

    def index(self) -> dict[int, bytes]:
        """First value of each tag. Shared, not a copy: read it, never change it."""
        index = self._first
        if index is None:
            # Built from the end, so that the first occurrence of a repeated tag is what stays.
            index = self._first = dict(reversed(self.fields))
        return index

    def get(self, tag: int) -> bytes | None:
        """Value of the first field with this tag, or None."""
        return self.index().get(tag)

    def text(self, tag: int) -> str | None:
        """Value as text (latin-1: every byte has a character), or None when absent."""
        value = self.index().get(tag)
        return None if value is None else value.decode("latin-1")

    def require(self, tag: int) -> bytes:
        """Value of the first field with this tag; raises FieldMissing."""
        value = self.index().get(tag)
        if value is None:
            raise FieldMissing(tag)
        return value

    def __contains__(self, tag: object) -> bool:
        return tag in self.index()

    def add(self, tag: int, value: bytes | str | int) -> "Message":
        """Append a field and return the message, so that a message reads as one expression."""
        if isinstance(value, str):
            value = value.encode("latin-1")
        elif isinstance(value, int):
            value = b"%d" % value
        self.fields.append((tag, value))
        self._first = None
        return self

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return iter(self.fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return self.msg_type == other.msg_type and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        body = "|".join(f"{tag}={value.decode('latin-1')}" for tag, value in self.fields)
        return f"Message({self.msg_type!r}, {body!r})"
