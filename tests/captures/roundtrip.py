# SPDX-License-Identifier: Apache-2.0
"""A capture there and back: its clients go in at the inside, what leaves is held against what went in; the servers'
packets, addressed to the ports that were chosen, come in from outside, and what reaches the inside has to be what the
servers sent, byte for byte, but for TTL and checksums; these are right where they were right.

Who speaks first in a flow is the client. Clients get addresses of 100.64.0.0/10, so that no address is on both sides.
"""
import json
import os
import struct
import subprocess

import packets as P

POOL, NEAR, FAR = "203.0.113.", "100.127.255.254", "198.18.255.1"
CLIENT_MAC, SERVER_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
CHECKSUM_AT = {P.TCP: 16, P.UDP: 6, P.ICMP: 2}
FOREVER, LONGEST_GAP = 7 * 86400, 3600 * 10**9
START = 1_700_000_000 * 10**9
CONFIG = {
    "workers": {"count": 1, "flows": {"ipv4": 20000, "ipv6": 64}},
    "nics": [{"name": "inside", "device": "d0", "mtu": 9216, "addresses": [NEAR + "/10"]},
             {"name": "outside", "device": "d1", "mtu": 9216, "addresses": [FAR + "/30"]}],
    "routes": [{"prefix": "0.0.0.0/0", "via": "198.18.255.2"}],
    "nat": {"pools": [{"name": "p", "addresses": [POOL + "0/24"], "max_blocks": 16}],
            "rules": [{"name": "r", "nic": "inside", "source": "100.64.0.0/10", "pool": "p"}],
            "timeouts": {k: FOREVER for k in ("udp", "tcp_opening", "tcp_established", "tcp_closing", "icmp")},
            "inbound_refresh": True, "log": "none",
            "capacity": {"mappings": 20000, "subscribers": 4096}},
}


def is_plain(a):
    """A unicast address that is on neither of our own networks."""
    first = a[0]
    return 0 < first < 224 and first != 127 and not (first == 100 and 64 <= a[1] < 128) and \
        not a.startswith((b"\xcb\x00\x71", b"\xc6\x12\xff"))


def is_fit(p):
    """Is this a packet that has to be translated?"""
    if p.kind != P.ETH_IP4 or p.src is None or not p.whole or len(p.src) != 4 or p.l4_at < 20:
        return False
    if P.ones_sum(p.l3[:p.l4_at]) != 0xFFFF or p.ttl <= 1 or not is_plain(p.src) or not is_plain(p.dst):
        return False
    if len(p.l3) > 9216 or (p.fragment and not is_fit_fragment(p)):
        return False
    if p.offset:
        return p.proto in CHECKSUM_AT
    if p.proto == P.UDP:
        size = struct.unpack("!H", p.l4[4:6])[0] if len(p.l4) >= 8 else 0
        return p.sport and p.dport and 8 <= size and (p.fragment or size <= len(p.l4))
    if p.proto == P.TCP:
        return p.sport and p.dport and p.flags is not None and 20 <= (p.l4[12] >> 4) * 4 <= len(p.l4)
    return p.proto == P.ICMP and p.data is not None and p.icmp_type in (0, 8)


def is_fit_fragment(p):
    """Whole eights but for the last, not beyond 65535, nothing over a TCP header (RFC 3128)."""
    more = p.l3[6] & 0x20 != 0
    return len(p.l4) > 0 and (not more or len(p.l4) % 8 == 0) and p.offset + len(p.l4) <= 65535 and \
        not (p.proto == P.TCP and 0 < p.offset < 20)


def key(p):
    """(source, port, destination, port, protocol); of echo the identifier stands where the requester's port would."""
    sport, dport = p.sport, p.dport
    if p.proto == P.ICMP:
        sport, dport = (p.ident, 0) if p.icmp_type == 8 else (0, p.ident)
    return (p.src, sport, p.dst, dport, p.proto)


def opens(p):
    """May it be the first packet of a flow? TCP by a SYN alone, or picked up in the middle: with ACK and without SYN."""
    if p.offset:
        return False
    if p.proto == P.TCP:
        return not p.flags & P.RST and p.flags & (P.SYN | P.FIN | P.ACK) in (P.SYN, P.ACK, P.ACK | P.FIN,
                                                                            P.SYN | P.FIN | P.ACK)
    return p.proto != P.ICMP or p.icmp_type == 8


def invert(k):
    return (k[2], k[3], k[0], k[1], k[4])


def delta(old_sum, before, after):
    """A checksum after 16-bit words have changed (RFC 1624)."""
    s = (~old_sum & 0xFFFF) + (~P.ones_sum(before) & 0xFFFF) + P.ones_sum(after)
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


