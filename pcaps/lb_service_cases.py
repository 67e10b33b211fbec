# SPDX-License-Identifier: Apache-2.0
"""Cases of the balancer: which service a packet is for, and who may open a connection."""
import packets as P
from lb_cases import BACKENDS, BACKENDS6, NICS, client, client6, make
from nat_cases import Dialog
from packets import SYN
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
