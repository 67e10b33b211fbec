# SPDX-License-Identifier: Apache-2.0
"""Cases of the balancer. Clients are outside, the backends in the farm."""
import struct

import packets as P
from nat_cases import Dialog, big
from packets import ACK, PSH, SYN
from world import Case, OUTSIDE_MAC, device_mac

WEB, FULL, DNS, WEB6 = "192.0.2.10", "192.0.2.11", "192.0.2.12", "2001:db8:2::10"
ROUTER, ROUTER6 = "198.51.100.77", "2001:db8:1::77"
BACKENDS = ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
BACKENDS6 = ["2001:db8:f::11", "2001:db8:f::12", "2001:db8:f::13"]

CONFIG = {
    "workers": {"count": 1, "flows": {"ipv4": 4096, "ipv6": 4096}},
    "nics": [
        {"name": "outside", "device": "0000:01:00.0", "addresses": ["198.51.100.2/24", "2001:db8:1::2/64"]},
        {"name": "farm", "device": "0000:01:00.1", "addresses": ["10.0.0.1/24", "2001:db8:f::1/64"]},
    ],
    "routes": [{"prefix": "0.0.0.0/0", "via": "198.51.100.1"}, {"prefix": "::/0", "via": "2001:db8:1::1"}],
    "lb": {"services": [
        {"name": "web", "address": WEB, "port": 80, "backends": [{"address": a, "port": 8080} for a in BACKENDS]},
    ]},
}
SERVICE6 = {"name": "web6", "address": WEB6, "port": 80, "backends": [{"address": a} for a in BACKENDS6]}
SERVICE_FULL = {"name": "full", "address": FULL, "port": 80, "mode": "fullnat", "local_addresses": ["10.0.0.250"],
                "backends": [{"address": a} for a in BACKENDS]}
SERVICE_DNS = {"name": "dns", "address": DNS, "port": 53, "protocol": "udp", "mode": "fullnat",
               "local_addresses": ["10.0.0.251"], "local_ports": "2000-5999",
               "backends": [{"address": a} for a in BACKENDS]}
NICS = ("outside", "farm")
CASES = []


def case(f):
    CASES.append(f)
    return f


def make(name, about, services=None, args=()):
    c = Case("lb/" + name, about, CONFIG, args)
    if services is not None:
        c.config["lb"]["services"] = services
    return c


def client(i):
    return f"203.0.113.{i}"


def client6(i):
    return f"2001:db8:c::{i:x}"


def dialogs(c, clients, service, port):
    for i, who in enumerate(clients):
        d = Dialog(c, who, 40000 + i, service, port, NICS)
        d.open(i)
        d.talk(i + 0.2)
        d.close(i + 0.4)


@case
def nat_tcp_v4():
    c = make("nat-tcp-v4", "Connections of six clients: backends see the clients' addresses, clients see the service; "
             "after the timeout of 120 s nothing is left.", args=["--until", "300"])
    dialogs(c, map(client, range(1, 7)), WEB, 80)
    return c


@case
def nat_tcp_v6():
    c = make("nat-tcp-v6", "The same over IPv6.", [SERVICE6], args=["--until", "300"])
    dialogs(c, map(client6, range(1, 7)), WEB6, 80)
    return c


@case
def fullnat_tcp_v4():
    c = make("fullnat-tcp-v4", "Backends see a local address as the source, clients see the service.", [SERVICE_FULL],
             args=["--until", "300"])
    dialogs(c, map(client, range(1, 7)), FULL, 80)
    return c


@case
def fullnat_addresses():
    c = make("fullnat-addresses", "Of five local addresses each client gets one, for all its connections: which one "
             "does not depend on the number of workers.",
             [SERVICE_FULL | {"local_addresses": [f"10.0.0.{n}" for n in range(240, 245)]}])
    for i in range(48):
        c.send("outside", i / 100, P.tcp(client(1 + i % 24), FULL, 40000 + i, 80, SYN, seq=i))
    return c


@case
def fullnat_udp():
    c = make("fullnat-udp", "UDP with source translation; a backend's packet to a port without a flow is dropped.",
             [SERVICE_DNS], args=["--until", "300"])
    for i in range(1, 9):
        c.send("outside", i, P.udp(client(i), DNS, 5353, 53, b"query %d" % i))
        p = c.last("farm")
        c.send("farm", i + 0.1, P.udp(p.dst, p.src, 53, p.sport, b"answer %d" % i))
    c.send("farm", 20, P.udp(BACKENDS[0], "10.0.0.251", 53, 3000, b"nobody asked"))
    return c


