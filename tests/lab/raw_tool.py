#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ends of other protocols for the lab, by raw sockets.

  reflect PROTOCOL          answer every packet of an IP protocol with the address it came from
  ask PROTOCOL HOST         ask a reflector which address it sees; print it, or "no answer"
"""
import socket
import sys


def payload(packet):
    return packet[(packet[0] & 15) * 4:]


def main():
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
