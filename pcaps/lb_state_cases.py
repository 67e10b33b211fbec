# SPDX-License-Identifier: Apache-2.0
"""Cases of the balancer: states of backends, and what becomes of flows."""
import packets as P
from lb_cases import BACKENDS, BACKENDS6, DNS, FULL, NICS, SERVICE6, SERVICE_DNS, WEB, WEB6, client, client6, make
from nat_cases import Dialog
from packets import ACK, FIN, PSH, RST, SYN
from static_cases import scan

CASES = []
BROKEN = {"name": "broken", "start": "down"}   # in a replay nobody checks: down from the start


def case(f):
    CASES.append(f)
    return f


def service(name="web", address=WEB, backends=BACKENDS, **more):
    return {"name": name, "address": address, "port": 80, "backends": [{"address": a, "port": 8080} for a in backends]} | more


def syns(c, t, n, first=10, to=WEB, port=80, sport=41000):
    for i in range(n):
        c.send("outside", t + i / 1000, P.tcp(client(first + i), to, sport, port, SYN, seq=i))


@case
def when_none():
    c = make("when-none", "No backend is left: TCP is answered by RST, a SYN and a segment of no connection, IPv4 and IPv6; "
             "UDP by host unreachable; with drop there is silence; with use-all those that only checks hold back are used.",
             [service(check="broken"), SERVICE6 | {"check": "broken"},
              SERVICE_DNS | {"check": "broken"},
              service("silent", "192.0.2.13", when_none="drop", check="broken"),
              service("all", "192.0.2.14", when_none="use-all", check="broken") | {"backends": [
                  {"address": a, "state": s} for a, s in zip(BACKENDS, ("ready", "ready", "maint"))]}])
    c.config["lb"]["checks"] = [BROKEN]
    c.send("outside", 0, P.tcp(client(1), WEB, 40000, 80, SYN, seq=7))
    c.send("outside", 1, P.tcp(client(1), WEB, 40001, 80, PSH | ACK, 1000, 2000, b"of no connection"))
    c.send("outside", 2, P.tcp(client(1), WEB, 40002, 80, RST, 1000))
    c.send("outside", 3, P.tcp(client6(1), WEB6, 40000, 80, SYN, seq=0xffffffff))
    c.send("outside", 4, P.udp(client(1), DNS, 5353, 53, b"query"))
    c.send("outside", 5, P.tcp(client(1), "192.0.2.13", 40000, 80, SYN, seq=7))
    syns(c, 6, 12, to="192.0.2.14")
    c.request(7, "backend.list", service="all")
    return c


