# SPDX-License-Identifier: Apache-2.0
"""Cases of the balancer's modes in which backends see packets as they were sent, and answer clients themselves."""
import copy
import struct

import packets as P
from lb_cases import BACKENDS, BACKENDS6, CONFIG, ROUTER, ROUTER6, WEB, WEB6, client, client6
from nat_cases import big
from packets import ACK, FIN, PSH, RST, SYN
from world import Case

CASES = []
FAMILIES = {"4in4": (WEB, BACKENDS), "4in6": (WEB, BACKENDS6), "6in4": (WEB6, BACKENDS), "6in6": (WEB6, BACKENDS6)}
PORTS = {"4in4": 4040, "4in6": 4060, "6in4": 6040, "6in6": 6060}


def case(f):
    CASES.append(f)
    return f


def make(name, about, services, args=(), **lb):
    c = Case("lb/" + name, about, CONFIG, args)
    c.config["lb"] = {"services": copy.deepcopy(services)} | lb
    return c


def service(name, address, port, backends, mode, **more):
    return {"name": name, "address": address, "port": port, "mode": mode,
            "backends": [{"address": a} for a in backends]} | more


def caller(address, i):
    """A client of the address's family."""
    return client6(i) if ":" in address else client(i)


def visit(c, t, who, address, port, sport=40000, **more):
    """The client's side of a connection, from SYN to the last ACK; what it hears comes by another way."""
    for i, (flags, data) in enumerate([(SYN, b""), (ACK, b""), (PSH | ACK, b"GET / HTTP/1.1\r\n\r\n"), (ACK, b""),
                                       (FIN | ACK, b""), (ACK, b"")]):
        c.send("outside", t + i / 100, P.tcp(who, address, sport, port, flags, 1000 + i, 2000 + i if i else 0, data, **more))


def all_families(mode, about, **more):
    c = make(f"{mode}-families", about, [service(n, a, PORTS[n], b, mode, **more) for n, (a, b) in FAMILIES.items()],
             args=["--until", "300"])
    for i, (name, (address, _)) in enumerate(FAMILIES.items()):
        for j in range(3):
            visit(c, i + j / 10, caller(address, 1 + j), address, PORTS[name])
    return c


@case
def dsr():
    c = make("dsr", "Mode dsr: packets leave for the backend's station address as they came, but for the TTL; what the backend "
             "answers past us goes to the client when it comes by us after all, of a connection and from the farm. After 120 s nothing is left.",
             [service("web", WEB, 80, BACKENDS, "dsr"), service("web6", WEB6, 80, BACKENDS6, "dsr")], args=["--until", "300"])
    for i in range(1, 7):
        visit(c, i, client(i), WEB, 80)
        visit(c, i + 0.5, client6(i), WEB6, 80)
    for i in range(1, 7):
        c.send("farm", 8 + i / 10, P.tcp(WEB, client(i), 80, 40000, ACK, 1, 1, b"by this way"),
               P.tcp(WEB6, client6(i), 80, 40000, ACK, 1, 1, b"by this way"))
    c.send("outside", 8.8, P.tcp(WEB, client(1), 80, 40000, ACK, 1, 1, b"by the wrong way"))
    c.send("farm", 9, P.tcp(WEB, client(99), 80, 40000, ACK, 1, 1, b"to nobody"))
    return c


