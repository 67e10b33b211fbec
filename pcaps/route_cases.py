# SPDX-License-Identifier: Apache-2.0
"""Cases of traffic that is not translated: pass-through by rule, what nobody claims, and what every way through keeps or
limits (DSCP, segment sizes). A and B are subscribers, S is a server, N one that is reached untranslated."""
import struct

import packets as P
from nat_cases import A, B, CONFIG, Dialog, GATE, ROUTER, S, S2, X, udp_out
from packets import ACK, PSH, RST, SYN
from world import Case

N, N2 = "198.18.0.1", "198.18.0.2"
A6, B6, S6, GATE6 = "2001:db8:64::a", "2001:db8:64::b", "2001:db8:ff::1", "2001:db8:51::1"
ESP, SKIP, TIMESTAMP = 50, 57, 13
CASES = []


def case(f):
    CASES.append(f)
    return f


def make(name, about, args=(), **top):
    c = Case("route/" + name, about, CONFIG, args)
    c.config.update(top)
    return c


def passing(name, about, *rules, args=()):
    c = make(name, about, args)
    c.config["nat"]["rules"][:0] = [{"name": f"pass{i}", "nic": "inside", "source": "100.64.0.0/10", "action": "pass", **r}
                                    for i, r in enumerate(rules)]
    return c


def dual(name, about, args=(), **top):
    """IPv4 is translated, IPv6 is routed."""
    c = make(name, about, args, routing={"unclaimed": {"ipv6": "route"}}, **top)
    c.nic("inside")["addresses"] = ["100.64.0.1/10", "2001:db8:64::1/64"]
    c.nic("outside")["addresses"] = ["198.51.100.2/24", "2001:db8:51::2/64"]
    c.config["routes"] = [{"prefix": "0.0.0.0/0", "via": GATE}, {"prefix": "::/0", "via": GATE6}]
    return c


def mss(n):
    return struct.pack("!BBH", 2, 4, n)


@case
def pass_through():
    c = passing("pass-through", "A rule lets a network pass untouched, another one a port of a server; the rest is translated. "
                "From there only answers come in (RFC 6888 REQ-6).",
                {"destination": "198.18.0.0/24"}, {"destination": S + "/32", "ports": "53-53", "protocol": "udp"})
    c.send("inside", 0, P.udp(A, N, 5000, 7, b"untouched"), P.tcp(A, N, 5001, 80, SYN, seq=1), P.echo(A, N, 7, 1, b"ping"))
    c.send("outside", 0.1, P.udp(N, A, 7, 5000, b"answer"), P.tcp(N, A, 80, 5001, SYN | ACK, seq=9, ack=2),
           P.echo(N, A, 7, 1, b"ping", reply=True))
    sent = P.udp(A, N, 5000, 7, b"untouched", ttl=60)
    c.send("outside", 0.2, P.error4(ROUTER, A, 3, 1, sent[:28]))
    c.send("inside", 1, P.udp(A, S, 5000, 53, b"untouched"), P.udp(A, S, 5000, 54, b"translated"),
           P.tcp(A, S, 5000, 53, SYN, seq=1))
    c.send("outside", 1.1, P.udp(S, A, 53, 5000, b"answer"), P.udp(S, A, 54, 5000, b"nobody asked"))
    c.send("outside", 2, P.udp(N, A, 7, 5002, b"nobody asked"), P.tcp(N2, A, 80, 80, SYN, seq=1))
    c.send("inside", 3, *P.fragments4(P.udp(A, N, 5003, 7, b"F" * 2000, ident=9, df=False), [1400]))
    c.send("outside", 3.1, *reversed(P.fragments4(P.udp(N, A, 7, 5003, b"G" * 2000, ident=9, df=False), [1400])))
    c.send("inside", 4, P.ip4(A, N, ESP, b"\0\0\1\0" + bytes(20)), P.ip4(A, S, ESP, b"\0\0\1\0" + bytes(20)))
    c.send("outside", 4.1, P.ip4(N, A, ESP, b"\0\0\1\0" + bytes(20)))
    return c


@case
def pass_inbound():
    c = passing("pass-inbound", "With `inbound` the other side opens connections too, and what has no ports comes in.",
                {"destination": "198.18.0.0/24", "inbound": True})
    c.send("outside", 0, P.tcp(N, A, 80, 5000, SYN, seq=1), P.udp(N2, B, 7, 5001, b"hello"), P.echo(N, B, 7, 1, b"ping"))
    c.send("inside", 0.1, P.tcp(A, N, 5000, 80, SYN | ACK, seq=5, ack=2), P.udp(B, N2, 5001, 7, b"hello yourself"),
           P.echo(B, N, 7, 1, b"ping", reply=True))
    c.send("outside", 1, P.ip4(N, A, SKIP, bytes(40)), P.udp(S, A, 7, 5000, b"not of that network"))
    c.send("inside", 1.1, P.ip4(A, N, SKIP, bytes(40)))
    return c


