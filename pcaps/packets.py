# SPDX-License-Identifier: Apache-2.0
"""Packets and captures with the standard library alone: made byte by byte, taken apart, checked.

Independent of Millrace's own code on purpose: what it says about a checksum is a second opinion.
"""
import ipaddress
import struct

TCP, UDP, ICMP, ICMP6, GRE = 6, 17, 1, 58, 47
GUE_PORTS = (6080, 7000)
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETH_IP4, ETH_IP6, ETH_ARP, ETH_VLAN = 0x0800, 0x86DD, 0x0806, 0x8100


def addr(a):
    """Text to the bytes of an address; bytes stay."""
    return a if isinstance(a, bytes) else ipaddress.ip_address(a).packed


def text(a):
    return str(ipaddress.ip_address(a))


def mac(m):
    return m if isinstance(m, bytes) else bytes.fromhex(m.replace(":", ""))


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return s


def checksum(data):
    return ~ones_sum(data) & 0xFFFF


def pseudo(src, dst, proto, size):
    if len(src) == 4:
        return src + dst + struct.pack("!BBH", 0, proto, size)
    return src + dst + struct.pack("!IBBBB", size, 0, 0, 0, proto)


# ---- making ----

def ether(dst, src, kind, payload, vlan=None):
    tag = b"" if vlan is None else struct.pack("!HH", ETH_VLAN, vlan)
    return mac(dst) + mac(src) + tag + struct.pack("!H", kind) + payload


def ip4(src, dst, proto, payload, ttl=64, ident=0, df=True, mf=False, offset=0, tos=0, options=b""):
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, tos, 20 + len(options) + len(payload), ident,
                       (0x4000 if df else 0) | (0x2000 if mf else 0) | offset // 8, ttl, proto, 0,
                       addr(src), addr(dst)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(src, dst, proto, payload, hops=64, tclass=0, flow=0):
    return struct.pack("!IHBB16s16s", 6 << 28 | tclass << 20 | flow, len(payload), proto, hops,
                       addr(src), addr(dst)) + payload


def ip(src, dst, proto, payload, **more):
    return (ip4 if len(addr(src)) == 4 else ip6)(src, dst, proto, payload, **more)


def l4_checksum(src, dst, proto, payload, at):
    zeroed = payload[:at] + b"\0\0" + payload[at + 2:]
    c = checksum(pseudo(addr(src), addr(dst), proto, len(payload)) + zeroed)
    return c


def udp_part(src, dst, sport, dport, data=b"", zero=False):
    seg = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    c = 0 if zero else l4_checksum(src, dst, UDP, seg, 6) or 0xFFFF
    return seg[:6] + struct.pack("!H", c) + seg[8:]


def tcp_part(src, dst, sport, dport, flags, seq=0, ack=0, data=b"", window=64240, options=b""):
    seg = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (5 + len(options) // 4) << 4,
                      flags, window, 0, 0) + options + data
    return seg[:16] + struct.pack("!H", l4_checksum(src, dst, TCP, seg, 16)) + seg[18:]


def icmp_part(kind, code, rest, data):
    """rest: the four bytes after the checksum."""
    msg = struct.pack("!BBH", kind, code, 0) + rest + data
    return msg[:2] + struct.pack("!H", checksum(msg)) + msg[4:]


def icmp6_part(src, dst, kind, code, rest, data):
    msg = struct.pack("!BBH", kind, code, 0) + rest + data
    return msg[:2] + struct.pack("!H", l4_checksum(src, dst, ICMP6, msg, 2)) + msg[4:]


def udp(src, dst, sport, dport, data=b"", zero=False, **more):
    return ip(src, dst, UDP, udp_part(src, dst, sport, dport, data, zero), **more)


def tcp(src, dst, sport, dport, flags, seq=0, ack=0, data=b"", window=64240, options=b"", **more):
    return ip(src, dst, TCP, tcp_part(src, dst, sport, dport, flags, seq, ack, data, window, options), **more)


def echo(src, dst, query, seq, data=b"", reply=False, **more):
    rest = struct.pack("!HH", query, seq)
    if len(addr(src)) == 16:
        return ip6(src, dst, ICMP6, icmp6_part(src, dst, 129 if reply else 128, 0, rest, data), **more)
    return ip4(src, dst, ICMP, icmp_part(0 if reply else 8, 0, rest, data), **more)


def error4(src, dst, kind, code, inner, mtu=0, **more):
    """An ICMP error about `inner`, an IP packet or its beginning."""
    return ip4(src, dst, ICMP, icmp_part(kind, code, struct.pack("!HH", 0, mtu), inner), **more)


def error6(src, dst, kind, code, inner, arg=0, **more):
    return ip6(src, dst, ICMP6, icmp6_part(src, dst, kind, code, struct.pack("!I", arg), inner), **more)


def arp(op, smac, sip, tmac, tip):
    return struct.pack("!HHBBH6s4s6s4s", 1, ETH_IP4, 6, 4, op, mac(smac), addr(sip), mac(tmac), addr(tip))


