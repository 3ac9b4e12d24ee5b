#!/usr/bin/env python3
"""Writes the scenarios that the recorder plays to IPVS: one file per scheduler into the directory given.

The lines are explained in ../schedulers/README.md. Random scenarios come from a fixed seed: the same program always
writes the same files.
"""

import pathlib
import random
import sys

VIP = "10.9.0.1:80"
VIP6 = "[2001:db8:9::1]:80"


def server(number, weight, upper=0, lower=0, verb="server", port=80, v6=False):
    address = f"[2001:db8:2::{number:x}]" if v6 else f"10.2.0.{number}"
    limits = f" upper {upper} lower {lower}" if upper else ""
    return f"{verb} s{number} {address}:{port} weight {weight}{limits}"


def servers(*weights, **options):
    return [server(number, weight, **options) for number, weight in enumerate(weights, 1)]


def change(number, weight, **options):
    return server(number, weight, verb="change", **options)


def remove(number):
    return f"remove s{number} 10.2.0.{number}:80"


class Clients:
    """Clients that never use a port twice in a sequence."""

    def __init__(self, rng=None):
        self.rng, self.port = rng, 1000

    def next(self, verb="arrive"):
        self.port += 1
        host = self.rng.randrange(1, 200) if self.rng else self.port % 200 + 1
        return f"{verb} 10.0.0.{host}:{self.port}"

    def many(self, count):
        return [self.next() for _ in range(count)]


def churn(seed, steps, weights, limits=None, protocol="tcp", destinations=0, changes=True):
    """Arrivals, half-open ones, both kinds of ends, pauses and changes of weight, in a random order.

    Pauses are multiples of 40 s, so that no connection's time (10, 60, 300, 900 s) runs out near an event.
    """
    rng = random.Random(seed)
    limits, clients = limits or {}, Clients(rng)
    place = lambda number, weight, verb: server(number, weight, *limits.get(number, (0, 0)), verb=verb)
    lines = [place(number, weight, "server") for number, weight in enumerate(weights, 1)]
    arrived, running, burst = 0, [], 0
    weights = list(weights)
    for _ in range(steps):
        burst = burst - 1 if burst > 0 else rng.choice([0, 0, -1, 4, 8])
        dice = rng.random()
        if burst >= 0 and dice < 0.6:
            verb = "knock" if protocol == "tcp" and rng.random() < 0.15 else "arrive"
            to = f" to 10.9.0.{rng.randrange(1, destinations + 1)}:80" if destinations else ""
            lines.append(clients.next(verb) + to)
            arrived += 1
            if verb == "arrive":
                running.append(arrived)
        elif dice < 0.9 and running and protocol == "tcp":
            lines.append(f"{rng.choice(['close', 'close', 'finish'])} {running.pop(rng.randrange(len(running)))}")
        elif dice < 0.95:
            lines.append(f"wait {rng.choice([40, 40, 120, 360])}")
        elif changes:
            number = rng.randrange(1, len(weights) + 1)
            weight = rng.choice([0, 1, 2, 3, 4, 6])
            # wrr of IPVS starts its round anew even when a server is set to what it was.
            if weight != weights[number - 1]:
                weights[number - 1] = weight
                lines.append(place(number, weight, "change"))
    return lines


def loads(scheduler):
    """For the schedulers that look at connections."""
    where = f"service tcp {VIP} {scheduler}"
    clients = Clients()
    return [
        ("equal servers, closing in the order of arriving",
         [where] + servers(1, 1, 1) + clients.many(7) + ["close 1", "close 2"] + clients.many(3)
         + ["finish 3", "wait 40"] + clients.many(4)),
        ("weights 1 2 4, nobody leaves", [where] + servers(1, 2, 4) + clients.many(21)),
        ("weight 0 in the middle, then everywhere",
         [where] + servers(2, 0, 1) + clients.many(5) + [change(1, 0)] + clients.many(2)
         + [change(3, 0)] + clients.many(2)),
        ("limits", [where] + [server(1, 5, 4, 2), server(2, 1, 2, 1), server(3, 1)]
         + clients.many(9) + ["close 1", "close 2", "close 3", "wait 40"] + clients.many(4)),
        ("limits everywhere, nobody left",
         [where] + [server(1, 1, 2, 1), server(2, 1, 3, 0)] + clients.many(7)
         + ["close 1", "close 2", "wait 40"] + clients.many(3)),
        ("udp counts as inactive", [f"service udp {VIP} {scheduler}"]
         + churn(11, 70, [1, 3, 2], protocol="udp")),
        ("churn", [where] + churn(12, 150, [1, 2, 3, 4])),
        ("churn with limits", [where] + churn(13, 150, [3, 1, 2, 6, 1], {1: (3, 0), 2: (4, 2), 4: (8, 5)})),
        ("churn among many", [where] + churn(14, 150, [1, 1, 2, 3, 5, 8, 13, 0, 4, 4])),
    ]


