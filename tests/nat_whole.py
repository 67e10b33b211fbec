#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The NAT as a whole program, all that it does at once, judged by a model that knows nothing of how it does it.

    tests/nat_whole.py REPLAY [SEED]

Two realms with the same addresses, pool subscribers, deterministic ranges, static addresses and ports, a rule that lets pass, other
protocols by pairs; UDP, TCP, echo and ESP in pieces of any order or whole, with and without DF, from inside, outside and by hairpin
between all of these; ICMP errors from both sides about any of it, with short quotes and extensions; and the configuration changes
meanwhile, in what does not concern those that are there. Seconds pass between them, or hours, and what is forgotten is. Each event has a moment of its own,
so what comes out at that moment is all it caused: it must be what the model says, octet for octet but for what is translated.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "pcaps"))

import packets as P  # noqa: E402
from world import NIC_MAC, START, device_mac  # noqa: E402

ROUNDS, EVENTS = 8, 80
IDLE = {P.UDP: 300, P.ICMP: 60, P.TCP: 240}   # 7440 with packets of both directions
SLACK, MDL = 3, 120
ESP = 50
INSIDE, WEST, OUTSIDE = "inside", "west", "outside"
NICS = [{"name": INSIDE, "device": "0000:01:00.0", "addresses": ["100.64.0.1/10"]},
        {"name": WEST, "device": "0000:01:00.0", "vlan": 20, "realm": WEST, "addresses": ["100.64.0.1/10"], "mtu": 1300},
        {"name": OUTSIDE, "device": "0000:01:00.1", "addresses": ["198.51.100.2/24"], "mtu": 1400}]
MTU = {INSIDE: 1500, WEST: 1300, OUTSIDE: 1400}
MAC = {**NIC_MAC, WEST: "02:00:00:00:00:1a"}
FIXED = {(INSIDE, "100.64.0.50"): "203.0.113.50", (WEST, "100.64.0.50"): "203.0.113.51"}
HOLE = (INSIDE, "100.64.0.60", "203.0.113.52")   # ports 80-89 are 8080-8089 there
ONE = "203.0.113.1"
RANGED = ["100.64.8.1", "100.64.8.2", "100.64.8.3"]
SUBSCRIBERS = [(INSIDE, f"100.64.0.{i}") for i in (10, 11, 12)] + [(WEST, f"100.64.0.{i}") for i in (10, 11)] + \
    [(INSIDE, a) for a in RANGED] + list(FIXED) + [HOLE[:2]]
SERVERS = ["192.0.2.1", "192.0.2.2", "198.18.7.7"]
PASSED = ["192.0.2.129", "192.0.2.200"]
ROUTERS = {INSIDE: "100.64.255.9", WEST: "100.64.255.9", OUTSIDE: "198.18.99.99"}
INNER = ("100.64.", )


def config(workers, few, rng=None):
    """few: one address for all, so that workers divide its ports. rng: with changes that no endpoint notices that is there."""
    static = [{"inside": a, "outside": x, **({"realm": WEST} if nic == WEST else {})} for (nic, a), x in FIXED.items()]
    static += [{"inside": HOLE[1], "outside": HOLE[2], "protocol": p, "inside_ports": "80-89", "outside_ports": "8080-8089"}
               for p in ("tcp", "udp")]
    doc = {
        "workers": {"count": workers, "flows": {"ipv4": 8192, "ipv6": 64}, "icmp_rate": 10000, "icmp_burst": 1000},
        "realms": [{"name": WEST}],
        "nics": NICS, "routes": [{"prefix": "0.0.0.0/0", "via": "198.51.100.1"}],
        "nat": {
            "pools": [{"name": "homes", "addresses": ["203.0.113.0/28", "203.0.113.16/30"], "block_size": 64, "max_blocks": 8},
                      {"name": "ranges", "addresses": ["203.0.113.32/30"], "block_size": 64, "max_blocks": 4,
                       "deterministic": {"inside": ["100.64.8.0/26"], "range_ports": 512, "realm": "outside"}}],
            "static": static,
            "rules": [{"name": "through", "nic": INSIDE, "source": "100.64.0.0/10", "destination": "192.0.2.128/25",
                       "action": "pass", "inbound": True},
                      {"name": "ranged", "nic": INSIDE, "source": "100.64.8.0/26", "pool": "ranges"},
                      {"name": "homes", "nic": INSIDE, "source": "100.64.0.0/10", "pool": "homes", "other_protocols": "pair"},
                      {"name": "wests", "realm": WEST, "source": "100.64.0.0/10", "pool": "homes"}],
            "capacity": {"mappings": 8192, "subscribers": 256, "pool_addresses": 64},
        },
    }
    if few:
        del doc["nat"]["pools"][1], doc["nat"]["rules"][1]
        doc["nat"]["pools"][0].update(addresses=[ONE], ports="2048-65535")
    if rng is not None:
        change(doc, rng, few)
    return doc


