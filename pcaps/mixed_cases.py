# SPDX-License-Identifier: Apache-2.0
"""Cases of parts that meet: what each does is shown elsewhere. A, B and C are subscribers, S and S2 servers, X the pool's address, W an
address of no pool, LAN a network that is not translated."""
import packets as P
from nat_cases import A, B, C, S, S2, X, Dialog, back, make, udp_out
from packets import ACK, FIN, PSH, RST, SYN

W = "203.0.113.50"
LAN, HOST = "192.0.2.128/25", "192.0.2.130"
CASES = []


def case(f):
    CASES.append(f)
    return f


def through_and_fixed(c):
    """B has W for itself, and what goes to LAN passes."""
    c.config["nat"]["static"] = [{"inside": B, "outside": W}]
    c.config["nat"]["rules"].insert(0, {"name": "lan", "nic": "inside", "source": "100.64.0.0/10", "destination": LAN, "action": "pass"})
    return c


@case
def port_timeouts_states():
    c = through_and_fixed(make(
        "port-timeouts-states", "Timers by destination port hold for each state of a connection, whoever's it is: of a pool, of a static mapping, "
        "not translated. Other ports of TCP, and UDP to this one, keep theirs.", args=["--until", "9000"]))
    c.config["nat"]["port_timeouts"] = [{"protocol": "tcp", "ports": "8443-8444", "timeouts": {
        "tcp_opening": 10, "tcp_established": 100, "tcp_half_closed": 50, "tcp_closing": 20, "tcp_reset": 30}}]
    at, port = 0, 40000
    for who, far in ((A, S), (B, S), (A, HOST)):
        for state, seconds in (("open", 10), ("live", 100), ("half", 50), ("over", 20), ("reset", 30)):
            for t in (seconds - 1, seconds + 1):
                d = Dialog(c, who, port, far, 8443 + port % 2)
                if state == "open":
                    d.out(at, SYN)
                else:
                    d.open(at)
                if state in ("half", "over"):
                    d.out(at + 1, FIN | ACK)
                if state == "over":
                    d.into(at + 1, FIN | ACK)
                if state == "reset":
                    d.into(at + 1, RST | ACK)
                first = SYN | ACK if state == "open" else PSH | ACK
                d.into(at + (0 if state == "open" else 1 if state != "live" else 0.02) + t, first, b"%d s" % t)
                port, at = port + 1, at + 150
    d = Dialog(c, A, port, S, 8445)
    d.open(at)
    d.into(at + 200, PSH | ACK, b"another port")
    back(c, at + 400, udp_out(c, at + 200, A, 5000, S, 8443), b"another protocol")
    return c


@case
def flows_full():
    c = through_and_fixed(make(
        "flows-full", "The table of flows has no room: what would open one is dropped and its sender told, be it translated or not; the log names one "
        "of those once a second (RFC 6888 REQ-11). From outside nobody is told. Nothing that lives is ended for it, and room that comes is used.",
        args=["--until", "400"]))
    c.one_worker = True   # it is a worker's table
    c.config["workers"]["flows"]["ipv4"] = 64
    p = udp_out(c, 0, A, 5000, S, 53)
    for i in range(63):
        c.send("inside", 0.1 + i / 1000, P.udp(A, S, 5001 + i, 53))
    c.send("inside", 1, *[P.udp(C, S, 5000 + i, 53, tos=0xb8) for i in range(3)])
    c.send("inside", 1.1, P.tcp(A, HOST, 40000, 80, SYN, 1), *P.fragments4(P.udp(A, S, 6000, 53, bytes(900), ident=9, df=False), [400]))
    c.send("outside", 1.2, P.udp(S2, X, 53, p.sport, b"a further one"), P.tcp(S, W, 40000, 22, SYN, 1))
    back(c, 1.3, p, b"of one that lives")
    c.send("inside", 2.5, P.udp(A, S, 5000, 53), P.udp(A, S2, 5000, 53))
    c.send("inside", 301, P.udp(C, S, 5000, 53))
    return c


@case
def pair_taken():
    c = make("pair-taken", "Two subscribers speak the same protocol to one host from one address: the second is told that there is no address for it, and "
             "the log says so of the pool, once a second; to another host it gets through. So is one that begins when the address drains; a pair that there is goes on (RFC 6888 REQ-11).",
             rule={"other_protocols": "pair"}, args=["--until", "10"])
    for i, (who, far) in enumerate(((A, S), (B, S), (B, S), (B, S2), (A, S))):
        c.send("inside", i / 10, P.ip4(who, far, P.GRE, bytes(24)))
    c.send("inside", 2, P.ip4(B, S, P.GRE, bytes(24)))
    c.send("outside", 3, P.ip4(S, X, P.GRE, bytes(24)), P.ip4(S2, X, P.GRE, bytes(24)))
    c.request(5, "pool.drain_range", pool="public", range=X + "/32")
    c.send("inside", 6, P.ip4(C, S, 50, bytes(24)), P.ip4(A, S, P.GRE, bytes(24)))
    return c


@case
def cleared():
    c = through_and_fixed(make(
        "cleared", "An operator ends what one subscriber has: connections of its mappings, of both directions and of a hairpin, each with a last "
        "record of what it carried; pairs, static ones and what passes go too. What others have goes on, and so does an endpoint that begins anew.",
        rule={"log_sessions": True, "other_protocols": "pair"}, args=["--until", "100"]))
    c.one_worker = True
    d = Dialog(c, A, 40000, S, 80)
    d.open(0)
    d.talk(1)
    e = Dialog(c, C, 40000, S, 80)
    e.open(2)
    u = udp_out(c, 3, A, 5000, S, 53)
    c.send("outside", 3.1, P.udp(S2, X, 7, u.sport, b"from another"))
    c.send("inside", 3.2, P.udp(C, X, 5000, u.sport, b"from a neighbour"))
    c.send("inside", 4, P.ip4(A, S, 50, bytes(20)), P.tcp(A, HOST, 41000, 80, SYN, 1), P.tcp(B, S, 41000, 80, SYN, 1))
    c.request(5, "nat.clear", filter="subscriber=" + A)
    d.into(6, PSH | ACK, b"of a connection that is no more")
    back(c, 6.1, u, b"of a mapping that is no more")
    c.send("outside", 6.2, P.ip4(S, X, 50, bytes(20)), P.tcp(HOST, A, 80, 41000, SYN | ACK, 5, 2), P.tcp(S, W, 80, 41000, SYN | ACK, 5, 2))
    e.into(6.3, PSH | ACK, b"of one that goes on")
    c.request(7, "nat.clear", filter="subscriber=" + B)
    c.send("outside", 8, P.tcp(S, W, 80, 41000, PSH | ACK, 6, 2, b"B's connection is no more"))
    back(c, 9.5, udp_out(c, 9, A, 5000, S, 53), b"begun anew")
    c.request(10, "nat.clear", filter="external=" + X + " protocol=udp")
    e.into(11, PSH | ACK, b"still")
    c.request(12, "nat.cleared")
    return c