def closed_ones(scheduler):
    """What an active connection weighs in closed ones (a closing takes 60 s, enough for all of them); new limits."""
    clients = Clients()
    first = clients.many(1)
    pairs = [line for number in range(2, 300) for line in (clients.next(), f"finish {number}")]
    where = f"service tcp {VIP} {scheduler}"
    limit = lambda upper, lower=0: [server(1, 1, upper, lower, verb="change")]
    return [
        ("one active connection against closed ones", [where] + servers(1, 1) + first + pairs + clients.many(3)),
        ("limits change under load",
         [where] + servers(1, 1) + clients.many(8) + limit(3) + clients.many(2) + limit(5) + clients.many(3)
         + limit(6, 2) + clients.many(2) + limit(0) + clients.many(4) + limit(4, 3) + clients.many(2)
         + limit(20, 3) + clients.many(3)),
    ]


def turns(scheduler):
    """For the schedulers that go around."""
    where = f"service tcp {VIP} {scheduler}"
    clients = Clients()
    result = loads(scheduler)
    for weights in [(1, 1, 1), (4, 2, 1), (2, 4, 8), (6, 0, 9), (1, 5, 3, 3), (7, 7, 5), (0, 0), (3,)]:
        result.append((f"weights {' '.join(map(str, weights))}", [where] + servers(*weights) + Clients().many(24)))
    result += [
        ("weights change in mid-round",
         [where] + servers(4, 2, 1) + clients.many(3) + [change(1, 6)] + clients.many(9) + [change(2, 0)]
         + clients.many(7) + [change(2, 3), change(1, 3), change(3, 3)] + clients.many(8)
         + [change(1, 0), change(3, 0)] + clients.many(4) + [change(2, 0)] + clients.many(2)
         + [change(2, 5), change(3, 10)] + clients.many(8)),
        ("servers come and go",
         [where] + servers(1, 3, 2) + clients.many(4) + [server(4, 4)] + clients.many(6) + [remove(2)]
         + clients.many(6) + [remove(4)] + clients.many(5) + [server(2, 2), server(5, 6)] + clients.many(12)
         + [remove(1), remove(3)] + clients.many(7)),
        ("the heaviest is at its limit",
         [where] + [server(1, 1), server(2, 50, 3, 1), server(3, 2)] + clients.many(14)
         + ["wait 1000"] + clients.many(9)),
    ]
    return result


def caches(scheduler):
    """lblc and lblcr: destinations matter, so the service is a mark."""
    where = f"service tcp mark {scheduler}"
    to = lambda lines, host: [f"{line} to 10.9.0.{host}:80" for line in lines]
    clients = Clients()
    result = [
        ("destinations stay",
         [where] + servers(9, 9, 9)
         + [line for host in (1, 2, 3, 4, 1, 2, 3, 4, 4, 4, 1) for line in to(clients.many(1), host)]),
        ("crowded servers lose destinations",
         [where] + servers(2, 2, 3) + to(clients.many(6), 1) + to(clients.many(3), 2) + to(clients.many(9), 1)
         + ["close 1", "close 2", "close 3", "close 7", "close 8", "wait 40"] + to(clients.many(8), 1)
         + to(clients.many(4), 3)),
        ("weight 0 and back",
         [where] + servers(4, 4) + to(clients.many(2), 1) + to(clients.many(1), 2) + [change(1, 0), change(2, 4)]
         + to(clients.many(2), 1) + to(clients.many(2), 2) + [change(1, 4), change(2, 0)] + to(clients.many(3), 1)
         + [change(1, 0)] + to(clients.many(2), 1)),
        ("limits",
         [where] + [server(1, 9, 3, 2), server(2, 9, 4, 0), server(3, 2)] + to(clients.many(5), 1)
         + to(clients.many(5), 2) + to(clients.many(4), 3) + ["close 1", "close 2", "wait 40"]
         + to(clients.many(5), 1)),
        ("a server leaves and returns",
         [where] + servers(5, 5, 5) + to(clients.many(2), 1) + to(clients.many(2), 2) + to(clients.many(2), 3)
         + [remove(3)] + to(clients.many(2), 1) + to(clients.many(1), 4) + [server(3, 5)] + to(clients.many(3), 1)
         + to(clients.many(2), 4)),
        ("churn over 6 destinations", [where] + churn(21, 180, [1, 2, 3, 2], destinations=6)),
        ("churn over 30 destinations with limits",
         [where] + churn(22, 180, [2, 4, 3, 6], {2: (4, 2), 4: (7, 0)}, destinations=30)),
        ("churn over 12 destinations, weights stay",
         [where] + churn(23, 150, [3, 3, 2, 2, 1], destinations=12, changes=False)),
        ("two IPv6 destinations",
         [f"service tcp mark6 {scheduler}"] + servers(2, 2, 2, v6=True)
         + [f"arrive [2001:db8::{n}]:{1000 + n} to [2001:db8:9::{n % 2 + 1}]:80" for n in range(1, 16)]),
    ]
    if scheduler == "lblcr":
        # Used every half day, so that the destination itself is not forgotten: IPVS looks for idle ones only every half
        # hour, at a time that the scenario does not know.
        result.append(("a set loses a member after a day",
                       [where] + servers(2, 2, 2) + to(clients.many(7), 1)
                       + [line for _ in range(4) for line in ["wait 43220"] + to(clients.many(3), 1)]))
    return result


