# SPDX-License-Identifier: Apache-2.0
"""Cases of translation that is fixed, or without ports: static mappings, deterministic pools, other protocols. A and B are subscribers, S is a server of the internet, X the pool's address, W an
address of no pool."""
import copy

import packets as P
from nat_cases import A, B, CONFIG, C, Dialog, S, S2, X, back, make, udp_out
from packets import ACK, FIN, PSH, RST, SYN

W = "203.0.113.50"
ROUTER = "100.64.0.254"
CASES = []


def case(f):
    CASES.append(f)
    return f


def static(name, about, *entries, **more):
    c = make(name, about, **more)
    c.config["nat"]["static"] = list(entries)
    return c


@case
def static_address():
    c = static("static-address", "An address has an address outside for all it does: connections and pings from either side, ports "
               "as they are, an ICMP error with what it quotes; who asks for W by ARP is answered. Others do not get W.",
               {"inside": A, "outside": W})
    c.send("outside", 0, P.tcp(S, W, 40000, 22, SYN, seq=1))
    c.send("inside", 0.1, P.tcp(A, S, 22, 40000, SYN | ACK, seq=9, ack=2))
    c.send("outside", 0.2, P.tcp(S, W, 40000, 22, ACK, seq=2, ack=10))
    c.send("outside", 1, P.echo(S, W, 7, 1, b"ping from outside"))
    c.send("inside", 1.1, P.echo(A, S, 7, 1, b"ping from outside", reply=True))
    c.send("inside", 2, P.udp(A, S, 5000, 53, b"query"), P.echo(A, S, 99, 1, b"ping from inside"))
    c.send("outside", 2.1, P.udp(S, W, 53, 5000, b"answer"), P.echo(S, W, 99, 1, b"ping from inside", reply=True))
    c.send("outside", 3, P.error4(S, W, 3, 3, P.udp(W, S, 5000, 53, b"query")))
    c.send("outside", 4, P.tcp(S, W, 40001, 22, ACK, seq=1, ack=1), P.echo(S, W, 8, 1, b"nobody asked", reply=True))
    c.send("inside", 5, P.udp(B, S, 5000, 53, b"another"))
    c.frame("outside", 6, P.ether("ff:ff:ff:ff:ff:ff", "02:00:00:00:00:0b", P.ETH_ARP, P.arp(
        1, "02:00:00:00:00:0b", "198.51.100.1", "00:00:00:00:00:00", W)) + bytes(18))
    return c


@case
def static_ports():
    c = static("static-ports", "Ports of a pool's address lead to a subscriber, one by one and as a range, offset to offset; what else "
               "the subscriber does is translated as ever, and its block is another than theirs.",
               {"inside": B, "outside": X, "protocol": "tcp", "inside_ports": "80-80", "outside_ports": "8080-8080"},
               {"inside": B, "outside": X, "protocol": "udp", "inside_ports": "6000-6009", "outside_ports": "5000-5009"},
               pool={"ports": "4992-5119", "block_size": 64})
    c.one_worker = True
    c.send("outside", 0, P.tcp(S, X, 40000, 8080, SYN, seq=1))
    c.send("inside", 0.1, P.tcp(B, S, 80, 40000, SYN | ACK, seq=9, ack=2))
    c.send("outside", 1, P.udp(S, X, 40000, 5007, b"to 6007"), P.udp(S, X, 40000, 5010, b"to nobody"))
    c.send("inside", 1.1, P.udp(B, S, 6007, 40000, b"from 5007"))
    c.send("inside", 2, P.udp(B, S2, 6000, 53, b"from 5000"))
    c.send("inside", 3, P.udp(B, S, 7000, 53, b"from the other block"))
    c.send("inside", 4, P.udp(A, S, 7000, 53, b"nothing is left"))
    return c


@case
def static_hairpin():
    c = static("static-hairpin", "Through static mappings inside hosts meet as if from outside: one with an address of its own, one "
               "with a port, one with none.",
               {"inside": A, "outside": W},
               {"inside": B, "outside": X, "protocol": "tcp", "inside_ports": "80-80"})
    c.send("inside", 0, P.tcp(A, X, 40000, 80, SYN, seq=1))
    c.send("inside", 0.1, P.tcp(B, W, 80, 40000, SYN | ACK, seq=9, ack=2))
    c.send("inside", 1, P.udp(C, W, 4000, 53, b"to A"))
    p = c.last("inside")
    c.send("inside", 1.1, P.udp(A, p.src, 53, p.sport, b"to C"))
    c.send("inside", 2, P.tcp(C, X, 4000, 81, SYN, seq=1))
    return c


