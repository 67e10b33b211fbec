# SPDX-License-Identifier: Apache-2.0
"""Cases of the balancer: what is counted of handshakes and shown of tables, and backends that are lowered by them."""
import packets as P
from lb_cases import BACKENDS, NICS, SERVICE6, WEB, client, make
from lb_state_cases import service
from nat_cases import Dialog
from packets import ACK, RST, SYN

CASES = []


def case(f):
    CASES.append(f)
    return f


@case
def handshakes():
    c = make("handshakes", "Four connections: answered after 10 ms, answered after 1.25 s with a SYN sent again, refused by RST, "
             "never answered. Counters, times, the table, where a client would go (and goes), workers.",
             [service(backends=BACKENDS[:1]), SERVICE6], args=["--until", "200"])
    quick, slow, refused, silent = (Dialog(c, client(i), 40000, WEB, 80, NICS) for i in range(1, 5))
    quick.open(0)
    slow.out(1, SYN)
    slow.seq -= 1
    slow.out(2, SYN)
    slow.into(2.25, SYN | ACK)
    slow.out(2.26, ACK)
    refused.out(3, SYN)
    refused.into(3.001, RST | ACK)
    silent.out(4, SYN)
    c.request(5, "lb.list")
    c.request(5, "lb.handshakes", service="web")
    c.request(150, "lb.handshakes", service="web")
    c.request(150, "lb.spread", service="web")
    c.request(150, "lb.table", service="web")
    c.request(150, "lb.list", service="web")
    return c


@case
def where():
    c = make("where", "Where connections would go by maglev, and by source-hash with persistence under a mask: asked before, and "
             "seen in what leaves. Of two choices and of turns only the answer: the rest depends on the worker.",
             [service(), service("near", "192.0.2.20", scheduler="source-hash", persistence={"timeout": 60, "mask": 31}),
              service("two", "192.0.2.21", scheduler="two-choices"),
              service("turns", "192.0.2.22", scheduler="round-robin")])
    c.send("outside", 0, P.tcp(client(1), WEB, 50000, 80, SYN, seq=1))
    for k, (name, to) in enumerate((("web", WEB), ("near", "192.0.2.20"), ("two", "192.0.2.21"), ("turns", "192.0.2.22"))):
        for i in range(6):
            port = 40000 + 1000 * k + 7 * i
            c.request(k, "lb.where", service=name, client={"address": client(30 + i), "port": port})
            if name in ("web", "near"):
                c.send("outside", k + 0.5 + i / 100, P.tcp(client(30 + i), to, port, 80, SYN, seq=i))
    c.request(5, "lb.list")
    return c


def attempts(c, t, n, first):
    """Connections that a closed port refuses and others answer. => the backends that were asked."""
    asked = []
    for i in range(n):
        d = Dialog(c, client(first + i), 41000 + i, WEB, 80, NICS)
        at = t + i / 10
        d.out(at, SYN)
        d.learn()
        asked.append(P.text(d.far_end[0]))
        d.into(at + 0.01, RST | ACK if asked[-1] == BACKENDS[0] else SYN | ACK)
    return asked


@case
def passive():
    c = make("passive", "Passive health: a backend whose port is closed is lowered after three refusals and gets no more; it is "
             "back 20 s later, refuses again and is lowered again. Of a service with one backend nothing is lowered.",
             [service(passive={"failures": 3, "hold": 20}),
              service("single", "192.0.2.20", BACKENDS[2:], passive={"failures": 1})], args=["--until", "90"])
    before = attempts(c, 0, 20, 10)
    assert before.count(BACKENDS[0]) >= 3
    d = Dialog(c, client(1), 40000, "192.0.2.20", 80, NICS)
    d.out(2.5, SYN)
    d.into(2.51, RST | ACK)
    c.request(4, "health.list")
    c.request(4, "lb.list")
    c.request(4, "backend.list", service="web")
    assert BACKENDS[0] not in attempts(c, 5, 30, 40)
    again = attempts(c, 30, 30, 80)
    assert BACKENDS[0] in again
    c.request(40, "health.events")
    c.request(80, "health.events")
    return c
