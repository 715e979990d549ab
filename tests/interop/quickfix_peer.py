"""QuickFIX in a process of its own: commands on stdin, events on stdout, one JSON object a line.

Its callbacks come on its own threads and its calls do not let other threads run, so it cannot share
a process with an event loop.

    python quickfix_peer.py initiator|acceptor settings.cfg

Commands: {"send": {"35": "D", ...}} and {"stop": true}. Events: {"event": "logon"|"logout"} and
{"event": "message", "fields": {...}}.
"""

import json
import sys
from typing import Any

import quickfix

HEADER = {8, 9, 10, 34, 35, 43, 49, 52, 56, 122}


def tell(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


def fields_of(message: Any) -> dict[int, str]:
    pairs = (field.split("=", 1) for field in message.toString().split("\x01")[:-1])
    return {int(tag): value for tag, value in pairs}


def message_of(fields: dict[int, str]) -> Any:
    message = quickfix.Message()
    message.getHeader().setField(quickfix.MsgType(fields[35]))
    for tag, value in fields.items():
        if tag not in HEADER:
            message.setField(tag, value)
    return message


class Application(quickfix.Application):  # type: ignore[misc]  # untyped package
    def __init__(self, *, echoes: bool) -> None:
        super().__init__()
        self.session: Any = None
        self._echoes = echoes

    def onCreate(self, session: Any) -> None:  # noqa: N802
        # The object QuickFIX hands over does not outlive the call.
        parts = (session.getBeginString(), session.getSenderCompID(), session.getTargetCompID())
        self.session = quickfix.SessionID(*(part.getValue() for part in parts))

    def onLogon(self, session: Any) -> None:  # noqa: N802
        tell("logon")

    def onLogout(self, session: Any) -> None:  # noqa: N802
        tell("logout")

    def toAdmin(self, message: Any, session: Any) -> None:  # noqa: N802
        pass

    def fromAdmin(self, message: Any, session: Any) -> None:  # noqa: N802
        pass

    def toApp(self, message: Any, session: Any) -> None:  # noqa: N802
        pass

    def fromApp(self, message: Any, session: Any) -> None:  # noqa: N802
        fields = fields_of(message)
        tell("message", fields=fields)
        if self._echoes:
            quickfix.Session.sendToTarget(message_of(fields), session)


def main(role: str, path: str) -> None:
    settings = quickfix.SessionSettings(path)
    application = Application(echoes=role == "acceptor")
    kind = quickfix.SocketInitiator if role == "initiator" else quickfix.SocketAcceptor
    engine = kind(application, quickfix.FileStoreFactory(settings), settings)
    engine.start()
    tell("started")
    for line in sys.stdin:
        command = json.loads(line)
        if "stop" in command:
            break
        fields = {int(tag): value for tag, value in command["send"].items()}
        quickfix.Session.sendToTarget(message_of(fields), application.session)
    engine.stop()
    tell("stopped")


if __name__ == "__main__":
    main(*sys.argv[1:])
