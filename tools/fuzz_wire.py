"""Feeds mutated FIX to framing, parsing and validation, and prints what became of it.

    python tools/fuzz_wire.py --inputs 1000000 --seed 1

Every input is a run of valid messages of all types, mutated, cut into random segments. What must
hold: nothing raises but MalformedField, no more than one frame stays buffered, every frame's
CheckSum(10) is the sum of its bytes, every refusal has a reason and a text without SOH. The first
input that breaks one of these is printed, and the exit code is 1.
"""

import argparse
import random
import sys
import time
import traceback
from collections import Counter

from fixoms.fix.codec import MalformedField, encode, parse
from fixoms.fix.dictionary import Block, Dictionary
from fixoms.fix.framing import Frame, Framer
from fixoms.fix.validation import STRICT, STRICT_WITH_DECLARED, ValidationPolicy, validate

MAX_FRAME_BYTES = 4096

_VALUES = {
    "NumInGroup": b"1",
    "Boolean": b"Y",
    "char": b"A",
    "Country": b"US",
    "Currency": b"USD",
    "MonthYear": b"202601",
    "UTCTimestamp": b"20260105-13:30:00.123",
    "UTCTimeOnly": b"13:30:00",
    "UTCDateOnly": b"20260105",
    "LocalMktDate": b"20260105",
    "data": b"a\x01b=c\x0110=000\x01",
}
_JUNK = [
    b"\x01", b"=", b"8=FIX", b"8=FIX.4.4\x019=", b"\x0110=000\x01", b"\x019=60000\x01", b"\x0135=",
    b"\x0195=20\x0196=", b"453=", b"-1", b"0=", b"\x00", b"\xff", b"99999999999999999999",
]  # fmt: skip


def valid_message(dictionary: Dictionary, msg_type: str, chance: random.Random) -> bytes:
    """A message with all required and some optional fields, groups included."""
    fields: list[tuple[int, bytes]] = []

    def fill(block: Block, likely: float) -> None:
        for tag in block.order:
            definition = dictionary.fields[tag]
            wanted = tag in block.required or chance.random() < likely
            if not wanted or tag in {8, 9, 35, 10, 90, 91} or definition.type == "data":
                continue
            if tag in dictionary.data_fields:
                data = _VALUES["data"] if tag != 212 else b"<a/>"
                fields.append((tag, b"%d" % len(data)))
                fields.append((dictionary.data_fields[tag], data))
                continue
            values = [] if tag in block.groups else list(definition.values)
            value = chance.choice(values) if values else _VALUES.get(definition.type, b"1")
            fields.append((tag, value))
            if tag in block.groups:
                inner = block.groups[tag].block
                start = len(fields)
                fill(inner, likely / 2)
                if len(fields) == start or fields[start][0] != inner.order[0]:
                    del fields[start:]
                    fields[-1] = (tag, b"0")

    fill(dictionary.header, 0.2)
    fill(dictionary.messages[msg_type].block, 0.05)
    return encode(msg_type, [], fields)


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """A few random edits; half of the time BodyLength(9) and CheckSum(10) are made right again."""
    text = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text))
        match chance.randrange(6):
            case 0:
                text[at] = chance.randrange(256)
            case 1:
                del text[at : at + chance.randint(1, 20)]
            case 2:
                text[at:at] = chance.choice(_JUNK)
            case 3:
                end = at + chance.randint(1, 60)
                text[at:at] = text[at:end]
            case 4:
                del text[at:]
            case _:
                other = chance.randrange(len(text))
                text[at], text[other] = text[other], text[at]
        if not text:
            return b"8"
    start, end = text.find(b"\x0135="), text.rfind(b"\x0110=")
    if chance.random() < 0.5 and 0 <= start < end:
        body = bytes(text[start + 1 : end + 1])
        message = b"8=FIX.4.4\x019=%d\x01%b" % (len(body), body)
        return b"%b10=%03d\x01" % (message, sum(message) % 256)
    return bytes(text)


def feed(
    framer: Framer,
    stream: bytes,
    dictionary: Dictionary,
    policy: ValidationPolicy,
    chance: random.Random,
    seen: Counter[str],
) -> None:
    """One input through the whole wire layer; raises AssertionError when an invariant breaks."""
    at = 0
    while at < len(stream):
        size = chance.choice((len(stream), chance.randint(1, 64)))
        framer.feed(stream[at : at + size])
        at += size
        for found in framer:
            if not isinstance(found, Frame):
                seen[f"garbled: {found.reason.name}"] += 1
                continue
            if sum(found.raw[:-7]) % 256 != int(found.raw[-4:-1]):
                raise AssertionError("a frame with a wrong CheckSum(10)")
            try:
                reject = validate(parse(found.raw), dictionary, policy)
            except MalformedField as error:
                reject = error.reject
            if reject is None:
                seen["valid"] += 1
                continue
            if "\x01" in reject.text:
                raise AssertionError("a Text(58) with SOH")
            seen[f"refused: {reject.reason.name}"] += 1
        if framer.buffered_bytes > MAX_FRAME_BYTES:
            raise AssertionError(f"{framer.buffered_bytes} bytes stay buffered")


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--inputs", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 - a repeatable stream, not a secret
    dictionary = Dictionary.fix44()
    seeds = [
        valid_message(dictionary, msg_type, chance)
        for msg_type in dictionary.messages
        for _ in range(5)
    ]
    seen: Counter[str] = Counter()
    framer = Framer(MAX_FRAME_BYTES)
    fed_bytes = largest_buffer = 0
    started = time.perf_counter()
    for number in range(options.inputs):
        stream = b"".join(
            mutated(seed, chance) if chance.random() < 0.8 else seed
            for seed in chance.choices(seeds, k=chance.choice((1, 1, 1, 2, 3)))
        )
        policy = chance.choice((STRICT, STRICT_WITH_DECLARED))
        fed_bytes += len(stream)
        try:
            feed(framer, stream, dictionary, policy, chance, seen)
        except Exception:
            traceback.print_exc()
            print(f"seed {options.seed}, input {number}: {stream!r}", file=sys.stderr)
            return 1
        largest_buffer = max(largest_buffer, framer.buffered_bytes)
    seconds = time.perf_counter() - started
    print(f"{options.inputs} inputs, {fed_bytes} bytes, seed {options.seed}, {seconds:.0f} s")
    print(f"largest buffer between inputs: {largest_buffer} of {MAX_FRAME_BYTES} bytes")
    for name, count in sorted(seen.items(), key=lambda item: -item[1]):
        print(f"{count:>9}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
