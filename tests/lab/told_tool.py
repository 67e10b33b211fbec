#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ends of UDP services whose backends are told of their clients.

  serve PORT                     answer every datagram with what its PROXY header says, and how much came behind it:
                                 "ADDRESS PORT OCTETS", or "untold"
  ask PORT HOST HPORT OCTETS     from local PORT send a datagram of so many octets, in fragments if need be; print the answer
  probe PORT HOST HPORT OCTETS   the same with DF until the kernel has learnt that it does not fit; print the MTU that it knows
"""
import errno
import ipaddress
import socket
import struct
import sys
import time

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
DGRAM4, DGRAM6, VERSION2_PROXY = 0x12, 0x22, 0x21
# Numbers of Linux that the socket module does not name.
IP_MTU_DISCOVER, IP_MTU, DONT, DO = 10, 14, 0, 2
V6_MTU_DISCOVER, V6_MTU = 23, 24


def told(datagram):
    """What the header says, by the letter: signature, version, transport, length, addresses, ports, what follows."""
    if len(datagram) < 16 or datagram[:12] != SIGNATURE or datagram[12] != VERSION2_PROXY:
        return "untold"
    size = struct.unpack("!H", datagram[14:16])[0]
    octets = {DGRAM4: 4, DGRAM6: 16}.get(datagram[13])
    if octets is None or size < 2 * octets + 4 or len(datagram) < 16 + size:
        return "untold"
    source = ipaddress.ip_address(datagram[16:16 + octets])
    port = struct.unpack("!H", datagram[16 + 2 * octets:18 + 2 * octets])[0]
    return f"{source} {port} {len(datagram) - 16 - size}"


def serve(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", port))
    while True:
        datagram, who = s.recvfrom(65535)
        s.sendto(told(datagram).encode(), who)


def client(port, host, hport, discover):
    v6 = ":" in host
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(*((socket.IPPROTO_IPV6, V6_MTU_DISCOVER) if v6 else (socket.IPPROTO_IP, IP_MTU_DISCOVER)), discover)
    s.bind(("::" if v6 else "0.0.0.0", port))
    s.connect((host, hport))
    s.settimeout(1)
    return s


def ask(s, octets):
    for _ in range(20):
        try:
            s.send(bytes(octets))
            return s.recv(2048).decode()
        except (socket.timeout, ConnectionRefusedError):
            continue
    return "no answer"


def probe(s, octets):
    v6 = s.family == socket.AF_INET6
    for _ in range(200):
        try:
            s.send(bytes(octets))
        except OSError as e:
            if e.errno == errno.EMSGSIZE:
                return s.getsockopt(*((socket.IPPROTO_IPV6, V6_MTU) if v6 else (socket.IPPROTO_IP, IP_MTU)))
        time.sleep(0.1)
    return "it was not told"


def main():
    verb, port = sys.argv[1], int(sys.argv[2])
    if verb == "serve":
        serve(port)
    host, hport, octets = sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    if verb == "ask":
        print(ask(client(port, host, hport, DONT), octets))
    elif verb == "probe":
        print(probe(client(port, host, hport, DO), octets))


main()