@case
def answers_by_us():
    c = make("answers-by-us", "Clients behind us use services whose backends answer themselves: answers in fragments in any order, and what "
             "backends and routers before them say of queries, go to the client; from elsewhere than the farm, or of no "
             "connection, they are forged.",
             [service("dns", WEB, 53, BACKENDS, "dsr", protocol="udp"),
              service("dns6", WEB6, 53, BACKENDS, "gue", protocol="udp", tunnel_source="10.0.0.1")])
    orders = ((0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1))
    for i in range(1, 9):
        ask, ask6 = P.udp(client(i), WEB, 5353, 53, b"query"), P.udp(client6(i), WEB6, 5353, 53, b"query")
        c.send("outside", i, ask, ask6)
        parts = P.fragments4(P.udp(WEB, client(i), 53, 5353, big(3000, i), ident=70 + i, df=False), [1400, 1400])
        parts6 = P.fragments6(P.udp(WEB6, client6(i), 53, 5353, big(3000, i)), [1400, 1400], 700 + i)
        for k, j in enumerate(orders[i % 4]):
            c.send("farm", i + 0.1 + k / 100, parts[j])
            c.send("farm", i + 0.2 + k / 100, parts6[j])
        c.send("farm", i + 0.3, P.error4(WEB, client(i), 3, 3, ask), P.error6(WEB6, client6(i), 1, 4, ask6))
        c.send("farm", i + 0.4, P.error4("10.0.0.99", client(i), 11, 0, ask), P.error6("2001:db8:f::99", client6(i), 3, 0, ask6))
        if i > 2:
            continue
        for k, part in enumerate(parts + parts6):
            c.send("outside", i + 0.5 + k / 100, part)
        c.send("outside", i + 0.6, P.error4(WEB, client(i), 3, 3, ask), P.error6(WEB6, client6(i), 1, 4, ask6))
    stray = P.fragments4(P.udp(WEB, client(99), 53, 5353, big(2000), ident=7, df=False), [1400])
    c.send("farm", 20, *stray, P.error4(WEB, client(99), 3, 3, P.udp(client(99), WEB, 5353, 53, b"query")))
    return c


@case
def l3dsr():
    c = make("l3dsr", "Mode l3dsr: the destination becomes the backend's address, the DSCP says which service it was; ECN stays, "
             "transport checksums are right, also that of an ICMP error about an answer.",
             [service("web", WEB, 80, BACKENDS, "l3dsr", dscp=11), service("web6", WEB6, 80, BACKENDS6, "l3dsr", dscp=12),
              service("dns", WEB, 53, BACKENDS, "l3dsr", dscp=11, protocol="udp")])
    for i in range(1, 5):
        visit(c, i, client(i), WEB, 80, tos=0xB8 | i % 4)
        visit(c, i + 0.5, client6(i), WEB6, 80, tclass=0xB8 | i % 4)
    c.send("outside", 6, P.udp(client(1), WEB, 5353, 53, b"query"), P.udp(client(2), WEB, 5353, 53, b"no checksum", zero=True))
    large = P.udp(client(3), WEB, 5353, 53, big(3000), ident=77, df=False)
    c.send("outside", 7, *P.fragments4(large, [1400, 1400])[::-1])
    c.send("outside", 8, P.error4(ROUTER, WEB, 3, 4, P.tcp(WEB, client(1), 80, 40000, ACK, 1, 1, big(600)), mtu=900))
    c.send("outside", 9, P.error6(ROUTER6, WEB6, 2, 0, P.tcp(WEB6, client6(1), 80, 40000, ACK, 1, 1, big(900)), 1280))
    return c


@case
def ipip_families():
    return all_families("ipip", "Mode ipip: IPv4 and IPv6 inside IPv4 and IPv6 (RFC 2003, 4213, 2473).")


@case
def gre_families():
    return all_families("gre", "Mode gre: the same behind a GRE header without options (RFC 2784).")


@case
def gue_families():
    return all_families("gue", "Mode gue: the same behind a UDP header, whose source port is the connection's; over IPv6 without "
                        "checksum (RFC 6935).")