@case
def drain():
    c = make("drain", "A backend is drained: its connection goes on, new ones go to the others, until it is ready "
             "again.")
    d = Dialog(c, client(1), 40000, WEB, 80, NICS)
    d.open(0)
    first = P.text(d.far_end[0])
    c.request(1, "backend.drain", service="web", address=first)
    d.talk(2)
    for i in range(30):
        c.send("outside", 3 + i / 100, P.tcp(client(10 + i), WEB, 41000, 80, SYN, seq=i))
    c.request(4, "backend.list", service="web")
    c.request(5, "backend.ready", service="web", address=first)
    for i in range(30):
        c.send("outside", 6 + i / 100, P.tcp(client(50 + i), WEB, 41000, 80, SYN, seq=i))
    d.talk(7)
    return c


@case
def down():
    c = make("down", "A backend is declared dead: no new connection goes to it.")
    c.request(0, "backend.down", service="web", address=BACKENDS[1])
    for i in range(30):
        c.send("outside", i / 100, P.tcp(client(10 + i), WEB, 41000, 80, SYN, seq=i))
    c.request(4, "backend.list", service="web")
    return c


@case
def forced():
    c = make("forced", "Health is forced: down, and no connection goes there; up, though the document says nothing else; then as "
             "checks say. Each change is an event.")
    for at, method in enumerate(("down", "up", "auto")):
        c.request(at, "backend." + method, service="web", address=BACKENDS[1])
        for i in range(20):
            c.send("outside", at + i / 100, P.tcp(client(10 + 30 * at + i), WEB, 41000, 80, SYN, seq=i))
    c.request(4, "backend.list", service="web")
    c.request(4, "health.list")
    c.request(4, "health.events")
    return c


@case
def down_established():
    c = make("down-established", "A backend is declared dead: its connections end and their clients' next packets go to "
             "another one, those of the others stay. UDP as well, and with source translation.",
             CONFIG["lb"]["services"] + [SERVICE_DNS | {"mode": "nat", "local_addresses": []}, SERVICE_FULL])
    for i in range(24):
        c.send("outside", i / 100, P.tcp(client(10 + i), WEB, 41000, 80, SYN, seq=i))
        c.send("outside", i / 100, P.udp(client(10 + i), DNS, 5353, 53, b"query"))
        c.send("outside", i / 100, P.tcp(client(10 + i), FULL, 41000, 80, SYN, seq=i))
    for service in ("web", "dns", "full"):
        c.request(1, "backend.down", service=service, address=BACKENDS[1])
    c.request(1, "flow.count")
    for i in range(24):
        c.send("outside", 2 + i / 100, P.tcp(client(10 + i), WEB, 41000, 80, ACK, i + 1, 1))
        c.send("outside", 2 + i / 100, P.udp(client(10 + i), DNS, 5353, 53, b"query again"))
        c.send("outside", 2 + i / 100, P.tcp(client(10 + i), FULL, 41000, 80, ACK, i + 1, 1))
    c.request(4, "backend.list", service="web")
    return c


@case
def weights():
    c = make("weights", "600 connections over backends of weights 1, 2 and 3; the report has how many each one got.")
    for b, w in zip(c.config["lb"]["services"][0]["backends"], (1, 2, 3)):
        b["weight"] = w
    for i in range(600):
        c.send("outside", i / 1000, P.tcp(client(1 + i % 200), WEB, 30000 + i, 80, SYN, seq=i))
    c.request(2, "backend.list", service="web")
    return c


@case
def icmp_error_to_backend():
    c = make("icmp-error-to-backend", "Packet Too Big and Fragmentation Needed about a backend's packet reach that "
             "backend, the packet inside as it sent it (RFC 7690); for fullnat and for errors of backends too.",
             CONFIG["lb"]["services"] + [SERVICE6, SERVICE_FULL])
    for i, (who, service, router) in enumerate([(client(1), WEB, ROUTER), (client6(1), WEB6, ROUTER6),
                                                (client(2), FULL, ROUTER)]):
        d = Dialog(c, who, 40000, service, 80, NICS)
        d.open(i * 10)
        d.into(i * 10 + 1, PSH | ACK, big(1000))
        sent = c.last("outside")
        if len(sent.src) == 4:
            c.send("outside", i * 10 + 2, P.error4(router, service, 3, 4, sent.l3[:576], mtu=900))
        else:
            c.send("outside", i * 10 + 2, P.error6(router, service, 2, 0, sent.l3[:1200], 1280))
        d.out(i * 10 + 3, PSH | ACK, b"more")
        got = c.last("farm")
        if len(got.src) == 4:
            c.send("farm", i * 10 + 4, P.error4(P.text(got.dst), P.text(got.src), 3, 2, got.l3))
        else:
            c.send("farm", i * 10 + 4, P.error6(P.text(got.dst), P.text(got.src), 1, 4, got.l3))
    return c


