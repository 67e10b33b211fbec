# SPDX-License-Identifier: Apache-2.0
"""Cases of the Port Control Protocol. A and B are subscribers, S and S2 servers of the internet, X the pool's address, OWN the
address of ours that subscribers ask."""
import json
import struct

import packets as P
from nat_cases import A, B, S, S2, X, back, make, udp_out
from packets import ACK, SYN

OWN = "100.64.0.1"
NONCE = bytes(range(1, 13))
CASES = []


def case(f):
    CASES.append(f)
    return f


def pcp(name, about, **more):
    c = make(name, about, **more)
    c.one_worker = True
    c.config["nat"]["rules"][0]["pcp"] = True
    return c


def mapped(a):
    return bytes(10) + b"\xff\xff" + P.addr(a)


def ask_map(src, proto, inside, lifetime, nonce=NONCE, port=0, external="0.0.0.0", options=b"", client=None, dst=OWN):
    head = struct.pack("!BBHI16s", 2, 1, 0, lifetime, mapped(client or src))
    body = nonce + struct.pack("!B3xHH16s", proto, inside, port, mapped(external))
    return P.udp(src, dst, 5350, 5351, head + body + options)


def ask_peer(src, proto, inside, peer, peer_port, lifetime, nonce=NONCE, port=0, dst=OWN):
    m = ask_map(src, proto, inside, lifetime, nonce, port, options=struct.pack("!HH", peer_port, 0) + mapped(peer), dst=dst)
    return P.udp(src, dst, 5350, 5351, b"\2\2" + m[30:])


def only(prefix, bits, port):
    return struct.pack("!BxHxBH", 3, 20, bits, port) + mapped(prefix)


def granted(c):
    """=> result, lifetime and external port of the last answer."""
    answer = c.last("inside").data
    return answer[3], struct.unpack("!I", answer[4:8])[0], struct.unpack("!H", answer[42:44])[0]


@case
def pcp_map():
    c = pcp("pcp-map", "A subscriber asks for TCP port 80 before anybody connects: S is let in though the rule filters by address "
            "and port. A stranger to the nonce changes nothing. Given up, the connection stays and new ones are refused.",
            rule={"filtering": "address-and-port-dependent"})
    c.send("inside", 0, ask_map(A, 6, 80, 3600))
    port = granted(c)[2]
    c.send("outside", 1, P.tcp(S, X, 40000, port, SYN, seq=1))
    c.send("inside", 1.1, P.tcp(A, S, 80, 40000, SYN | ACK, seq=9, ack=2))
    c.send("outside", 1.2, P.tcp(S, X, 40000, port, ACK, seq=2, ack=10))
    c.send("outside", 2, P.udp(S, X, 40000, port, b"another protocol"))
    c.send("inside", 3, ask_map(A, 6, 80, 7200, nonce=bytes(12)), ask_map(A, 6, 80, 0, nonce=bytes(12)))
    c.send("inside", 4, ask_map(A, 6, 80, 7200), ask_map(A, 6, 80, 0))
    c.send("outside", 5, P.tcp(S, X, 40000, port, ACK, seq=2, ack=10, data=b"still here"))
    c.send("outside", 6, P.tcp(S2, X, 40000, port, SYN, seq=1))
    return c


@case
def pcp_lifetime():
    c = pcp("pcp-lifetime", "Leases last 120 s at least; at their end the port is nobody's. A lease on the mapping of a live flow has "
            "its port, whatever is suggested; with PREFER_FAILURE it is refused then.")
    c.send("inside", 0, ask_map(A, 17, 6000, 1))
    port = granted(c)[2]
    c.send("outside", 119, P.udp(S, X, 9, port, b"in time"))
    c.send("outside", 450, P.udp(S, X, 9, port, b"too late"))
    seen = udp_out(c, 500, B, 7000, S, 53)
    c.send("inside", 501, ask_map(B, 17, 7000, 600, port=seen.sport + 2, options=struct.pack("!BxH", 2, 0)))
    c.send("inside", 502, ask_map(B, 17, 7000, 600, port=seen.sport + 2))
    back(c, 503, seen, src=S2, sport=99)
    return c


