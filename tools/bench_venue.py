#!/usr/bin/env python3
"""Orders per second through a real `fixoms serve`, and how long an answer takes.

    python3 tools/bench_venue.py [--orders 50000] [--in-flight 256] [--durability always|os]

One session over TCP with the load DESIGN section 7 names: 60 % of the orders rest, 25 % cross,
15 % are cancels. The client prepares every frame before the clock starts and counts reports by
their bytes, so that it costs little beside the venue it shares the machine with. Journal on disk;
SQL and MQTT as the configuration says (SQL on, MQTT off).
"""

import argparse
import random
import select
import socket
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.system.terminal import Terminal, stamp  # noqa: E402
from tests.system.venue_process import PASSWORD, venue, write_config  # noqa: E402


def load(terminal: Terminal, orders: int, chance: random.Random) -> list[bytes]:
    """Frames of the load, numbered and stamped."""
    frames = []
    live: list[tuple[str, int]] = []
    when = stamp()
    for number in range(orders):
        draw = chance.random()
        cl_ord_id = f"O{number}"
        if draw < 0.15 and live:
            orig, side = live.pop(chance.randrange(len(live)))
            frames.append(
                terminal.frame(
                    "F", f41=orig, f11=cl_ord_id, f55="ACME", f54=side, f60=when, f38=100
                )
            )
            continue
        side = chance.choice((1, 2))
        if draw < 0.75:
            away = chance.randint(1, 40)
            price = 1000 - away if side == 1 else 1000 + away
            live.append((cl_ord_id, side))
        else:
            price = 1003 if side == 1 else 997
        frames.append(
            terminal.frame(
                "D",
                f11=cl_ord_id,
                f21=1,
                f55="ACME",
                f54=side,
                f60=when,
                f38=100,
                f40=2,
                f44=f"{price / 100:.2f}",
            )
        )
    return frames


def first_answers(data: bytes) -> int:
    """Messages that are the first answer to a request: New, Canceled, or a cancel reject."""
    return data.count(b"\x01150=0\x01") + data.count(b"\x01150=4\x01") + data.count(b"\x0135=9\x01")


def measure(terminal: Terminal, frames: list[bytes], in_flight: int) -> tuple[float, int]:
    """Seconds to have every request answered, and bytes received."""
    wire = terminal._socket
    wire.setblocking(False)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sent = answered = received = 0
    rest = b""
    pending = b""
    began = time.perf_counter()
    while answered < len(frames):
        room = in_flight - (sent - answered)
        if room > 0 and sent < len(frames) and len(pending) < 1 << 16:
            pending += b"".join(frames[sent : sent + room])
            sent = min(sent + room, len(frames))
        readable, writable, _ = select.select([wire], [wire] if pending else [], [], 10.0)
        if not readable and not writable:
            sys.exit(f"no answer for 10 s after {answered} of {len(frames)}")
        if writable:
            pending = pending[wire.send(pending) :]
        if readable:
            data = rest + wire.recv(1 << 18)
            received += len(data) - len(rest)
            cut = data.rfind(b"\x0110=") + 1
            answered += first_answers(data[:cut])
            rest = data[cut:]
    return time.perf_counter() - began, received


def main() -> None:
    """Run the bench and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=50_000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--durability", default="always", choices=("always", "interval", "os"))
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = write_config(Path(folder))
        text = config.read_text() + f"journal: {{durability: {chosen.durability}}}\n"
        config.write_text(text)
        with venue(config) as process:
            terminal = Terminal(process.port, "ALPHA1")
            terminal.logon("alpha", PASSWORD)
            chance = random.Random(chosen.seed)  # noqa: S311
            frames = load(terminal, chosen.orders, chance)
            seconds, received = measure(terminal, frames, chosen.in_flight)
            print(
                f"{chosen.orders / seconds:,.0f} orders/s, {chosen.in_flight} in flight, "
                f"durability {chosen.durability}, {received / seconds / 1e6:.1f} MB/s of reports"
            )
            terminal.cut()


if __name__ == "__main__":
    main()