def change(doc, rng, few):
    nat = doc["nat"]
    homes, spare = nat["pools"][0], {"name": "spare", "addresses": ["203.0.113.64/30"], "block_size": 128}
    if rng.random() < 0.5 and not few:   # the same, said otherwise
        homes["addresses"] = rng.choice((["203.0.113.16/30", "203.0.113.0/28"], ["203.0.113.8-203.0.113.19", "203.0.113.0/29"]))
    homes.update(rng.choice(({}, {"keep_parity": True}, {"port_order": "sequential"}, {"max_blocks": 9}, {"pairing": "soft"},
                             {"block_order": "sequential"})))
    if rng.random() < 0.5:
        nat["pools"].insert(rng.randrange(2), spare)
        nat["rules"].insert(rng.randrange(2), {"name": "elsewhere", "nic": INSIDE, "source": "100.70.0.0/16", "pool": "spare"})
    if rng.random() < 0.5:
        nat["static"].insert(rng.randrange(5), {"inside": "100.64.0.77", "outside": "203.0.113.60"})
    if few and rng.random() < 0.3:
        nat["rules"][-1]["log_sessions"] = True
    if rng.random() < 0.3:
        nat["rules"].insert(0, nat["rules"].pop())   # that of the other realm
    nat["timeouts"] = {"tcp_established": rng.randrange(7440, 9000)}
    doc["routing"] = {"unclaimed": {"ipv4": rng.choice(("drop", "route"))}}


class Broken(Exception):
    pass


class End:
    """An inside endpoint; outside is None until it is known."""

    def __init__(self, nic, address, proto, port):
        self.nic, self.address, self.proto, self.port = nic, address, proto, port
        self.outside = None
        if (nic, address) in FIXED:
            self.outside = (FIXED[nic, address], port)
        elif (nic, address) == HOLE[:2] and proto in (P.TCP, P.UDP) and 80 <= port <= 89:
            self.outside = (HOLE[2], port + 8000)
        self.is_static = self.outside is not None
        self.flows = {}   # remote: Flow

    def lives(self, now):
        """Does its mapping? Nothing is asked of one that is about to end."""
        return self.is_static or any(f.lives(now) for f in self.flows.values())

    def is_near_end(self, now):
        return any(abs(f.until - now) < SLACK for f in self.flows.values())

    def admits(self, now, remote):
        """Is a packet from there let in?"""
        flow = self.flows.get(remote)
        return self.is_static or (flow is not None and flow.lives(now)) or \
            any(f.lives(now) and f.of_inside for f in self.flows.values())

    def touch(self, now, remote, from_inside):
        """A packet of a flow. What comes in does not keep a mapping of UDP, nor does a flow that the inside never answered."""
        flow = self.flows.get(remote)
        if flow is None or not flow.lives(now):
            flow = self.flows[remote] = Flow(now + IDLE[self.proto])
        flow.of_inside |= from_inside
        flow.seen.add(from_inside)
        if from_inside or self.proto != P.UDP:
            flow.until = now + (7440 if self.proto == P.TCP and len(flow.seen) == 2 else IDLE[self.proto])

    def __repr__(self):
        return f"{self.nic}/{self.address}:{self.port}/{self.proto} as {self.outside}"


