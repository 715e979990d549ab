"""The paper for brokers names only what the venue's dictionary knows, by its right number."""

import re
from pathlib import Path

import pytest

import fixoms.gateway
from fixoms.gateway.venue_dictionary import venue_dictionary

PAPER = Path(fixoms.gateway.__file__).with_name("RULES_OF_ENGAGEMENT.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"\b([A-Z][A-Za-z]+)\(([0-9]+|[A-Za-z]{1,2})\)", PAPER)))


@pytest.mark.parametrize(("name", "number"), NAMED)
def test_a_name_stands_with_its_own_number(name: str, number: str) -> None:
    dictionary = venue_dictionary()
    message = dictionary.messages_by_name.get(name)
    if message is not None:
        assert message.msg_type == number
    else:
        assert dictionary.by_name[name].tag == int(number)


def test_the_paper_names_fields_at_all() -> None:
    assert len(NAMED) > 50
