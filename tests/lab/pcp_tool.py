#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of the Port Control Protocol (RFC 6887) for the lab.

  map SERVER PROTOCOL PORT SECONDS [SUGGESTED]   ask for (0 seconds: give up) a mapping of our PORT; print the result's number,
                                                 external address and port, seconds; "nobody listens" or "no answer"
  peer SERVER PROTOCOL PORT SECONDS HOST HPORT   the same for our connection with HOST
  version SERVER VERSION                         ask in another version, 0: NAT-PMP; print what is answered
"""
import os
import socket
import struct
import sys

PROTOCOLS = {"tcp": 6, "udp": 17}
NONCE = b"millrace-lab"


def mapped(address):
    return bytes(10) + b"\xff\xff" + socket.inet_aton(address)


def ask(server, body, opcode=1, seconds=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((server, 5351))
    s.settimeout(0.5)
    request = struct.pack("!BBHI", 2, opcode, 0, seconds) + mapped(s.getsockname()[0]) + body
    for _ in range(5):
        try:
            s.send(request)
            return s.recv(1100)
        except socket.timeout:
            continue
        except ConnectionRefusedError:
            sys.exit("nobody listens")
    sys.exit("no answer")


def version(server, number):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((server, 5351))
    s.settimeout(2)
    s.send(bytes((number, 0)))
    answer = s.recv(1100)
    print("version", answer[0], "result", struct.unpack("!H", answer[2:4])[0])


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "version":
        return version(sys.argv[2], int(sys.argv[3]))
    is_peer = sys.argv[1:2] == ["peer"] and len(sys.argv) == 8
    if not is_peer and (len(sys.argv) < 6 or sys.argv[1] != "map"):
        sys.exit(__doc__.strip())
    server, protocol, port, seconds = sys.argv[2], PROTOCOLS[sys.argv[3]], int(sys.argv[4]), int(sys.argv[5])
    suggested = int(sys.argv[6]) if len(sys.argv) > 6 and not is_peer else 0
    body = NONCE + struct.pack("!B3xHH", protocol, port, suggested) + mapped("0.0.0.0")
    if is_peer:
        body += struct.pack("!HH", int(sys.argv[7]), 0) + mapped(sys.argv[6])
    answer = ask(server, body, 1 + is_peer, seconds)
    spoken, opcode, result, lifetime = struct.unpack("!BBxBI", answer[:8])
    if (spoken, opcode) != (2, 0x81 + is_peer):
        sys.exit(f"version {spoken}, opcode {opcode}")
    external = struct.unpack("!H", answer[42:44])[0]
    print(result, socket.inet_ntoa(answer[56:60]), external, lifetime)
    return None


if __name__ == "__main__":
    main()