def fragments4(packet, sizes):
    """Cut an IPv4 packet without options; sizes are bytes of payload, the last one is the rest."""
    payload, at, out = packet[20:], 0, []
    ident = struct.unpack("!H", packet[4:6])[0]
    for n in list(sizes) + [None]:
        part = payload[at:] if n is None else payload[at:at + n]
        more = at + len(part) < len(payload)
        if part:
            out.append(ip4(packet[12:16], packet[16:20], packet[9], part, ttl=packet[8], ident=ident, df=False,
                           mf=more, offset=at, tos=packet[1]))
        at += len(part)
    return out


def fragments6(packet, sizes, ident):
    """Cut an IPv6 packet without extension headers; sizes as above, multiples of 8."""
    payload, at, out = packet[40:], 0, []
    for n in list(sizes) + [None]:
        part = payload[at:] if n is None else payload[at:at + n]
        more = at + len(part) < len(payload)
        if part:
            head = struct.pack("!BBHI", packet[6], 0, at | more, ident)
            out.append(ip6(packet[8:24], packet[24:40], 44, head + part, hops=packet[7]))
        at += len(part)
    return out


# ---- taking apart ----

class Packet:
    """A frame taken apart as far as it goes. Fields that it has not are None."""

    def __init__(self, frame, time_ns=0):
        self.frame, self.time_ns = frame, time_ns
        self.vlan = self.src = self.dst = self.proto = self.sport = self.dport = self.flags = None
        self.l3 = self.l4 = self.data = self.icmp_type = self.icmp_code = self.ident = None
        self.fragment = False
        if len(frame) < 14:
            self.kind = None
            return
        at, self.kind = 14, struct.unpack("!H", frame[12:14])[0]
        if self.kind == ETH_VLAN and len(frame) >= 18:
            self.vlan, self.kind = struct.unpack("!HH", frame[14:18])
            self.vlan &= 0xFFF
            at = 18
        self.l2 = at
        if self.kind in (ETH_IP4, ETH_IP6):
            self.take_ip(frame[at:])

    def take_ip(self, p):
        """=> p, a packet without its link header."""
        self.l3 = p
        if len(p) >= 20 and p[0] >> 4 == 4:
            ihl, total = (p[0] & 15) * 4, struct.unpack("!H", p[2:4])[0]
            frag = struct.unpack("!H", p[6:8])[0]
            self.src, self.dst, self.proto, self.ttl = p[12:16], p[16:20], p[9], p[8]
            self.fragment, self.offset = frag & 0x3FFF != 0, (frag & 0x1FFF) * 8
            self.whole = total <= len(p)
            self.l4_at = ihl
            self.l4 = p[ihl:min(total, len(p))]
        elif len(p) >= 40 and p[0] >> 4 == 6:
            total = 40 + struct.unpack("!H", p[4:6])[0]
            self.src, self.dst, self.proto, self.ttl = p[8:24], p[24:40], p[6], p[7]
            self.whole, self.offset = total <= len(p), 0
            self.l4_at = 40
            self.l4 = p[40:min(total, len(p))]
        else:
            return
        if not self.fragment or self.offset == 0:
            self.take_l4()

    def take_l4(self):
        q = self.l4
        if self.proto in (TCP, UDP) and len(q) >= 8:
            self.sport, self.dport = struct.unpack("!HH", q[:4])
            if self.proto == UDP:
                self.data = q[8:]
            elif len(q) >= 20:
                self.seq, self.ack = struct.unpack("!II", q[4:12])
                self.flags, self.data = q[13], q[(q[12] >> 4) * 4:]
        elif self.proto in (ICMP, ICMP6) and len(q) >= 8:
            self.icmp_type, self.icmp_code = q[0], q[1]
            self.ident, self.icmp_seq = struct.unpack("!HH", q[4:8])
            self.data = q[8:]

    def inner(self):
        """The packet inside an ICMP error, without an extension (RFC 4884)."""
        p = Packet(b"")
        given = self.l4[5] * 4 if self.proto == ICMP else 0
        p.take_ip(self.data[:given] if given >= 128 else self.data)
        return p

    def tunnelled(self):
        """The packet inside a tunnel's, or None: IP in IP, GRE, GUE of variant 1."""
        at = {4: 0, 41: 0, GRE: 4}.get(self.proto)
        if self.proto == UDP and self.l4 is not None and self.dport in GUE_PORTS and not self.fragment:
            at = 8
        if at is None or self.l4 is None or len(self.l4) <= at or self.l4[at] >> 4 not in (4, 6):
            return None
        p = Packet(b"")
        p.take_ip(self.l4[at:])
        p.kind = ETH_IP4 if p.l3[0] >> 4 == 4 else ETH_IP6
        return p

    def __str__(self):
        if self.src is None:
            return f"frame of {len(self.frame)} bytes, type {self.kind or 0:#06x}"
        s = f"{text(self.src)} > {text(self.dst)} proto {self.proto}"
        if self.sport is not None:
            s += f" ports {self.sport} > {self.dport}"
        return s + (f" offset {self.offset}" if self.fragment else "")