@case
def tunnel_source():
    c = make("tunnel-source", "Outer sources from a prefix: those of a connection are all the same, of many they spread; so do "
             "the ports of gue, under one given address.",
             [service("a", WEB, 80, BACKENDS[:1], "ipip", tunnel_source="10.99.0.0/24"),
              service("b", WEB6, 80, BACKENDS6[:1], "gre", tunnel_source="2001:db8:99::/64"),
              service("c", WEB, 81, BACKENDS[:1], "gue", tunnel_source="10.0.0.1", tunnel_port=7000)])
    for i in range(1, 25):
        for j, flags in enumerate((SYN, ACK)):
            t = i / 10 + j / 100
            c.send("outside", t, P.tcp(client(i), WEB, 40000, 80, flags, 1 + j, j), P.tcp(client6(i), WEB6, 40000, 80, flags, 1 + j, j),
                   P.tcp(client(i), WEB, 40000, 81, flags, 1 + j, j))
    return c


@case
def tunnel_fields():
    c = make("tunnel-fields", "Outer DSCP and ECN are the inner ones (RFC 2983, RFC 6040); DF is the inner one or set, without it "
             "there is an identification (RFC 2003, RFC 6864); TTL is 64 outside and goes down by one inside; options and "
             "extension headers go along, and TTL 1 is answered.",
             [service("web", WEB, 80, BACKENDS[:1], "ipip"), service("set", WEB, 81, BACKENDS[:1], "ipip", tunnel_df="set"),
              service("web6", WEB6, 80, BACKENDS[:1], "gre"), service("six", WEB, 82, BACKENDS6[:1], "gue")])
    for i in range(8):
        tos = (0, 1, 2, 3, 0xB8, 0xB9, 0x2A, 0xFF)[i]
        for port in (80, 81, 82):
            c.send("outside", i / 10, P.tcp(client(i + 1), WEB, 40000, port, SYN, 1, tos=tos, df=i % 2 == 0, ident=1000 + i))
        c.send("outside", i / 10, P.tcp(client6(i + 1), WEB6, 40000, 80, SYN, 1, tclass=tos, flow=0x12345))
    for t, ttl in ((2, 255), (3, 2), (4, 1)):
        c.send("outside", t, P.tcp(client(1), WEB, 40000, 80, ACK, 2, 1, ttl=ttl), P.tcp(client6(1), WEB6, 40000, 80, ACK, 2, 1, hops=ttl))
    c.send("outside", 5, P.ip4(client(1), WEB, P.TCP, P.tcp_part(client(1), WEB, 40000, 80, ACK, 2, 1, b"options"),
                               options=b"\x94\x04\x00\x00\x01\x01\x01\x01"))
    part = P.tcp_part(client6(1), WEB6, 40000, 80, ACK, 2, 1, b"extensions")
    c.send("outside", 6, P.ip6(client6(1), WEB6, 60, bytes([P.TCP, 0, 1, 4, 0, 0, 0, 0]) + part))
    return c


@case
def tunnel_too_big():
    c = make("tunnel-too-big", "What does not fit with its outer header: with DF, or IPv6, the sender hears which MTU is left "
             "inside; without DF it is cut first, each piece under a header of its own. tunnel_mtu is the way's.",
             [service("web", WEB, 80, BACKENDS[:1], "ipip"), service("web6", WEB6, 80, BACKENDS6[:1], "gue"),
              service("small", WEB, 81, BACKENDS[:1], "gre", tunnel_mtu=1000), service("near", WEB, 82, BACKENDS[:1], "dsr")])
    for port, fits in ((80, 1480), (81, 976), (82, 1500)):
        who = client(port - 79)
        c.send("outside", port - 80, P.tcp(who, WEB, 40000, port, SYN, 1), P.tcp(who, WEB, 40000, port, ACK, 2, 1))
        for i, size in enumerate((fits, fits + 1)):
            for df in (True, False):
                c.send("outside", port - 80 + 0.1 + i / 10 + (not df) / 100,
                       P.tcp(who, WEB, 40000, port, ACK, 2, 1, big(size - 40), df=df, ident=500 + i))
    c.nic("outside")["mtu"] = 9000
    c.send("outside", 5, P.tcp(client6(1), WEB6, 40000, 80, SYN, 1))
    for i, size in enumerate((1452, 1453)):
        c.send("outside", 6 + i, P.tcp(client6(1), WEB6, 40000, 80, ACK, 2, 1, big(size - 60)))
    return c