class Shape:
    """Where things are in an IP packet of either family."""

    def __init__(self, l3):
        self.v4 = l3[0] >> 4 == 4
        self.head = (l3[0] & 15) * 4 if self.v4 else 40
        self.total = struct.unpack("!H", l3[2:4])[0] if self.v4 else 40 + struct.unpack("!H", l3[4:6])[0]
        self.proto, self.ttl = (l3[9], 8) if self.v4 else (l3[6], 7)
        self.addresses = slice(12, 20) if self.v4 else slice(8, 40)


def ttl_of(l3):
    return l3[Shape(l3).ttl]


def rewrite(l3, k, ttl=None):
    """The packet with the addresses and ports of key k, checksums carried over by difference."""
    at = Shape(l3)
    head, l4, proto = bytearray(l3[:at.head]), bytearray(l3[at.head:at.total]), at.proto
    before = bytes(l4[:4]) + bytes(head[at.addresses])
    later = is_later(l3)
    if later:
        pass
    elif proto == P.ICMP:
        before = bytes(l4[4:6])
        after = l4[4:6] = struct.pack("!H", k[1] or k[3])
    else:
        l4[0:4] = struct.pack("!HH", k[1], k[3])
        after = bytes(l4[:4]) + k[0] + k[2]
    head[at.addresses] = k[0] + k[2]
    if ttl is not None:
        head[at.ttl] = ttl
    if at.v4:
        head[10:12] = b"\0\0"
        head[10:12] = struct.pack("!H", P.checksum(bytes(head)))
    if later:
        return bytes(head) + bytes(l4)
    where = CHECKSUM_AT[proto]
    old = struct.unpack("!H", l4[where:where + 2])[0]
    if proto != P.UDP or old:
        new = delta(old, before, after)
        l4[where:where + 2] = struct.pack("!H", (new or 0xFFFF) if proto == P.UDP else new)
    return bytes(head) + bytes(l4)


def is_later(l3):
    """Is it a fragment without the transport header?"""
    return l3[0] >> 4 == 4 and struct.unpack("!H", l3[6:8])[0] & 0x1FFF != 0


def is_renewed(l3):
    """May its identification be another one afterwards? RFC 6864: not that of a whole datagram with DF."""
    return l3[0] >> 4 == 4 and struct.unpack("!H", l3[6:8])[0] & 0x7FFF != 0x4000


def unnamed(l3):
    """Without an identification that may be renewed, and the header checksum, which judge() looks at."""
    return l3[:4] + b"\0\0" + l3[6:10] + b"\0\0" + l3[12:] if is_renewed(l3) else l3


def blank(l3):
    """With the transport checksum zero, as 0 and 0xffff are the same number to it. => (packet, checksum mod 0xffff)"""
    l3 = unnamed(l3)
    if is_later(l3):
        return l3, 0
    shape = Shape(l3)
    at = shape.head + CHECKSUM_AT[shape.proto]
    return l3[:at] + b"\0\0" + l3[at + 2:], struct.unpack("!H", l3[at:at + 2])[0] % 0xFFFF


def same(a, b):
    return blank(a) == blank(b)


class Capture:
    def __init__(self, path):
        self.clients = {}
        self.flows = {}      # key as the client sends -> key with the client's new address
        self.there, self.back = [], []   # (time, packet with new addresses, key of the flow)
        self.first = {}      # what fragments have in common -> key of their first one
        before, now = None, START
        for t, frame in sorted(P.read_capture(path), key=lambda f: f[0]):
            # From a time of our own on, and no longer gap than flows live.
            now += min(t - before, LONGEST_GAP) if before is not None else 0
            before = t
            p = P.Packet(frame)
            if is_fit(p):
                self.take(now, p)

    def take(self, t, p):
        k = key(p)
        if p.fragment:
            common = (p.src, p.dst, p.proto, p.l3[4:6])
            if p.offset == 0:
                self.first[common] = (t, k)
            since, k = self.first.get(common, (t - 10**9, None))
            if t - since >= 10**9:
                return  # its first one has not come, or long ago
        if invert(k) in self.flows:
            flow = self.flows[invert(k)]
            self.back.append((t, rewrite(p.l3, invert(flow)), flow))
            return
        if k not in self.flows:
            if not opens(p):
                return
            number = self.clients.setdefault(k[0], len(self.clients) + 2)
            self.flows[k] = (struct.pack("!I", 0x64400000 + number),) + k[1:]
        self.there.append((t, rewrite(p.l3, self.flows[k]), self.flows[k]))


def frames(packets_, to, sender):
    return [(t, P.ether(to, sender, P.ETH_IP4 if l3[0] >> 4 == 4 else P.ETH_IP6, l3)) for t, l3 in packets_]