@case
def pcp_refused():
    c = pcp("pcp-refused", "NAT-PMP and other versions, short, odd and long requests, opcodes and options that are not there, another's "
            "address, other protocols; PREFER_FAILURE without a port, where a port is given up, and of PEER; what was never mapped is given "
            "up. Who is outside is not answered.")
    whole = ask_map(A, 17, 6000, 600)
    data = whole[28:]
    c.send("inside", 0, P.udp(A, OWN, 5350, 5351, b"\0\0"), P.udp(A, OWN, 5350, 5351, b"\1" + data[1:]))
    c.send("inside", 1, P.udp(A, OWN, 5350, 5351, data[:20]), P.udp(A, OWN, 5350, 5351, data[:56]),
           P.udp(A, OWN, 5350, 5351, data + b"?"), P.udp(A, OWN, 5350, 5351, data + bytes(1044)))
    c.send("inside", 2, P.udp(A, OWN, 5350, 5351, b"\2\3" + data[2:]), P.udp(A, OWN, 5350, 5351, b"\2\x81" + data[2:]))
    c.send("inside", 3, ask_map(A, 17, 6000, 600, client=B), ask_map(A, 47, 6000, 600), ask_map(A, 0, 0, 600),
           ask_map(A, 0, 6000, 600), ask_map(A, 17, 0, 600), ask_map(A, 17, 6000, 600, options=struct.pack("!BxH", 1, 16) + mapped(B)))
    c.send("inside", 4, P.udp(A, OWN, 5350, 5351, b"\2\0" + bytes(6) + mapped(A)))
    prefer = struct.pack("!BxH", 2, 0)
    peer = ask_peer(A, 17, 6000, S, 53, 600)[28:]
    c.send("inside", 4.5, ask_map(A, 17, 6000, 600, options=prefer), ask_map(A, 17, 6000, 0, port=6000, options=prefer),
           P.udp(A, OWN, 5350, 5351, peer + prefer), ask_map(A, 6, 0, 0), ask_map(A, 0, 0, 0))
    c.send("outside", 5, ask_map("198.51.100.77", 17, 6000, 600, dst="198.51.100.2"))
    return c


@case
def pcp_peer():
    c = pcp("pcp-peer", "A connection of TCP that is silent for longer than its flow lives goes on from both ends, because its host has "
            "asked for it; segments of others do not come in. Nobody ends that by 0 seconds, and they tell who has its nonce what is left; "
            "after its time it is as ever. What was asked for before any packet has its port too.",
            rule={"filtering": "address-and-port-dependent"})
    c.config["nat"]["timeouts"] = {"tcp_established": 300}
    c.send("inside", 0, P.tcp(A, S, 30000, 22, SYN, seq=1))
    port = c.last("outside").sport
    c.send("outside", 0.1, P.tcp(S, X, 22, port, SYN | ACK, seq=9, ack=2))
    c.send("inside", 0.2, P.tcp(A, S, 30000, 22, ACK, seq=2, ack=10))
    c.send("inside", 1, ask_peer(A, 6, 30000, S, 22, 7200))
    c.send("outside", 1000, P.tcp(S, X, 22, port, ACK, seq=10, ack=2, data=b"after a quarter of an hour"))
    c.send("inside", 1001, P.tcp(A, S, 30000, 22, ACK, seq=2, ack=36))
    c.send("outside", 2000, P.tcp(S2, X, 22, port, ACK, seq=1, ack=1), P.tcp(S, X, 23, port, ACK, seq=1, ack=1))
    c.send("inside", 2001, P.tcp(A, S, 30000, 22, ACK, seq=2, ack=36, data=b"from here"))
    c.send("inside", 2002, ask_peer(A, 6, 30000, S, 22, 0, nonce=bytes(12)), ask_peer(A, 6, 30000, S, 22, 0))
    c.send("outside", 7300, P.tcp(S, X, 22, port, ACK, seq=36, ack=11))
    c.send("inside", 7301, ask_peer(B, 17, 4500, S, 4500, 600))
    ike = granted(c)[2]
    c.send("outside", 7800, P.udp(S, X, 4500, ike, b"S speaks first"), P.udp(S2, X, 4500, ike, b"S2 does not"))
    return c


@case
def pcp_filter():
    c = pcp("pcp-filter", "A mapping that was asked for lets in whom its filters name: one endpoint, then a network besides, then, those "
            "of before taken away, everybody. More filters than sixteen are refused, and change nothing.")
    c.send("inside", 0, ask_map(A, 17, 6000, 600, options=only(S, 128, 53)))
    port = granted(c)[2]
    c.send("outside", 1, P.udp(S, X, 53, port, b"named"), P.udp(S, X, 54, port, b"port"), P.udp(S2, X, 53, port, b"address"))
    c.send("inside", 2, ask_map(A, 17, 6000, 600, options=only("198.18.0.0", 96 + 24, 0)))
    c.send("outside", 3, P.udp("198.18.0.77", X, 1, port, b"network"), P.udp("198.18.1.77", X, 1, port, b"another"))
    c.send("inside", 4, ask_map(A, 17, 6000, 600, options=b"".join(only(S, 128, 1000 + i) for i in range(17))))
    c.send("outside", 5, P.udp(S, X, 1000, port, b"refused"))
    c.send("inside", 6, ask_map(A, 17, 6000, 600, options=only("0.0.0.0", 0, 0)))
    c.send("outside", 7, P.udp("198.18.1.77", X, 2, port, b"everybody"))
    return c


