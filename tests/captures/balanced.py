# SPDX-License-Identifier: Apache-2.0
"""A capture through the balancer and back, both families: its servers become services, half of them with source
translation, each with one backend of its own; its clients get addresses of our own. What reaches a backend has to be
what the client sent, and what reaches the client what the server sent, but for addresses, ports, TTL and checksums.
"""
import json
import os
import struct

import packets as P
from roundtrip import (CLIENT_MAC, FOREVER, LONGEST_GAP, SERVER_MAC, START, frames, invert, is_fit, judge, key, opens,
                       pair, rewrite, run, same, ttl_of, unnamed)

SERVICES = 200
LOCAL = {4: "10.254.0.1", 6: "fd00:e::1"}
NICS = ("outside", "farm")


def is_fit6(p):
    """TCP or UDP right behind the header of a whole IPv6 packet between ordinary addresses."""
    if p.kind != P.ETH_IP6 or p.src is None or not p.whole or p.ttl <= 1 or len(p.l3) > 9216:
        return False
    if any(a[0] in (0, 0xFF) or a[:2] == b"\xfe\x80" or a[:2] == b"\xfd\0" for a in (p.src, p.dst)):
        return False
    if p.proto == P.UDP:
        return p.sport and p.dport and 8 <= struct.unpack("!H", p.l4[4:6])[0] <= len(p.l4)
    return p.proto == P.TCP and p.sport and p.dport and p.flags is not None and \
        20 <= (p.l4[12] >> 4) * 4 <= len(p.l4)


class Connection(tuple):
    """The key that its client sends. A SYN begins another one, perhaps of the same key: it may be a connection of its own
    to the balancer, with another local port."""


class Capture:
    def __init__(self, path):
        self.clients, self.services, self.flows = {}, {}, {}
        self.reused = 0                  # times that a key began again
        self.there, self.back = [], []   # (time, packet, flow: the key that its client sends)
        before, now = None, START
        for t, frame in sorted(P.read_capture(path), key=lambda f: f[0]):
            now += min(t - before, LONGEST_GAP) if before is not None else 0
            before = t
            p = P.Packet(frame)
            if is_fit6(p) or (is_fit(p) and not p.fragment and p.proto in (P.TCP, P.UDP)):
                self.take(now, p)

    def take(self, t, p):
        k = key(p)
        if invert(k) in self.flows:
            flow = self.flows[invert(k)]
            self.back.append((t, rewrite(p.l3, invert(flow)), flow))
            return
        if k not in self.flows:
            service = k[2:]
            if not opens(p) or (service not in self.services and len(self.services) == SERVICES):
                return
            self.services.setdefault(service, len(self.services) + 2)
            n = self.clients.setdefault(k[0], len(self.clients) + 2)
            who = P.addr("100.64.0.0")[:2] + struct.pack("!H", n) if len(k[0]) == 4 else P.addr("fd00:c::")[:12] + \
                struct.pack("!I", n)
            self.flows[k] = Connection((who,) + k[1:])
        elif p.proto == P.TCP and p.flags & (P.SYN | P.ACK | P.RST | P.FIN) == P.SYN:
            self.flows[k] = Connection(self.flows[k])
            self.reused += 1
        self.there.append((t, rewrite(p.l3, self.flows[k]), self.flows[k]))

    def backend(self, flow):
        n = self.services[flow[2:]]
        return P.addr(f"10.255.0.{n}") if len(flow[0]) == 4 else P.addr("fd00:f::")[:14] + struct.pack("!H", n)

    def config(self):
        services = []
        for (address, port, proto), n in self.services.items():
            four = len(address) == 4
            s = {"name": f"s{n}", "address": P.text(address), "port": port,
                 "protocol": "tcp" if proto == P.TCP else "udp",
                 "backends": [{"address": f"10.255.0.{n}" if four else f"fd00:f::{n:x}"}]}
            if n % 2:
                s |= {"mode": "fullnat", "local_addresses": [LOCAL[4 if four else 6]]}
            services.append(s)
        return {
            "workers": {"count": 1, "flows": {"ipv4": 20000, "ipv6": 20000}},
            "nics": [{"name": "outside", "device": "d0", "mtu": 9216, "addresses": ["198.18.255.1/30", "fd00:d::1/64"]},
                     {"name": "farm", "device": "d1", "mtu": 9216,
                      "addresses": ["10.255.255.1/16", "fd00:f::ffff/64"]}],
            "routes": [{"prefix": "0.0.0.0/0", "via": "198.18.255.2"}, {"prefix": "::/0", "via": "fd00:d::2"}],
            "lb": {"services": services,
                   "timeouts": {k: FOREVER for k in ("udp", "tcp_opening", "tcp_established", "tcp_closing")}},
        }


def compare(pairs, lost, more, expect):
    bad = [f"{len(lost)} packets were lost, the first at {lost[0][0]}"] if lost else []
    if more:
        bad.append(f"{more} packets more than were sent")
    for l3, p, flow in pairs:
        if not same(rewrite(l3, expect(flow, p), ttl_of(l3) - 1), p.l3[:len(l3)]):
            bad.append(f"changed: {p}")
        bad += judge(l3, p)
    return bad[:20]


def check(replay, path, folder):
    """=> (packets there, packets back, [what is wrong])"""
    c = Capture(path)
    if not c.there:
        return 0, 0, []
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump(c.config(), f)
    outside, farm = (os.path.join(folder, n) for n in ("clients.pcap", "servers.pcap"))
    P.write_pcap(outside, frames([(t, l3) for t, l3, _ in c.there], "02:6d:72:00:00:01", CLIENT_MAC), True)
    error, first = run(replay, folder, [("outside", outside)], NICS)
    if error:
        return 0, 0, [error]
    pairs, lost, more = pair(c.there, first["farm"])

    def at_backend(flow, p):
        local = P.addr(LOCAL[4 if len(flow[0]) == 4 else 6])
        mine = (local, key(p)[1]) if c.services[flow[2:]] % 2 else flow[:2]
        return mine + (c.backend(flow),) + flow[3:]
    bad = compare(pairs, lost, more, at_backend)
    # Answers end connections, and one that begins on such a tuple may get another local port: where tuples are used
    # again the answers are made anew of what left then, until that stays as it is.
    for left in reversed(range(1 + c.reused)):
        seen = {id(flow): key(p)[:2] for _, p, flow in pairs}
        answers = [(t, rewrite(l3, (c.backend(f), f[3]) + seen[id(f)] + f[4:]), f) for t, l3, f in c.back if id(f) in seen]
        P.write_pcap(farm, frames([(t, l3) for t, l3, _ in answers], "02:6d:72:00:00:02", SERVER_MAC), True)
        error, second = run(replay, folder, [("outside", outside), ("farm", farm)], NICS)
        if error:
            return len(c.there), 0, bad + [error]
        if [unnamed(p.l3) for _, p in first["farm"]] == [unnamed(p.l3) for _, p in second["farm"]]:
            break
        if left == 0:
            bad.append("what leaves depends on what comes in later or elsewhere")
        first = second
        pairs, lost, more = pair(c.there, first["farm"])
        bad += compare(pairs, lost, more, at_backend)
    bad += compare(*pair([b for b in c.back if id(b[2]) in seen], second["outside"]), lambda flow, p: invert(flow))
    return len(c.there), len(answers), bad
