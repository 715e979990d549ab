"""A QuickFIX initiator with its own FIX44 dictionary, as a broker's terminal would be.

Run as `python quickfix_client.py PORT PASSWORD STORE`: two sessions trade a scene and log out.
Prints one JSON object per message received or refused; exit code 1 when a step is not answered.
"""

import json
import sys
import threading
import time
from pathlib import Path

import quickfix as fix

SETTINGS = """
[DEFAULT]
ConnectionType=initiator
BeginString=FIX.4.4
TargetCompID=FIXOMS
SocketConnectHost=127.0.0.1
SocketConnectPort={port}
HeartBtInt=1
ReconnectInterval=1
StartTime=00:00:00
EndTime=00:00:00
UseDataDictionary=Y
DataDictionary={dictionary}
ValidateFieldsOutOfOrder=Y
FileStorePath={store}

[SESSION]
SenderCompID=ALPHA1

[SESSION]
SenderCompID=BRAVO1
"""
PATIENCE_S = 20.0


def fields(message: fix.Message) -> dict[str, str]:
    """First value of each tag."""
    found: dict[str, str] = {}
    for field in message.toString().split("\x01")[:-1]:
        tag, _, value = field.partition("=")
        found.setdefault(tag, value)
    return found


class Client(fix.Application):  # type: ignore[misc]  # the package has no types
    """Keeps what comes, in order, for each session."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self.password = password
        self.sessions: dict[str, fix.SessionID] = {}
        self.received: dict[str, list[dict[str, str]]] = {"ALPHA1": [], "BRAVO1": []}
        self.news = threading.Condition()

    def onCreate(self, session: fix.SessionID) -> None:  # noqa: N802
        pass

    def onLogon(self, session: fix.SessionID) -> None:  # noqa: N802
        with self.news:
            self.sessions[session.getSenderCompID().getValue()] = session
            self.news.notify_all()

    def onLogout(self, session: fix.SessionID) -> None:  # noqa: N802
        pass

    def toAdmin(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802
        kind = message.getHeader().getField(35)
        if kind == "A":
            user = session.getSenderCompID().getValue().rstrip("1").lower()
            message.setField(553, user)
            message.setField(554, self.password)
        elif kind == "3":
            self._print("refused", session, message)

    def fromAdmin(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802
        if message.getHeader().getField(35) == "3":
            self._print("rejected", session, message)

    def toApp(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802
        if message.getHeader().getField(35) == "j":
            self._print("refused", session, message)

    def fromApp(self, message: fix.Message, session: fix.SessionID) -> None:  # noqa: N802
        self._print("received", session, message)
        with self.news:
            self.received[session.getSenderCompID().getValue()].append(fields(message))
            self.news.notify_all()

    def _print(self, what: str, session: fix.SessionID, message: fix.Message) -> None:
        name = session.getSenderCompID().getValue()
        print(json.dumps([what, name, fields(message)]), flush=True)

    def send(self, name: str, msg_type: str, **values: object) -> None:
        message = fix.Message()
        message.getHeader().setField(35, msg_type)
        for tag, value in values.items():
            message.setField(int(tag[1:]), str(value))
        if msg_type in "DFGq":
            message.setField(60, time.strftime("%Y%m%d-%H:%M:%S", time.gmtime()))
        fix.Session.sendToTarget(message, self.sessions[name])

    def expect(self, name: str, **values: str) -> None:
        """The next message of the session must have these values."""
        with self.news:
            if not self.news.wait_for(lambda: self.received[name], PATIENCE_S):
                sys.exit(f"{name} received nothing, expected {values}")
            message = self.received[name].pop(0)
        for tag, value in values.items():
            if message.get(tag[1:]) != value:
                sys.exit(f"{name} received {message}, expected {values}")


def trade(client: Client) -> None:
    """The scene."""
    order = {"f21": 1, "f55": "ACME", "f40": 2, "f59": 0}
    with client.news:
        if not client.news.wait_for(lambda: len(client.sessions) == 2, PATIENCE_S):
            sys.exit("no logon")
    client.send("ALPHA1", "D", f11="A1", f54=1, f38=100, f44="10.00", **order)
    client.expect("ALPHA1", f11="A1", f150="0", f39="0", f151="100")
    client.send("BRAVO1", "D", f11="B1", f54=2, f38=40, f44="9.99", **order)
    client.expect("BRAVO1", f11="B1", f150="0")
    client.expect("BRAVO1", f11="B1", f150="F", f39="2", f31="10.00", f32="40")
    client.expect("ALPHA1", f11="A1", f150="F", f39="1", f151="60", f14="40")
    client.send("ALPHA1", "G", f41="A1", f11="A2", f54=1, f38=200, f44="10.01", **order)
    client.expect("ALPHA1", f11="A2", f41="A1", f150="5", f39="1", f151="160", f44="10.01")
    client.send("BRAVO1", "D", f11="B2", f54=2, f38=60, f44="10.00", **order)
    client.expect("BRAVO1", f11="B2", f150="0")
    client.expect("BRAVO1", f11="B2", f150="F", f39="2", f31="10.01")
    client.expect("ALPHA1", f11="A2", f150="F", f39="1", f14="100", f6="10.006")
    client.send("ALPHA1", "F", f41="A2", f11="A3", f55="ACME", f54=1, f38=200)
    client.expect("ALPHA1", f11="A3", f41="A2", f150="4", f39="4", f151="0")
    client.send("ALPHA1", "F", f41="A2", f11="A4", f55="ACME", f54=1, f38=200)
    client.expect("ALPHA1", f35="9", f434="1", f102="0")
    client.send("ALPHA1", "D", f11="A5", f54=1, f38=100, f21=1, f55="ACME", f40=1)
    client.expect("ALPHA1", f11="A5", f150="0")
    client.expect("ALPHA1", f11="A5", f150="4", f39="4", f14="0")
    client.send("ALPHA1", "D", f11="A6", f54=1, f38=100, f44="10.005", **order)
    client.expect("ALPHA1", f11="A6", f150="8", f103="99", f44="10.005")
    client.send("ALPHA1", "H", f11="A2", f55="ACME", f54=1)
    client.expect("ALPHA1", f150="I", f39="4")
    client.send("ALPHA1", "q", f11="A7", f530=7)
    client.expect("ALPHA1", f35="r", f531="7", f533="0")
    client.send("ALPHA1", "x", f320="L1", f559=4)
    client.expect("ALPHA1", f35="y", f560="0")
    # A few heartbeats of one second: the session is kept, not only opened.
    time.sleep(3.0)


def main() -> None:
    port, password, store = sys.argv[1:]
    dictionary = Path(sys.prefix) / "share" / "quickfix" / "FIX44.xml"
    path = Path(store) / "settings.cfg"
    path.write_text(SETTINGS.format(port=port, dictionary=dictionary, store=store))
    client = Client(password)
    settings = fix.SessionSettings(str(path))
    initiator = fix.SocketInitiator(client, fix.FileStoreFactory(settings), settings)
    initiator.start()
    try:
        trade(client)
    finally:
        initiator.stop()


if __name__ == "__main__":
    main()
