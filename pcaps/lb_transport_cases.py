# SPDX-License-Identifier: Apache-2.0
"""Cases of what the balancer does with TCP and QUIC beyond translation: telling backends of clients, the SYN proxy,
routing by connection ID."""
import struct

import packets as P
from lb_cases import (BACKENDS, BACKENDS6, CONFIG, DNS, FULL, SERVICE_DNS, SERVICE_FULL, WEB, client, client6,
                      make)
from nat_cases import big
from packets import ACK, FIN, PSH, RST, SYN

FULL6 = "2001:db8:2::11"
SERVICE_FULL6 = {"name": "full6", "address": FULL6, "port": 80, "mode": "fullnat",
                 "local_addresses": ["2001:db8:f::250"], "backends": [{"address": a} for a in BACKENDS6]}
CASES = []


def case(f):
    CASES.append(f)
    return f


def options(mss=None, scale=None, sack=False, time=None):
    o = b""
    if mss:
        o += struct.pack("!BBH", 2, 4, mss)
    if sack:
        o += b"\x01\x01\x04\x02"
    if time:
        o += b"\x01\x01\x08\x0a" + struct.pack("!II", *time)
    if scale is not None:
        o += b"\x01\x03\x03" + bytes([scale])
    return o


class Talk:
    """A client and the backend that it got, each with its own numbers: what the other has is not looked at."""

    def __init__(self, c, who, service, port=80, sport=40000, t=0.0):
        self.c, self.who, self.service, self.port, self.sport, self.t = c, who, service, port, sport, t
        self.seq, self.ack, self.far_seq, self.far_ack = 1000, 0, 700000, 0
        self.far = None

    def client(self, flags, data=b"", seq=None, options=b"", ack=None, window=64240):
        self.t += 0.01
        self.c.send("outside", self.t, P.tcp(self.who, self.service, self.sport, self.port, flags,
                                             self.seq if seq is None else seq, self.ack if ack is None else ack, data,
                                             window, options))

    def backend(self, flags, data=b"", options=b"", ack=None, window=64240):
        self.t += 0.01
        b, bp, a, ap = self.far
        self.c.send("farm", self.t, P.tcp(b, a, bp, ap, flags, self.far_seq, self.far_ack if ack is None else ack, data,
                                          window, options))

    def found(self):
        """Who got the last packet on the farm."""
        p = self.c.last("farm")
        self.far = (P.text(p.dst), p.dport, P.text(p.src), p.sport)

    def open(self, head, **syn):
        """Up to the client's third packet; head: octets of the header."""
        self.client(SYN, options=options(mss=1460, **syn))
        self.seq += 1
        self.found()
        self.far_ack = self.seq
        self.backend(SYN | ACK, options=options(mss=1460, **syn))
        self.ack = self.far_seq = self.far_seq + 1
        self.client(ACK)
        self.far_ack += head

    def talk(self):
        self.client(PSH | ACK, b"GET /")
        self.seq += 5
        self.far_ack += 5
        self.backend(ACK)
        self.backend(PSH | ACK, b"answer")
        self.far_seq += 6
        self.ack += 6
        self.client(ACK)

    def close(self):
        self.client(FIN | ACK)
        self.seq += 1
        self.far_ack += 1
        self.backend(FIN | ACK)
        self.far_seq += 1
        self.ack += 1
        self.client(ACK)


@case
def proxy_v1():
    c = make("proxy-v1", "The backend hears of the client by a PROXY header of version 1, as the third segment of the "
             "handshake; later numbers are shifted by its length.", [SERVICE_FULL | {"client_address": "proxy-v1"}],
             args=["--until", "300"])
    d = Talk(c, client(1), FULL)
    d.open(len(b"PROXY TCP4 203.0.113.1 192.0.2.11 40000 80\r\n"))
    d.talk()
    d.close()
    return c


@case
def proxy_v2_lost():
    c = make("proxy-v2-lost", "The PROXY header (version 2, IPv6) is lost with the segment of data behind it: SYN-ACK again, "
             "header again; then data is lost, and the backend's SACK is the client's too.",
             [SERVICE_FULL6 | {"client_address": "proxy-v2"}])
    d = Talk(c, client6(1), FULL6)
    d.open(52, sack=True)
    d.client(PSH | ACK, b"GET /")
    d.far_seq -= 1
    d.backend(SYN | ACK, ack=d.seq, options=options(mss=1460, sack=True))
    d.far_seq += 1
    d.client(ACK, seq=d.seq)
    d.client(PSH | ACK, b"GET /")
    d.seq += 5
    d.backend(ACK, ack=d.far_ack)  # the header alone
    block = b"\x01\x01\x05\x0a" + struct.pack("!II", d.far_ack + 5, d.far_ack + 10)
    d.client(PSH | ACK, b"other")
    d.backend(ACK, options=block)
    d.client(PSH | ACK, b"GET /", seq=d.seq - 5)
    d.seq += 5
    d.far_ack += 10
    d.backend(ACK)
    d.close()
    return c