@case
def dual_stack():
    c = dual("dual-stack", "IPv6 that nobody claims is routed from both sides, errors, fragments and other protocols too; "
             "IPv4 that nobody claims is dropped.")
    c.send("inside", 0, P.tcp(A6, S6, 5000, 80, SYN, seq=1), P.udp(A6, S6, 5000, 53, b"query"), P.echo(A6, S6, 7, 1, b"ping"),
           P.udp(A, S, 5000, 53, b"translated"))
    c.send("outside", 0.1, P.tcp(S6, A6, 80, 5000, SYN | ACK, seq=9, ack=2), P.udp(S6, A6, 53, 5000, b"answer"),
           P.echo(S6, A6, 7, 1, b"ping", reply=True))
    c.send("inside", 0.2, P.tcp(A6, S6, 5000, 80, ACK, seq=2, ack=10), P.tcp(A6, S6, 5000, 80, PSH | ACK, 2, 10, b"GET /"))
    c.send("outside", 1, P.tcp(S6, B6, 5000, 22, SYN, seq=1), P.udp(S6, B6, 9, 9, b"unasked"), P.echo(S6, B6, 8, 1, b"ping"))
    c.send("inside", 1.1, P.tcp(B6, S6, 22, 5000, SYN | ACK, seq=9, ack=2))
    sent = P.udp(A6, S6, 5000, 53, b"query", hops=60)
    c.send("outside", 2, P.error6(GATE6, A6, 1, 4, sent), P.error6(GATE6, B6, 1, 4, P.udp(B6, S6, 1, 2, b"no flow", hops=60)))
    c.send("inside", 3, P.ip6(A6, S6, ESP, bytes(24)), P.ip6(A6, S6, 59, b""), P.tcp(A6, S6, 6000, 80, RST, seq=1),
           P.ip6(A6, S6, P.ICMP6, P.icmp6_part(P.addr(A6), P.addr(S6), 200, 0, bytes(4), b"experiment")))
    c.send("outside", 3.1, P.ip6(S6, A6, ESP, bytes(24)))
    c.send("inside", 4, P.udp(A6, S6, 5001, 53, b"last hop", hops=1), P.ip6(A6, S6, ESP, bytes(24), hops=1))
    c.send("inside", 4.5, *P.fragments6(P.udp(A6, S6, 5002, 7, b"F" * 2000), [1400], 77))
    c.send("outside", 4.6, *reversed(P.fragments6(P.udp(S6, A6, 7, 5003, b"G" * 2000), [1400], 78)))
    c.send("inside", 4.7, *P.fragments6(P.ip6(A6, S6, ESP, b"E" * 2000), [1400], 79))
    c.send("inside", 5, P.udp("10.9.9.9", S, 1, 2, b"no rule has this source"))
    c.send("outside", 5.1, P.udp(S, A, 1, 2, b"no mapping, no rule"))
    return c


@case
def unclaimed_ipv4():
    c = make("unclaimed-ipv4", "IPv4 that nobody claims is routed: another source than the rule's, with and without ports. What "
             "a rule translates never leaves untranslated, whatever its protocol, whoever began.",
             routing={"unclaimed": {"ipv4": "route"}})
    c.config["routes"].append({"prefix": "192.0.2.128/25", "nic": "inside"})
    office = "192.0.2.130"
    c.send("inside", 0, P.tcp(office, S, 5000, 80, SYN, seq=1), P.ip4(office, S, SKIP, bytes(40)),
           P.ip4(office, S, P.ICMP, P.icmp_part(TIMESTAMP, 0, bytes(4), bytes(12))))
    c.send("outside", 0.1, P.tcp(S, office, 80, 5000, SYN | ACK, seq=9, ack=2), P.ip4(S, office, SKIP, bytes(40)))
    c.send("inside", 1, *P.fragments4(P.udp(office, S, 1, 2, b"F" * 2000, ident=3, df=False), [1400]),
           *P.fragments4(P.ip4(office, S2, SKIP, b"G" * 2000, ident=4, df=False), [1400]))
    cut = P.fragments4(P.ip4(office, S, P.ICMP, P.icmp_part(TIMESTAMP, 0, bytes(4), b"T" * 800), ident=5, df=False), [400])
    c.send("inside", 1.5, cut[1])
    c.send("inside", 1.6, cut[0])
    c.send("inside", 2, P.ip4(A, S, SKIP, bytes(40)), P.udp(A, S, 5000, 53, b"translated"),
           P.ip4(A, S, P.ICMP, P.icmp_part(TIMESTAMP, 0, bytes(4), bytes(12))))
    c.send("outside", 3, P.udp(S, "192.0.2.200", 5, 6, b"a neighbour"), P.udp(S, X, 5, 6, b"to the pool"),
           P.ip4(S, X, SKIP, bytes(40)), P.udp(S, "198.51.100.255", 5, 6, b"broadcast"))
    c.send("inside", 4, P.udp(office, S, 9, 9, b"L" * 1480, df=True), P.tcp(office, S, 1, 2, RST, seq=1))
    c.send("outside", 5, P.udp(S, B, 53, 5000, b"not by its own address"), P.tcp(S, B, 80, 81, SYN, seq=1), P.ip4(S, B, SKIP, bytes(40)),
           P.echo(S, B, 1, 1), P.ip4(S, B, P.ICMP, P.icmp_part(TIMESTAMP, 0, bytes(4), bytes(12))))
    c.send("inside", 5.1, P.udp(B, S, 5000, 53, b"translated"), P.tcp(B, S, 81, 80, ACK, seq=1, ack=2))
    return c