@case
def echo_service():
    c = make("echo-service", "Echo to service and interface addresses is answered by us, IPv4 and IPv6; to addresses "
             "that are nobody's it is not.", CONFIG["lb"]["services"] + [SERVICE6])
    c.send("outside", 0, P.echo(client(1), WEB, 1, 1, b"service"), P.echo(client6(1), WEB6, 1, 1, b"service"),
           P.echo(client(1), "198.51.100.2", 1, 2, b"interface"), P.echo(client6(1), "2001:db8:1::2", 1, 2, b"interface"))
    c.send("outside", 1, P.echo(client(1), "192.0.2.99", 1, 3, b"nobody"))
    c.send("outside", 2, P.echo(client(1), WEB, 1, 4, big(1400), tos=0xB8))
    broken = P.echo(client(1), WEB, 1, 5, b"broken")
    c.send("outside", 3, broken[:-1] + b"N")
    return c


@case
def no_service():
    c = make("no-service", "Packets to a service address but not to its port, to a service without backends, from a "
             "backend without a connection; a segment of no connection goes to the backend that its hash chooses.",
             CONFIG["lb"]["services"] + [{"name": "empty", "address": FULL, "port": 80, "backends": []}])
    c.send("outside", 0, P.tcp(client(1), WEB, 40000, 81, SYN, seq=1))
    c.send("outside", 1, P.udp(client(1), WEB, 40000, 80, b"UDP to a TCP service"))
    c.send("outside", 2, P.tcp(client(1), FULL, 40000, 80, SYN, seq=1))
    c.send("outside", 3, P.tcp(client(1), WEB, 40000, 80, ACK, 1, 1, b"no connection"))
    c.send("farm", 4, P.tcp(BACKENDS[0], client(1), 8080, 40009, ACK, 1, 1, b"no connection"))
    c.send("outside", 5, P.ip4(client(1), WEB, 132, bytes(12)))
    return c


@case
def v6_too_big():
    c = make("v6-too-big", "A backend's IPv6 packet that is too big for the way to the client is answered by Packet Too "
             "Big with the MTU; hop limit 1 by Time Exceeded.", [SERVICE6])
    c.nic("outside")["mtu"] = 1280
    d = Dialog(c, client6(1), 40000, WEB6, 80, NICS)
    d.open(0)
    d.into(1, PSH | ACK, big(1440))
    d.ack -= 1440
    d.into(2, PSH | ACK, big(1220))
    d.into(3, ACK, hops=1)
    return c


@case
def neighbour_discovery():
    c = make("neighbour-discovery", "Solicitations for own and service addresses are answered; others and those with a "
             "wrong hop limit are not.", [SERVICE6])

    def solicit(t, target, hops=255, src="2001:db8:1::1"):
        group = P.addr("ff02::1:ff00:0")[:13] + P.addr(target)[13:]
        option = b"\x01\x01" + P.mac(OUTSIDE_MAC)
        part = P.icmp6_part(src, group, 135, 0, bytes(4), P.addr(target) + option)
        c.frame("outside", t, P.ether(b"\x33\x33" + group[12:], OUTSIDE_MAC, P.ETH_IP6,
                                      P.ip6(src, group, P.ICMP6, part, hops=hops)))
    solicit(0, "2001:db8:1::2")
    solicit(1, WEB6)
    solicit(2, "2001:db8:1::99")
    solicit(3, "2001:db8:1::2", hops=64)
    advert = P.icmp6_part("2001:db8:1::1", "2001:db8:1::2", 136, 0, struct.pack("!I", 0x60000000),
                          P.addr("2001:db8:1::1") + b"\x02\x01" + P.mac(OUTSIDE_MAC))
    c.frame("outside", 4, P.ether(device_mac(0), OUTSIDE_MAC, P.ETH_IP6,
                                  P.ip6("2001:db8:1::1", "2001:db8:1::2", P.ICMP6, advert, hops=255)))
    return c


def many(c, n, t0=0.0, who=None, port=41000, service=WEB):
    """SYNs of n clients (or of one, from n ports), one each 10 ms."""
    for i in range(n):
        c.send("outside", t0 + i / 100, P.tcp(who or client(10 + i), service, port + (i if who else 0), 80, SYN, seq=i))


def scheduled(name, about, weights=(1, 1, 1), **service):
    backends = [{"address": a, "port": 8080, "weight": n} for a, n in zip(BACKENDS, weights)]
    return make(name, about, [{"name": "web", "address": WEB, "port": 80, "backends": backends} | service])


@case
def source_hash():
    c = scheduled("source-hash", "Scheduler source-hash: all connections of a client go to one backend, whatever their ports.",
                  scheduler="source-hash")
    for i in range(1, 13):
        many(c, 4, i, client(i))
    return c


