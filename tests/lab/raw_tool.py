#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ends of other protocols for the lab, by raw sockets.

  reflect PROTOCOL          answer every packet of an IP protocol with the address it came from
  ask PROTOCOL HOST         ask a reflector which address it sees; print it, or "no answer"
  flood HOST PORT SECONDS   SYNs from 198.18.0.0/15, so long, 5000 a second or fewer
"""
import socket
import struct
import sys
import time


def payload(packet):
    return packet[(packet[0] & 15) * 4:]


def checksum(b):
    s = sum(struct.unpack(f"!{len(b) // 2}H", b))
    s = (s & 0xffff) + (s >> 16)
    return ~((s & 0xffff) + (s >> 16)) & 0xffff


def flood(host, port, seconds):
    end = time.monotonic() + seconds
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    dst = socket.inet_aton(host)
    n = 0
    while time.monotonic() < end:
        n += 1
        src = struct.pack("!I", 0xc6120000 + n * 7919 % 0x20000)
        tcp = struct.pack("!HHIIBBHHH", 1024 + n % 60000, port, n, 0, 5 << 4, 2, 65535, 0, 0)
        sum_ = checksum(src + dst + struct.pack("!HH", 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack("!H", sum_) + tcp[18:]
        s.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0x4000, 64, 6, 0, src, dst) + tcp, (host, 0))
        if n % 50 == 0:
            time.sleep(0.01)


def main():
    if sys.argv[1] == "flood":
        flood(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
        return
    verb, proto = sys.argv[1], int(sys.argv[2])
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, proto)
    if verb == "reflect":
        while True:
            packet, who = s.recvfrom(2048)
            if payload(packet).startswith(b"where"):
                s.sendto(who[0].encode(), who)
    for _ in range(3):
        s.sendto(b"where am I", (sys.argv[3], 0))
        s.settimeout(1)
        try:
            print(payload(s.recvfrom(2048)[0]).decode())
            return
        except socket.timeout:
            continue
    print("no answer")


if __name__ == "__main__":
    main()