@case
def table_full():
    c = dual("table-full", "When the flow table is full, what is routed goes on without a flow.")
    c.config["workers"]["flows"]["ipv6"] = 64
    c.one_worker = True   # the table is shared out
    c.send("inside", 0, *[P.udp(A6, S6, 5000 + i, 53, b"query") for i in range(70)])
    c.send("outside", 0.1, P.udp(S6, A6, 53, 5000, b"with a flow"), P.udp(S6, A6, 53, 5069, b"without"))
    return c


@case
def dscp():
    c = Case("route/dscp", "The DS field and ECN stay as they are in both directions, in fragments and in a hairpin.", CONFIG)
    u = udp_out(c, 0, A, 5000, S, 53, b"EF, ECT(0)", tos=0xBA)
    c.send("inside", 0.5, P.tcp(A, S, 5000, 80, SYN, seq=1, tos=0x28))
    t = c.last("outside")
    c.send("outside", 1, P.udp(S, X, 53, u.sport, b"AF41, CE", tos=0x8B),
           P.tcp(S, X, 80, t.sport, SYN | ACK, seq=9, ack=2, tos=0x88))
    c.send("inside", 2, *P.fragments4(P.udp(A, S, 5000, 53, b"F" * 2000, ident=5, df=False, tos=0xBA), [1400]))
    c.send("outside", 2.1, *P.fragments4(P.udp(S, X, 53, u.sport, b"G" * 2000, ident=5, df=False, tos=0x8B), [1400]))
    b = udp_out(c, 3, B, 6000, S, 53)
    c.send("inside", 4, P.udp(A, X, 5000, b.sport, b"hairpin", tos=0x2A))
    return c


@case
def mss_clamp():
    c = dual("mss-clamp", "SYN and SYN-ACK of both families and of a hairpin announce no larger segments than the interfaces allow; "
             "smaller ones and packets without the option stay. A connection on the same ports is limited again.")
    c.nic("outside").update(mtu=1460, mss_clamp={"auto": True, "ipv6": 1300})
    c.nic("inside")["mss_clamp"] = {"ipv4": 1410}
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    d.talk(1)
    d.close(2)
    d.open(3)   # anew, on the same ports
    c.send("inside", 4, P.tcp(A, S, 40001, 80, SYN, seq=1, options=mss(536)), P.tcp(A, S, 40002, 80, SYN, seq=1),
           P.tcp(A, S, 40003, 80, SYN, seq=1, options=b"\1" + mss(9000) + b"\3\3\7"),
           P.tcp(A, S, 40004, 80, SYN, seq=1, options=b"\2\3\5\xb4"))
    c.send("inside", 5, P.tcp(A6, S6, 40000, 80, SYN, seq=1, options=mss(1440)))
    c.send("outside", 5.1, P.tcp(S6, A6, 80, 40000, SYN | ACK, seq=1, ack=2, options=mss(1440)),
           P.tcp(S6, B6, 81, 40000, SYN, seq=1, options=mss(1200)))
    e = Dialog(c, B, 40000, S, 80)
    e.out(6, SYN, options=mss(1460))
    e.learn()
    c.send("inside", 7, P.tcp(A, X, 50000, e.seen[1], SYN, seq=1, options=mss(1460)))
    return c