@case
def hash_source():
    c = scheduled("hash-source", "Scheduler maglev over the source alone: the same backends as source-hash gives.", hash="source")
    for i in range(1, 13):
        many(c, 4, i, client(i))
    return c


@case
def two_choices():
    c = scheduled("two-choices", "Scheduler two-choices: of two backends by hash the one with fewer connections; 60 clients, none of "
                  "which ends, go 20 to each backend or nearly.", scheduler="two-choices")
    c.one_worker = True
    many(c, 60)
    return c


@case
def round_robin():
    c = scheduled("round-robin", "Scheduler round-robin, weights 3, 2, 1: of each six connections in turn 3, 2 and 1.", (3, 2, 1),
                  scheduler="round-robin")
    c.one_worker = True
    many(c, 36)
    return c


@case
def least_connections():
    c = scheduled("least-connections", "Scheduler least-connections: of twelve connections the four of one backend end; the next four go "
                  "there.", scheduler="least-connections", timeouts={"tcp_opening": 600, "tcp_closing": 5})
    c.one_worker = True
    many(c, 12)
    first = [(p.src, p.dst) for p in c.run()["farm"]]
    for i, (src, dst) in enumerate(first):
        if dst == first[0][1]:
            c.send("outside", 1 + i / 100, P.tcp(P.text(src), WEB, 41000, 80, P.RST, seq=i + 1))
    many(c, 4, 20, client(99))
    return c


@case
def max_connections():
    c = scheduled("max-connections", "Each backend may have two connections: the seventh client is told host unreachable, until one of "
                  "the six has ended.")
    for b in c.config["lb"]["services"][0]["backends"]:
        b["max_connections"] = 2
    c.one_worker = True
    many(c, 8)
    c.send("outside", 200, P.tcp(client(90), WEB, 41000, 80, SYN, seq=1))
    return c


@case
def persistence():
    c = scheduled("persistence", "Persistence of 60 s with round-robin: a client's connections go to one backend, also when its weight "
                  "is set to 0 or it drains, but not when it is in maintenance; after 60 s without one the client is new.",
                  scheduler="round-robin", persistence={"timeout": 60}, timeouts={"tcp_opening": 5})
    c.one_worker = True
    for i in range(3):
        many(c, 3, i, client(1 + i))
    where = {p.src: P.text(p.dst) for p in c.run()["farm"]}
    one, two = where[P.addr(client(1))], where[P.addr(client(2))]
    c.request(10, "backend.weight", service="web", address=one, weight=0)
    many(c, 3, 11, client(1), 42000)
    c.request(12, "backend.drain", service="web", address=two)
    many(c, 3, 13, client(2), 42000)
    many(c, 3, 14, client(40), 42000)
    c.request(15, "backend.maint", service="web", address=two)
    many(c, 3, 16, client(2), 43000)
    many(c, 3, 100, client(1), 43000)
    return c


@case
def persistence_mask():
    c = scheduled("persistence-mask", "Persistence by the first 24 bits of the source: the clients of a network go to one backend, on any "
                  "number of workers; a change of the weights moves none of them.", persistence={"timeout": 600, "mask": 24})
    for at, weights in ((0, None), (20, (9, 1, 1))):
        for b, weight in zip(BACKENDS, weights or ()):
            c.request(at - 1, "backend.weight", service="web", address=b, weight=weight)
        for i in range(60):
            c.send("outside", at + i / 100, P.tcp(f"203.0.{i % 12}.{1 + i // 12}", WEB, 41000 + at, 80, SYN, seq=i))
    return c


@case
def packet_nat():
    c = make("packet-nat", "Each datagram is chosen for anew, by turns: one client's go to all backends, the replies of each come back "
             "from the service; so do fragments, all of a datagram to one backend.",
             [{"name": "dns", "address": DNS, "port": 53, "protocol": "udp", "scheduler": "round-robin", "schedule": "packet",
               "backends": [{"address": a} for a in BACKENDS]}], args=["--until", "300"])
    c.one_worker = True
    datagrams(c)
    return c


@case
def packet_fullnat():
    c = make("packet-fullnat", "The same with source translation: a local port for each backend that the client was sent to.",
             [SERVICE_DNS | {"scheduler": "round-robin", "schedule": "packet"}], args=["--until", "300"])
    c.one_worker = True
    datagrams(c)
    return c


def datagrams(c):
    for i in range(7):
        c.send("outside", i, P.udp(client(1), DNS, 5353, 53, b"query %d" % i))
    for i, p in enumerate(c.run()["farm"]):
        c.send("farm", 7 + i / 10, P.udp(p.dst, p.src, 53, p.sport, b"answer %d" % i))
    c.send("outside", 10, *P.fragments4(P.udp(client(1), DNS, 5353, 53, bytes(2000), ident=77, df=False), [1480]))
