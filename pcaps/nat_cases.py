# SPDX-License-Identifier: Apache-2.0
"""Cases of address translation. A and B are subscribers, S and S2 servers of the internet, X is the pool's address."""
import json
import struct

import packets as P
from packets import ACK, FIN, PSH, RST, SYN
from world import Case, INSIDE_MAC, OUTSIDE_MAC, device_mac

A, B, C = "100.64.0.10", "100.64.0.20", "100.64.0.30"
S, S2, ROUTER = "192.0.2.1", "192.0.2.2", "192.0.2.254"
X = "203.0.113.1"
GATE = "198.51.100.1"

CONFIG = {
    "workers": {"count": 1, "flows": {"ipv4": 4096, "ipv6": 64}},
    "nics": [
        {"name": "inside", "device": "0000:01:00.0", "addresses": ["100.64.0.1/10"]},
        {"name": "outside", "device": "0000:01:00.1", "addresses": ["198.51.100.2/24"]},
    ],
    "routes": [{"prefix": "0.0.0.0/0", "via": GATE}],
    "nat": {
        "pools": [{"name": "public", "addresses": [X], "block_size": 64}],
        "rules": [{"name": "homes", "nic": "inside", "source": "100.64.0.0/10", "pool": "public"}],
        "capacity": {"mappings": 4096, "subscribers": 256, "pool_addresses": 16},
        "log": "mappings",
    },
}
CASES = []


def case(f):
    CASES.append(f)
    return f


def make(name, about, args=(), rule=None, pool=None, **top):
    c = Case("nat/" + name, about, CONFIG, args)
    c.config["nat"]["rules"][0].update(rule or {})
    c.config["nat"]["pools"][0].update(pool or {})
    c.config.update(top)
    return c


def udp_out(c, t, src, sport, dst, dport, data=b"hello", **more):
    """=> the packet as it left."""
    c.send("inside", t, P.udp(src, dst, sport, dport, data, **more))
    return c.last("outside")


def back(c, t, p, data=b"reply", src=None, sport=None):
    """A UDP packet from outside to the source of p."""
    c.send("outside", t, P.udp(src or p.dst, p.src, sport or p.dport, p.sport, data))


@case
def udp_eim():
    c = make("udp-eim", "Three destinations see one external port, and each one's reply comes back (RFC 4787 REQ-1).")
    for i, (dst, port) in enumerate([(S, 53), (S, 54), (S2, 53)]):
        back(c, i + 0.5, udp_out(c, i, A, 5000, dst, port, b"query %d" % i), b"answer %d" % i)
    udp_out(c, 4, B, 5000, S, 53, b"another subscriber")
    return c


@case
def udp_filter_eif():
    c = make("udp-filter-eif", "With endpoint-independent filtering anybody may send to a mapping; to a port without "
             "a mapping nobody may.")
    p = udp_out(c, 0, A, 5000, S, 53)
    back(c, 1, p, b"from elsewhere", src=S2, sport=9999)
    back(c, 2, p, b"other port", sport=7)
    c.send("inside", 3, P.udp(A, S2, 5000, 9999, b"and back"))
    c.send("outside", 4, P.udp(S, X, 53, p.sport ^ 1, b"no mapping"))
    return c


@case
def filter_adf():
    c = make("filter-adf", "With address-dependent filtering the address that was spoken to may send from any port, "
             "another address may not.", rule={"filtering": "address-dependent"})
    p = udp_out(c, 0, A, 5000, S, 53)
    back(c, 1, p, b"same address", sport=9999)
    back(c, 2, p, b"stranger", src=S2)
    c.send("inside", 3, P.udp(A, S2, 5000, 7, b"hello stranger"))
    back(c, 4, p, b"no stranger any more", src=S2)
    return c


@case
def filter_apdf():
    c = make("filter-apdf", "With address-and-port-dependent filtering only the very endpoint that was spoken to may "
             "send.", rule={"filtering": "address-and-port-dependent"})
    p = udp_out(c, 0, A, 5000, S, 53)
    back(c, 1, p, b"right one")
    back(c, 2, p, b"wrong port", sport=9999)
    back(c, 3, p, b"wrong address", src=S2)
    c.send("inside", 4, P.tcp(A, S, 5000, 80, SYN, seq=1))
    q = c.last("outside")
    c.send("outside", 4.1, P.tcp(S, X, 80, q.sport, SYN | ACK, seq=7, ack=2),
           P.tcp(S, X, 81, q.sport, SYN | ACK, seq=7, ack=2))
    return c


