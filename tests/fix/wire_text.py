"""Messages for the wire tests, written with `|` for SOH, and framed."""

from fixoms.fix.codec import encode, parse
from fixoms.fix.message import Message

HEADER = "49=ALICE|56=VENUE|34=2|52=20260105-13:30:00.123"
ORDER = f"35=D|{HEADER}|11=A1|55=ACME|54=1|60=20260105-13:30:00|38=100|40=2|44=10.05|59=0"


def body_bytes(text: str) -> bytes:
    """`35=0|49=A` as bytes, each field ended."""
    return text.encode("latin-1").replace(b"|", b"\x01") + b"\x01"


def frame(
    text: str, *, begin: str = "FIX.4.4", length: str | None = None, checksum: str = ""
) -> bytes:
    """The frame around a body; a wrong BodyLength or CheckSum on request."""
    body = body_bytes(text)
    head = f"8={begin}\x019={len(body) if length is None else length}\x01".encode()
    total = sum(head + body) % 256
    return head + body + f"10={checksum or f'{total:03d}'}\x01".encode()


def message(text: str) -> Message:
    """The message of a body."""
    return parse(frame(text))


def encoded(text: str) -> bytes:
    """The same frame through the encoder of ours."""
    found = message(text)
    return encode(found.msg_type, [], found.fields)
