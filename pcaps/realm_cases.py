# SPDX-License-Identifier: Apache-2.0
"""Cases of realms: two VLANs with the same addresses behind them. A is one subscriber in each, S a server, X the pool's address."""
import packets as P
from packets import ACK, SYN
from nat_cases import CONFIG, GATE, ROUTER, S, X
from world import Case, NIC_MAC

A, INNER = "100.64.0.7", "10.9.9.9"
A6, S6 = "2001:db8:64::a", "2001:db8:ff::1"
RED, BLUE = "red", "blue"
NIC_MAC.update(red="02:00:00:00:00:1a", blue="02:00:00:00:00:1b")
CASES = []


def case(f):
    CASES.append(f)
    return f


def make(name, about, args=(), **top):
    c = Case("route/" + name, about, CONFIG, args)
    c.config.update({"realms": [{"name": RED}, {"name": BLUE}], **top})
    c.config["nics"][:1] = [
        {"name": n, "device": "0000:01:00.0", "vlan": v, "realm": n, "addresses": ["100.64.0.1/10"]}
        for n, v in ((RED, 10), (BLUE, 20))]
    c.config["nat"]["rules"] = [{"name": n, "realm": n, "source": "100.64.0.0/10", "pool": "public"} for n in (RED, BLUE)]
    c.frames = {n["name"]: [] for n in c.config["nics"]}
    return c


@case
def realms():
    c = make("realms", "The same address in two realms is two subscribers: TCP, UDP and echo on the same ports, fragments and ICMP "
             "errors come back to the one they belong to (RFC 4787 REQ-7).")
    seen = {}
    for t, realm in ((0, RED), (10, BLUE)):
        c.send(realm, t, P.udp(A, S, 5000, 53, realm.encode()))
        seen[realm] = u = c.last("outside")
        c.send("outside", t + 0.1, P.udp(S, X, 53, u.sport, b"answer to " + realm.encode()))
        c.send(realm, t + 1, P.tcp(A, S, 5000, 80, SYN, seq=1))
        p = c.last("outside")
        c.send("outside", t + 1.1, P.tcp(S, X, 80, p.sport, SYN | ACK, seq=9, ack=2))
        c.send(realm, t + 2, P.echo(A, S, 7, 1, realm.encode()))
        q = c.last("outside")
        c.send("outside", t + 2.1, P.echo(S, X, q.ident, 1, realm.encode(), reply=True))
        c.send(realm, t + 3, *P.fragments4(P.udp(A, S, 5000, 53, realm.encode() * 500, ident=7, df=False), [1400]))
    for t, realm in ((20, RED), (21, BLUE)):
        u = seen[realm]
        c.send("outside", t, *reversed(P.fragments4(P.udp(S, X, 53, u.sport, realm.encode() * 500, ident=7, df=False), [1400])))
        c.send("outside", t + 0.1, P.error4(ROUTER, X, 3, 1, P.udp(X, S, u.sport, 53, b"gone", ttl=50)))
        c.send(realm, t + 0.2, P.udp(A, S, 5001, 53, b"last hop", ttl=1), P.echo(A, "100.64.0.1", 9, 1, b"gateway"))
        c.send(realm, t + 0.3, P.error4(A, S, 3, 3, P.udp(S, A, 53, 5000, b"port closed")))
    return c


