# SPDX-License-Identifier: Apache-2.0
"""Cases of single requirements (docs/rfc.md) that no other case shows. A is a subscriber, S and S2 servers, X the pool's address."""
import struct

import packets as P
from nat_cases import A, B, Dialog, S, S2, X, back, make, option, udp_out
from packets import ACK, PSH, SYN

CASES = []


def case(f):
    CASES.append(f)
    return f


@case
def tcp_eim():
    c = make("tcp-eim", "Three destinations see one external port of a TCP endpoint, each one's answer comes back, and a fourth may open a "
             "connection to it (RFC 5382 REQ-1, REQ-3).")
    for i, (dst, port) in enumerate(((S, 80), (S, 81), (S2, 80))):
        d = Dialog(c, A, 40000, dst, port)
        d.open(i)
        d.talk(i + 0.5)
    x = d.seen[1]
    c.send("outside", 4, P.tcp("192.0.2.77", X, 1000, x, SYN, 5))
    c.send("inside", 4.1, P.tcp(A, "192.0.2.77", 40000, 1000, SYN | ACK, 7, 6))
    c.send("outside", 5, P.udp(S, X, 80, x, b"of another protocol"))
    return c


@case
def tcp_unsolicited_hairpin():
    c = make("tcp-unsolicited-hairpin", "A SYN of one subscriber that another one does not let in waits like one from outside: after 6 s its "
             "sender is told, about the SYN as it sent it; where the other one opens the same connection meanwhile it goes "
             "silently, and both meet (RFC 5382 REQ-4, REQ-8, REQ-2a).",
             rule={"filtering": "address-and-port-dependent"}, args=["--until", "30"])
    c.send("inside", 0, P.tcp(A, S2, 5000, 80, SYN, seq=1))
    a = c.last("outside").sport
    c.send("inside", 0.1, P.tcp(B, S2, 6000, 80, SYN, seq=1))
    b = c.last("outside").sport
    c.send("inside", 1, P.tcp(A, X, 5001, b, SYN, seq=3, tos=0x28))
    c.send("inside", 2, P.tcp(A, X, 5000, b, SYN, seq=3))
    c.send("inside", 4, P.tcp(B, X, 6000, a, SYN, seq=7))
    c.send("inside", 4.1, P.tcp(A, X, 5000, b, SYN | ACK, seq=3, ack=8))
    c.send("inside", 4.2, P.tcp(B, X, 6000, a, SYN | ACK, seq=7, ack=4))
    return c


@case
def tcp_reopened():
    c = make("tcp-reopened", "Both ends have closed, and the inside opens again from the same port: the new connection has the timers of one that "
             "lives, not those of the old one. A SYN in the midst of it changes nothing, whoever sends it (RFC 5961 section 4).",
             args=["--until", "12000"])
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    d.close(1)
    d.open(10)
    c.send("outside", 11, P.tcp(S, X, 80, d.seen[1], SYN, 12345))
    c.send("inside", 12, P.tcp(A, S, 40000, 80, SYN, 54321))
    d.into(3600, PSH | ACK, b"an hour later")
    d.out(3600.1, ACK)
    return c


@case
def icmp_types():
    c = make("icmp-types", "ICMP messages that are neither echo nor an error of types 3, 11 and 12 are dropped, from either side: source quench, "
             "redirect, router advertisement and solicitation, timestamp, information and mask requests and replies, and what "
             "nobody knows. They end no mapping (RFC 5508 REQ-10, REQ-11, RFC 4787 REQ-12).")
    p = udp_out(c, 0, A, 5000, S, 53)
    for i, kind in enumerate((4, 5, 9, 10, 13, 14, 15, 16, 17, 18, 1, 2, 7, 30, 42, 255)):
        msg = P.icmp_part(kind, 0, struct.pack("!HH", 0, 0), p.l3)
        c.send("outside", 1 + i / 100, P.ip4(S, X, P.ICMP, msg))
        c.send("inside", 2 + i / 100, P.ip4(A, S, P.ICMP, msg))
    back(c, 3, p, b"still here")
    return c