@case
def proxy_forged():
    c = make("proxy-forged", "A client tries to write the header itself: with data in its SYN, with numbers before its "
             "first octet, without a SYN at all. Nothing of that reaches the backend.",
             [SERVICE_FULL | {"client_address": "proxy-v1"}])
    forged = b"PROXY TCP4 10.9.9.9 192.0.2.11 40000 80\r\n"
    d = Talk(c, client(1), FULL)
    d.client(SYN, forged)
    d.seq += 1
    d.found()
    d.far_ack = d.seq
    d.backend(SYN | ACK)
    d.ack = d.far_seq = d.far_seq + 1
    d.client(ACK, forged, seq=d.seq - len(forged))
    d.client(PSH, forged, seq=d.seq - len(forged))
    e = Talk(c, client(2), FULL, t=1)
    e.client(PSH | ACK, forged)
    e.client(SYN)
    return c


SERVICE_TOLD = SERVICE_DNS | {"client_address": "proxy-v2"}
SERVICE_TOLD6 = {"name": "dns6", "address": FULL6, "port": 53, "protocol": "udp", "mode": "fullnat",
                 "local_addresses": ["2001:db8:f::251"], "client_address": "proxy-v2",
                 "backends": [{"address": a} for a in BACKENDS6]}


def asked(c, t, who, service, data, sport=5353, **more):
    """A question, and the datagram that a backend got of it."""
    c.send("outside", t, P.udp(who, service, sport, 53, data, **more))
    return c.last("farm")


def answered(c, t, p, data):
    c.send("farm", t, P.udp(p.dst, p.src, 53, p.sport, data))


@case
def proxy_udp():
    c = make("proxy-udp", "Each datagram of a client has a PROXY header (version 2) in front of its payload, IPv4 and IPv6, with "
             "and without checksum, empty and odd; answers have none. Of one service each datagram is chosen for anew.",
             [SERVICE_TOLD, SERVICE_TOLD6,
              SERVICE_TOLD | {"name": "turns", "address": FULL, "local_addresses": ["10.0.0.252"],
                              "scheduler": "round-robin", "schedule": "packet"}],
             args=["--until", "300"])
    c.one_worker = True
    for i, (who, service) in enumerate(((client(1), DNS), (client6(1), FULL6))):
        answered(c, 10 * i + 1, asked(c, 10 * i, who, service, b"query"), b"answer")
        answered(c, 10 * i + 3, asked(c, 10 * i + 2, who, service, b""), b"")
        p = asked(c, 10 * i + 4, who, service, b"query 2", **({"zero": True} if service == DNS else {}))
        answered(c, 10 * i + 5, p, b"answer 2")
    for i in range(4):
        answered(c, 30 + i, asked(c, 29.5 + i, client(2), FULL, b"query %d" % i), b"answer")
    return c


@case
def proxy_udp_size():
    c = make("proxy-udp-size", "What fits with the header, and what is said of what does not; without DF it is cut. Fragments "
             "have one header together, padded, whatever their order. A router behind us says an MTU, a backend refuses: the "
             "client reads of its own datagram.", [SERVICE_TOLD, SERVICE_TOLD6])
    v4, v6 = (client(1), DNS, 5353, 53), (client6(1), FULL6, 5353, 53)
    for t, data, more in ((0, bytes(1444), {}), (0.1, bytes(1445), {}), (0.2, bytes(1472), {"df": False, "ident": 7})):
        c.send("outside", t, P.udp(*v4, data, **more))
    for t, size in ((0.3, 1400), (0.4, 1401)):
        c.send("outside", t, P.udp(*v6, bytes(size)))
    whole4, whole6 = P.udp(*v4, big(2000), ident=9, df=False), P.udp(*v6, big(2000))
    pieces4, pieces6 = P.fragments4(whole4, [1480]), P.fragments6(whole6, [1392], 77)
    c.send("outside", 1, *pieces4)
    c.send("outside", 1.5, *P.fragments4(P.udp(*v4, big(2000), ident=10, df=False), [800, 800])[::-1])
    c.send("outside", 2, *pieces6)
    c.send("outside", 2.5, *P.fragments6(whole6, [800, 800], 78)[::-1])
    c.send("outside", 3, P.fragments6(whole6, [1448], 79)[0])  # with the header it is 1504 octets
    p = asked(c, 4, *v4[:2], big(1300))
    c.send("farm", 4.1, P.error4("10.0.0.99", p.src, 3, 4, p.l3[:68], mtu=1300))
    c.send("farm", 4.2, P.error4("10.0.0.99", p.src, 3, 4, p.l3[:28], mtu=1300))
    c.send("farm", 4.3, P.error4(p.dst, p.src, 3, 3, p.l3[:576]))
    p = asked(c, 5, *v6[:2], big(1300))
    c.send("farm", 5.1, P.error6("2001:db8:f::99", p.src, 2, 0, p.l3[:1232], 1350))
    c.send("farm", 5.2, P.error6(p.dst, p.src, 1, 4, p.l3[:1232]))
    return c