class Flow:
    def __init__(self, until):
        self.until, self.of_inside, self.seen = until, False, set()

    def lives(self, now):
        return now < self.until


def l4(src, dst, proto, sport, dport, data, flags=P.SYN, reply=False):
    if proto == P.UDP:
        return P.udp_part(src, dst, sport, dport, data, zero=len(data) % 2 == 1)
    if proto == P.TCP:
        return P.tcp_part(src, dst, sport, dport, flags, 1000, 0 if flags == P.SYN else 7, data)
    if proto == P.ICMP:
        return P.icmp_part(0 if reply else 8, 0, struct.pack("!HH", dport if reply else sport, 1), data)
    return data


class Sent:
    """A datagram that went through: as its sender made it and as it came out."""

    def __init__(self, from_nic, before, to_nic, after, at):
        self.from_nic, self.before, self.to_nic, self.after, self.at = from_nic, before, to_nic, after, at


class Model:
    def __init__(self, seed, workers, few):
        self.rng, self.workers, self.few = random.Random(seed), workers, few
        self.subscribers = [s for s in SUBSCRIBERS if not few or s[1] not in RANGED]
        self.pairs = {}   # few: remote hosts to who speaks ESP with them
        self.ends, self.sent, self.frames, self.checks = [], [], {n: [] for n in MTU}, []
        self.idents, self.used = set(), {}
        self.now, self.port, self.kinds, self.requests = 0.0, 1500, {}, []

    # -- making events --

    def put(self, nic, packets):
        vlan = next(n.get("vlan") for n in NICS if n["name"] == nic)
        for p in packets:
            self.frames[nic].append((START + round(self.now * 10**9), P.ether(
                device_mac(0 if nic != OUTSIDE else 1), MAC[nic], P.ETH_IP4, p, vlan)))

    def pieces(self, packet, limit):
        """The packet whole or cut, as long as it fits the link."""
        size = len(packet) - 20
        df = packet[6] & 0x40 or packet[0] != 0x45
        if df or (self.rng.random() < 0.5 and len(packet) <= limit) or size < 48:
            return [packet] if len(packet) <= limit else None
        most = (limit - 20) // 8 * 8
        cuts, left = [], size
        while left > 0:
            cuts.append(min(self.rng.randrange(24, most + 1, 8), left))
            left -= cuts[-1]
        parts = P.fragments4(packet, cuts[:-1])
        self.rng.shuffle(parts)
        return parts

    def event(self, kind, nic, packets, expect):
        """expect: takes what left at this moment as {nic: [packet]}."""
        self.now = round(self.now + 0.01, 2)
        self.put(nic, packets)
        self.checks.append((START + round(self.now * 10**9), kind, packets, expect))
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def frames_begin(self):
        return (min(f[0][0] for f in self.frames.values() if f) - START) / 10**9

    def payload(self):
        return self.rng.randbytes(self.rng.choice((0, 1, 17, 100, 333, 900, 1201, 1340, 1440)))

    def datagram(self, src, dst, proto, sport, dport, **more):
        """No sender repeats an identification soon, but different ones have the same."""
        ident = self.used[src, dst, proto] = self.used.get((src, dst, proto), 6) + 1
        return P.ip4(src, dst, proto, l4(src, dst, proto, sport, dport, self.payload(), **more), df=self.rng.random() < 0.4,
                     ident=ident, tos=self.rng.choice((0, 0xb8, 2)), ttl=self.rng.choice((1,) + (64,) * 20),
                     options=self.rng.choice((b"\1\1\1\0",) + (b"",) * 20))

    def travel(self, kind, nic, packet, to_nic, want, hops=1, learn=None):
        """A datagram in, if the link takes it. => it went on, or would have but for its size. want: what is to leave by to_nic: (src, dst, sport, dport), None where the model has to learn it."""
        parts = self.pieces(packet, MTU[nic])
        if parts is None:
            return False
        too_big = packet[6] & 0x40 and len(packet) > MTU[to_nic]

        def expect(out):
            if packet[8] == 1:
                self.is_error(out, nic, packet, 11, 0, bytes(4))
                return
            if too_big:
                self.is_error(out, nic, packet, 3, 4, struct.pack("!HH", 0, MTU[to_nic]))
                return
            got = only(out, to_nic)
            same(got, packet, want, hops)
            if to_nic == OUTSIDE and not got[6] & 0x40:
                self.note_ident(got)
            if learn is not None:
                learn(got)
            self.sent.append(Sent(nic, packet, to_nic, got, at))
        self.event(kind, nic, parts, expect)
        at = self.now
        return packet[8] != 1

    def note_ident(self, got):
        key = got[12:20] + got[9:10] + got[4:6]
        if P.text(got[12:16]).startswith("203.") and key in self.idents:
            raise Broken(f"identification {got[4:6].hex()} twice within the lifetime of a datagram (RFC 6864)")
        self.idents.add(key)

    def is_error(self, out, nic, packet, kind, code, rest):
        """One of ours, to who sent the packet, about what it had sent."""
        got = P.Packet(b"\0" * 12 + b"\x08\0" + only(out, nic))
        quote = got.l4[8:]
        if (got.icmp_type, got.icmp_code, got.l4[4:8]) != (kind, code, rest) or got.dst != packet[12:16]:
            raise Broken(f"another error: {got.icmp_type}/{got.icmp_code} {got.l4[4:8].hex()} to {P.text(got.dst)}")
        if quote[12:20] != packet[12:20] or quote[20:28] != packet[20:28] or quote[0] != packet[0]:
            raise Broken("an error about something else")

    def fresh(self):
        nic, address = self.rng.choice(self.subscribers)
        self.port += self.rng.randrange(1, 40)
        port = 80 + self.port % 10 if (nic, address) == HOLE[:2] and self.rng.random() < 0.7 else self.port
        proto = self.rng.choice((P.UDP, P.UDP, P.TCP, P.ICMP))
        known = [e for e in self.ends if (e.nic, e.address, e.proto, e.port) == (nic, address, proto, port)]
        end = known[0] if known else End(nic, address, proto, port)
        if not known:
            self.ends.append(end)
        return end

    def some_end(self, *protos, static=None):
        all_of = [e for e in self.ends if e.outside is not None and (not protos or e.proto in protos) and
                  (static is None or e.is_static == static) and e.lives(self.now) and not e.is_near_end(self.now)]
        return self.rng.choice(all_of) if all_of else None

    def learn(self, end):
        def learned(got):
            p = P.Packet(b"\0" * 12 + b"\x08\0" + got)
            where = (P.text(p.src), p.ident if end.proto == P.ICMP else p.sport)
            if end.outside is None:
                self.judge(end, where)
                end.outside = where
        return learned

    def judge(self, end, where):
        """A mapping that is new."""
        address, port = where
        for e in self.ends:
            if e is end or not e.lives(self.now):
                continue
            if e.outside == where and e.proto == end.proto:
                raise Broken(f"{where} is another's: {e}")
            if e.outside and not e.is_static and (e.nic, e.address) == (end.nic, end.address) and e.outside[0] != address:
                raise Broken(f"{end} is not paired: {where}")
        if self.few:
            if address != ONE or port < 2048:
                raise Broken(f"{where} is not of the pool")
        elif end.address in RANGED and end.nic == INSIDE:
            if not address.startswith("203.0.113.3") or not 1024 <= port:
                raise Broken(f"{where} is not of the ranges")
        elif not address.startswith("203.0.113.") or int(address.split(".")[3]) > 19:
            raise Broken(f"{where} is not of the pool")

    def outward(self):
        end = self.fresh() if self.rng.random() < 0.5 else self.some_end() or self.fresh()
        if end.is_near_end(self.now):
            return
        dst, port = self.rng.choice(SERVERS), self.rng.choice((53, 80, 443))
        if end.proto == P.ICMP:
            port = 0
        packet = self.datagram(end.address, dst, end.proto, end.port, port)
        if not end.lives(self.now):
            end.outside = None
        if end.outside is None and (packet[8] == 1 or len(packet) > MTU[OUTSIDE]):
            return   # an error would not say what it has become
        src = end.outside if end.outside is not None else (None, None)
        if self.travel("outward", end.nic, packet, OUTSIDE, (src[0], dst, src[1], port), learn=self.learn(end)):
            end.touch(self.now, (dst, port), True)

    def through(self):
        end = self.fresh()
        if end.nic != INSIDE or (end.nic, end.address) in FIXED or (end.nic, end.address) == HOLE[:2]:
            return
        dst = self.rng.choice(PASSED)
        a, b = (end.address, end.port), (dst, 0 if end.proto == P.ICMP else 443)
        self.travel("through", INSIDE, self.datagram(a[0], dst, end.proto, a[1], b[1]), OUTSIDE, (a[0], dst, a[1], b[1]))
        if self.rng.random() < 0.5:
            back = self.datagram(dst, a[0], end.proto, b[1], a[1], flags=P.SYN | P.ACK, reply=True)
            self.travel("through, back", OUTSIDE, back, INSIDE, (dst, a[0], b[1], a[1]))

    def inward(self):
        end = self.some_end()
        if end is None:
            return
        known = [r for r, f in end.flows.items() if f.lives(self.now) and not r[0].startswith("203.")]
        stranger = end.proto != P.ICMP and self.rng.random() < 0.5
        if not stranger and not known:
            return
        src, port = ("198.18.3.%d" % self.rng.randrange(1, 250), 4000 + self.rng.randrange(1000)) if stranger else \
            self.rng.choice(known)
        flags = P.SYN if stranger else P.SYN | P.ACK
        packet = self.datagram(src, end.outside[0], end.proto, port, end.outside[1], flags=flags, reply=True)
        if not end.admits(self.now, (src, port)):
            if packet[8] != 1 and len(packet) <= MTU[OUTSIDE]:
                self.event("refused", OUTSIDE, self.pieces(packet, MTU[OUTSIDE]), nothing)
        elif self.travel("inward", OUTSIDE, packet, end.nic, (src, end.address, port, end.port)):
            end.touch(self.now, (src, port), False)

    def inward_late(self):
        """To what is over."""
        late = [e for e in self.ends if e.outside and not e.lives(self.now) and not e.is_near_end(self.now) and e.proto != P.TCP and
                not any(x.outside == e.outside and x.proto == e.proto for x in self.ends if x is not e)]
        if late:
            e = self.rng.choice(late)
            packet = P.ip4(SERVERS[0], e.outside[0], e.proto, l4(SERVERS[0], e.outside[0], e.proto, 53, e.outside[1], b"late", reply=True))
            self.event("late", OUTSIDE, [packet], nothing)

    def hairpin(self):
        a = self.some_end(P.UDP, P.TCP)
        b = a and self.some_end(a.proto)
        if a is None or b is None or a is b:
            return
        if not b.admits(self.now, a.outside):
            return
        packet = self.datagram(a.address, b.outside[0], a.proto, a.port, b.outside[1])
        if self.travel("hairpin", a.nic, packet, b.nic, (a.outside[0], b.address, a.outside[1], b.port), hops=None):
            a.touch(self.now, b.outside, True)
            b.touch(self.now, a.outside, False)

    def hairpin_fixed(self):
        """Echo and ESP between those that have an address for themselves."""
        (nic, a), x = self.rng.choice(list(FIXED.items()))
        (to, b), y = self.rng.choice(list(FIXED.items()))
        if a == b and nic == to:
            return
        self.port += 1
        proto = self.rng.choice((P.ICMP, ESP))
        packet = self.datagram(a, y, proto, self.port, 0)
        self.travel("hairpin, fixed", nic, packet, to, (x, b, None, None), hops=None)

    def other(self):
        """ESP; a pair of addresses is the pool's or the static one's."""
        nic, address = self.rng.choice([s for s in SUBSCRIBERS if s[0] == INSIDE and s[1] not in RANGED and s != HOLE[:2]] +
                                       [s for s in FIXED if s[0] == WEST])
        dst = self.rng.choice(SERVERS)
        mine = FIXED.get((nic, address))
        if self.few and mine is None and self.pairs.setdefault(dst, address) != address:
            packet = P.ip4(address, dst, ESP, self.rng.randbytes(40))
            self.event("other, taken", nic, [packet], lambda out: self.is_error(out, nic, packet, 3, 1, bytes(4)))
            return

        def learned(got):
            self.answer_other = (nic, address, P.text(got[12:16]), dst)
        packet = self.datagram(address, dst, ESP, 0, 0)
        if packet[8] == 1 or len(packet) > MTU[nic]:
            packet = P.ip4(address, dst, ESP, b"12")
        self.travel("other", nic, packet, OUTSIDE, (mine, dst, None, None), learn=learned)

    answer_other = None

    def other_back(self):
        if self.answer_other is None:
            return
        nic, address, outside, dst = self.answer_other
        self.answer_other = None
        self.travel("other, back", OUTSIDE, self.datagram(dst, outside, ESP, 0, 0), nic, (dst, address, None, None))

    def nobody(self):
        end = self.some_end(P.UDP, static=False)
        if end is None:
            return
        taken = {e.outside for e in self.ends if e.outside}
        port = self.rng.randrange(1024, 65536)
        if (end.outside[0], port) not in taken:
            p = P.udp(SERVERS[0], end.outside[0], 53, port, self.payload(), df=False)
            self.event("nobody", OUTSIDE, [p] if len(p) <= MTU[OUTSIDE] else P.fragments4(p, [800]), nothing)

    def error(self):
        """About a datagram that came out some time ago, from where it came out or from a router on the way."""
        lately = [s for s in self.sent if s.after[0] == 0x45 and self.now - s.at < 50 and (self.rng.random() < 0.2 or s.after[9] != ESP)][-60:]
        if not lately:
            return
        s = self.rng.choice(lately)
        if s.before[9] == P.ICMP and s.before[20] == 0:
            return
        kind, code = self.rng.choice(((3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (11, 0), (12, 0)))
        quoted = s.after[:20 + self.rng.choice((8, 8, 28, 108, 548))]
        rest, more = struct.pack("!HH", 0, 1300 if kind == 3 and code == 4 else 0), b""
        if self.rng.random() < 0.3 and len(quoted) >= 128:
            quoted = quoted[:128]
            rest = bytes((0, 32)) + rest[2:]
            more = b"\x20\0" + struct.pack("!H", 0) + b"\0\x08\x01\x01" + b"\0\1\1\1"
        source = self.rng.choice((ROUTERS[s.to_nic], P.text(s.after[16:20])))
        packet = P.ip4(source, s.after[12:16], P.ICMP, P.icmp_part(kind, code, rest, quoted + more), tos=0xc0)

        def expect(out):
            got = P.Packet(b"\0" * 12 + b"\x08\0" + only(out, s.from_nic))
            if (got.icmp_type, got.icmp_code) != (kind, code) or got.dst != s.before[12:16]:
                raise Broken(f"an error {got.icmp_type}/{got.icmp_code} to {P.text(got.dst)}")
            kept = s.to_nic == OUTSIDE or s.before[12:20] == s.after[12:20]
            if kept:
                if P.text(got.src) != source:
                    raise Broken(f"from {P.text(got.src)}, not {source}")
            elif P.text(got.src) not in (P.text(s.before[16:20]), *FIXED.values()):
                raise Broken(f"from {P.text(got.src)}, whom its receiver does not know")
            inner = got.l4[8:8 + len(quoted)]
            if got.l4[8 + len(quoted):] != (more if kept else b""):
                raise Broken("the extension is not " + ("kept" if kept else "cut off"))
            if inner[9:10] + inner[12:20] != s.before[9:10] + s.before[12:20] or P.checksum(inner[:20]) != 0:
                raise Broken("it quotes another header")
            if inner[20:] != s.before[20:len(quoted)]:
                raise Broken("it quotes something else:\n" + inner[20:].hex() + "\n" + s.before[20:len(quoted)].hex())
        self.event("error" if s.to_nic == OUTSIDE else "error from inside", s.to_nic, [packet], expect)

    def error_about_none(self):
        p = self.datagram(ONE, SERVERS[0], P.UDP, self.rng.randrange(1024, 65536), 9)
        self.event("error about nothing", OUTSIDE, [P.error4(ROUTERS[OUTSIDE], ONE, 3, 1, p[:28])], nothing)

    def round(self):
        wait = self.rng.choice((1, 1, 2, 3, 8, 25, 25, 70, 130, 255, 310, 620, 7500))
        self.now = round(self.now + wait + self.rng.random(), 2)
        if wait > MDL:
            self.idents = set()
        if wait > 600:
            self.answer_other, self.pairs = None, {}
        if self.kinds and self.rng.random() < 0.7:
            self.requests.append({"at": round(self.now - self.frames_begin(), 2), "jsonrpc": "2.0", "id": 1, "method": "config.apply",
                                  "params": {"config": config(self.workers, self.few, self.rng)}})
        makers = [self.outward] * 6 + [self.inward] * 4 + [self.hairpin] * 4 + [self.error] * 5 + [
            self.through, self.hairpin_fixed, self.other, self.other_back, self.nobody, self.error_about_none, self.inward_late]
        for _ in range(EVENTS):
            self.rng.choice(makers)()

    # -- judging --

    def judge_round(self, out):
        at = {}
        for nic, frames in out.items():
            for t, frame in frames:
                for problem in P.problems(frame):
                    raise Broken(f"{problem} of what left by {nic} at {(t - START) / 10**9}: {frame.hex()}")
                at.setdefault(t, {}).setdefault(nic, []).append(P.Packet(frame).l3)
        for t, kind, packets, expect in self.checks:
            what = at.get(t, {})
            try:
                expect({nic: whole(parts) for nic, parts in what.items()})
            except Broken as e:
                said = "\n".join(f"  in  {p.hex()}" for p in packets) + "".join(
                    f"\n  out {nic} {p.hex()}" for nic, ps in what.items() for p in ps)
                raise Broken(f"{kind} at {(t - START) / 10**9}: {e}\n{said}") from None
        self.checks = []


def whole(parts):
    """Fragments put together, as a host does."""
    done, open_ones = [], {}
    for p in parts:
        p = p[:struct.unpack("!H", p[2:4])[0]]
        frag = struct.unpack("!H", p[6:8])[0]
        if frag & 0x3fff == 0:
            done.append(p)
        else:
            open_ones.setdefault(p[12:20] + p[4:6] + p[9:10], []).append(((frag & 0x1fff) * 8, frag & 0x2000 != 0, p))
    for pieces in open_ones.values():
        data, last = b"", False
        for offset, more, p in sorted(pieces):
            if offset != len(data):
                raise Broken("a fragment is missing, or there twice")
            data, last = data + p[(p[0] & 15) * 4:], not more
        if not last:
            raise Broken("the last fragment is missing")
        first = min(pieces)[2]
        head = first[:(first[0] & 15) * 4]
        head = head[:2] + struct.pack("!H", len(head) + len(data)) + head[4:6] + bytes((head[6] & 0x40, 0)) + head[8:10] + b"\0\0" + head[12:]
        done.append(head[:10] + struct.pack("!H", P.checksum(head)) + head[12:] + data)
    return done


def nothing(out):
    if out:
        raise Broken("something came out")


def only(out, nic):
    if list(out) != [nic] or len(out[nic]) != 1:
        raise Broken(f"not one packet by {nic}, but { {n: len(p) for n, p in out.items()} }")
    return out[nic][0]


def same(got, packet, want, hops):
    """Is it the packet, translated as wanted, right, and otherwise as it was?"""
    p = P.Packet(b"\0" * 12 + b"\x08\0" + got)
    q = P.Packet(b"\0" * 12 + b"\x08\0" + packet)
    ports = (p.ident,) * 2 if p.proto == P.ICMP else (p.sport, p.dport)
    is_reply = p.proto == P.ICMP and p.icmp_type == 0
    have = (P.text(p.src), P.text(p.dst), ports[0] if not is_reply else None, ports[1] if p.proto != P.ICMP or is_reply else None)
    for h, w, i in zip(have, want, range(4)):
        if w is not None and h is not None and h != w and not (p.proto == P.ICMP and i == 2 + (not is_reply)):
            raise Broken(f"{have}, not {want}")
    if not P.l4_is_right(p):
        raise Broken("wrong checksum")
    if (got[1], got[6] & 0x40, p.proto, len(got)) != (packet[1], packet[6] & 0x40, q.proto, len(packet)):
        raise Broken(f"DS field, DF, protocol or length: {got[:20].hex()} of {packet[:20].hex()}")
    if hops is not None and got[8] != packet[8] - hops or got[8] >= packet[8]:
        raise Broken(f"TTL {got[8]}")
    first, csum, rest = {P.TCP: (4, 16, 18), P.UDP: (4, 6, 8), P.ICMP: (0, 2, 6)}.get(p.proto, (0, 0, 0))
    if p.l4[first:csum] + p.l4[rest:] != q.l4[first:csum] + q.l4[rest:] or got[20:p.l4_at] != packet[20:q.l4_at]:
        raise Broken("other data")


def replay(program, model):
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "config.json"), "w", encoding="utf-8") as f:
            json.dump(config(model.workers, model.few), f)
        with open(os.path.join(d, "control.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in model.requests)
        cmd = [program, "--quiet", "--config", os.path.join(d, "config.json"), "--out", os.path.join(d, "out"),
               "--report", os.path.join(d, "report.json"), "--control", os.path.join(d, "control.jsonl")]
        for nic, frames in model.frames.items():
            if frames:
                P.write_pcap(os.path.join(d, nic + ".pcap"), frames, True)
                cmd += ["--in", f"{nic}={os.path.join(d, nic)}.pcap"]
        subprocess.run(cmd, check=True)
        with open(os.path.join(d, "report.json"), encoding="utf-8") as f:
            for answer in json.load(f)["control"]:
                if "error" in answer["response"]:
                    raise Broken(f"a configuration was refused: {answer['response']['error']}")
        return {n: P.read_capture(os.path.join(d, "out", n + ".pcap")) for n in MTU}


def main():
    program = sys.argv[1]
    seeds = [int(sys.argv[2])] if len(sys.argv) > 2 else [1, 2]
    for seed in seeds:
        for workers, few in ((1, False), (3, False), (3, True)):
            model = Model(seed * 10 + workers, workers, few)
            try:
                for _ in range(ROUNDS):
                    model.round()
                    model.judge_round(replay(program, model))
            except Broken as e:
                print(f"seed {seed}, {workers} workers{', one address' if few else ''}: {e}")
                return 1
            print(f"seed {seed}, {workers} workers{', one address' if few else ''}, {len(model.requests)} changes: " + ", ".join(f"{n} {k}" for k, n in sorted(model.kinds.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