def run(replay, folder, inputs, nics=("inside", "outside")):
    cmd = [replay, "--quiet", "--config", os.path.join(folder, "config.json"), "--out", os.path.join(folder, "out"),
           "--report", os.path.join(folder, "report.json")]
    for nic, name in inputs:
        cmd += ["--in", f"{nic}={name}"]
    done = subprocess.run(cmd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"exit status {done.returncode}: {done.stderr[:2000]}", None
    out = {n: [(t, P.Packet(f)) for t, f in P.read_capture(os.path.join(folder, "out", n + ".pcap"))]
           for n in nics}
    return None, out


def pair(sent, came):
    """Each packet that went in with the one that came out, in order of what makes it out; what has no partner is lost.

    sent: (time, packet as it should come out but for the translated end, flow); came: (time, Packet).
    """
    waiting = {}
    for t, p in came:
        waiting.setdefault(mark(t, p.l3), []).append(p)
    out, lost = [], []
    for t, l3, flow in sent:
        partners = waiting.get(mark(t, l3), [])
        if partners:
            out.append((l3, partners.pop(0), flow))
        else:
            lost.append((t, l3, flow))
    return out, lost, sum(map(len, waiting.values()))


def mark(t, l3):
    """What a translation leaves alone: time, identifier, offset, protocol, and the data but for ports and checksum."""
    at = Shape(l3)
    body = bytearray(l3[at.head:at.total])
    if not is_later(l3):
        checksum, ports = CHECKSUM_AT[at.proto], 4 if at.proto == P.ICMP else 0
        body[checksum:checksum + 2] = b"\0\0"
        body[ports:ports + (2 if ports else 4)] = b""
    return t, unnamed(l3)[4:8] if at.v4 else l3[:6], at.proto, bytes(body)


def check(replay, path, folder):
    """=> (packets there, packets back, [what is wrong])"""
    c = Capture(path)
    if not c.there:
        return 0, 0, []
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump(CONFIG, f)
    inside, outside = os.path.join(folder, "in.pcap"), os.path.join(folder, "back.pcap")
    P.write_pcap(inside, frames([(t, l3) for t, l3, _ in c.there], "02:6d:72:00:00:01", CLIENT_MAC), True)
    error, first = run(replay, folder, [("inside", inside)])
    if error:
        return 0, 0, [error]
    seen, bad = check_there(c.there, first["outside"])
    answers = [(t, rewrite(l3, invert((seen[f][0], seen[f][1]) + f[2:])), f) for t, l3, f in c.back if f in seen]
    P.write_pcap(outside, frames([(t, l3) for t, l3, _ in answers], "02:6d:72:00:00:02", SERVER_MAC), True)
    error, second = run(replay, folder, [("inside", inside), ("outside", outside)])
    if error:
        return len(c.there), 0, bad + [error]
    if [unnamed(p.l3) for _, p in first["outside"]] != [unnamed(p.l3) for _, p in second["outside"]]:
        bad.append("what leaves depends on what comes in later or elsewhere")
    bad += check_back([b for b in c.back if b[2] in seen], second["inside"])
    return len(c.there), len(answers), bad


def check_there(sent, came):
    """=> {flow: (address, port) outside}, what is wrong"""
    pairs, lost, more = pair(sent, came)
    bad = [f"{len(lost)} packets did not leave, the first at {lost[0][0]}"] if lost else []
    if more:
        bad.append(f"{more} packets left that nobody sent")
    seen, ends = {}, {}
    for l3, p, flow in pairs:
        end, inside = key(p)[:2], (flow[0], flow[1], flow[4])
        if is_later(l3) and inside in ends:
            end = (end[0], ends[inside][1])  # its port stands in the first fragment
        if not P.text(end[0]).startswith(POOL):
            bad.append(f"left with source {P.text(end[0])}")
        if ends.setdefault(inside, end) != end:
            bad.append("one inside endpoint, two outside")
        seen[flow] = end
        if not same(rewrite(l3, end + flow[2:], ttl_of(l3) - 1), p.l3[:len(l3)]):
            bad.append(f"changed on its way out: {p}")
        bad += judge(l3, p)
    return seen, bad[:20]


def check_back(sent, came):
    """What comes back has to be the server's own packet: addresses, ports and data, TTL one less."""
    pairs, lost, more = pair(sent, came)
    bad = [f"{len(lost)} packets did not come back, the first at {lost[0][0]}"] if lost else []
    if more:
        bad.append(f"{more} packets came back that nobody sent")
    for l3, p, flow in pairs:
        if not same(rewrite(l3, invert(flow), ttl_of(l3) - 1), p.l3[:len(l3)]):
            bad.append(f"changed on its way back: {p}")
        bad += judge(l3, p)
    return bad[:20]


def judge(l3, p):
    was = P.Packet(b"")
    was.take_ip(l3)
    bad = []
    if len(p.src) == 4 and P.ones_sum(p.l3[:p.l4_at]) != 0xFFFF:
        bad.append(f"IPv4 checksum is wrong: {p}")
    if P.l4_is_right(was) and not P.l4_is_right(p):
        bad.append(f"transport checksum was right and is wrong: {p}")
    return bad