@case
def tunnel_fragments():
    c = make("tunnel-fragments", "Fragments of a datagram in any order reach one backend under one outer source; those that came "
             "in pieces too big for the tunnel are cut again.",
             [service("dns", WEB, 53, BACKENDS, "gue", protocol="udp"), service("dns6", WEB6, 53, BACKENDS6, "ipip", protocol="udp"),
              service("near", WEB, 54, BACKENDS, "dsr", protocol="udp")])
    for i, order in enumerate([(0, 1, 2), (2, 1, 0), (1, 0, 2)]):
        for port in (53, 54):
            parts = P.fragments4(P.udp(client(1 + i), WEB, 5353, port, big(3000), ident=100 + i + 10 * (port - 53), df=False), [1400, 1400])
            for j, n in enumerate(order):
                c.send("outside", i + j / 10, parts[n])
    whole = P.udp_part(client6(1), WEB6, 5353, 53, big(2000))
    pieces = [whole[:1000], whole[1000:]]
    for i, n in enumerate((1, 0)):
        head = struct.pack("!BBHI", P.UDP, 0, (1000 if n else 0) | (0 if n else 1), 4711)
        c.send("outside", 4 + i / 10, P.ip6(client6(1), WEB6, 44, head + pieces[n]))
    parts = P.fragments4(P.udp(client(9), WEB, 5353, 53, big(2000), ident=200, df=False), [1480])
    c.send("outside", 6, *parts)
    return c


@case
def icmp_error_unseen():
    c = make("icmp-error-unseen", "Errors about answers that went past us reach the backend that owns the flow, in every mode; for a "
             "flow that this instance never saw, the backend that would get it (RFC 7690), but for fullnat, where nobody can tell.",
             [service("nat", WEB, 80, BACKENDS, "nat"), service("gue", WEB, 81, BACKENDS, "gue"),
              service("dsr", WEB, 82, BACKENDS, "dsr"), service("nat6", WEB6, 80, BACKENDS6, "nat"),
              service("ipip6", WEB6, 81, BACKENDS, "ipip"),
              service("full", WEB, 83, BACKENDS, "fullnat", local_addresses=["10.0.0.250"])])
    for i in range(1, 7):
        for port in (81, 82):
            if i <= 3:
                c.send("outside", i, P.tcp(client(i), WEB, 40000, port, SYN, 1))
        for port in (80, 81, 82, 83):
            c.send("outside", i + 0.5, P.error4(ROUTER, WEB, 3, 4, P.tcp(WEB, client(i), port, 40000, ACK, 1, 1, big(500)), mtu=900))
        for port in (80, 81):
            c.send("outside", i + 0.6, P.error6(ROUTER6, WEB6, 2, 0, P.tcp(WEB6, client6(i), port, 40000, ACK, 1, 1, big(900)), 1280))
    for i in range(4, 7):  # the same clients come: to the same backends
        for port in (80, 81, 82):
            c.send("outside", 6 + i, P.tcp(client(i), WEB, 40000, port, SYN, 1))
        for port in (80, 81):
            c.send("outside", 6 + i, P.tcp(client6(i), WEB6, 40000, port, SYN, 1))
    return c


@case
def one_way_states():
    c = make("one-way-states", "Of a connection that answers past us only one side is heard: the third packet establishes it, its FIN "
             "closes it, two packets of one picked up in mid-stream make one; each state has its timer.",
             [service("web", WEB, 80, BACKENDS, "ipip")])

    def say(t, i, *flags):
        for j, f in enumerate(flags):
            c.send("outside", t + j / 100, P.tcp(client(i), WEB, 40000, 80, f, 1, 0 if f == SYN else 1))
    say(0, 1, SYN)
    say(0, 2, SYN, ACK)
    say(0, 3, SYN, ACK, FIN | ACK, ACK)
    say(0, 4, ACK)
    say(0, 5, ACK, ACK)
    say(0, 6, SYN, ACK, RST)
    say(0, 7, SYN, ACK, RST, ACK, ACK)
    say(0, 8, SYN, ACK, FIN | ACK, SYN)
    say(0, 9, RST)
    c.frames["outside"].sort(key=lambda f: f[0])
    for at in (1, 61, 121):
        c.request(at, "flow.list")
    say(130, 99, SYN)
    return c


