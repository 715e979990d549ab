"""What happens in a story: orders of every kind, operators, and everything that can go wrong.

Owns: the choice of steps, from one seeded generator.
Must not know: how a step is carried out, what is right; the auditor judges without it.

The world is small (five sessions, seven prices a symbol), so that orders meet and faults collide.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

from fixoms.simulation.client import Fields
from fixoms.simulation.disk import Blow
from fixoms.simulation.story import (
    ClockJump,
    Cut,
    Kill,
    Leave,
    Operate,
    Outlet,
    Restart,
    Send,
    Snapshot,
    Stall,
    Step,
    Story,
    Strike,
    Wait,
)

CLIENTS: Final = {
    "ALICE": "ALICE",
    "ALICE2": "ALICE",
    "BOB": "BOB",
    "CAROL": "CAROL",
    "DAVE": "DAVE",
}
"""Session → participant, as in venue.yaml."""

STEPS_MIN, STEPS_MAX = 20, 220

START_S: Final = 1_767_619_800
"""2026-01-05 13:30:00 UTC, a Monday."""

NEAR_MIDNIGHT_S: Final = 1_767_657_597
"""Three seconds before the trading day changes by itself."""

TRANSACT_TIME: Final = "20260105-13:30:00.000"


class Market(NamedTuple):
    """Where orders for a symbol are priced: around `middle`, by `step`, so many at a time."""

    middle: int
    step: int
    decimals: int
    lot: int
    lot_decimals: int


MARKETS: Final = {
    "ACME": Market(1000, 1, 2, 10, 0),
    "LOTS": Market(500, 5, 2, 100, 0),
    "BANDED": Market(10000, 10, 2, 10, 0),
    "WILD": Market(10000, 200, 2, 10, 0),
    "FINE": Market(100000, 1, 4, 5, 1),
}
SYMBOLS: Final = ("ACME",) * 6 + tuple(MARKETS)
PHASES: Final = (
    "continuous", "continuous", "continuous", "opening-auction", "closing-auction",
    "volatility-auction", "halt", "closed", "post-close",
)  # fmt: skip


class Placed(NamedTuple):
    """An order somebody sent, under its newest ClOrdID(11) as far as the sender can know."""

    client: str
    cl_ord_id: str
    symbol: str
    side: str


def story_of(seed: int) -> Story:
    """The story of a seed: the same on every machine."""
    return _Author(seed).write()


def requests_of(seed: int, count: int) -> list[Send]:
    """Only what clients say, for a venue whose troubles are real."""
    return _Author(seed).requests(count)


class _Author:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random = Random(f"story {seed}")  # noqa: S311  a story, not a secret
        self._numbers = dict.fromkeys(CLIENTS, 0)
        self._placed: list[Placed] = []
        self._lists: list[tuple[str, str]] = []
        self._trades = 0
        self._day = 5
        self._is_calm = self._random.random() < 0.15
        self._ends_dark = ""

    def write(self) -> Story:
        random = self._random
        durability = random.choice(("always", "always", "always", "interval", "os"))
        if random.random() < 0.15:
            self._ends_dark = random.choice(("honest", "lied"))
        start_s = random.choice((START_S,) * 4 + (NEAR_MIDNIGHT_S,))
        length = random.randint(STEPS_MIN, STEPS_MAX)
        steps: list[Step] = []
        while len(steps) < length:
            steps.extend(self._next())
        return Story(
            self._seed,
            start_s,
            durability,
            random.random() < 0.3,
            tuple(steps),
            self._ends_dark,
        )

    def requests(self, count: int) -> list[Send]:
        """So many requests, of every kind."""
        return [self._request() for _ in range(count)]

    def _next(self) -> Iterator[Step]:
        random = self._random
        draw = random.random()
        if draw < 0.62:
            # Orders often come together, so that groups hold several and batches form.
            for _ in range(random.choice((1, 1, 2, 3, 8))):
                yield self._request()
        elif draw < 0.82:
            yield Wait(random.choice((0, 1, 2, 5, 5, 10, 20, 50, 300, 1000, 4000)))
        elif draw < 0.90:
            yield self._operator()
        elif not self._is_calm:
            yield from self._trouble()

    # What clients say.

    def _request(self) -> Send:
        random = self._random
        client = random.choice(tuple(CLIENTS))
        draw = random.random()
        if draw < 0.60 or not self._placed:
            return self._order(client)
        if draw < 0.74:
            return self._replace(client)
        if draw < 0.86:
            return self._cancel(client)
        if draw < 0.91:
            return self._list(client)
        return self._question(client)

    def _cl_ord_id(self, client: str) -> str:
        self._numbers[client] += 1
        return f"{client}-{self._numbers[client]}"

    def _order(self, client: str) -> Send:
        random = self._random
        again = [
            each for each in self._placed[-20:] if each.client == client and random.random() < 0.1
        ]
        cl_ord_id = again[0].cl_ord_id if again else self._cl_ord_id(client)
        symbol = random.choice(SYMBOLS) if random.random() > 0.01 else "NOWHERE"
        side = random.choice("12")
        fields: Fields = ((11, cl_ord_id), (21, "1"), (55, symbol), *self._terms(symbol, side))
        if not again:
            self._placed.append(Placed(client, cl_ord_id, symbol, side))
        return Send(client, "D", fields)

    def _terms(self, symbol: str, side: str) -> Fields:
        random = self._random
        fields: list[tuple[int, str]] = [(54, side), (60, TRANSACT_TIME)]
        if random.random() < 0.2:
            fields.insert(0, (1, random.choice(("K1", "K2"))))
        fields.append((38, self._qty(symbol)))
        draw = random.random()
        tif = random.choice("000000011334667" + "25")
        inst = ""
        if draw < 0.62:
            fields += [(40, "2"), (44, self._price(symbol))]
            inst = random.choice(("", "", "", "", "", "G", "6"))
        elif draw < 0.72:
            fields.append((40, "1"))
        elif draw < 0.78:
            fields += [(40, "3"), (99, self._price(symbol))]
        elif draw < 0.83:
            fields += [(40, "4"), (44, self._price(symbol)), (99, self._price(symbol))]
        elif draw < 0.86:
            fields += [(40, "J"), (99, self._price(symbol))]
        elif draw < 0.90:
            fields.append((40, "K"))
        else:
            inst = random.choice("aRPM")
            offset = random.choice(("0.01", "0.02"))
            fields += [(40, "P"), (211, offset if side == "1" else f"-{offset}")]
        if inst:
            fields.append((18, inst))
        if tif != "0":
            fields.append((59, tif))
        if tif == "6":
            fields.append(
                random.choice(
                    ((432, "20260106"), (126, "20260105-13:30:20.000"), (432, "20260105"))
                )
            )
        if random.random() < 0.1:
            fields.append((111, self._qty(symbol)))
        if random.random() < 0.06:
            fields.append((110, self._qty(symbol)))
        if random.random() < 0.1:
            fields.append((7928, random.choice("N1234")))
        return tuple(sorted(fields, key=lambda pair: pair[0] == 7928))

    def _qty(self, symbol: str) -> str:
        market = MARKETS.get(symbol, MARKETS["ACME"])
        random = self._random
        qty = market.lot * random.randint(1, 9)
        if random.random() < 0.02:
            qty = random.choice((0, 7, 10**9))
        return _decimal(qty, market.lot_decimals)

    def _price(self, symbol: str) -> str:
        market = MARKETS.get(symbol, MARKETS["ACME"])
        price = market.middle + market.step * self._random.randint(-3, 3)
        if self._random.random() < 0.02:
            price = self._random.choice((0, market.middle * 2, market.middle + 1))
        return _decimal(price, market.decimals)

    def _target(self, client: str) -> Placed:
        """Mostly an order of the same participant, sometimes somebody else's."""
        random = self._random
        recent = self._placed[-30:]
        own = [each for each in recent if CLIENTS[each.client] == CLIENTS[client]]
        return random.choice(own if own and random.random() < 0.95 else recent)

    def _replace(self, client: str) -> Send:
        target = self._target(client)
        cl_ord_id = self._cl_ord_id(client)
        terms = self._terms(target.symbol, target.side)
        fields: Fields = (
            (41, target.cl_ord_id),
            (11, cl_ord_id),
            (21, "1"),
            (55, target.symbol),
            *terms,
        )
        if self._random.random() < 0.8:
            # The client believes in its success; when it fails, later requests name unknown ids.
            self._placed.append(target._replace(client=client, cl_ord_id=cl_ord_id))
        return Send(client, "G", fields)

    def _cancel(self, client: str) -> Send:
        random = self._random
        target = self._target(client)
        cl_ord_id = self._cl_ord_id(client)
        if random.random() < 0.08:
            request_type = random.choice("1677")
            fields: Fields = ((11, cl_ord_id), (530, request_type))
            if request_type == "6":
                fields += ((336, "MAIN"),)
            if request_type == "1":
                fields += ((55, target.symbol),)
            return Send(client, "q", (*fields, (60, TRANSACT_TIME)))
        return Send(
            client,
            "F",
            (
                (41, target.cl_ord_id),
                (11, cl_ord_id),
                (55, target.symbol),
                (54, target.side),
                (60, TRANSACT_TIME),
            ),
        )

    def _list(self, client: str) -> Send:
        random = self._random
        if self._lists and random.random() < 0.3:
            owner, list_id = random.choice(self._lists)
            if random.random() < 0.5:
                return Send(owner, "K", ((66, list_id), (60, TRANSACT_TIME)))
            return Send(owner, "M", ((66, list_id),))
        contingency = random.choice(("0", "1", "2", "3", "101"))
        count = 3 if contingency == "101" else 2
        list_id = f"L{self._cl_ord_id(client)}"
        self._lists.append((client, list_id))
        fields: list[tuple[int, str]] = [(66, list_id), (394, "3"), (1385, contingency)]
        fields += [(68, str(count)), (73, str(count))]
        symbol = random.choice(SYMBOLS)
        for number in range(1, count + 1):
            cl_ord_id = self._cl_ord_id(client)
            side = random.choice("12")
            self._placed.append(Placed(client, cl_ord_id, symbol, side))
            fields += [(11, cl_ord_id), (67, str(number)), (55, symbol), (54, side)]
            fields += [(38, self._qty(symbol)), (40, "2"), (44, self._price(symbol))]
        return Send(client, "E", tuple(fields))

    def _question(self, client: str) -> Send:
        random = self._random
        target = self._target(client)
        draw = random.random()
        if draw < 0.5:
            return Send(
                client,
                "H",
                ((11, target.cl_ord_id), (55, target.symbol), (54, target.side), (790, "S1")),
            )
        if draw < 0.75:
            return Send(client, "AF", ((584, self._cl_ord_id(client)), (585, "7")))
        if draw < 0.85:
            # Not an order the dictionary lets pass: Reject(3).
            return Send(client, "D", ((11, self._cl_ord_id(client)), (21, "1"), (55, "ACME")))
        if draw < 0.95:
            # A limit order without its price: BusinessMessageReject(j).
            cl_ord_id = self._cl_ord_id(client)
            fields: Fields = ((11, cl_ord_id), (21, "1"), (55, "ACME"), (54, "1"))
            return Send(client, "D", (*fields, (60, TRANSACT_TIME), (38, "10"), (40, "2")))
        return Send(client, "V", ((262, self._cl_ord_id(client)), (263, "0"), (264, "1")))

    # What the operator says.

    def _operator(self) -> Step:
        random = self._random
        symbol = random.choice(SYMBOLS)
        self._trades += 1
        trade = f"T{random.randint(1, 4 + self._trades)}"
        broker = f"participant={random.choice(tuple(CLIENTS.values()))}"
        choices: tuple[tuple[float, Callable[[], tuple[str, ...]]], ...] = (
            (0.25, lambda: ("phase", symbol, random.choice(PHASES), "simulated")),
            (0.15, lambda: ("phase", "MAIN", "continuous", "simulated")),
            (0.05, lambda: ("halt", symbol, "simulated")),
            (0.05, lambda: ("resume", symbol, "simulated")),
            (0.12, lambda: ("bust", trade, "simulated")),
            (0.12, lambda: ("correct", trade, *self._correction(), "simulated")),
            (0.05, lambda: ("reference", symbol, _decimal(MARKETS[symbol].middle, 2))),
            (0.05, lambda: ("suspend", symbol, "simulated")),
            (0.08, lambda: ("activate", symbol, "simulated")),
            (0.03, lambda: ("cancel-all", f"symbol={symbol}", "simulated")),
            (0.03, lambda: ("cancel", f"O{random.randint(1, 40)}", "simulated")),
            (0.01, self._change_of_day),
            (0.04, lambda: ("kill", broker, *random.choice(((), ("cancel",))), "simulated")),
            (0.10, lambda: ("unkill", broker, "simulated")),
            (0.03, lambda: ("restrict", symbol, broker, "simulated")),
            (0.06, lambda: ("unrestrict", symbol, broker, "simulated")),
            (0.03, lambda: ("limits", "set", broker, "order-qty=60", "simulated")),
            (0.05, lambda: ("limits", "remove", broker, "simulated")),
            (0.01, lambda: ("instrument", f"{{symbol: NEW{self._trades}, reference_price: 10}}")),
        )
        weights = [weight for weight, _ in choices]
        return Operate(random.choices([words for _, words in choices], weights)[0]())

    def _correction(self) -> tuple[str, str]:
        return str(10 * self._random.randint(1, 3)), _decimal(1000 + self._random.randint(-3, 3), 2)

    def _change_of_day(self) -> tuple[str, ...]:
        if self._random.random() < 0.5:
            return ("end-day",)
        self._day += 1
        return ("start-day", f"202601{self._day:02}")

    # What goes wrong.

    def _trouble(self) -> Iterator[Step]:
        random = self._random
        client = random.choice(tuple(CLIENTS))
        draw = random.random()
        if draw < 0.22:
            yield Cut(client, random.choice((0, random.randint(1, 900))), random.random() < 0.5)
        elif draw < 0.27:
            yield Stall(client, True)
        elif draw < 0.33:
            yield Stall(client, False)
        elif draw < 0.37:
            yield Leave(client, True)
        elif draw < 0.42:
            yield Leave(client, False)
        elif draw < 0.62:
            yield Strike(random.choice(tuple(Blow)), random.randint(0, 6))
        elif draw < 0.70:
            yield Kill(random.choice((0, 100, 5_000)))
        elif draw < 0.73:
            yield Restart(random.choice((0, 1_000)))
        elif draw < 0.78:
            yield ClockJump(random.randint(-50, 50) * 1000)
        elif draw < 0.83:
            yield Snapshot()
        else:
            name = random.choice(("sql", "mqtt"))
            yield Outlet(name, random.choice(("down", "up", "unclear", "kill", "read", "read")))


def _decimal(units: int, decimals: int) -> str:
    """Decimal text of a count of 10**-decimals, not negative."""
    if not decimals:
        return str(units)
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}}"
