"""Any bytes through framing, parsing and validation: an answer, never an exception, no growth."""

import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fixoms.fix.codec import MalformedField, parse
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.framing import Frame, Framer
from fixoms.fix.rejects import Reject
from fixoms.fix.validation import STRICT, validate
from tests.fix.wire_text import HEADER, ORDER, frame

FIX44 = Dictionary.fix44()
MAX_FRAME_BYTES = 2048
TOOL = Path(__file__).parents[2] / "tools" / "fuzz_wire.py"

bodies = st.lists(
    st.tuples(st.sampled_from(sorted(FIX44.fields)) | st.integers(-1, 10**6), st.binary(max_size=8))
).map(lambda fields: b"".join(b"%d=%b\x01" % field for field in fields))
messages = st.builds(
    lambda msg_type, body: frame(f"35={msg_type}|{HEADER}|{body.decode('latin-1')}"),
    st.sampled_from(sorted(FIX44.messages)),
    bodies,
)
streams = st.lists(
    messages | st.binary(max_size=60) | st.sampled_from([frame(ORDER), frame(ORDER)[:50]]),
    max_size=8,
).map(b"".join)


def refusal(raw: bytes) -> Reject | None:
    try:
        return validate(parse(raw), FIX44, STRICT)
    except MalformedField as error:
        return error.reject


@settings(max_examples=400, deadline=None)
@given(streams, st.integers(1, 200))
def test_any_stream_is_answered(stream: bytes, segment: int) -> None:
    framer = Framer(MAX_FRAME_BYTES)
    for at in range(0, len(stream), segment):
        framer.feed(stream[at : at + segment])
        for found in framer:
            if isinstance(found, Frame):
                assert sum(found.raw[:-7]) % 256 == int(found.raw[-4:-1])
                reject = refusal(found.raw)
                assert reject is None or reject.text.isprintable()
        assert framer.buffered_bytes <= MAX_FRAME_BYTES


def test_the_fuzzer_runs() -> None:
    """The long run is made by hand: `python tools/fuzz_wire.py --inputs 1000000`."""
    run = subprocess.run(
        [sys.executable, str(TOOL), "--inputs", "2000", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("2000 inputs")
    assert "valid" in run.stdout