@case
def no_gateway():
    c = make("no-gateway", "Addresses and ports in what is transported stay as they are, and open nothing: SIP, FTP's PORT and the answer to PASV, "
             "a TFTP request (RFC 4787 REQ-10, RFC 5382 REQ-6).")
    sip = f"INVITE sip:b@{S} SIP/2.0\r\nContact: <sip:a@{A}:5060>\r\n\r\nc=IN IP4 {A}\r\nm=audio 7078 RTP/AVP 0\r\n".encode()
    p = udp_out(c, 0, A, 5060, S, 5060, sip)
    back(c, 0.1, p, b"SIP/2.0 200 OK\r\n\r\nc=IN IP4 %s\r\nm=audio 7000 RTP/AVP 0\r\n" % S.encode())
    d = Dialog(c, A, 40000, S, 21)
    d.open(1)
    d.out(1.1, PSH | ACK, b"PORT 100,64,0,10,27,166\r\n")
    d.into(1.2, PSH | ACK, b"227 Entering Passive Mode (192,0,2,1,27,166)\r\n")
    c.send("outside", 2, P.udp(S, X, 7000, 7078, b"RTP"), P.tcp(S, X, 20, 7078, SYN, 5))
    q = udp_out(c, 3, A, 6000, S, 69, b"\0\1file\0octet\0")
    back(c, 3.1, q, b"\0\3\0\1data", sport=3456)
    return c


@case
def ip_options():
    c = make("ip-options", "What a source route, a recorded one and timestamps name of the inside does not get out, whatever has these options: UDP, "
             "TCP, another protocol, fragments, whose later ones have source routes only. On the way in they stay.",
             rule={"other_protocols": "pair"})
    c.one_worker = True
    inner = "100.70.0.1"
    kinds = option(131, inner), option(137, inner), option(7, inner), struct.pack("!BBBB4sI", 68, 12, 13, 1, P.addr(inner), 5)
    for i, o in enumerate(kinds):
        c.send("inside", i, P.ip4(A, S, P.UDP, P.udp_part(A, S, 5000, 53, b"query"), options=o))
        x = c.last("outside")
        c.send("outside", i + 0.1, P.ip4(S, X, P.UDP, P.udp_part(S, X, 53, x.sport, b"answer"), options=o))
        c.send("inside", i + 0.2, P.ip4(A, S, P.TCP, P.tcp_part(A, S, 40000, 80, SYN, 1), options=o), P.ip4(A, S, 47, bytes(16), options=o))
    whole = P.udp_part(A, S, 5000, 53, bytes(1200))
    for i, o in enumerate(kinds[:2]):
        first = P.ip4(A, S, P.UDP, whole[:800], ident=7 + i, df=False, mf=True, options=o)
        later = P.ip4(A, S, P.UDP, whole[800:], ident=7 + i, df=False, offset=800, options=o)
        c.send("inside", 10 + i, *((first, later) if i else (later, first)))
    return c


@case
def df_fragments():
    c = make("df-fragments", "Fragments with DF keep it, and get another identification as those without do; where they are too big the first is "
             "answered, none is cut, and nothing is said about the others (RFC 6864 section 4, RFC 791).")
    c.nic("outside")["mtu"] = 1000

    def pieces(ident, size):
        whole = P.udp_part(A, S, 5000, 53, bytes(2 * size - 8))
        return [P.ip4(A, S, P.UDP, whole[i * size:(i + 1) * size], ident=ident, mf=i == 0, offset=i * size) for i in range(2)]
    c.send("inside", 0, *pieces(7, 800))
    c.send("inside", 1, *pieces(8, 1200))
    c.send("inside", 2, *reversed(pieces(9, 800)))
    return c
