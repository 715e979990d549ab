"""XmlData(213): well-formed or not, and nothing a document can make a parser do."""

import pytest

from fixoms.fix.xml_data import is_well_formed_xml


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<a/>", True),
        (b"<?xml version='1.0' encoding='UTF-8'?><a b='c'>d</a>", True),
        (b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", True),
        (b"<a>", False),
        (b"<a/><b/>", False),
        (b"text", False),
        (b"<a>\x01</a>", False),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", False),
        (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", False),
        (b"\xff\xfe\x00", False),
    ],
)
def test_well_formed(value: bytes, expected: bool) -> None:
    assert is_well_formed_xml(value) is expected
