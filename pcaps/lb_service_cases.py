# SPDX-License-Identifier: Apache-2.0
"""Cases of the balancer: which service a packet is for, and who may open a connection."""
import struct

import packets as P
from lb_cases import BACKENDS, BACKENDS6, CONFIG, DNS, NICS, SERVICE6, SERVICE_DNS, WEB, WEB6, client, client6, make
from nat_cases import Dialog
from packets import ACK, SYN
from world import OUTSIDE_MAC

CASES = []

NET, NET6 = "192.0.2.0/24", "2001:db8:2::/64"


def case(f):
    CASES.append(f)
    return f


@case
def service_places():
    c = make("service-places", "Services of a prefix, of a range of ports, of any protocol: the longest prefix decides, then the "
             "narrowest range, then the protocol that is named. Backends see the port that the client spoke to, and answers "
             "come from the address that it spoke to. Every address of a prefix answers ARP and echo.", [
                 {"name": "net", "address": NET, "ports": "1-65535", "protocol": "any", "backends": [{"address": BACKENDS[0]}]},
                 {"name": "high", "address": NET, "ports": "8000-8999", "backends": [{"address": BACKENDS[1]}]},
                 {"name": "web", "address": "192.0.2.10", "port": 8080, "backends": [{"address": BACKENDS[2]}]},
                 {"name": "net6", "address": NET6, "ports": "1000-1999", "protocol": "udp",
                  "backends": [{"address": BACKENDS6[0]}]},
             ], args=["--until", "300"])
    for i, (service, port) in enumerate([("192.0.2.1", 22), ("192.0.2.200", 8500), ("192.0.2.10", 8080),
                                         ("192.0.2.10", 8081), ("192.0.2.10", 80)]):
        d = Dialog(c, client(i + 1), 40000 + i, service, port, NICS)
        d.open(i)
        d.close(i + 0.4)
    c.send("outside", 10, P.udp(client(9), "192.0.2.10", 5000, 8080, b"any protocol, all ports"))
    p = c.last("farm")
    c.send("farm", 10.1, P.udp(p.dst, p.src, p.dport, p.sport, b"answer"))
    c.send("outside", 11, P.udp(client6(9), "2001:db8:2::abcd", 5000, 1999, b"range"))
    p = c.last("farm")
    c.send("farm", 11.1, P.udp(p.dst, p.src, p.dport, p.sport, b"answer"))
    c.send("outside", 12, P.udp(client6(9), "2001:db8:2::abcd", 5000, 2000, b"beyond"),
           P.tcp(client6(9), "2001:db8:2::abcd", 5000, 1000, SYN))
    c.frame("outside", 13, P.ether("ff:ff:ff:ff:ff:ff", OUTSIDE_MAC, P.ETH_ARP,
                                   P.arp(1, OUTSIDE_MAC, "198.51.100.1", "00:00:00:00:00:00", "192.0.2.77")))
    c.send("outside", 14, P.echo(client(1), "192.0.2.77", 1, 1, b"prefix"), P.echo(client6(1), "2001:db8:2::77", 1, 1, b"prefix"))
    c.request(20, "service.list")
    return c


def guarded(limits, **more):
    return CONFIG["lb"]["services"][0] | {"limits": limits} | more


