"""The public surface of the FIX library: what somebody else's program may build on.

A name that goes, or changes its meaning, is a breaking change and belongs in the changelog.
"""

import ast
from pathlib import Path

from fixoms import fix

PUBLIC = """
STRICT STRICT_WITH_DECLARED Acceptor Application AuditFact BusinessReject BusinessRejectReason
Certificate Dial Dictionary DisconnectReason FieldMissing FileWireLog Inbound IncorrectTagValue
Initiator Listener MemoryStore Message Outbound Peer QuietApplication RejectLogon Reset Role
Schedule Session SessionConfig SessionId SessionRejectReason SessionState SessionStatus SqliteStore
Store TlsFiles UnsupportedMessageType UserDefined ValidationPolicy WireLog body_fields
load_quickfix_xml reverse_route tags
"""


def test_the_public_names_are_these() -> None:
    assert sorted(fix.__all__) == sorted(PUBLIC.split())
    for name in fix.__all__:
        assert getattr(fix, name) is not None


def test_every_public_class_and_function_says_what_it_is() -> None:
    for name in fix.__all__:
        thing = getattr(fix, name)
        if callable(thing):
            assert thing.__doc__, name


def test_the_example_uses_the_public_names_only() -> None:
    example = Path(__file__).parents[1] / "tools" / "echo_acceptor.py"
    for node in ast.walk(ast.parse(example.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("fixoms.fix"):
            assert node.module == "fixoms.fix"
            for alias in node.names:
                assert alias.name in fix.__all__, alias.name