class Dialog:
    """A TCP connection with sequence numbers, seen from both ends."""

    def __init__(self, c, near, port, far, far_port, nics=("inside", "outside")):
        self.c, self.near, self.port, self.far, self.far_port, self.nics = c, near, port, far, far_port, nics
        self.seq, self.ack = 1000, 0x70000000
        self.seen = None    # (address, port) of the near end as the far end sees it
        self.to = (far, far_port)   # and of the far end as the near end sees it
        self.far_end = (far, far_port)

    def out(self, t, flags, data=b"", **more):
        self.c.send(self.nics[0], t, P.tcp(self.near, self.to[0], self.port, self.to[1], flags, self.seq,
                                           self.ack if flags & ACK else 0, data, **more))
        self.seq += len(data) + (flags & (SYN | FIN) != 0)

    def learn(self):
        p = self.c.last(self.nics[1])
        self.seen = (p.src, p.sport)
        self.far_end = (p.dst, p.dport)

    def into(self, t, flags, data=b"", **more):
        if self.seen is None:
            self.learn()
        self.c.send(self.nics[1], t, P.tcp(self.far_end[0], self.seen[0], self.far_end[1], self.seen[1], flags,
                                           self.ack, self.seq if flags & ACK else 0, data, **more))
        self.ack += len(data) + (flags & (SYN | FIN) != 0)

    def open(self, t):
        mss = struct.pack("!BBH", 2, 4, 1460)
        self.out(t, SYN, options=mss)
        self.into(t + 0.010, SYN | ACK, options=mss)
        self.out(t + 0.020, ACK)

    def talk(self, t):
        self.out(t, PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
        self.into(t + 0.010, PSH | ACK, b"HTTP/1.1 204 No Content\r\n\r\n")
        self.out(t + 0.020, ACK)

    def close(self, t):
        self.out(t, FIN | ACK)
        self.into(t + 0.010, ACK)
        self.into(t + 0.020, FIN | ACK)
        self.out(t + 0.030, ACK)


@case
def tcp_full_close():
    c = make("tcp-full-close", "A TCP connection from SYN to the last ACK; 240 s after both FINs nothing is left.",
             args=["--until", "400"])
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    d.talk(1)
    d.close(2)
    return c


@case
def tcp_half_closed():
    c = make("tcp-half-closed", "With one FIN seen a connection keeps the timer of an established one: data crosses "
             "an hour later, and the other FIN two hours and four minutes after that (RFC 7857 section 2, RFC 5382 REQ-5).")
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    d.out(1, FIN | ACK)
    d.into(3600, PSH | ACK, b"late")
    d.out(3600.01, ACK)
    d.into(3600.01 + 7439, FIN | ACK)
    d.out(11040, ACK)
    return c


@case
def tcp_reset():
    c = make("tcp-reset", "A reset crosses, the state stays 240 s, and a packet that is no reset revives the "
             "connection (RFC 7857 section 2.2).", args=["--until", "1000"])
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    d.into(1, RST | ACK)
    d.out(2, ACK)
    d.into(200, PSH | ACK, b"alive after all")
    d.out(500, RST)
    d.into(800, PSH | ACK, b"too late: 300 s after the reset")
    return c


@case
def tcp_reset_final():
    c = make("tcp-reset-final", "Where a reset is final what comes after it crosses, but the connection is forgotten 240 s after the last "
             "packet; a SYN opens another one, which lives on.", args=["--until", "2000"])
    c.config["nat"]["reset_revives"] = False
    for t, again in ((0, False), (1000, True)):
        d = Dialog(c, A, 40000 + t, S, 80)
        d.open(t)
        d.into(t + 1, RST | ACK)
        d.out(t + 2, ACK)
        if again:
            d.open(t + 3)
        d.into(t + 200, PSH | ACK, b"alive after all")
        d.into(t + 439, PSH | ACK, b"239 s later")
        d.into(t + 700, PSH | ACK, b"261 s later: only of the other connection")
    return c


@case
def tcp_reset_forged():
    c = make("tcp-reset-forged", "A RST out of the window crosses and changes nothing, of an idle connection neither, whichever end it pretends to "
             "be: for 7000 s after it and 7000 more. One that the inside takes leaves it 240 s (RFC 5961 section 3, RFC 7857 section 2.2).",
             args=["--until", "30000"])
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    c.send("outside", 1000, P.tcp(S, d.seen[0], 80, d.seen[1], RST, seq=0xdeadbeef))
    d.into(8000, PSH | ACK, b"7000 s after the reset")
    d.out(8000.02, ACK)
    c.send("inside", 8001, P.tcp(A, S, 40000, 80, RST, seq=0x12345678))
    d.out(15001, PSH | ACK, b"7000 s after the other")
    d.into(15001.02, ACK)
    d.into(15002, RST)
    d.into(15243, PSH | ACK, b"too late: 241 s after a reset that was taken")
    return c


@case
def tcp_established():
    c = make("tcp-established", "An established connection is known for 7440 s without a packet, one that was only begun for 240 s "
             "(RFC 5382 REQ-5).", args=["--until", "20000"])
    for t, wait in ((0, 7439), (8000, 7441)):
        d = Dialog(c, A, 40000 + wait, S, 80)
        d.open(t)
        d.into(t + 0.02 + wait, PSH | ACK, b"%d s" % wait)
    for t, wait in ((16000, 239), (17000, 241)):
        d = Dialog(c, A, 40000 + wait, S, 80)
        d.out(t, SYN)
        d.into(t + wait, SYN | ACK)
    return c


@case
def tcp_reset_from_inside():
    c = make("tcp-reset-from-inside", "A subscriber refuses by RST what comes to a port that it once used: the mapping ends 240 s after its "
             "own connection, however often somebody comes (RFC 7857 section 7).", args=["--until", "2000"])
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    d.close(1)
    x = d.seen[1]
    for i in range(5):
        c.send("outside", 100 + 100 * i, P.tcp(S2, X, 1000 + i, x, SYN, seq=7))
        c.send("inside", 100.1 + 100 * i, P.tcp(A, S2, 40000, 1000 + i, RST | ACK, 0, 8))
    return c


@case
def tcp_simultaneous_open():
    c = make("tcp-simultaneous-open", "Both ends send SYN: the connection is made (RFC 5382 REQ-2).")
    d = Dialog(c, A, 40000, S, 5001)
    d.out(0, SYN)
    d.into(0.01, SYN)
    d.seq -= 1
    d.out(0.02, SYN | ACK)
    d.ack -= 1
    d.into(0.03, SYN | ACK)
    d.talk(1)
    return c


@case
def tcp_midstream():
    c = make("tcp-midstream", "A connection that is older than its translator is picked up from inside; from outside, "
             "and by a reset, nothing is opened.")
    d = Dialog(c, A, 40000, S, 80)
    d.out(0, PSH | ACK, b"go on")
    d.into(0.1, ACK, b"gladly")
    d.out(0.2, ACK)
    c.send("outside", 1, P.tcp(S, X, 80, d.seen[1] ^ 1, ACK, 5, 6, b"nobody's"))
    c.send("inside", 2, P.tcp(A, S, 40001, 80, RST, 5))
    return c


@case
def tcp_unsolicited_syn():
    c = make("tcp-unsolicited-syn", "A SYN that nobody asked for is met with silence, and with port unreachable after 6 s; "
             "where the inside opens the same connection meanwhile it just goes (RFC 5382 REQ-4).",
             rule={"filtering": "address-and-port-dependent"}, args=["--until", "30"])
    c.send("inside", 0, P.tcp(A, S2, 5000, 80, SYN, seq=1))
    x = c.last("outside").sport
    c.send("outside", 1, P.tcp(S, X, 80, x ^ 1, SYN, seq=7, tos=0x28))
    c.send("outside", 1.1, P.tcp(S, X, 80, x, SYN, seq=7))
    c.send("outside", 1.2, P.tcp(S, X, 80, x ^ 1, SYN | ACK, seq=7, ack=2))
    c.send("outside", 2, P.tcp(S, X, 80, x ^ 1, SYN, seq=7))
    c.send("inside", 3, P.tcp(A, S, 5000, 80, SYN, seq=1))
    c.send("outside", 4.1, P.tcp(S, X, 80, x, SYN, seq=7))
    c.send("inside", 4.2, P.tcp(A, S, 5000, 80, SYN | ACK, seq=1, ack=8))
    c.send("outside", 4.3, P.tcp(S, X, 80, x, SYN | ACK, seq=7, ack=2))
    return c


@case
def tcp_unsolicited_syn_silent():
    c = make("tcp-unsolicited-syn-silent", "Where it is set so, a SYN that nobody asked for is never answered.",
             args=["--until", "30"])
    c.config["nat"]["answer_syn"] = False
    c.send("outside", 0, P.tcp(S, X, 80, 5000, SYN, seq=7))
    return c


@case
def icmp_echo():
    c = make("icmp-echo", "Echo of two subscribers with one identifier, to two hosts; a reply more than 60 s after the "
             "last packet stays outside.")
    c.send("inside", 0, P.echo(A, S, 0x1234, 1, b"abcdefgh"))
    a = c.last("outside")
    c.send("outside", 0.1, P.echo(S, X, a.ident, 1, b"abcdefgh", reply=True))
    c.send("inside", 1, P.echo(A, S2, 0x1234, 2, b"abcdefgh"))
    c.send("outside", 1.1, P.echo(S2, X, a.ident, 2, b"abcdefgh", reply=True))
    c.send("inside", 2, P.echo(B, S, 0x1234, 1, b"odd"))
    b = c.last("outside")
    c.send("outside", 2.1, P.echo(S, X, b.ident, 1, b"odd", reply=True))
    c.send("outside", 62, P.echo(S, X, b.ident, 1, b"odd", reply=True))
    c.send("outside", 122.2, P.echo(S, X, b.ident, 1, b"odd", reply=True))
    return c


@case
def icmp_error_in():
    c = make("icmp-error-in", "Errors from routers and servers reach the subscriber with the packet inside restored; "
             "about no flow, broken, or about an error they are dropped, and none ends a flow.")
    p = udp_out(c, 0, A, 5000, S, 33434, b"x" * 40, ttl=8)
    c.send("outside", 0.1, P.error4(ROUTER, X, 11, 0, p.l3))
    c.send("outside", 0.2, P.error4(S, X, 3, 3, p.l3[:28]))
    c.send("outside", 0.3, P.error4(ROUTER, X, 3, 4, p.l3, mtu=1400))
    d = Dialog(c, A, 40000, S, 80)
    d.out(1, SYN)
    d.learn()
    syn = c.last("outside").l3
    c.send("outside", 1.1, P.error4(ROUTER, X, 3, 1, syn[:28]))
    c.send("inside", 2, P.echo(A, S, 7, 1))
    c.send("outside", 2.1, P.error4(ROUTER, X, 11, 0, c.last("outside").l3))
    c.send("outside", 3, P.error4(ROUTER, X, 11, 0, P.udp(X, S, p.sport ^ 1, 33434, b"nobody's")))
    broken = P.error4(ROUTER, X, 11, 0, p.l3)
    c.send("outside", 3.1, broken[:22] + bytes([broken[22] ^ 1]) + broken[23:])
    c.send("outside", 3.2, P.error4(ROUTER, X, 11, 0, P.error4(X, S, 3, 3, p.l3)))
    c.send("outside", 3.3, P.error4(ROUTER, X, 11, 0, p.l3[:24]))
    back(c, 4, p, b"still here")
    return c


@case
def icmp_error_out():
    c = make("icmp-error-out", "Errors of a subscriber, and of a router on its side, leave with the pool's address and "
             "the packet inside as the server sent it.")
    p = udp_out(c, 0, A, 5000, S, 53)
    back(c, 1, p, b"to a port that has closed")
    got = c.last("inside")
    c.send("inside", 1.1, P.error4(A, S, 3, 3, got.l3))
    c.send("inside", 1.2, P.error4("100.70.0.1", S, 3, 1, got.l3))
    c.send("inside", 1.3, P.error4(A, S, 3, 3, got.l3[:28]))
    c.send("inside", 1.4, P.error4(A, S, 3, 3, P.udp(S, A, 53, 5001, b"never came")))
    return c


def labelled(src, dst, inner, kind=11, **more):
    """An error with an extension behind its quote (RFC 4884): an MPLS label, and the interface that it is about with its
    address (RFC 5837)."""
    objects = struct.pack("!HBBI", 8, 1, 1, 0x12345140) + struct.pack("!HBBHH4s", 12, 2, 0x0C, 1, 0, P.addr("100.70.0.1"))
    ext = struct.pack("!BBH", 0x20, 0, 0) + objects
    ext = ext[:2] + struct.pack("!H", P.checksum(ext)) + ext[4:]
    quote = inner[:128] + bytes(max(0, 128 - len(inner)))
    return P.ip4(src, dst, P.ICMP, P.icmp_part(kind, 0, struct.pack("!BBH", 0, 32, 0), quote + ext), **more)


RECORD = struct.pack("!BBB4s4sB", 7, 11, 8, P.addr("100.70.0.1"), bytes(4), 0)  # record route: one of two filled in


def quotes(p):
    """Shapes of an error about p: as short as allowed, whole."""
    at = (p[0] & 15) * 4
    return [p[:at + 8], p]


def conversations(c, t, options=b""):
    """A packet of each protocol out and one back. => [(as it left, as it came in)]"""
    out = []
    for i, (go, come) in enumerate([
            (lambda: P.udp(A, S, 5000, 53, b"q" * 40, options=options),
             lambda p: P.udp(S, X, 53, p.sport, b"a" * 40, options=options)),
            (lambda: P.udp(A, S, 5001, 53, b"q" * 40, zero=True, options=options),
             lambda p: P.udp(S, X, 53, p.sport, b"a" * 40, zero=True, options=options)),
            (lambda: P.ip4(A, S, P.TCP, P.tcp_part(A, S, 5002, 80, SYN, seq=1), options=options),
             lambda p: P.ip4(S, X, P.TCP, P.tcp_part(S, X, 80, p.sport, SYN | ACK, 7, 2), options=options)),
            (lambda: P.echo(A, S, 77, 1, b"e" * 40, options=options),
             lambda p: P.echo(S, X, p.ident, 1, b"e" * 40, reply=True, options=options))]):
        c.send("inside", t + i, go())
        p = c.last("outside")
        c.send("outside", t + i + 0.1, come(p))
        out.append((p.l3, c.last("inside").l3))
    return out


@case
def icmp_error_shapes():
    c = make("icmp-error-shapes", "Errors about UDP, UDP without checksum, TCP and echo, from outside and from inside, from "
             "the end and from a router, short and whole, with options inside and outside, and with an extension: what was "
             "quoted is restored, and nothing of the inside gets out.")
    for t, options in ((0, b""), (10, RECORD)):
        for i, (left, came) in enumerate(conversations(c, t, options)):
            for j, source in enumerate((ROUTER, S)):
                c.send("outside", t + 4 + i / 4 + j / 10, *[P.error4(source, X, 3, 3, q) for q in quotes(left)],
                       labelled(source, X, left), P.error4(source, X, 11, 0, left, options=RECORD))
            for j, source in enumerate(("100.70.0.1", A)):
                c.send("inside", t + 6 + i / 4 + j / 10, *[P.error4(source, S, 3, 3, q) for q in quotes(came)],
                       labelled(source, S, came), P.error4(source, S, 11, 0, came, options=RECORD))
    return c


def option(kind, *hops):
    """Source routes and record route, filled in, up to a multiple of four."""
    o = struct.pack("!BBB", kind, 3 + 4 * len(hops), 4 + 4 * len(hops)) + b"".join(P.addr(h) for h in hops)
    return o + bytes(-len(o) % 4)


@case
def icmp_options():
    c = make("icmp-options", "Source routes, a recorded one and timestamps of a ping name routers of the inside: outside they are "
             "no-operations, on the way in they stay as they are (RFC 5508 section 7.3); a router alert stays.")
    stamp = struct.pack("!BBBB4sI", 68, 12, 13, 1, P.addr("100.70.0.1"), 5)
    for i, o in enumerate((option(131, "100.70.0.1", "100.70.0.2"), option(137, "100.70.0.1"), option(7, "100.70.0.1"), stamp,
                           b"\x94\x04\0\0" + option(131, "100.70.0.1"))):
        c.send("inside", i, P.echo(A, S, 77, i, b"abcdefgh", options=o))
        x = c.last("outside")
        c.send("outside", i + 0.1, P.echo(S, X, x.ident, i, b"abcdefgh", reply=True, options=o))
    return c


@case
def hairpin_all():
    c = make("hairpin-all", "Eight subscribers with four pool addresses, each to the next one by its external address: UDP, TCP, "
             "and an error about each; everybody sees external sources only. An echo request finds nobody behind a port.",
             pool={"addresses": ["203.0.113.1-203.0.113.4"]})
    hosts = [f"100.64.0.{10 + i}" for i in range(8)]
    ends = []
    for i, h in enumerate(hosts):
        c.send("inside", i / 100, P.udp(h, S, 5000, 53))
        c.send("inside", i / 100 + 0.005, P.tcp(h, S, 5000, 80, SYN, seq=1))
        ends.append([(P.text(p.src), p.sport) for p in c.run()["outside"][-2:]])
    for i, h in enumerate(hosts):
        (x, udp), (_, tcp) = ends[(i + 1) % 8]
        peer = hosts[(i + 1) % 8]
        c.send("inside", 1 + i, P.udp(h, x, 6000, udp, b"to the next"))
        q = c.last("inside")
        c.send("inside", 1.1 + i, P.udp(peer, P.text(q.src), 5000, q.sport, b"back"))
        c.send("inside", 1.2 + i, P.error4(peer, P.text(q.src), 3, 3, q.l3))
        c.send("inside", 1.3 + i, P.tcp(h, x, 6000, tcp, SYN, seq=1))
        q = c.last("inside")
        c.send("inside", 1.4 + i, P.tcp(peer, P.text(q.src), 5000, q.sport, SYN | ACK, seq=1, ack=2))
        c.send("inside", 1.5 + i, P.error4("100.70.0.1", P.text(q.src), 11, 0, q.l3[:28]))
        c.send("inside", 1.6 + i, P.echo(h, x, 7, 1))
    return c


@case
def identification():
    c = make("identification", "Two subscribers use one identification towards one server: outside they differ, the fragments of "
             "each datagram agree; a whole datagram with DF and what comes in keep theirs (RFC 6864).")
    for i, h in enumerate((A, B)):
        c.send("inside", i, P.udp(h, S, 5000, 53, b"whole, no DF", ident=77, df=False))
        c.send("inside", i + 0.1, *P.fragments4(P.udp(h, S, 5000, 53, big(2000), ident=77, df=False), [1480]))
        c.send("inside", i + 0.2, *reversed(P.fragments4(P.udp(h, S, 5000, 53, big(2000), ident=78, df=False), [1480])))
        c.send("inside", i + 0.3, P.udp(h, S, 5000, 53, b"whole, DF", ident=77))
        back(c, i + 0.4, c.last("outside"), b"in")
    return c


@case
def hairpin_udp():
    c = make("hairpin-udp", "B reaches A by A's external port and sees A's external address, A sees B's "
             "(RFC 4787 REQ-9); TTL goes down once.")
    p = udp_out(c, 0, A, 5000, S, 53)
    c.send("inside", 1, P.udp(B, X, 6000, p.sport, b"hello neighbour"))
    q = c.last("inside")
    c.send("inside", 1.1, P.udp(A, X, 5000, q.sport, b"hello back"))
    c.send("inside", 2, P.udp(A, X, 5000, p.sport, b"to myself"))
    c.send("inside", 3, P.udp(B, X, 6000, p.sport ^ 1, b"to nobody"))
    got = c.run()["inside"][0]
    c.send("inside", 4, P.error4(A, P.text(got.src), 3, 3, got.l3))
    return c


@case
def hairpin_too_big():
    c = make("hairpin-too-big", "A packet to another subscriber whose interface has a smaller MTU: the sender is told so, about the packet "
             "as it sent it; without DF it is cut.")
    c.nic("inside")["addresses"] = ["100.64.0.1/16"]
    c.config["nics"].append({"name": "small", "device": "0000:01:00.2", "addresses": ["100.65.0.1/16"], "mtu": 1300})
    c.config["nat"]["rules"].append({"name": "small", "nic": "small", "source": "100.65.0.0/16", "pool": "public"})
    c.frames["small"] = []
    c.send("small", 0, P.udp("100.65.0.9", S, 5000, 53))
    x = c.last("outside")
    for i, size in enumerate((1272, 1273, 1400)):
        c.send("inside", 1 + i, P.udp(A, X, 6000, x.sport, big(size)))
    c.send("inside", 5, P.udp(A, X, 6000, x.sport, big(1400), df=False, ident=9))
    c.send("inside", 6, P.udp(A, X, 6000, x.sport, b"TTL 1", ttl=1), P.udp(A, X, 6000, x.sport, b"TTL 2", ttl=2))
    return c


@case
def hairpin_tcp():
    c = make("hairpin-tcp", "A TCP connection between two subscribers through their external addresses.")
    c.send("inside", 0, P.tcp(B, S, 8080, 80, SYN, seq=5))
    x = c.last("outside")
    d = Dialog(c, A, 40000, X, x.sport, nics=("inside", "inside"))
    d.out(1, SYN)
    d.learn()
    d.far_end = (B, 8080)
    d.into(1.01, SYN | ACK)
    d.out(1.02, ACK)
    d.talk(2)
    d.close(3)
    return c


@case
def udp_timeout():
    c = make("udp-timeout", "300 s without a packet from inside end a UDP mapping: at 299 s the server's packet "
             "passes, at 301 s it does not; packets from inside keep one alive.", args=["--until", "2000"])
    p = udp_out(c, 0, A, 5000, S, 53)
    back(c, 299, p, b"in time")
    back(c, 301, p, b"late")
    for i in range(4):
        c.send("inside", 400 + 250 * i, P.udp(B, S, 5000, 53, b"keep alive"))
    q = c.last("outside")
    back(c, 1400, q, b"still there")
    return c


@case
def port_timeouts():
    c = make("port-timeouts", "DNS is forgotten after 20 s and SIP after 600 s, by destination port; other ports keep 300 s "
             "(RFC 4787 REQ-5).", args=["--until", "2000"])
    c.config["nat"]["port_timeouts"] = [{"ports": "53-53", "timeouts": {"udp": 20}},
                                        {"ports": "5060-5061", "timeouts": {"udp": 600}},
                                        {"protocol": "tcp", "ports": "54-54", "timeouts": {"tcp_opening": 10}}]
    for i, (port, near, far) in enumerate([(53, 19, 21), (54, 299, 301), (5060, 599, 601)]):
        for j, t in enumerate((near, far)):
            p = udp_out(c, j / 100 + i / 10, A, 5000 + 10 * i + j, S, port)
            back(c, j / 100 + i / 10 + t, p, b"%d s" % t)
    return c


@case
def state_timeouts():
    c = make("state-timeouts", "Each state has a timer of its own: a datagram that nobody answers is forgotten after 15 s, an answered one "
             "after 60, a ping after 90; a connection that one side has closed after 100 s, and 50 s after a reset.",
             args=["--until", "2000"])
    c.config["nat"]["timeouts"] = {"udp": 60, "udp_unanswered": 15, "tcp_half_closed": 100, "tcp_reset": 50, "icmp": 90}
    for i, (t, answered) in enumerate([(14, False), (16, False), (59, True), (61, True)]):
        p = udp_out(c, 100 * i, A, 5000 + i, S, 7)
        if answered:
            back(c, 100 * i, p, b"at once")
        back(c, 100 * i + t, p, b"%d s" % t)
    for i, (t, end, to_server) in enumerate([(99, FIN | ACK, True), (101, FIN | ACK, True), (49, RST | ACK, False),
                                             (51, RST | ACK, False)]):
        at = 500 + 200 * i
        d = Dialog(c, A, 40000 + i, S, 80)
        d.open(at)
        (d.out if to_server else d.into)(at + 10, end)
        d.into(at + 10 + t, PSH | ACK, b"%d s after the end" % t)
    for i, t in enumerate((89, 91)):
        c.send("inside", 1400 + 100 * i, P.echo(A, S, 70 + i, 1))
        c.send("outside", 1400 + 100 * i + t, P.echo(S, X, c.last("outside").ident, 1, b"%d s" % t, reply=True))
    return c


@case
def rule_timeouts():
    c = make("rule-timeouts", "A rule has timers of its own: a subscriber of it loses datagrams after 20 s, a ping after 10 and a "
             "connection after 100, and its neighbour, by another rule, does not.", args=["--until", "2000"],
             rule={"name": "short", "source": A, "timeouts": {"udp": 20, "icmp": 10, "tcp_established": 100}})
    c.config["nat"]["rules"].append({"name": "homes", "nic": "inside", "source": "100.64.0.0/10", "pool": "public"})
    for i, (who, t) in enumerate([(A, 19), (A, 21), (B, 21)]):
        back(c, 100 * i + t, udp_out(c, 100 * i, who, 5000 + i, S, 7), b"%d s" % t)
    for i, (who, t) in enumerate([(A, 9), (A, 11), (B, 11)]):
        c.send("inside", 300 + 100 * i, P.echo(who, S, 70 + i, 1))
        c.send("outside", 300 + 100 * i + t, P.echo(S, X, c.last("outside").ident, 1, b"%d s" % t, reply=True))
    for i, (who, t) in enumerate([(A, 99), (A, 101), (B, 101)]):
        d = Dialog(c, who, 40000 + i, S, 80)
        d.open(600 + 200 * i)
        d.into(600 + 200 * i + 1 + t, PSH | ACK, b"%d s" % t)
    return c


@case
def log_sessions():
    c = make("log-sessions", "Connections of one rule's subscribers are logged with destination, packets and octets; those of the "
             "others are not.", args=["--until", "1000"])
    rules = c.config["nat"]["rules"]
    rules.insert(0, {"name": "watched", "nic": "inside", "source": A + "/32", "pool": "public", "log_sessions": True})
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    d.out(1, PSH | ACK, b"GET /")
    d.into(1.1, PSH | ACK, b"200 OK, and something to read")
    d.out(2, FIN | ACK)
    d.into(2.1, FIN | ACK)
    p = udp_out(c, 3, A, 5000, S, 53)
    back(c, 3.1, p, b"answer")
    p = udp_out(c, 4, B, 5000, S, 53)
    back(c, 4.1, p, b"answer")
    return c


@case
def log_addresses():
    c = make("log-addresses", "A subscriber's address is logged when it gets the first block of it and when the last one has gone, if that "
             "is set; the ports come and go as ever.", pool={"max_blocks": 2}, args=["--until", "1000"])
    c.config["nat"].update(log="blocks", log_addresses=True, quarantine=0)
    for i in range(65):
        c.send("inside", i / 10, P.udp(A, S, 5000 + i, 53))
    return c


@case
def filter_refreshes_nothing():
    c = make("filter-refreshes-nothing", "What the filter refuses does not keep a mapping alive, even where inbound packets do; what "
             "it lets in does (RFC 7857 section 7).", rule={"filtering": "address-dependent"}, args=["--until", "2000"])
    c.config["nat"]["inbound_refresh"] = True
    p = udp_out(c, 0, A, 5000, S, 53)
    for t in (100, 200, 299):
        back(c, t, p, b"stranger", src=S2)
    back(c, 301, p, b"too late")
    p = udp_out(c, 1000, A, 5000, S, 53)
    for t in (1100, 1350, 1600):
        back(c, t, p, b"welcome")
    return c


@case
def echo_pool():
    c = make("echo-pool", "An echo request to a pool address is answered where it is set so, from both sides; a reply to a "
             "subscriber's own request still goes to it.")
    c.config["nat"]["answer_echo"] = True
    c.send("outside", 0, P.echo(S, X, 7, 1, b"are you there"))
    c.send("inside", 1, P.echo(A, X, 7, 1, b"are you there"))
    c.send("inside", 2, P.echo(A, S, 7, 1))
    c.send("outside", 2.1, P.echo(S, X, c.last("outside").ident, 1, reply=True))
    return c


@case
def port_exhaustion():
    c = make("port-exhaustion", "One block of 64 ports: the 65th mapping is refused with ICMP host unreachable, the "
             "others go on (RFC 6888 REQ-11).", pool={"ports": "1024-1087", "max_blocks": 1})
    c.one_worker = True
    for i in range(64):
        c.send("inside", i / 100, P.udp(A, S, 5000 + i, 53))
    c.send("inside", 1, P.udp(A, S, 6000, 53, b"one too many", tos=0xB8))
    c.send("inside", 1.1, P.udp(B, S, 5000, 53, b"no block left"))
    c.send("inside", 1.2, P.udp(A, S2, 5000, 53, b"an old one"))
    c.send("inside", 1.3, P.tcp(A, S, 5000, 80, SYN, seq=1))
    return c


@case
def pool_exclusions():
    c = make("pool-exclusions", "A pool leaves out addresses and ports: 40 of the 64 ports of its one address are given "
             "out, and the address that is left out is nobody's.", pool={
                 "addresses": ["203.0.113.0/30"], "exclude": ["203.0.113.2"], "exclude_ends": True,
                 "ports": "1024-1087", "exclude_ports": ["1024-1031", "1072-1087"], "max_blocks": 1})
    c.one_worker = True
    for i in range(41):
        c.send("inside", i / 100, P.udp(A, S, 5000 + i, 53))
    c.send("outside", 1, P.udp(S, "203.0.113.1", 53, 1030, b"a port that is left out"),
           P.udp(S, "203.0.113.2", 53, 1040, b"an address that is left out"))
    return c


@case
def refusal_prohibited():
    c = make("refusal-prohibited", "Where it is set so, a subscriber at its limit is told communication administratively prohibited "
             "(RFC 5508 REQ-8).", rule={"max_mappings": 1})
    c.config["nat"]["refusal"] = "prohibited"
    c.send("inside", 0, P.udp(A, S, 5000, 53))
    c.send("inside", 1, P.udp(A, S, 5001, 53), P.tcp(A, S, 5001, 80, SYN, seq=1))
    return c


@case
def subscriber_limit():
    c = make("subscriber-limit", "A subscriber with three mappings gets no fourth, another one is not touched "
             "(RFC 6888 REQ-4).", rule={"max_mappings": 3})
    for i in range(5):
        c.send("inside", i, P.udp(A, S, 5000 + i, 53))
    c.send("inside", 6, P.udp(B, S, 5000, 53))
    return c


@case
def flow_limit():
    c = make("flow-limit", "A subscriber with four flows gets no fifth, whether it or the peer begins; the events name it "
             "(RFC 6888 REQ-4, REQ-5).", rule={"max_flows": 4})
    for i in range(3):
        p = udp_out(c, i, A, 5000, S, 53 + i)
    c.send("outside", 3, P.udp(S2, X, 9, p.sport, b"the fourth"), P.udp(S2, X, 10, p.sport, b"the fifth"))
    c.send("inside", 4, P.udp(A, S, 5000, 99), P.udp(A, S, 5001, 99), P.udp(A, S, 5000, 53), P.udp(B, S, 5000, 53))
    return c


@case
def refusals_named():
    c = make("refusals-named", "Four subscribers at their limits at once, again and again: each is named, once a minute and "
             "kind of limit (RFC 6888 REQ-4).", rule={"max_mappings": 2, "max_flows": 3})
    who = ["100.64.2.%d" % (i + 1) for i in range(4)]
    for t in (0, 0.2, 1.5, 30, 61):
        for i, a in enumerate(who):
            c.send("inside", t + i / 100, *[P.udp(a, S, 5000 + k, 53) for k in range(4)])
        c.send("inside", t + 0.1, P.udp(who[0], S, 5000, 60), P.udp(who[0], S, 5000, 61))
    return c


@case
def fragments_refused():
    c = make("fragments-refused", "Later fragments come without their first ones: 48 of a datagram wait, 128 of a subscriber, and who sends more is named "
             "in the log, once a minute (RFC 8158); those of another one pass.")
    c.one_worker = True  # each worker holds as many
    later = lambda who, ident: P.fragments4(P.udp(who, S, 5000, 53, big(2400), ident=ident, df=False), [40] * 60)[1:]
    c.send("inside", 0, *later(A, 1)[:50])
    c.send("inside", 0.1, *[later(A, 100 + i)[0] for i in range(100)])
    c.send("inside", 0.2, *P.fragments4(P.udp(B, S, 5000, 53, big(2000), ident=7, df=False), [1480]))
    c.send("inside", 0.3, *later(C, 8)[:50])
    c.send("inside", 61, *[later(A, 300 + i)[0] for i in range(130)])
    return c


@case
def flow_rate():
    c = make("flow-rate", "A subscriber may open ten flows a second and four at once; a flow that exists is not slowed.",
             rule={"flow_rate": 10, "flow_burst": 4})
    for i in range(6):
        c.send("inside", i / 1000, P.udp(A, S, 5000 + i, 53))
    c.send("inside", 0.01, P.udp(A, S, 5000, 53), P.udp(B, S, 5000, 53))
    c.send("inside", 0.15, P.udp(A, S, 6000, 53), P.udp(A, S, 6001, 53))
    c.send("inside", 1, *[P.udp(A, S, 7000 + i, 53) for i in range(6)])
    return c


@case
def thresholds():
    c = make("thresholds", "Events when six of eight blocks are used, and when three are; when a subscriber has three "
             "mappings, and when it has two; when there are nine of 64 mappings and seven of 64 subscribers, and when "
             "there are five and three.", pool={"ports": "1024-1535", "used_high": 75, "used_low": 38},
             rule={"mappings_high": 3, "mappings_low": 2, "timeouts": {"udp": 30}}, args=["--until", "120"])
    c.config["nat"].update(quarantine=0, mappings_high=14, mappings_low=8, subscribers_high=10, subscribers_low=5)
    c.config["nat"]["capacity"].update(mappings=64, subscribers=64)
    c.one_worker = True
    for i in range(7):
        c.send("inside", i, P.udp("100.64.1.%d" % (i + 1), S, 5000, 53))
    for i in range(4):
        c.send("inside", 10 + i, P.udp("100.64.1.7", S, 6000 + i, 53))
    c.send("inside", 60, P.udp(B, S, 5000, 53))
    return c


@case
def ports_kept():
    c = make("ports-kept", "A pool that keeps ports: RTP's even port stays even and RTCP's odd one odd, both the same outside "
             "as inside where that is free (RFC 4787 REQ-4).", pool={
                 "ports": "5056-5183", "keep_port": True, "keep_parity": True, "max_blocks": 1})
    c.one_worker = True
    for i, (who, port) in enumerate([(A, 5060), (A, 5061), (A, 40000), (A, 40001), (B, 5060), (B, 5061), (B, 5130)]):
        c.send("inside", i, P.udp(who, S, port, 53, b"from %d" % port))
    return c


@case
def ports_sequential():
    c = make("ports-sequential", "Blocks and ports in turn: the lowest block of the address, its ports one after the other, "
             "then the next block.", pool={
                 "ports": "1024-1279", "port_order": "sequential", "block_order": "sequential"})
    c.one_worker = True
    for i in range(66):
        c.send("inside", i / 10, P.udp(A, S, 9000 - i, 53))
    c.send("inside", 10, P.udp(B, S, 5000, 53))
    return c


@case
def pairing_soft():
    c = make("pairing-soft", "With soft pairing a subscriber whose address has no port left goes on with another address of "
             "the pool.", pool={"addresses": [X, "203.0.113.9"], "ports": "1024-1087", "pairing": "soft"})
    c.one_worker = True
    for i in range(66):
        c.send("inside", i / 100, P.udp(A, S, 5000 + i, 53))
    c.send("inside", 1, P.udp(A, S2, 5000, 53, b"the first one stays where it is"))
    return c


@case
def pool_fallback():
    c = make("pool-fallback", "A rule with a second pool: who gets no address of the first has one of the second, and when "
             "that has none left either is refused.", pool={"ports": "1024-1087"}, rule={"fallback": ["spare"]})
    c.config["nat"]["pools"].append({"name": "spare", "addresses": ["203.0.113.9"], "ports": "2048-2111", "block_size": 64})
    c.one_worker = True
    for i, who in enumerate([A, B, C, A, B]):
        c.send("inside", i, P.udp(who, S, 5000 + i, 53))
    return c


@case
def quarantine_at_start():
    c = make("quarantine-at-start", "After a start no port is given before the quarantine's time has passed (RFC 6888 REQ-8); a "
             "static mapping does not wait.")
    c.config["nat"].update({"quarantine": 60, "quarantine_at_start": True})
    c.config["nat"]["static"] = [{"inside": B, "outside": "203.0.113.7"}]
    c.send("inside", 0, P.udp(A, S, 5000, 53, b"too early"), P.udp(B, S, 5000, 53, b"static"))
    c.send("inside", 59, P.udp(A, S, 5000, 53, b"still"))
    c.send("inside", 61, P.udp(A, S, 5000, 53, b"now"))
    return c


@case
def pool_drain_deadline():
    c = make("pool-drain-deadline", "An address drains with a deadline: its mapping goes on until then, is cut and logged, and the "
             "subscriber goes on with another address.")
    c.config["nat"]["drain_deadline"] = 100
    c.one_worker = True
    p = udp_out(c, 0, A, 5000, S, 53)
    c.request(5, "pool.add_range", pool="public", range="203.0.113.9")
    c.request(6, "pool.drain_range", pool="public", range=X)
    c.send("inside", 50, P.udp(A, S, 5000, 53, b"still"))
    back(c, 51, p, b"and back")
    c.send("inside", 105, P.udp(A, S, 5000, 53, b"the last one"))
    back(c, 107, p, b"too late")
    c.send("inside", 108, P.udp(A, S, 5000, 53, b"elsewhere"))
    c.request(109, "mapping.list")
    return c


@case
def pool_rolled_back():
    c = make("pool-rolled-back", "A pool's address is replaced by another one, and the change is taken back: who had a port of it has it "
             "still, from outside too, and nobody else gets it.", pool={"ports": "1024-1407"})
    c.one_worker = True
    p = udp_out(c, 0, A, 5000, S, 53)
    c.send("inside", 1, *(P.udp(f"100.64.0.{11 + i}", S, 5000, 53, b"all other blocks") for i in range(5)))
    other = json.loads(json.dumps(c.config))
    other["nat"]["pools"][0]["addresses"] = ["203.0.113.2"]
    c.request(5, "config.apply", config=other)
    c.send("inside", 6, P.udp(B, S, 5000, 53, b"by the other address"))
    c.request(10, "config.apply", config=c.config)
    c.send("inside", 20, P.udp(C, S, 5000, 53, b"no block is left"))
    back(c, 21, p)
    c.send("inside", 22, P.udp(A, S, 5000, 53, b"the same port"))
    c.request(23, "nat.show", what="block")
    return c


@case
def ports_one_by_one():
    c = make("ports-one-by-one", "A pool without blocks: three subscribers share an address port by port until none is left, each "
             "mapping is logged though blocks are what is logged, and what ends is free for anybody after the quarantine.",
             pool={"allocation": "ports", "ports": "1024-1039"}, rule={"timeouts": {"udp": 120}})
    c.config["nat"]["pools"][0].pop("block_size")
    c.config["nat"].update({"log": "blocks", "quarantine": 60})
    c.one_worker = True
    for i in range(16):
        c.send("inside", i, P.udp([A, B, C][i % 3], S, 5000 + i, 53))
    c.send("inside", 20, P.udp(A, S, 6000, 53, b"none is left"), P.udp(B, S, 5001, 54, b"but this is known"))
    c.send("inside", 21, P.tcp(A, S, 6000, 80, SYN, seq=1))
    c.request(22, "pool.list")
    c.request(23, "subscriber.list")
    c.send("inside", 135, P.udp(C, S, 7000, 53, b"in quarantine"))
    c.send("inside", 186, P.udp(C, S, 7000, 53, b"free again"))
    return c


@case
def pool_by_destination():
    c = make("pool-by-destination", "A rule with a destination has a pool of its own: the same inside port is one mapping for all "
             "of its destinations, and another one for all others; a narrower exception within goes with the others again.")
    c.config["nat"]["pools"].append({"name": "partners", "addresses": ["203.0.113.9"], "block_size": 64})
    homes = c.config["nat"]["rules"].pop()
    c.config["nat"]["rules"] = [{**homes, "name": "not-he", "destination": "192.0.2.66"},
                                {**homes, "name": "partners", "destination": "192.0.2.64/26", "pool": "partners"}, homes]
    p = udp_out(c, 0, A, 5000, S, 53)
    q = udp_out(c, 1, A, 5000, "192.0.2.70", 53)
    udp_out(c, 2, A, 5000, "192.0.2.71", 54)
    udp_out(c, 3, A, 5000, S2, 54)
    udp_out(c, 4, A, 5000, "192.0.2.66", 53)
    back(c, 5, p, b"to one")
    back(c, 6, q, b"to the other")
    back(c, 7, q, b"from anywhere", src=S2)
    c.send("inside", 8, P.tcp(A, "192.0.2.70", 5000, 80, SYN, seq=1), P.tcp(A, S, 5000, 80, SYN, seq=1))
    c.send("inside", 9, P.udp(A, q.src, 5001, q.sport, b"round the corner"))
    c.request(10, "subscriber.list")
    c.request(11, "mapping.list")
    return c


@case
def pool_reserve():
    c = make("pool-reserve", "Four blocks, two kept for each subscriber: A's third is refused while B has one of its two, and B "
             "gets its second; there is nothing to keep for C.", pool={"ports": "1024-1279", "reserve": 2})
    c.one_worker = True
    for i in range(65):
        c.send("inside", i / 100, P.udp(A, S, 5000 + i, 53))
    c.send("inside", 1, P.udp(B, S, 5000, 53))
    for i in range(66):
        c.send("inside", 2 + i / 100, P.udp(A, S, 6000 + i, 53))
    c.send("inside", 3, P.udp(C, S, 5000, 53, b"nothing could be kept for it"))
    for i in range(64):
        c.send("inside", 4 + i / 100, P.udp(B, S, 7000 + i, 53))
    return c


def big(size, seed=1):
    return bytes((i * 7 + seed + i // 256) & 255 for i in range(size))


@case
def fragments_in_order():
    c = make("fragments-in-order", "Fragments follow their first one, out and in; each keeps its offset, the UDP "
             "checksum is right when they are put together.")
    c.send("inside", 0, *P.fragments4(P.udp(A, S, 5000, 53, big(4000), ident=77, df=False), [1480, 1480]))
    p = c.run()["outside"][0]
    c.send("outside", 1, *P.fragments4(P.udp(S, X, 53, p.sport, big(3000, 9), ident=99, df=False), [1480, 1480]))
    c.send("inside", 2, *P.fragments4(P.echo(A, S, 5, 1, big(2000), ident=78, df=False), [1480]))
    return c


@case
def fragments_out_of_order():
    c = make("fragments-out-of-order", "Fragments that come before their first one wait for it; where it never comes "
             "they are dropped.", args=["--until", "60"])
    one = P.fragments4(P.udp(A, S, 5000, 53, big(4000), ident=77, df=False), [1480, 1480])
    c.send("inside", 0, one[2], one[1])
    c.send("inside", 0.5, one[0])
    p = next(q for q in c.run()["outside"] if q.offset == 0)
    two = P.fragments4(P.udp(S, X, 53, p.sport, big(3000, 9), ident=99, df=False), [1480, 1480])
    for i, f in enumerate(reversed(two)):
        c.send("outside", 1 + i / 10, f)
    c.send("inside", 2, *P.fragments4(P.udp(A, S, 5000, 53, big(3000), ident=80, df=False), [1480, 1480])[1:])
    return c


@case
def udp_checksum_zero():
    c = make("udp-checksum-zero", "A UDP packet without checksum leaves and returns without one.")
    c.send("inside", 0, P.udp(A, S, 5000, 53, b"unchecked", zero=True))
    p = c.last("outside")
    c.send("outside", 1, P.udp(S, X, 53, p.sport, b"unchecked too", zero=True))
    return c


@case
def ttl_expired():
    c = make("ttl-expired", "TTL 1 is answered by Time Exceeded from the interface of arrival, TTL 2 leaves as 1.")
    c.send("inside", 0, P.udp(A, S, 5000, 33434, b"first hop", ttl=1))
    c.send("inside", 1, P.udp(A, S, 5000, 33435, b"second hop", ttl=2))
    p = c.last("outside")
    c.send("outside", 2, P.udp(S, X, 33435, p.sport, b"expires here", ttl=1, tos=0x28))
    c.send("outside", 3, P.udp(S, X, 33435, p.sport, b"just so", ttl=2))
    c.send("inside", 4, P.error4(A, S, 3, 3, c.last("inside").l3, ttl=1))
    c.send("inside", 5, P.tcp(A, S, 5000, 80, SYN, seq=1, ttl=1))
    return c


@case
def too_big_df():
    c = make("too-big-df", "A packet with DF that is too big for its way out is answered by Fragmentation Needed with "
             "the MTU, in both directions; one that just fits passes.")
    c.nic("outside")["mtu"] = 1400
    c.send("inside", 0, P.udp(A, S, 5000, 53, big(1472)))
    c.send("inside", 1, P.udp(A, S, 5000, 53, big(1372)))
    c.send("inside", 2, P.udp(A, S, 5000, 53, big(1373)))
    c.send("inside", 3, P.tcp(A, S, 5000, 80, ACK, 1, 1, big(1460)))
    c.nic("inside")["mtu"] = 1300
    p = c.last("outside")
    back(c, 4, p, big(1273))
    back(c, 5, p, big(1272))
    return c


@case
def too_big_fragment():
    c = make("too-big-fragment", "A packet without DF that is too big for its way out is cut into fragments, in order; "
             "so is a fragment.")
    c.nic("outside")["mtu"] = 600
    c.send("inside", 0, P.udp(A, S, 5000, 53, big(1472), df=False, ident=33))
    c.send("inside", 1, *P.fragments4(P.udp(A, S, 5000, 53, big(2000), df=False, ident=34), [1480]))
    c.send("inside", 2, P.udp(A, S, 5000, 53, big(572), df=False, ident=35))
    c.send("inside", 3, P.udp(A, S, 5000, 53, big(573), df=False, ident=36))
    return c


@case
def vlan():
    c = make("vlan", "Both interfaces are VLANs of one device; a priority tag is no VLAN, an unknown VLAN and a second "
             "tag are dropped.")
    for n, v in (("inside", 100), ("outside", 200)):
        c.nic(n).update(device="0000:01:00.0", vlan=v)
    p = udp_out(c, 0, A, 5000, S, 53)
    back(c, 1, p)
    request = P.udp(A, S, 5001, 53, b"lost")
    me, he = device_mac(0), INSIDE_MAC
    c.frame("inside", 2, P.ether(me, he, P.ETH_IP4, request, 300))
    c.frame("inside", 3, P.ether(me, he, P.ETH_VLAN, struct.pack("!HH", 7, P.ETH_IP4) + request, 100))
    c.frame("inside", 4, P.ether(me, he, P.ETH_IP4, request))
    c.frame("inside", 5, P.ether(me, he, P.ETH_IP4, P.udp(A, S, 5002, 53, b"priority 5"), 5 << 13 | 100))
    c.send("inside", 6, P.udp(A, S, 5003, 53, b"expires", ttl=1))
    c.frame("inside", 7, P.ether("ff:ff:ff:ff:ff:ff", he, P.ETH_ARP,
                                 P.arp(1, he, A, "00:00:00:00:00:00", "100.64.0.1"), 100))
    return c


@case
def pool_two_addresses_paired():
    c = make("pool-two-addresses-paired", "A pool of two addresses: all sessions of a subscriber, of every protocol, "
             "leave from one of them (RFC 4787 REQ-2).", pool={"addresses": ["203.0.113.1", "203.0.113.9"]})
    for i in range(6):
        host = f"100.64.0.{10 + i}"
        c.send("inside", i, P.udp(host, S, 5000, 53), P.udp(host, S2, 5001, 53), P.tcp(host, S, 5000, 80, SYN, seq=1),
               P.echo(host, S, 77, 1))
    return c


@case
def arp():
    c = make("arp", "ARP: own and pool addresses are answered on the interface, others are not; nothing is learnt from "
             "a question for another.")
    c.format["outside"] = "ns"

    def ask(nic, t, smac, sip, tip, op=1, dst="ff:ff:ff:ff:ff:ff"):
        c.frame(nic, t, P.ether(dst, smac, P.ETH_ARP, P.arp(op, smac, sip, "00:00:00:00:00:00", tip)) + bytes(18))
    ask("inside", 0, INSIDE_MAC, A, "100.64.0.1")
    ask("inside", 1, INSIDE_MAC, A, "100.64.0.99")
    ask("inside", 2, INSIDE_MAC, A, A)
    ask("outside", 3, OUTSIDE_MAC, GATE, "198.51.100.2")
    ask("outside", 4, OUTSIDE_MAC, GATE, X)
    ask("outside", 5, OUTSIDE_MAC, GATE, "100.64.0.1")
    ask("outside", 6, OUTSIDE_MAC, GATE, "198.51.100.2", op=2, dst=device_mac(1))
    c.frame("outside", 7, P.ether(device_mac(1), OUTSIDE_MAC, P.ETH_ARP, P.arp(1, OUTSIDE_MAC, GATE, b"\0" * 6, X)[:20]))
    c.frame("outside", 8, P.ether(device_mac(1), OUTSIDE_MAC, P.ETH_ARP,
                                  P.arp(9, OUTSIDE_MAC, GATE, b"\0" * 6, "198.51.100.2")))
    return c


@case
def unreachable():
    c = make("unreachable", "No route, an unreachable route, a protocol that is not translated, a source without a "
             "rule: each has its reason and, where there is one, its answer.",
             routes=[{"prefix": "192.0.2.0/24", "via": GATE}, {"prefix": "192.0.2.128/25", "unreachable": True}])
    c.send("inside", 0, P.udp(A, "8.8.8.8", 5000, 53, b"no route"))
    c.send("inside", 1, P.udp(A, "192.0.2.130", 5000, 53, b"unreachable route"))
    c.send("inside", 2, P.ip4(A, S, 132, b"\0" * 12))
    c.send("inside", 3, P.udp("10.9.9.9", S, 5000, 53, b"no rule"))
    c.send("inside", 4, P.udp(A, "100.64.0.1", 5000, 53, b"to the translator"))
    c.send("inside", 5, P.udp("127.0.0.1", S, 5000, 53), P.udp(A, "255.255.255.255", 5000, 67),
           P.udp(A, "224.0.0.251", 5353, 5353), P.udp(A, S, 0, 53), P.udp(A, S, 5000, 0))
    c.send("inside", 6, P.echo(A, "100.64.0.1", 1, 1, b"are you there"))
    return c


@case
def pool_range_removed():
    c = make("pool-range-removed", "A second address is added to the pool and the first one removed while a subscriber "
             "uses it: its mapping stays, new subscribers get the second address.", pool={"addresses": [X]})
    p = udp_out(c, 0, A, 5000, S, 53)
    c.request(5, "pool.add_range", pool="public", range="203.0.113.9")
    c.request(6, "pool.remove_range", pool="public", range=X)
    c.request(7, "mapping.list")
    back(c, 8, p, b"to the old mapping")
    c.send("inside", 9, P.udp(B, S, 5000, 53, b"new subscriber"))
    c.request(10, "subscriber.list")
    return c


@case
def formats():
    c = make("formats", "The inputs are a pcapng and a pcap with nanoseconds; times keep all their digits.")
    c.format.update(inside="pcapng", outside="ns")
    p = udp_out(c, 0.123456789, A, 5000, S, 53)
    back(c, 0.987654321, p)
    return c
