# SPDX-License-Identifier: Apache-2.0
"""Cases of the balancer: what passes without a flow, since a service or the flow table has all that it may have."""
import packets as P
from lb_cases import BACKENDS, FULL, NICS, WEB, client, make
from lb_service_cases import guarded
from lb_state_cases import service
from nat_cases import Dialog
from packets import ACK, RST, SYN

CASES = []
DROPS, TURNS, CLOSED = "192.0.2.20", "192.0.2.21", "192.0.2.22"
FLOWS = 64


def case(f):
    CASES.append(f)
    return f


def flood(c, t, n, to=WEB, port=80, first=1):
    for i in range(n):
        c.send("outside", t + i / 1000, P.tcp(f"198.18.{first}.{i + 1}", to, 50000 + i, port, SYN, seq=i))


@case
def table_full():
    c = make("table-full", "The flow table is full; connections that are in it go on. What comes then is forwarded without a flow by "
             "services that can do so: handshakes, data both ways, the refusal of a backend and the client's own reset, ICMP errors of a backend "
             "and of a router before it. By turns, "
             "by fullnat, or where it is set so, it is dropped (flow_table_full). When there is room again a connection gets "
             "its flow, on the same backend; a minute later answers to nothing are dropped as ever.",
             [service(), service("drops", DROPS, ["10.0.0.15"], limits={"half_open": 1000, "overflow": "drop"}),
              service("turns", TURNS, ["10.0.0.16"], scheduler="round-robin"), service("closed", CLOSED, ["10.0.0.14"]),
              service("full", FULL, ["10.0.0.17"], mode="fullnat", local_addresses=["10.0.0.250"]),
              service("udp", "192.0.2.12", ["10.0.0.21"], protocol="udp")],
             args=["--until", "400"])
    c.one_worker = True
    c.config["workers"]["flows"]["ipv4"] = FLOWS
    old = Dialog(c, client(1), 40000, WEB, 80, NICS)
    old.open(0)
    flood(c, 1, FLOWS - 1)
    flood(c, 2, 8, first=2)
    for i, to in enumerate((DROPS, TURNS, FULL)):
        flood(c, 2.5 + i / 10, 3, to, first=3)
    new = Dialog(c, client(200), 41000, WEB, 80, NICS)
    new.open(3)
    new.talk(3.5)
    refused = Dialog(c, client(201), 41001, CLOSED, 80, NICS)
    refused.out(4, SYN)
    refused.into(4.01, RST | ACK)
    forged = Dialog(c, client(202), 41002, WEB, 80, NICS)
    forged.out(5, SYN)
    forged.into(5.01, SYN | ACK)
    forged.out(5.02, RST)
    c.send("outside", 6, P.udp(client(203), "192.0.2.12", 5353, 80, b"query"))
    p = c.last("farm")
    c.send("farm", 6.01, P.udp(p.dst, p.src, p.dport, p.sport, b"answer"))
    asked = P.udp(p.src, p.dst, p.sport, p.dport, b"query")
    errors = (P.error4(p.dst, p.src, 3, 3, asked), P.error4("10.0.0.99", p.src, 11, 0, asked),
              P.error4("10.0.0.99", client(201), 3, 13, P.tcp(client(201), "10.0.0.14", 41001, 8080, SYN, 1000)))
    c.send("farm", 6.5, *errors)
    c.request(7, "flow.count")
    c.request(7, "service.list")
    old.talk(8)
    late = P.tcp("10.0.0.14", client(201), 8080, 41001, ACK, 5, 5)
    c.send("farm", 50, late)
    new.talk(350)
    c.request(351, "flow.list")
    c.send("farm", 352, late, *errors)
    c.request(353, "service.list")
    return c


@case
def stateless_reset():
    c = make("stateless-reset", "Beyond the bound of half-open flows a RST passes both ways without a flow: the backend's refusal, and that "
             "of a host whose address a SYN was forged with. Below the bound one that has no flow does not. ICMP errors of a backend, "
             "and of a router before it, come from the service.",
             [guarded({"half_open": 2}), service("udp", "192.0.2.12", ["10.0.0.21"], protocol="udp", limits={"half_open": 1})])
    c.one_worker = True
    lone = Dialog(c, client(1), 40001, WEB, 80, NICS)
    lone.out(0, RST)
    c.send("farm", 0.1, P.tcp(BACKENDS[0], client(1), 8080, 40002, ACK, 5, 5))
    flood(c, 1, 2)
    refused = Dialog(c, client(2), 40003, WEB, 80, NICS)
    refused.out(2, SYN)
    refused.into(2.01, RST | ACK)
    forged = Dialog(c, client(3), 40004, WEB, 80, NICS)
    forged.out(3, SYN)
    forged.into(3.01, SYN | ACK)
    forged.out(3.02, RST)
    for i in range(1, 4):
        c.send("outside", 4, P.udp(client(i), "192.0.2.12", 5353, 80, b"query"))
    sent = P.udp(client(3), "10.0.0.21", 5353, 8080, b"query")
    c.send("farm", 5, P.error4("10.0.0.21", client(3), 3, 3, sent), P.error4("10.0.0.99", client(3), 11, 0, sent))
    sent = P.tcp(client(2), BACKENDS[0], 40003, 8080, SYN, 1000)
    c.send("farm", 6, P.error4("10.0.0.99", client(2), 3, 13, sent))
    c.request(7, "service.list")
    return c