def dying(name, about, dead, mode=None):
    """Three connections, backends of which one dies and comes back: what its clients and it send, before and after."""
    services = [service(dead=dead), SERVICE_DNS | {"mode": "nat", "local_addresses": [], "dead": dead}]
    c = make(name, about, services, args=["--until", "300"])
    ds = [Dialog(c, client(i), 40000, WEB, 80, NICS) for i in range(1, 4)]
    for i, d in enumerate(ds):
        d.open(i / 10)
    first = P.text(ds[0].far_end[0])
    c.request(1, "backend.down", service="web", address=first)
    for i, d in enumerate(ds):
        d.out(2 + i / 10, PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
    ds[0].into(3, PSH | ACK, b"late words of the dead")
    c.request(4, "backend.auto", service="web", address=first)
    for i, d in enumerate(ds):
        d.out(5 + i / 10, PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
    c.request(6, "backend.list", service="web")
    return c


@case
def dead_move():
    return dying("dead-move", "dead: move. A connection of a dead backend goes to another one with its next packet, once: it "
                 "stays there when the backend is back. Those of the others stay where they are.", "move")


@case
def dead_reset():
    return dying("dead-reset", "dead: reset. The next packet of a connection of a dead backend is answered by a RST that carries "
                 "its ACK number, and the backend gets one with its SEQ number; also when the backend itself speaks. Those of "
                 "the others go on.", "reset")


@case
def dead_stay():
    return dying("dead-stay", "dead: stay. A connection of a dead backend stays there, whatever comes of it.", "stay")


@case
def drain_deadline():
    c = make("drain-deadline", "A drain with a deadline of 20 s: the connections go on and are counted, their end is estimated; "
             "at the deadline those that are left are reset, both ends, with the next packet of either. New connections go to "
             "the others all the while.", [service(drain={"deadline": 20}, timeouts={"tcp_closing": 5})])
    ds = [Dialog(c, client(i), 40000, WEB, 80, NICS) for i in range(1, 13)]
    for i, d in enumerate(ds):
        d.open(i / 10)
    first = P.text(ds[0].far_end[0])
    own = [d for d in ds if P.text(d.far_end[0]) == first]
    assert len(own) >= 3
    c.request(2, "backend.drain", service="web", address=first)
    own[2].close(3)
    syns(c, 4, 20)
    own[0].talk(21)
    c.request(21.5, "backend.show", service="web", address=first)
    own[0].out(23, PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
    own[0].into(23.5, PSH | ACK, b"HTTP/1.1 204 No Content\r\n\r\n")
    own[1].into(24, PSH | ACK, b"the other way round")
    next(d for d in ds if d not in own).talk(25)
    c.request(26, "backend.show", service="web", address=first)
    return c


@case
def drain_move():
    c = make("drain-move", "A backend's own deadline of 5 s with drain.then move: what is left then goes to another backend.",
             [service(drain={"then": "move"})])
    d = Dialog(c, client(1), 40000, WEB, 80, NICS)
    d.open(0)
    first = P.text(d.far_end[0])
    c.request(1, "backend.drain", service="web", address=first, deadline=5)
    d.talk(5.9)
    d.out(6.1, PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
    d.out(7, PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
    c.request(8, "backend.list", service="web")
    return c


@case
def priority_groups():
    c = make("priority-groups", "Two groups, min_healthy 2: the second is used when fewer than two of the first are left, and "
             "no longer when they are back; connections stay where they are.",
             [service(min_healthy=2) | {"backends": [
                 {"address": f"10.0.0.{11 + i}", "port": 8080, "priority": i // 3} for i in range(5)]}])
    syns(c, 0, 20)
    c.request(1, "backend.down", service="web", address="10.0.0.11")
    syns(c, 2, 20, 50)
    c.request(3, "backend.down", service="web", address="10.0.0.12")
    syns(c, 4, 30, 90)
    for i in range(200, 240):
        d = Dialog(c, client(i), 40000, WEB, 80, NICS)
        d.open(5 + (i - 200) / 40)
        if d.far_end[0][3] in (14, 15):
            break
    assert d.far_end[0][3] in (14, 15)
    c.request(6, "backend.list", service="web")
    for a in ("10.0.0.11", "10.0.0.12"):
        c.request(7, "backend.auto", service="web", address=a)
    syns(c, 8, 30, 130)
    d.talk(9)
    c.request(10, "backend.list", service="web")
    return c


@case
def slow_start():
    c = make("slow-start", "A backend comes back with slow_start 100: over the steps of its weight it gets 1/11 to 1/2 of 300 "
             "connections each; the report has how many.", [service(backends=BACKENDS[:2], slow_start=100)])
    c.send("outside", 0, P.tcp(client(1), WEB, 50000, 80, SYN, seq=1))
    c.request(0, "backend.drain", service="web", address=BACKENDS[1])
    c.request(1, "backend.ready", service="web", address=BACKENDS[1])
    for step in (0, 4, 9):
        t = 2 + 10 * step
        for i in range(300):
            c.send("outside", t + i / 1000, P.tcp(client(1 + i % 200), WEB, 30000 + 1000 * step + i, 80, SYN, seq=i))
        c.request(t + 1, "backend.list", service="web")
    return c


@case
def syn_again():
    c = make("syn-again", "SYN and RST in a connection that goes on change nothing, though the backends are others by now; a SYN "
             "after both FINs, or after a RST, is another connection: chosen anew, counted as one.")
    ds = [Dialog(c, client(i), 40000, WEB, 80, NICS) for i in range(1, 3)]
    for i, d in enumerate(ds):
        d.open(i / 10)
    for a in sorted({P.text(d.far_end[0]) for d in ds}):
        c.request(1, "backend.drain", service="web", address=a)
    a, b = ds
    c.send("outside", 2, P.tcp(a.near, WEB, 40000, 80, SYN, seq=5))
    a.talk(2.1)
    c.send("outside", 3, P.tcp(a.near, WEB, 40000, 80, RST, a.seq + 100000))
    a.talk(3.1)
    c.send("outside", 3.2, P.tcp(a.near, WEB, 40000, 80, SYN, seq=5))
    a.talk(3.3)
    a.close(4)
    b.into(4.1, RST, b"")
    c.request(4.5, "backend.list", service="web")
    again = [Dialog(c, d.near, 40000, WEB, 80, NICS) for d in ds]
    for i, d in enumerate(again):
        d.seq = 900000
        d.open(5 + i / 10)
    for i, d in enumerate(again):
        d.talk(6 + i / 10)
    c.request(7, "backend.list", service="web")
    return c


@case
def shared_backends():
    c = make("shared-backends", "A client's port on two services of the same backends: to a backend that would be one connection. "
             "While the first lives the second has another backend; none is left on the service of one; when the first is over "
             "it is the second's, with a handshake of its own or behind the SYN proxy.",
             [service(), service("more", "192.0.2.13"), service("one", "192.0.2.14", BACKENDS[:1]),
              service("guarded", "192.0.2.15", BACKENDS[:1], syn_proxy={"mode": "always"})])
    first = [Dialog(c, client(i), 40000, WEB, 80, NICS) for i in range(1, 7)]
    more = [Dialog(c, client(i), 40000, "192.0.2.13", 80, NICS) for i in range(1, 7)]
    for i, d in enumerate(first + more):
        d.open(i / 10)
    for i, d in enumerate(first + more):
        d.talk(2 + i / 10)
    one = next(d for d in first + more if P.text(d.far_end[0]) == BACKENDS[0])
    c.send("outside", 4, P.tcp(one.near, "192.0.2.14", 40000, 80, SYN, seq=5))
    one.close(5)
    again = Dialog(c, one.near, 40000, "192.0.2.14", 80, NICS)
    again.seq = 900000
    again.open(6)
    again.talk(7)
    again.close(8)
    c.send("outside", 9, P.tcp(one.near, "192.0.2.15", 40000, 80, SYN, seq=5000))
    cookie = c.last("outside").seq
    c.send("outside", 9.1, P.tcp(one.near, "192.0.2.15", 40000, 80, ACK, 5001, cookie + 1))
    c.request(10, "backend.list", service="more")
    return c


@case
def reset_hairpin():
    c = make("reset-hairpin", "A subscriber's connection through the NAT is one to a service, since that was added: it enters again. The RST for "
             "a connection that nobody takes, and for one of a dead backend, is translated back to the subscriber; the backend hears of it too.",
             [service(name="other", address="192.0.2.99")], args=["--until", "30"])
    c.config["nics"].append({"name": "inside", "device": "0000:01:00.2", "addresses": ["100.64.0.1/24"]})
    c.config["nat"] = {"pools": [{"name": "public", "addresses": ["198.51.100.9"], "block_size": 64}],
                       "rules": [{"name": "homes", "nic": "inside", "source": "100.64.0.0/24", "pool": "public"}]}
    c.frames["inside"] = []
    homes = [("100.64.0.10", 40000, WEB, 80), ("100.64.0.20", 40001, FULL, 80)]
    for i, (who, port, to, at) in enumerate(homes):
        c.send("inside", i / 10, P.tcp(who, to, port, at, SYN, seq=100))
        p = c.last("outside")
        c.send("outside", i / 10 + 0.01, P.tcp(to, p.src, at, p.sport, SYN | ACK, 500, 101))
    c.request(1, "service.add", service=service("none", WEB, [BACKENDS[0]]))
    c.request(1, "service.add", service=service("dies", FULL, [BACKENDS[1]], dead="reset"))
    c.request(1.5, "backend.down", service="none", address=BACKENDS[0])
    for i, (who, port, to, at) in enumerate(homes):
        c.send("inside", 2 + i, P.tcp(who, to, port, at, PSH | ACK, 101, 501, b"GET / HTTP/1.1"))
    c.request(4, "backend.down", service="dies", address=BACKENDS[1])
    who, port, to, at = homes[1]
    c.send("inside", 5, P.tcp(who, to, port, at, PSH | ACK, 115, 501, b"again"))
    return c


@case
def tcp_not_syn():
    c = make("tcp-not-syn", "To a service too: no connection begins with a segment that has neither SYN nor ACK, or with an answer to a SYN. "
                      "One that another balancer began is taken up by what acknowledges something.")
    scan(c, "outside", 0, client(1), 41000, WEB, 80, (("SYN and ACK", SYN | ACK),))
    c.request(1, "flow.list")
    c.send("outside", 2, P.tcp(client(1), WEB, 42000, 80, PSH | ACK, 5, 6, b"go on"))
    c.send("outside", 3, P.tcp(client(2), WEB, 42000, 80, FIN | ACK, 5, 6))
    c.request(4, "flow.list")
    return c