@case
def tunnel_backend_removed():
    c = make("tunnel-backend-removed", "A backend of a tunnel is drained and removed: its connections go on, through the tunnel that "
             "there was; new ones go elsewhere.", [service("web", WEB, 80, BACKENDS, "gue")])
    for i in range(1, 13):
        c.send("outside", (i - 1) / 100, P.tcp(client(i), WEB, 40000, 80, SYN, 1))
    c.request(1, "backend.remove", service="web", address=BACKENDS[1])
    c.request(1.5, "service.list")
    for i in range(1, 25):
        c.send("outside", 2 + i / 100, P.tcp(client(i), WEB, 40000, 80, ACK if i < 13 else SYN, 2, 1))
    return c


@case
def echo_healthy():
    c = make("echo-healthy", "Echo to a service address is answered as long as one of its services has a backend for new connections.",
             [service("web", WEB, 80, BACKENDS[:1], "dsr"), service("dns", WEB, 53, BACKENDS[1:2], "nat", protocol="udp"),
              service("web6", WEB6, 80, BACKENDS6[:1], "dsr")], answer_echo="healthy")

    def ping(t):
        c.send("outside", t, P.echo(client(1), WEB, 1, int(t), b"up?"), P.echo(client6(1), WEB6, 1, int(t), b"up?"),
               P.echo(client(1), WEB, 2, int(t), b"last hop", ttl=1), P.echo(client(1), "198.51.100.2", 1, int(t), b"interface"))
    ping(0)
    c.request(1, "backend.down", service="web", address=BACKENDS[0])
    ping(2)
    c.request(3, "backend.down", service="dns", address=BACKENDS[1])
    ping(4)
    c.request(5, "backend.drain", service="web6", address=BACKENDS6[0])
    ping(6)
    c.request(7, "backend.auto", service="web", address=BACKENDS[0])
    ping(8)
    return c


@case
def echo_never():
    c = make("echo-never", "Echo to service addresses is not answered, to those of interfaces it is.",
             [service("web", WEB, 80, BACKENDS[:1], "nat")], answer_echo="never")
    c.send("outside", 0, P.echo(client(1), WEB, 1, 1, b"up?"), P.echo(client(1), "198.51.100.2", 1, 1, b"interface"))
    return c


def too_big(c, t, mtu, n=1, nic="farm"):
    """A router behind us about the n-th last outer packet: it is larger than what comes next."""
    p = c.last("farm", n).frame[14:]
    c.send(nic, t, P.error4("10.0.0.254", P.text(p[12:16]), 3, 4, p[:28], mtu=mtu) if p[0] >> 4 == 4 else
           P.error6("2001:db8:f::254", P.text(p[8:24]), 2, 0, p[:200], mtu))


