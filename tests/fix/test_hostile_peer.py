"""A live session and a peer that says anything: no exception, bounded memory, sane numbers."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fixoms.fix.codec import UnsendableField, encode
from fixoms.fix.message import Message
from fixoms.fix.states import Phase
from tests.fix.counterparty import ORDER, Counterparty

TEMPLATES = [
    "35=A|34=1|98=0|108=30",
    "35=A|34=1|98=0|108=30|141=Y",
    "35=0|34=2",
    "35=1|34=2|112=X",
    "35=2|34=2|7=1|16=0",
    "35=3|34=2|45=1",
    "35=4|34=2|36=9|123=Y",
    "35=4|34=2|36=9",
    "35=5|34=2",
    f"35=D|34=2|{ORDER}",
    f"35=D|34=2|43=Y|122=20260105-13:29:59|{ORDER}",
    "35=ZZ|34=2|58=x",
]
VALUES = st.one_of(
    st.integers(-2, 12).map(str),
    st.sampled_from(["", "Y", "N", "99999999999999999999", "20260105-13:30:00", "0" * 30, "\xff"]),
    st.text(st.characters(min_codepoint=2, max_codepoint=255), max_size=12),
)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from([7, 16, 34, 35, 36, 43, 45, 49, 52, 56, 95, 96, 97, 98, 108, 112, 115]),
        st.sampled_from(["set", "drop", "twice"]),
        VALUES,
    ),
    max_size=3,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(TEMPLATES), st.integers(1, 9), CHANGES),
        st.binary(max_size=40),
        st.integers(1, 40),
    ),
    max_size=30,
)


def mutated(
    peer: Counterparty, text: str, number: int, changes: list[tuple[int, str, str]]
) -> bytes:
    fields = [field.split("=", 1) for field in text.split("|")]
    for field in fields:
        if field[0] == "34" and "35=A" not in text:
            field[1] = str(number)
    for tag, how, value in changes:
        same = [field for field in fields if field[0] == str(tag)]
        if how == "drop" and tag != 35:
            fields = [field for field in fields if field not in same]
        elif how == "twice":
            fields.append([str(tag), value])
        elif same:
            same[0][1] = value
    try:
        return peer.frame("|".join("=".join(field) for field in fields).replace("\x01", "."))
    except (UnsendableField, ValueError):
        return encode("0", [], [(34, b"x")])


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_anything_is_survived(
    steps: list[tuple[str, int, list[tuple[int, str, str]]] | bytes | int],
) -> None:
    peer = Counterparty(held_messages_max=5, repeated_resend_requests_max=3)
    peer.log_on()
    for step in steps:
        if isinstance(step, bytes):
            peer.say_raw(step)
        elif isinstance(step, int):
            peer.wait(step)
        else:
            peer.say_raw(mutated(peer, *step))
        if peer.ended is not None:
            assert peer.session.phase is Phase.ENDED
            peer.lose()
            peer.log_on(msg_seq_num=peer.state.next_in)
        assert peer.state.next_in >= 1
        assert peer.state.next_out >= 1
        assert peer.session._life.gap.held_count <= 5
        assert peer.session._framer.buffered_bytes < 1 << 17
    # Whatever was said, a peer that starts anew is served.
    peer.lose()
    assert peer.log_on("141=Y") == ["35=A|34=1|98=0|108=30|141=Y"]
    assert peer.say("35=1|34=2|112=ALIVE") == ["35=0|34=2|112=ALIVE"]
    peer.session.send(Message("8").add(37, "X"), peer.now)
