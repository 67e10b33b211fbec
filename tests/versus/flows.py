#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a capture of COUNT UDP packets of 60 bytes, each of another flow, in random order.

flows.py FILE COUNT FIRST MAC

The flow numbered n is of subscriber n // 100 (100.64.0.0/10, port 10000 + n % 100) to a host of 198.18.0.0/15. The
file has the flows FIRST to FIRST + COUNT - 1; the same arguments make the same file. MAC is the router's.
"""
import random
import struct
import sys

PER_SUBSCRIBER = 100
PORT, SERVICE = 10000, 443
INSIDE, OUTSIDE = 0x64400100, 0xC6120000
PAYLOAD = bytes(18)


def fold(total):
    """The Internet checksum of a sum of 16-bit words."""
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def main():
    name, count, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    ether = bytes.fromhex(sys.argv[4].replace(':', '')) + bytes.fromhex('020000000101') + b'\x08\x00'
    udp_len, ip_len = 8 + len(PAYLOAD), 28 + len(PAYLOAD)
    head = struct.pack('<IIII', 0, 0, 14 + ip_len, 14 + ip_len) + ether
    ip_fixed = 0x4500 + ip_len + 0x4000 + 0x4011
    udp_fixed = 17 + udp_len + SERVICE + udp_len
    pack = struct.Struct('>HHHHHHIIHHHH').pack
    order = list(range(first, first + count))
    rng = random.Random(first + count)
    rng.shuffle(order)
    with open(name, 'wb') as out:
        out.write(struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        part = []
        for n in order:
            src = INSIDE + n // PER_SUBSCRIBER
            dst = OUTSIDE + (n * 2654435761 >> 7) % 0x1FFFE + 1
            port = PORT + n % PER_SUBSCRIBER
            both = (src >> 16) + (src & 0xFFFF) + (dst >> 16) + (dst & 0xFFFF)
            part += (head, pack(0x4500, ip_len, 0, 0x4000, 0x4011, fold(ip_fixed + both), src, dst,
                                port, SERVICE, udp_len, fold(udp_fixed + both + port)), PAYLOAD)
            if len(part) > 30000:
                out.write(b''.join(part))
                part.clear()
        out.write(b''.join(part))


main()