@case
def tunnel_mtu_learnt():
    c = make("tunnel-mtu-learnt", "A router on the way to a backend says that outer packets are too big: from then on clients are told what fits "
             "inside, whatever worker they are of, or their packets are cut first; for ten minutes. IPv6 of 1280 octets goes on, without "
             "DF outside. What is said of no packet of ours is not believed.",
             [service("a", WEB, 4040, BACKENDS[:1], "ipip", tunnel_source="10.0.0.1"),
              service("b", WEB6, 6040, BACKENDS[1:2], "gue", tunnel_source="10.0.0.1"),
              service("c", WEB, 4060, BACKENDS6[:1], "gre", tunnel_source="2001:db8:f::1")], args=["--until", "2000"])
    ways = ((WEB, 4040, 1300, 1390), (WEB6, 6040, 1000, 1390), (WEB, 4060, 1400, 1390))

    def large(t, i, address, port, size, **more):
        c.send("outside", t, P.tcp(caller(address, i), address, 40000, port, ACK, 1, 1, big(size), **more))

    for k, (address, port, mtu, size) in enumerate(ways):
        large(k, 1, address, port, size)
        too_big(c, k + 0.1, mtu)
        for i in range(1, 7):
            large(k + 0.2 + i / 100, i, address, port, size)
        large(k + 0.3, 1, address, port, 900)
    large(4, 2, WEB, 4040, size, df=False, ident=9)
    large(5, 2, WEB6, 6040, 1220)
    out = P.ip4("10.0.0.1", BACKENDS[2], 4, bytes(40))
    c.send("farm", 6, P.error4("10.0.0.254", "10.0.0.1", 3, 4, out, mtu=600),
           P.error4("10.0.0.254", "10.0.0.1", 3, 4, P.ip4("10.0.0.1", BACKENDS[0], 47, bytes(40)), mtu=600),
           P.error4("10.0.0.254", "10.0.0.1", 3, 4, P.ip4("10.0.0.1", BACKENDS[0], 4, bytes(40)), mtu=600))
    large(7, 1, WEB, 4040, 1000)
    for t in (8, 601, 604):
        c.request(t, "lb.mtus")
    for t in (595, 605):
        for k, (address, port, mtu, size) in enumerate(ways):
            large(t + k, 1, address, port, size)
    return c


@case
def checks_ask():
    c = make("checks-ask", "Checks that ask for the service's address: packets from the daemon's address go to the backend that their "
             "source port names, whatever its state is, without a flow; from other ports, and from others' addresses, they are a client's.",
             [service("web", WEB, 80, BACKENDS, "dsr"), service("six", WEB6, 80, BACKENDS, "gue", tunnel_source="10.0.0.1"),
              service("dns", WEB, 53, BACKENDS, "l3dsr", dscp=9, protocol="udp", limits={"rate": 1}, deny="all")],
             check_sources=["10.0.0.9", "2001:db8:f::9"], lists=[{"name": "all", "prefixes": ["0.0.0.0/0"]}], args=["--until", "30"])
    c.config["lb"]["services"][0]["backends"][1]["state"] = "maint"
    c.config["lb"]["services"][1]["backends"][2]["weight"] = 0
    for k in range(3):
        for i, flags in enumerate((SYN, ACK, PSH | ACK, RST)):
            data = b"GET / HTTP/1.1\r\n\r\n" if flags & PSH else b""
            c.send("farm", k + i / 10, P.tcp("10.0.0.9", WEB, 16384 + k, 80, flags, 1 + i, i, data),
                   P.tcp("2001:db8:f::9", WEB6, 16384 + k, 80, flags, 1 + i, i, data))
        c.send("farm", k + 0.5, P.udp("10.0.0.9", WEB, 16384 + k, 53, b"query"))
    c.send("farm", 4, P.error4("10.0.0.254", WEB, 3, 4, P.tcp(WEB, "10.0.0.9", 80, 16385, ACK, 1, 1, big(600)), mtu=900))
    c.request(5, "flow.count")
    for i in range(4):
        c.send("farm", 6 + i / 10, P.tcp("10.0.0.9", WEB, 16387 + i, 80, SYN, 1), P.udp("10.0.0.9", WEB, 16387 + i, 53, b"query"))
        c.send("farm", 7 + i / 10, P.tcp("10.0.0.8", WEB, 16385, 80, SYN, 1 + i))
    c.send("farm", 8, *P.fragments4(P.udp("10.0.0.9", WEB, 16384, 53, big(3000), ident=3, df=False), [1400, 1400]))
    c.request(9, "flow.count")
    c.request(9, "backend.list")
    return c