@case
def static_hairpin_icmp():
    c = static("static-hairpin-icmp", "Pings between subscribers through an address of one's own, to it from one with none, and errors "
               "about what came through it (RFC 5508 REQ-7); a router that has one itself speaks with it (REQ-5).",
               {"inside": A, "outside": W}, {"inside": ROUTER, "outside": "203.0.113.51"})
    c.send("inside", 0, P.echo(C, W, 7, 1, b"C to A"))
    p = c.last("inside")
    c.send("inside", 0.1, P.echo(A, p.src, p.ident, 1, b"C to A", reply=True))
    c.send("inside", 1, P.echo(ROUTER, W, 8, 1, b"one's own to one's own"))
    c.send("inside", 1.1, P.echo(A, "203.0.113.51", 8, 1, b"one's own to one's own", reply=True))
    c.send("inside", 2, P.udp(C, W, 4000, 53, b"to A"))
    p = c.last("inside").l3
    c.send("inside", 2.1, P.error4(A, p[12:16], 3, 3, p), P.error4(ROUTER, p[12:16], 3, 1, p),
           P.error4("100.70.0.1", p[12:16], 3, 1, p))
    c.send("outside", 3, P.udp(S, W, 53, 5000, b"from outside"))
    p = c.last("inside").l3
    c.send("inside", 3.1, P.error4(A, S, 3, 3, p), P.error4(ROUTER, S, 11, 0, p), P.error4("100.70.0.1", S, 3, 1, p))
    return c


@case
def static_answers_only():
    c = static("static-answers-only", "With inbound false connections begin inside; a SYN from outside is refused in time, an RST is not "
               "answered.",
               {"inside": A, "outside": W, "inbound": False})
    back(c, 0.1, udp_out(c, 0, A, 5000, S, 53))
    c.send("outside", 1, P.udp(S2, W, 53, 5000, b"stranger"), P.tcp(S, W, 40000, 22, SYN, seq=1),
           P.tcp(S, W, 40000, 23, RST, seq=1))
    c.send("inside", 9, P.udp(A, S, 5000, 53, b"later"))
    return c


@case
def static_applied():
    c = make("static-applied", "A static mapping takes a port that a connection of another subscriber uses: the connection is cut, its "
             "subscriber goes on with another block, and the port belongs to the mapping; when that goes its connections do.")
    p = udp_out(c, 0, A, 7000, S, 53, b"on a port")
    with_static = copy.deepcopy(c.config)
    with_static["nat"]["static"] = [{"inside": B, "outside": X, "protocol": "udp", "inside_ports": f"{p.sport}-{p.sport}"}]
    c.request(2, "config.apply", config=with_static)
    c.send("inside", 3, P.udp(A, S, 7000, 53, b"on another port"))
    c.send("outside", 4, P.udp(S, X, 53, p.sport, b"to B"))
    c.send("inside", 4.1, P.udp(B, S, p.sport, 53, b"from B"))
    c.request(5, "flow.list")
    c.request(6, "config.apply", config=copy.deepcopy(c.config))
    c.send("outside", 7, P.udp(S, X, 53, p.sport, b"to nobody"))
    c.request(8, "flow.list")
    return c


@case
def deterministic():
    c = make("deterministic", "Each subscriber has its address and its ports by arithmetic, as is asked both ways, and who had a port is "
             "known without a record of it; who has used them up goes on in a dynamic block of the same address, which is logged; who "
             "has no range has dynamic blocks only.",
             pool={"addresses": ["203.0.113.0/28"], "ports": "1024-1279", "block_size": 64, "max_blocks": 2,
                   "deterministic": {"inside": ["100.64.0.0/26"], "range_ports": 16}})
    c.config["nat"]["log"] = "blocks"
    c.config["nat"]["quarantine"] = 0
    c.send("inside", 0, P.udp(A, S, 5000, 53, b"10: address 2, range 2"), P.udp(B, S, 5000, 53, b"20: address 5, range 0"),
           P.udp("100.64.9.9", S, 5000, 53, b"no range"))
    c.request(0.2, "nat.forward", address=A)
    c.request(0.3, "nat.forward", address=B)
    c.request(0.4, "nat.forward", address="100.64.9.9")
    c.request(0.5, "nat.reverse", external={"address": "203.0.113.2", "port": 1056})
    c.request(0.6, "nat.reverse", external={"address": "203.0.113.2", "port": 1088})
    c.send("inside", 1, *[P.udp(A, S, 6000 + i, 53, b"more") for i in range(17)])
    c.send("outside", 2, *[P.udp(S, "203.0.113.2", 53, 1056 + i, b"to a range") for i in range(16)])
    c.send("outside", 3, P.udp(S, "203.0.113.2", 53, 1055, b"to a range nobody uses"))
    c.request(4, "log.list")
    c.request(4.1, "subscriber.list")
    return c