@case
def flood_stateless():
    c = make("flood-stateless", "Of a flood of SYNs eight become half-open flows; those after are forwarded without one, to the "
             "backend that their flow would have, answered or not. An honest client's handshake passes so too: its third packet "
             "opens the flow, on the same backend. Connections from before go on. UDP likewise, until it is answered. Segment sizes "
             "are limited with a flow and without.",
             [guarded({"half_open": 8}), SERVICE_DNS | {"mode": "nat", "local_addresses": [], "limits": {"half_open": 4}}
              | {"backends": [{"address": "10.0.0.21"}]}])
    c.one_worker = True
    c.config["nics"] = [n | {"mss_clamp": {"ipv4": 1400}} if n["name"] == "outside" else n for n in c.config["nics"]]
    mss = struct.pack("!BBH", 2, 4, 1460)
    old = Dialog(c, client(200), 40000, WEB, 80, NICS)
    old.open(0)
    old.talk(0.5)
    for i in range(20):
        c.send("outside", 1 + i / 100, P.tcp(f"198.18.0.{i + 1}", WEB, 50000 + i, 80, SYN, seq=i, options=mss))
        p = c.last("farm")
        if i % 4 < 2:
            c.send("farm", 1.005 + i / 100, P.tcp(p.dst, p.src, 8080, p.sport, SYN | ACK, 7000 + i, i + 1, options=mss))
    new = Dialog(c, client(201), 40001, WEB, 80, NICS)
    new.open(2)
    new.talk(2.5)
    old.talk(3)
    for i in range(6):
        c.send("outside", 4 + i / 10, P.udp(client(i + 1), DNS, 5353, 53, b"query %d" % i))
    p = c.last("farm")
    c.send("farm", 4.7, P.udp(p.dst, p.src, 53, p.sport, b"answer without a flow"))
    c.request(5, "service.list")
    old.close(6)
    new.close(6.5)
    return c


@case
def flood_stateless_dsr():
    c = make("flood-stateless-dsr", "The same where backends answer clients themselves: three SYNs become half-open flows, those after are "
             "sent on without one; the client's first acknowledgement opens the flow, or settles it.",
             [guarded({"half_open": 3}, port=8080, mode="dsr")])
    c.one_worker = True
    for i in range(8):
        c.send("outside", i / 100, P.tcp(f"198.18.0.{i + 1}", WEB, 50000 + i, 8080, SYN, seq=i))
    c.request(1, "service.list")
    for i in (0, 7):
        c.send("outside", 2 + i / 100, P.tcp(f"198.18.0.{i + 1}", WEB, 50000 + i, 8080, ACK, i + 1, 1))
        c.send("outside", 2.5 + i / 100, P.tcp(f"198.18.0.{i + 1}", WEB, 50000 + i, 8080, ACK, i + 1, 1, b"data"))
        c.send("outside", 2.7 + i / 100, P.tcp(f"198.18.0.{i + 1}", WEB, 50000 + i, 8080, ACK, i + 5, 1, b"data"))
    c.request(3, "service.list")
    return c


@case
def lists():
    c = make("lists", "Who may open a connection: sources on the list of those that may, less those on the list of those that may "
             "not, for each service; IPv4 and IPv6. Connections that there are are not asked.",
             [guarded({}, allow="friends", deny="foes"), SERVICE6 | {"deny": "foes"}])
    c.config["lb"]["lists"] = [
        {"name": "friends", "prefixes": ["203.0.113.0/28", "203.0.113.64/26"]},
        {"name": "foes", "prefixes": ["203.0.113.8/30", "2001:db8:c::10/124"]},
    ]
    for i, n in enumerate((1, 7, 8, 11, 12, 15, 16, 63, 64, 127, 128)):
        c.send("outside", i / 10, P.tcp(client(n), WEB, 40000, 80, SYN, seq=n))
    for i, n in enumerate((0xf, 0x10, 0x1f, 0x20)):
        c.send("outside", 2 + i / 10, P.tcp(client6(n), WEB6, 40000, 80, SYN, seq=n))
    return c


@case
def rates():
    c = make("rates", "New connections a second: of a source prefix (here 4 at once and 2 a second from a /24), then of the service (10 "
             "at once, 5 a second). Packets of connections are not counted.",
             [guarded({"rate": 5, "burst": 10, "source_rate": 2, "source_burst": 4})])
    c.one_worker = True
    for i in range(8):
        c.send("outside", i / 1000, P.tcp(f"198.18.1.{i + 1}", WEB, 50000, 80, SYN, seq=i))
    for i in range(12):
        c.send("outside", 0.1 + i / 1000, P.tcp(f"198.18.{10 + i}.1", WEB, 50000, 80, SYN, seq=i))
    for i in range(8):
        c.send("outside", 2 + i / 1000, P.tcp(f"198.18.1.{i + 21}", WEB, 50000, 80, SYN, seq=i))
    for i in range(20):
        c.send("outside", 2.1 + i / 1000, P.tcp("198.18.1.1", WEB, 50000, 80, SYN, seq=0))
    return c