def l4_is_right(p):
    """Is the transport checksum right? True also where there is none to be checked."""
    if p.fragment or not p.whole or p.src is None:
        return True
    if p.proto == UDP and len(p.l4) >= 8:
        size = struct.unpack("!H", p.l4[4:6])[0]
        if p.l4[6:8] == b"\0\0" and (len(p.src) == 4 or p.tunnelled()):  # RFC 6935
            return True
        return size == len(p.l4) and ones_sum(pseudo(p.src, p.dst, UDP, size) + p.l4) == 0xFFFF
    if p.proto == TCP and len(p.l4) >= 20:
        return ones_sum(pseudo(p.src, p.dst, TCP, len(p.l4)) + p.l4) == 0xFFFF
    if p.proto == ICMP and len(p.l4) >= 8:
        return ones_sum(p.l4) == 0xFFFF
    if p.proto == ICMP6 and len(p.src) == 16 and len(p.l4) >= 8:
        return ones_sum(pseudo(p.src, p.dst, ICMP6, len(p.l4)) + p.l4) == 0xFFFF
    return True


def problems(frame):
    """What is wrong with a frame's lengths and checksums, as sentences; inner packets of errors too."""
    return problems_of(Packet(frame))


def problems_of(p):
    out = []
    if p.kind not in (ETH_IP4, ETH_IP6):
        return out
    if p.src is None:
        return ["IP header cut off"]
    if not p.whole:
        out.append("IP length beyond the frame")
    if p.kind == ETH_IP4 and ones_sum(p.l3[:p.l4_at]) != 0xFFFF:
        out.append("IPv4 header checksum")
    if not l4_is_right(p):
        out.append(f"checksum of protocol {p.proto}")
    is_error = (p.proto == ICMP and p.icmp_type in (3, 11, 12)) or (p.proto == ICMP6 and p.icmp_type < 128) \
        if p.proto in (ICMP, ICMP6) and p.data is not None else False
    if is_error:
        q = p.inner()
        if q.src is None:
            out.append("packet in ICMP error cut off")
        elif len(q.src) == 4 and ones_sum(q.l3[:q.l4_at]) != 0xFFFF:
            out.append("IPv4 header checksum of the packet in an ICMP error")
        elif not l4_is_right(q):
            out.append("transport checksum of the packet in an ICMP error")
    inside = p.tunnelled()
    return out + (["in the tunnel: " + what for what in problems_of(inside)] if inside else [])


# ---- captures ----

def write_pcap(path, frames, nanoseconds=False):
    """frames: (time_ns, bytes)."""
    unit = 1 if nanoseconds else 1000
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for t, frame in frames:
            f.write(struct.pack("<IIII", t // 10**9, t % 10**9 // unit, len(frame), len(frame)) + frame)


def write_pcapng(path, frames):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    with open(path, "wb") as f:
        f.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        f.write(block(1, struct.pack("<HHI", 1, 0, 262144) + struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HH", 0, 0)))
        for t, frame in frames:
            f.write(block(6, struct.pack("<IIIII", 0, t >> 32, t & 0xFFFFFFFF, len(frame), len(frame)) + frame))


def read_pcap(data):
    e, unit = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\xa1\xb2\xc3\xd4": (">", 1000),
               b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\x3c\x4d": (">", 1)}[data[:4]]
    at, out = 24, []
    while at + 16 <= len(data):
        s, part, size, _ = struct.unpack(e + "IIII", data[at:at + 16])
        if at + 16 + size > len(data):
            break
        out.append((s * 10**9 + part * unit, data[at + 16:at + 16 + size]))
        at += 16 + size
    return out


def read_pcapng(data):
    at, e, units, out = 0, "<", [], []
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            e, units = ("<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"), []
        kind, size = struct.unpack(e + "II", data[at:at + 8])
        if size < 12 or at + size > len(data):
            break
        body = data[at + 8:at + size - 4]
        if kind == 1:
            units.append(interface_unit(body[8:], e))
        elif kind == 6 and len(body) >= 20:
            n, high, low, cap = struct.unpack(e + "IIII", body[:16])
            out.append(((high << 32 | low) * (units[n] if n < len(units) else 1000), body[20:20 + cap]))
        elif kind == 3:
            out.append((out[-1][0] if out else 0, body[4:]))
        at += size
    return out


def interface_unit(options, e):
    """Nanoseconds of one tick of an interface's clock."""
    while len(options) >= 4:
        code, size = struct.unpack(e + "HH", options[:4])
        if code == 9 and size >= 1 and options[4] <= 9:
            return 10 ** (9 - options[4])
        if code == 0:
            break
        options = options[4 + size + (-size % 4):]
    return 1000


def read_capture(path):
    """=> [(time_ns, frame)] of a pcap or pcapng file; what is damaged at its end is left out."""
    with open(path, "rb") as f:
        data = f.read()
    return read_pcapng(data) if data[:4] == b"\x0a\x0d\x0d\x0a" else read_pcap(data)
