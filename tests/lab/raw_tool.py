#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ends of other protocols for the lab, by raw sockets.

  reflect PROTOCOL          answer every packet of an IP protocol with the address it came from
  ask PROTOCOL HOST         ask a reflector which address it sees; print it, or "no answer"
  flood HOST PORT SECONDS   SYNs from 198.18.0.0/15, so long, 5000 a second or fewer
  again HOST PORT           two HTTP requests, one after the other, from one port of 198.18.7.7; the second connection's numbers are
                            below those of the first, which the server remembers (TIME-WAIT); print for each the milliseconds
                            from the handshake's third packet until the window is open, and the first line of the answer
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


FIN, SYN, PSH, ACK = 1, 2, 8, 16


class Segments:
    """A client of TCP that the kernel knows nothing of: what it gets is read off the wire."""
    src, sport = socket.inet_aton("198.18.7.7"), 4321

    def __init__(self, host, port):
        self.host, self.dst, self.port = host, socket.inet_aton(host), port
        self.out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.wire.settimeout(20)
        self.seq = self.ack = 0

    def send(self, flags, data=b""):
        tcp = struct.pack("!HHIIBBHHH", self.sport, self.port, self.seq, self.ack, 5 << 4, flags, 65535, 0, 0) + data
        padded = tcp + b"\0" * (len(tcp) % 2)
        sum_ = checksum(self.src + self.dst + struct.pack("!HH", 6, len(tcp)) + padded)
        self.out.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0x4000, 64, 6, 0, self.src, self.dst) +
                        tcp[:16] + struct.pack("!H", sum_) + tcp[18:], (self.host, 0))
        self.seq += len(data) + (flags & (SYN | FIN) != 0)

    def receive(self):
        """=> flags, sequence number, window, data of the next segment for us."""
        while True:
            p, where = self.wire.recvfrom(65535)
            tcp = payload(p)
            if where[2] == socket.PACKET_OUTGOING or p[9] != 6 or p[12:20] != self.dst + self.src:
                continue
            if tcp[:4] == struct.pack("!HH", self.port, self.sport):
                size = struct.unpack("!H", p[2:4])[0] - (p[0] & 15) * 4
                return tcp[13], struct.unpack("!I", tcp[4:8])[0], struct.unpack("!H", tcp[14:16])[0], tcp[(tcp[12] >> 4) * 4:size]

    def request(self, isn):
        self.seq, self.ack, said = isn, 0, b""
        self.send(SYN)
        flags, seq, window, _ = self.receive()
        self.ack = seq + 1
        self.send(ACK)
        began = time.monotonic()
        while window == 0 or flags & SYN:
            flags, _, window, _ = self.receive()
        waited = time.monotonic() - began
        self.send(PSH | ACK, b"GET / HTTP/1.0\r\n\r\n")
        while True:
            flags, seq, _, data = self.receive()
            if seq != self.ack % 2**32:
                continue
            said += data
            self.ack += len(data) + (flags & FIN)
            if flags & FIN:
                break
        self.send(FIN | ACK)
        self.receive()
        return f"{waited * 1000:.0f} {said.decode().splitlines()[0]}"


def again(host, port):
    client = Segments(host, port)
    print(client.request(3000000000))
    print(client.request(2900000000))


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
    if sys.argv[1] == "again":
        again(sys.argv[2], int(sys.argv[3]))
        return
    verb, proto = sys.argv[1], int(sys.argv[2])
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, proto)
    if verb == "reflect":
        while True:
            packet, who = s.recvfrom(2048)
            if payload(packet).startswith(b"where"):
                s.sendto(who[0].encode(), who)
    for _ in range(20):
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