@case
def realms_apart():
    c = make("realms-apart", "Nothing of one realm is met by packets of another that look like it: flows, mappings, permissions, static "
             "mappings, fragments and ICMP errors; who has no rule does not speak to pool addresses as if from outside.")
    fixed, host, pinhole = "203.0.113.50", "100.64.0.9", 8080
    c.config["nat"]["rules"][1]["filtering"] = "address-dependent"
    c.config["nat"]["static"] = [{"inside": host, "outside": fixed, "realm": BLUE, "protocol": "tcp",
                                  "inside_ports": "80-80", "outside_ports": f"{pinhole}-{pinhole}"}]
    c.config["routes"].append({"prefix": "10.9.9.10/32", "nic": RED, "realm": "outside"})
    at = {}
    for t, realm in ((0, RED), (1, BLUE)):
        c.send(realm, t, P.udp(A, S, 5000, 53, realm.encode()))
        at[realm] = c.last("outside").sport
    c.send(RED, 2, P.udp(S, X, 53, at[BLUE], b"as blue's flow"), P.udp(S, X, 99, at[BLUE], b"as whom blue permits"))
    c.send(BLUE, 3, P.udp(S, X, 53, at[RED], b"as red's flow"), P.udp("192.0.2.77", X, 1, at[RED], b"to red's mapping"))
    c.send(RED, 4, P.udp(INNER, X, 1, at[BLUE], b"of no rule"), P.tcp(S, fixed, 4000, pinhole, SYN, seq=1))
    c.send(RED, 4.5, P.udp("10.9.9.10", X, 1, at[RED], b"reached from outside"))
    c.send("outside", 5, P.udp(S, X, 99, at[BLUE], b"permitted"), P.udp("192.0.2.77", X, 1, at[RED], b"let in"),
           P.tcp(S, fixed, 4000, pinhole, SYN, seq=1))
    c.send(BLUE, 6, P.tcp(host, S, 80, 4000, SYN | ACK, seq=9, ack=2))
    c.send(RED, 6, P.tcp(host, S, 80, 4000, ACK, seq=9, ack=2))
    red, blue = (P.fragments4(P.udp(A, S, 5000, 53, n.encode() * 600, ident=77, df=False), [1400]) for n in (RED, BLUE))
    c.send(BLUE, 8, blue[1])
    c.send(RED, 8.1, red[0])
    c.send(BLUE, 8.2, blue[0])
    c.send(RED, 8.3, red[1])
    quote = P.udp(X, S, at[BLUE], 53, b"blue", ttl=50)
    c.send(RED, 9, P.error4(ROUTER, X, 3, 1, quote), P.error4(A, S, 3, 3, P.udp(S, A, 99, 5000, b"permitted", ttl=62)))
    c.send("outside", 9.1, P.error4(ROUTER, X, 3, 1, quote))
    c.send(BLUE, 9.2, P.error4(A, S, 3, 3, P.udp(S, A, 99, 5000, b"permitted", ttl=62)))
    return c


@case
def realms_hairpin():
    c = make("realms-hairpin", "Two subscribers with the same address in two realms speak to each other by their mappings.")
    c.send(RED, 0, P.udp(A, S, 5000, 53, b"red"))
    r = c.last("outside")
    c.send(BLUE, 1, P.udp(A, S, 5000, 53, b"blue"))
    b = c.last("outside")
    c.send(RED, 2, P.udp(A, X, 5000, b.sport, b"hello blue"))
    c.send(BLUE, 3, P.udp(A, X, 5000, r.sport, b"hello red"))
    c.send(BLUE, 4, P.error4(A, X, 3, 3, P.udp(X, A, r.sport, 5000, b"hello blue", ttl=63)))
    return c


@case
def realms_routed():
    c = make("realms-routed", "Routes belong to a realm: the same prefix leads to different gateways; what a realm has no route for "
             "goes by the outside's. The outside gets into a realm only by a route that says so; no realm gets into another.",
             routing={"unclaimed": {"ipv4": "route", "ipv6": "route"}})
    c.nic(RED)["addresses"].append("2001:db8:64::1/64")
    c.nic("outside")["addresses"].append("2001:db8:51::2/64")
    c.config["routes"] = [
        {"prefix": "0.0.0.0/0", "via": GATE}, {"prefix": "::/0", "via": "2001:db8:51::1"},
        {"prefix": "10.0.0.0/8", "via": "100.64.0.100", "nic": RED}, {"prefix": "10.0.0.0/8", "via": "100.64.0.200", "nic": BLUE},
        {"prefix": "2001:db8:64::/64", "nic": RED, "realm": "outside"},
    ]
    for t, realm, port in ((0, RED, 1), (1, BLUE, 11)):
        c.send(realm, t, P.udp("10.1.1.1", INNER, port, 2, b"within " + realm.encode()), P.udp("10.1.1.1", S, port, 2, b"out"))
        c.send("outside", t + 0.5, P.udp(S, "10.1.1.1", 2, port, b"answer to " + realm.encode()))
    c.send(BLUE, 2, P.udp("10.1.1.1", S, 1, 2, b"untranslated, and red's already"))
    c.send(RED, 3, P.udp(A6, S6, 5, 6, b"out"))
    c.send("outside", 3.1, P.udp(S6, A6, 6, 5, b"answer"), P.udp(S6, A6, 7, 8, b"by the route into red"))
    c.send(BLUE, 4, P.udp(A6, S6, 15, 6, b"no address of blue, but routed"))
    c.send("outside", 5, P.udp(S, "10.7.7.7", 1, 2, b"no route of the outside: its own way"))
    return c