def hashes(scheduler):
    """sh and mh: clients matter, and with a flag their ports."""
    clients = [f"arrive 10.0.{n * 7 % 251}.{n * 13 % 251}:{2000 + n * 3}" for n in range(60)]
    clients6 = [f"arrive [2001:db8:{n:x}::{n * 77:x}]:{2000 + n}" for n in range(30)]
    same = [f"arrive 10.0.0.9:{3000 + n}" for n in range(30)]
    fall, port = f"{scheduler}-fallback", f"{scheduler}-port"
    result = []
    for flags in ("", fall, port, f"{fall},{port}"):
        where = f"service tcp {VIP} {scheduler} {flags}".rstrip()
        about = f" ({flags})" if flags else ""
        result += [
            ("three equal servers" + about, [where] + servers(1, 1, 1) + clients),
            ("weights 1 3 0 2" + about, [where] + servers(1, 3, 0, 2) + clients),
            ("one client, many ports" + about, [where] + servers(1, 2, 1) + same),
            ("limits" + about, [where] + [server(1, 1, 5, 2), server(2, 2, 9, 4), server(3, 1)] + clients),
        ]
    where = f"service tcp {VIP} {scheduler}"
    again = lambda port: [f"arrive 10.0.{n}.{n * 3}:{port}" for n in range(1, 21)]
    result += [
        ("weight 0 and back",
         [where] + servers(2, 2, 1) + again(4000) + [change(2, 0)] + again(4001) + [change(2, 2)] + again(4002)
         + [change(1, 0), change(3, 0)] + again(4003)),
        ("servers come and go",
         [where] + servers(1, 1, 2) + again(5000) + [remove(2)] + again(5001) + [server(4, 3)] + again(5002)
         + [server(2, 1)] + again(5003)),
        ("uneven weights", [where] + servers(100, 37, 255, 1, 64) + clients),
        ("one server heavier than the table of sh", [where] + servers(1, 300, 5) + clients),
        ("other ports",
         [where] + [server(number, 1, port=8000 + number) for number in range(1, 8)] + clients),
        ("IPv6", [f"service tcp {VIP6} {scheduler}"] + servers(1, 2, 3, v6=True) + clients6),
        ("IPv6 with ports", [f"service tcp {VIP6} {scheduler} {port}"] + servers(1, 2, 3, v6=True) + clients6),
    ]
    return result


def destinations():
    """dh."""
    where = "service tcp mark dh"
    start = [f"arrive 10.0.0.{n}:{2000 + n} to 10.9.{n % 3}.{n * 5 % 250 + 1}:80" for n in range(1, 61)]
    again = lambda port: [f"arrive 10.0.0.{n}:{port} to 10.9.1.{n}:80" for n in range(1, 16)]
    return [
        ("three servers", [where] + servers(1, 1, 1) + start),
        ("weights do not matter but for 0", [where] + servers(5, 0, 2, 1) + start),
        ("limits", [where] + [server(1, 1, 5, 2), server(2, 1), server(3, 1, 9, 0)] + start),
        ("changes",
         [where] + servers(1, 1, 1) + again(4000) + [change(2, 0)] + again(4001) + [remove(1)] + again(4002)
         + [server(4, 1), change(2, 3)] + again(4003)),
        ("one service address, many clients",
         [f"service tcp {VIP} dh"] + servers(1, 1, 1, 1) + Clients().many(6)),
        ("IPv6",
         ["service tcp mark6 dh"] + servers(1, 1, 1, v6=True)
         + [f"arrive [2001:db8::{n}]:{1000 + n} to [2001:db8:9:{n:x}::{n * 5:x}]:80" for n in range(1, 31)]),
    ]


def shares():
    """twos: IPVS draws random numbers, so only shares can be compared."""
    where = f"service udp {VIP} twos"
    clients = Clients()
    return [
        ("weights 1 2 3, nobody leaves", [where] + servers(1, 2, 3) + clients.many(900)),
        ("weights 1 1 6 0, all leave now and then",
         [where] + servers(1, 1, 6, 0) + [line for _ in range(40) for line in clients.many(25) + ["wait 320"]]),
    ]


SCHEDULERS = {
    **{name: turns(name) for name in ("rr", "wrr")},
    **{name: loads(name) for name in ("sed", "nq", "fo", "ovf")},
    **{name: loads(name) + closed_ones(name) for name in ("lc", "wlc")},
    **{name: caches(name) for name in ("lblc", "lblcr")},
    **{name: hashes(name) for name in ("sh", "mh")},
    "dh": destinations(),
    "twos": shares(),
}


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name, sequences in SCHEDULERS.items():
        for about, lines in sequences:
            arrivals = [line.split(" ", 1)[1] for line in lines if line.startswith(("arrive", "knock"))]
            assert len(set(arrivals)) == len(arrivals), f"{name}, {about}: a connection arrives twice"
        blocks = [f"sequence {about}\n" + "".join(f"{line}\n" for line in lines) for about, lines in sequences]
        (directory / f"{name}.txt").write_text("\n".join(blocks))


main()
