"""QuickFIX itself reads the dictionary we export, and agrees on messages of every type."""

import random
import sys
from pathlib import Path

import pytest

from fixoms.fix.codec import parse
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.validation import STRICT, validate
from tests.fix.wire_text import ORDER, frame

TOOLS = Path(__file__).parents[2] / "tools"

pytestmark = pytest.mark.interop


def test_quickfix_validates_by_our_dictionary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quickfix = pytest.importorskip("quickfix")
    monkeypatch.setattr(sys, "path", [str(TOOLS), *sys.path])
    from fuzz_wire import valid_message  # noqa: PLC0415 - a script of ours, not a module

    fix44 = Dictionary.fix44()
    path = tmp_path / "FIX44.xml"
    path.write_text(fix44.to_quickfix_xml())
    theirs = quickfix.DataDictionary(str(path))
    chance = random.Random(7)
    for msg_type in fix44.messages:
        for _ in range(10):
            raw = valid_message(fix44, msg_type, chance)
            if b"10=000" in raw:
                continue  # QuickFIX splits a data field at its first SOH inside of a group
            assert validate(parse(raw), fix44, STRICT) is None, raw
            theirs.validate(quickfix.Message(raw.decode("latin-1"), theirs, True))
    refused = frame(ORDER.replace("54=1", "54=Z")).decode("latin-1")
    with pytest.raises(quickfix.IncorrectTagValue):
        theirs.validate(quickfix.Message(refused, theirs, True))