def gre(src, dst, data=b"", **more):
    return P.ip4(src, dst, 47, b"\0\0\x08\0" + P.udp("10.8.0.1", "10.8.0.2", 7, 7, data), **more)


def esp(src, dst, data=b"12345678", **more):
    return P.ip4(src, dst, 50, b"\0\0\x12\x34\0\0\0\x01" + data, **more)


def udplite(src, dst, data=b"lite"):
    part = b"\x13\x88\x00\x35\0\0\0\0" + data
    c = P.l4_checksum(src, dst, 136, part, 6) or 0xFFFF
    return P.ip4(src, dst, 136, part[:6] + c.to_bytes(2, "big") + part[8:])


@case
def other_pair():
    c = make("other-pair", "GRE, ESP, SCTP and UDP-Lite go by pool address, protocol and remote host: for one subscriber at a time, "
             "on the address of its other mappings; a second one has its own reason, until the first has been silent for long enough.",
             rule={"other_protocols": "pair"}, pool={"addresses": [X, "203.0.113.9"]})
    c.config["nat"]["timeouts"] = {"other": 30}
    c.config["nat"]["log"] = "blocks"
    p = udp_out(c, 0, A, 5000, S, 53)
    c.send("inside", 1, gre(A, S, b"A to S"), esp(A, S), P.ip4(A, S, 132, b"\x13\x88\x00\x35\0\0\0\0crc!"), udplite(A, S))
    c.send("outside", 1.1, gre(S, p.src, b"S to A"), esp(S, p.src), udplite(S, p.src))
    c.send("inside", 2, gre(C, S, b"C to S"), gre(C, S2, b"C to S2"))
    q = c.last("outside")
    c.send("outside", 2.1, gre(S2, q.src, b"S2 to C"), gre(S2, X if q.src != P.addr(X) else "203.0.113.9", b"to nobody"))
    c.send("outside", 3, P.error4(S, p.src, 3, 2, gre(p.src, S, b"A to S", ttl=9)))
    big = P.fragments4(esp(A, S, bytes(1200), df=False, ident=77), [600, 608])
    c.send("inside", 4, big[1], big[0])
    c.send("inside", 33, P.udp(A, S, 5000, 53, b"the pair is idle"))
    c.request(40, "flow.list", filter={"protocol": "47"})
    c.send("inside", 41, gre(B, S, b"B to S"))
    c.request(42, "log.list")
    return c


@case
def other_static():
    c = static("other-static", "A static address has all protocols, from either side, whatever the rules say; for others they are dropped.",
               {"inside": A, "outside": W})
    c.send("outside", 0, gre(S, W, b"S to A"), esp(S, W))
    c.send("inside", 0.1, gre(A, S, b"A to S"), esp(A, S2))
    c.send("inside", 1, gre(B, S, b"B may not"), gre(A, "100.64.0.1", b"to us"), P.ip4(A, S, 0, b"protocol 0"))
    c.send("outside", 2, gre(S, X, b"to nobody"))
    c.send("inside", 3, gre(A, S, b"TTL", ttl=1))
    return c


URG = 32
OPENS_NONE = ("null", 0), ("FIN", FIN), ("Xmas", FIN | PSH | URG), ("SYN and FIN", SYN | FIN), ("RST", RST), ("RST and ACK", RST | ACK)


def scan(c, nic, t, src, sport, dst, dport, more):
    """Each kind of segment that opens nothing, from a port of its own."""
    for i, (name, flags) in enumerate(OPENS_NONE + more):
        c.send(nic, t + i / 10, P.tcp(src, dst, sport + i, dport, flags, 5, 6 if flags & ACK else 0, name.encode()))


@case
def tcp_not_syn():
    c = make("tcp-not-syn", "What has neither SYN nor ACK opens nothing, and no answer to a SYN does: from inside, from outside to a mapping that "
             "lets all in, and to a static one. From outside only a SYN does. Within a connection such segments cross and change nothing.",
             args=["--until", "3000"])
    c.config["nat"]["static"] = [{"inside": B, "outside": W}]
    answer = ("SYN and ACK", SYN | ACK),
    later = answer + (("ACK", ACK), ("FIN and ACK", FIN | ACK))
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    scan(c, "inside", 10, A, 41000, S, 80, answer)
    scan(c, "outside", 20, S2, 42000, X, d.seen[1], later)
    scan(c, "outside", 30, S2, 43000, W, 22, later)
    c.request(40, "flow.list")
    c.send("outside", 41, P.tcp(S2, X, 44000, d.seen[1], SYN, 5), P.tcp(S2, W, 44000, 22, SYN, 5))
    for flags in (0, FIN, FIN | PSH | URG, SYN | FIN):
        d.out(50, flags)
        d.into(50, flags)
    d.into(2000, PSH | ACK, b"half an hour later")
    return c