@case
def toa():
    c = make("toa", "The backend hears of the client by a TCP option (kind 254, IPv4; kind 200, IPv6) until its first data is "
             "acknowledged; a client's own option of that kind is blotted out; where there is no room there is none.",
             [SERVICE_FULL | {"client_address": "toa"}, SERVICE_FULL6 | {"client_address": "toa", "toa_option": 200}],
             args=["--until", "300"])
    for i, (who, service) in enumerate(((client(1), FULL), (client6(1), FULL6))):
        d = Talk(c, who, service, t=10.0 * i)
        d.open(0, time=(100, 0))
        d.client(PSH | ACK, b"x" * (1500 - 20 * (2 + i)))
        d.talk()
        d.close()
    d = Talk(c, client(2), FULL, t=30.0)
    d.client(SYN, options=b"\xfe\x08\x00\x50\x0a\x09\x09\x09")
    d.seq += 1
    d.found()
    d.far_ack = d.seq
    d.backend(SYN | ACK)
    d.ack = d.far_seq = d.far_seq + 1
    d.client(ACK, options=b"\xfe\x08\x00\x50\x0a\x09\x09\x09")
    return c


class Proxied(Talk):
    """The client shakes hands with the SYN proxy first."""

    def open(self, head=0, syn=None, backend=None):
        self.client(SYN, options=options(**(syn or {})))
        self.seq += 1
        answer = self.c.last("outside")
        self.ack = struct.unpack("!I", answer.l4[4:8])[0] + 1
        time = (syn or {}).get("time")
        echo = struct.unpack("!I", answer.l4[28:32])[0] if time else 0
        more = options(time=(time[0] + 1, echo)) if time else b""
        self.client(ACK, options=more, window=500)
        self.found()
        self.far_ack = self.seq
        self.backend(SYN | ACK, options=options(**(backend or {})), window=30000)
        self.far_seq += 1
        self.far_ack += head


SYN_PROXY = {"client_address": "none", "syn_proxy": {"mode": "always"}}


@case
def syn_proxy():
    c = make("syn-proxy", "SYNs are answered with cookies, and the backend hears of the client when it has answered: all "
             "options, none; a backend that knows fewer than we told; what answers no cookie is dropped; a backend that "
             "refuses.", [CONFIG["lb"]["services"][0] | {"syn_proxy": {"mode": "always"}}], args=["--until", "300"])
    full = {"mss": 1400, "scale": 5, "sack": True, "time": (7000, 0)}
    cases = ((full, {"mss": 1460, "scale": 7, "sack": True, "time": (9, 7001)}), ({}, {"mss": 1460}),
             (full, {"mss": 1460}))
    for i, (asked, answered) in enumerate(cases):
        d = Proxied(c, client(1 + i), WEB, t=10.0 * i)
        d.open(0, asked, answered)
        d.talk()
        d.close()
    e = Talk(c, client(9), WEB, t=50.0)
    e.client(ACK, b"no cookie", ack=12345)
    e.client(RST, ack=1)
    e.client(SYN | ACK, ack=1)
    d = Proxied(c, client(10), WEB, t=60.0)
    d.client(SYN, options=options(mss=1460))
    d.seq += 1
    d.ack = struct.unpack("!I", c.last("outside").l4[4:8])[0] + 1
    d.client(ACK)
    d.found()
    d.far_seq = 0
    d.far_ack = d.seq
    d.backend(RST | ACK)
    return c


