"""Every script under sessions/ is a test against the real venue, in-process on a virtual clock.

The scripts of the session layer are played three times: with the bytes of terminals whole, one
byte at a time, and in odd pieces that cut across messages.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixoms.replay.grammar import read_script
from fixoms.replay.in_process import in_process
from fixoms.replay.player import play
from fixoms.replay.script import script_files
from fixoms.replay.virtual_loop import Split, whole
from fixoms.replay.vocabulary import fix44

SESSIONS = Path(__file__).parents[1] / "sessions"


def one_by_one(octets: bytes) -> Iterator[bytes]:
    return (octets[at : at + 1] for at in range(len(octets)))


def odd_pieces(octets: bytes) -> Iterator[bytes]:
    size = 1
    while octets:
        yield octets[:size]
        octets, size = octets[size:], size % 17 + 3


SPLITS: dict[str, Split] = {"whole": whole, "bytes": one_by_one, "pieces": odd_pieces}


def _name(path: Path) -> str:
    return str(path.relative_to(SESSIONS).with_suffix(""))


@pytest.mark.parametrize("path", script_files([SESSIONS]), ids=_name)
def test_script(path: Path) -> None:
    play(read_script(path, fix44()), in_process(), fix44())


@pytest.mark.parametrize("split", ["bytes", "pieces"])
@pytest.mark.parametrize("path", script_files([SESSIONS / "session"]), ids=_name)
def test_script_in_any_cut_of_the_bytes(path: Path, split: str) -> None:
    play(read_script(path, fix44()), in_process(split=SPLITS[split]), fix44())
