#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of the Port Control Protocol (RFC 6887) for the lab.

  map SERVER PROTOCOL PORT SECONDS [SUGGESTED]   ask for (0 seconds: give up) a mapping of our PORT; print the result's number,
                                                 external address and port, seconds; "nobody listens" if there is no server
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
    s.settimeout(1)
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


def main():
    if len(sys.argv) < 6 or sys.argv[1] != "map":
        sys.exit(__doc__.strip())
    server, protocol, port, seconds = sys.argv[2], PROTOCOLS[sys.argv[3]], int(sys.argv[4]), int(sys.argv[5])
    suggested = int(sys.argv[6]) if len(sys.argv) > 6 else 0
    body = NONCE + struct.pack("!B3xHH", protocol, port, suggested) + mapped("0.0.0.0")
    answer = ask(server, body, seconds=seconds)
    version, opcode, result, lifetime = struct.unpack("!BBxBI", answer[:8])
    if (version, opcode) != (2, 0x81):
        sys.exit(f"version {version}, opcode {opcode}")
    external = struct.unpack("!H", answer[42:44])[0]
    print(result, socket.inet_ntoa(answer[56:60]), external, lifetime)


if __name__ == "__main__":
    main()