@case
def syn_proxy_told():
    c = make("syn-proxy-told", "The SYN proxy and PROXY headers together, IPv4 and IPv6: the header is in the segment that "
             "completes our handshake with the backend. Our SYN goes again when nobody answers.",
             [SERVICE_FULL | {"client_address": "proxy-v2", "syn_proxy": {"mode": "always", "timestamps": False}},
              SERVICE_FULL6 | {"client_address": "proxy-v1", "syn_proxy": {"mode": "always", "window_scale": -1}}],
             args=["--until", "300"])
    d = Proxied(c, client(1), FULL)
    d.open(28, {"mss": 1460, "scale": 4}, {"mss": 1460, "scale": 2})
    d.talk()
    d.close()
    d = Proxied(c, client6(1), FULL6, t=10.0)
    d.open(len(b"PROXY TCP6 2001:db8:c::1 2001:db8:2::11 40000 80\r\n"), {"mss": 1440, "sack": True}, {"mss": 1440})
    d.talk()
    d.close()
    d = Proxied(c, client(3), FULL, t=20.0)
    d.client(SYN, options=options(mss=1460))
    d.seq += 1
    d.ack = struct.unpack("!I", c.last("outside").l4[4:8])[0] + 1
    d.client(ACK)
    d.client(ACK)
    return c


@case
def syn_proxy_auto():
    c = make("syn-proxy-auto", "Up to 20 SYNs a second open connections, the others of that second are answered with cookies.",
             [CONFIG["lb"]["services"][0] | {"syn_proxy": {"mode": "auto", "rate": 20}}])
    for i in range(40):
        c.send("outside", i / 1000, P.tcp(client(1 + i), WEB, 41000, 80, SYN, seq=i))
    c.send("outside", 60, P.tcp(client(99), WEB, 41000, 80, SYN, seq=7))
    c.one_worker = True  # each of several has its share of the rate
    return c


QUIC = "192.0.2.13"
KEY = "8f95f09245765f80256934e50c66207f"
SERVER_IDS = ["c4605e", "ed793a", "ed793a51d49b8f5f"]
SERVICE_QUIC = {"name": "quic", "address": QUIC, "port": 443, "protocol": "udp",
                "quic": {"configs": [{"id": 0, "server_id_length": 3, "nonce_length": 4},
                                     {"id": 1, "server_id_length": 3, "nonce_length": 4, "key": KEY},
                                     {"id": 2, "server_id_length": 8, "nonce_length": 8, "key": KEY}]},
                "backends": [{"address": a, "server_id": i} for a, i in zip(BACKENDS, SERVER_IDS)]}
CIDS = ["07c4605e4504cc4f", "2720b1d07b359d3c", "504dd2d05a7b0de9b2b9907afb5ecf8cc3"]


def short(cid):
    return b"\x40" + bytes.fromhex(cid) + b"protected"


def initial(cid):
    cid = bytes.fromhex(cid)
    return b"\xc0\0\0\0\1" + bytes([len(cid)]) + cid + b"\x00" + bytes(40)


@case
def quic():
    c = make("quic", "A client of QUIC keeps its backend wherever it sends from, as its connection ID says: plain, of four "
             "passes, of one block; short headers and long ones.", [SERVICE_QUIC])
    for i, cid in enumerate(CIDS):
        for j in range(6):
            c.send("outside", i * 10 + j, P.udp(client(10 * i + j + 1), QUIC, 50000 + j, 443, short(cid)))
        c.send("outside", i * 10 + 7, P.udp(client(10 * i + 7), QUIC, 50007, 443, initial(cid)))
    c.request(40, "backend.list", service="quic")
    return c


@case
def quic_unroutable():
    c = make("quic-unroutable", "What names no backend goes where the client's hash says, and stays there: unknown "
             "configuration, unknown server, too short, the client's own ID, a backend that is down; one that drains "
             "keeps its connections.", [SERVICE_QUIC])
    who = client(1)
    for i, data in enumerate((short("e7c4605e4504cc4f"), short("07aaaaaa4504cc4f"), short("07c460"), b"\x40", b"",
                              initial("8394c8f03e515708"), initial("")[:6])):
        c.send("outside", i, P.udp(who, QUIC, 50000, 443, data))
        c.send("outside", i + 0.5, P.udp(who, QUIC, 51000 + i, 443, data))
    c.request(10, "backend.drain", service="quic", address=BACKENDS[0])
    c.request(10, "backend.down", service="quic", address=BACKENDS[1])
    for i, cid in enumerate(CIDS):
        c.send("outside", 11 + i, P.udp(client(20 + i), QUIC, 52000, 443, short(cid)))
    return c