@case
def pcp_third_party():
    c = pcp("pcp-third-party", "A server of the operator, outside, asks for a subscriber who may not ask himself: S is let in, the port is "
            "the subscriber's, and the server gives it up. His neighbour outside is not answered, a subscriber who names another is "
            "told UNSUPP_OPTION, the server's own address, an address of nobody and IPv6 are refused.",
            rule={"filtering": "address-and-port-dependent"})
    ours, outside = "198.51.100.77", "198.51.100.2"
    c.config["nat"]["rules"] = [dict(c.config["nat"]["rules"][0], name="asks", source=B + "/32"),
                                dict(c.config["nat"]["rules"][0], pcp=False)]
    c.config["nat"]["pcp"] = {"third_party": [{"nic": "outside", "source": ours}]}

    def for_(third):
        return struct.pack("!BxH", 1, 16) + (mapped(third) if "." in third else b"\x20\1" + bytes(14))
    c.send("outside", 0, ask_map(ours, 6, 80, 3600, options=for_(A), dst=outside))
    answer = c.last("outside").data
    port = struct.unpack("!H", answer[42:44])[0]
    c.send("outside", 1, P.tcp(S, X, 40000, port, SYN, seq=1))
    c.send("inside", 1.1, P.tcp(A, S, 80, 40000, SYN | ACK, seq=9, ack=2))
    c.send("outside", 2, ask_map("198.51.100.78", 6, 81, 3600, options=for_(A), dst=outside))
    c.send("inside", 3, ask_map(A, 6, 81, 3600), ask_map(B, 6, 81, 3600, options=for_(A)))
    c.send("outside", 4, *(ask_map(ours, 6, 81, 3600, options=for_(x), dst=outside) for x in (ours, "203.0.113.200", "2001::")))
    c.send("outside", 5, ask_map(ours, 6, 81, 3600, dst=outside), P.udp(ours, outside, 5350, 5351, b"\2\0" + bytes(6) + mapped(ours)))
    c.send("outside", 6, ask_map(ours, 6, 80, 0, options=for_(A), dst=outside))
    c.send("outside", 7, P.tcp(S2, X, 40000, port, SYN, seq=1))
    return c


@case
def pcp_update():
    c = pcp("pcp-update", "An operator ends what A has asked for: A is told, by answers that it has not asked for, and has its port again, though "
            "that rests. The address is replaced by another: what MAP has made is told to be there, with its filter, what PEER has made to be "
            "gone. Everything is cleared: nobody is told of his own, and the epoch begins anew. The rule has no `pcp` any more: A is told.",
            args=["--until", "50"])
    c.send("inside", 0, ask_map(A, 6, 80, 3600, options=only(S, 128, 0)), ask_peer(A, 17, 4500, S, 4500, 3600, nonce=bytes(11) + b"P"))
    port = struct.unpack("!H", c.last("inside", 2).data[42:44])[0]
    c.request(5, "nat.clear", filter="subscriber=" + A + " protocol=tcp")
    c.send("outside", 7, P.tcp(S, X, 40000, port, SYN, seq=1))
    c.send("inside", 8, ask_map(A, 6, 80, 3600, port=port, external=X, options=only(S, 128, 0)))
    c.send("outside", 9, P.tcp(S, X, 40001, port, SYN, seq=1), P.tcp(S2, X, 40001, port, SYN, seq=1))
    other = json.loads(json.dumps(c.config))
    other["nat"]["pools"][0]["addresses"] = ["203.0.113.2"]
    c.request(15, "config.apply", config=other)
    c.send("outside", 18, P.tcp(S, "203.0.113.2", 40002, port, SYN, seq=1), P.tcp(S2, "203.0.113.2", 40002, port, SYN, seq=1))
    c.request(20, "nat.clear", filter="subscriber=0.0.0.0/0")
    c.send("inside", 23, ask_map(A, 6, 80, 3600, port=port, external="203.0.113.2"))
    silent = json.loads(json.dumps(other))
    del silent["nat"]["rules"][0]["pcp"]
    c.request(30, "config.apply", config=silent)
    c.send("inside", 33, ask_map(A, 6, 80, 3600, port=port, external="203.0.113.2"))
    return c
