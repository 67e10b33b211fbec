#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes packets out of tunnels, for kernels that were built without the drivers.

    decap_tool.py DEVICE PORT     a TUN device of that name gets what comes in IP in IP, GRE, or UDP to that port

The packet inside goes to the device as it came, as the drivers of Linux would put it there.
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
IPIP, IP6, GRE = 4, 41, 47


def tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def raw(family, proto):
    return socket.socket(family, socket.SOCK_RAW, proto)


def udp(family, port):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.setsockopt(socket.IPPROTO_UDP, 102, 1)  # UDP_NO_CHECK6_RX: RFC 6935
    s.bind(("", port))
    return s


def main(device, port):
    fd = tun(device)
    sockets = {}  # => how many octets stand before the packet inside
    for family, header in ((socket.AF_INET, 20), (socket.AF_INET6, 0)):  # a raw IPv4 socket shows the header
        sockets[raw(family, IPIP)] = sockets[raw(family, IP6)] = header
        sockets[raw(family, GRE)] = header + 4
        sockets[udp(family, port)] = 0
    print("ready", flush=True)
    while True:
        for s in select.select(list(sockets), [], [])[0]:
            packet = s.recv(65536)[sockets[s]:]
            if packet and packet[0] >> 4 in (4, 6):
                os.write(fd, packet)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
