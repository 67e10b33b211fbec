#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of the Port Control Protocol (RFC 6887) for the lab.

  map SERVER PROTOCOL PORT SECONDS [SUGGESTED]   ask for (0 seconds: give up) a mapping of our PORT; print the result's number,
                                                 external address and port, seconds; "nobody listens" or "no answer"
  peer SERVER PROTOCOL PORT SECONDS HOST HPORT   the same for our connection with HOST
  keep SERVER PORT SECONDS                       as a client does that stays: map UDP PORT, listen to announcements (224.0.0.1:5350), and
                                                 when the epoch says that the mapping may be lost ask for the same again; then hear one
                                                 datagram. A line for each step
  told SERVER PORT SECONDS                       map UDP PORT, and print each Mapping Update that comes then: result, external address and
                                                 port, seconds
  version SERVER VERSION                         ask in another version, 0: NAT-PMP; print what is answered
"""
import os
import random
import socket
import struct
import sys
import time

PROTOCOLS = {"tcp": 6, "udp": 17}
NONCE = b"millrace-lab"


def mapped(address):
    return bytes(10) + b"\xff\xff" + socket.inet_aton(address)


def socket_to(server):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((server, 5351))
    return s


def ask(server, body, opcode=1, seconds=0, s=None):
    s = s or socket_to(server)
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


def told(server, port, seconds):
    def show(what, m):
        print(what, m[3], socket.inet_ntoa(m[56:60]), *struct.unpack("!H", m[42:44]), *struct.unpack("!I", m[4:8]), flush=True)
    s = socket_to(server)
    body = NONCE + struct.pack("!B3xHH", PROTOCOLS["udp"], port, 0) + mapped("0.0.0.0")
    show("mapped", ask(server, body, 1, seconds, s))
    s.settimeout(60)
    while True:
        m = s.recv(1100)
        is_ours = m[:2] == b"\2\x81" and m[24:36] == NONCE and struct.unpack("!BxxxH", m[36:42]) == (PROTOCOLS["udp"], port)
        show("told" if is_ours else "strange", m)


def version(server, number):
    s = socket_to(server)
    s.settimeout(2)
    s.send(bytes((number, 0)))
    answer = s.recv(1100)
    print("version", answer[0], "result", struct.unpack("!H", answer[2:4])[0])


class Epoch:
    """What a client thinks of the server's time: RFC 6887, 8.5, in its words and integers."""

    def __init__(self):
        self.server = self.client = None

    def is_valid(self, server):
        client, was = int(time.monotonic()), (self.server, self.client)
        self.server, self.client = server, client
        if was[0] is None:
            return True
        if server + 1 < was[0]:
            return False
        by_client, by_server = client - was[1], max(server - was[0], 0)
        return by_client + 2 >= by_server - by_server // 16 and by_server + 2 >= by_client - by_client // 16


def keep(server, port, seconds):
    def renew(external, at):
        body = NONCE + struct.pack("!B3xHH", PROTOCOLS["udp"], port, at) + mapped(external)
        answer = ask(server, body, 1, seconds)
        lifetime, epoch = struct.unpack("!II", answer[4:12])
        clock.is_valid(epoch)
        got = socket.inet_ntoa(answer[56:60]), struct.unpack("!H", answer[42:44])[0]
        print("mapped" if at == 0 else "renewed", answer[3], *got, lifetime, epoch, flush=True)
        return got
    clock = Epoch()
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind(("0.0.0.0", 5350))
    heard.settimeout(60)
    mine = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mine.bind(("0.0.0.0", port))
    mine.settimeout(30)
    external, at = renew("0.0.0.0", 0)
    while True:
        said, sender = heard.recvfrom(1100)
        if sender != (server, 5351) or said[:4] != b"\2\x80\0\0" or len(said) != 24:
            print("strange", sender, said.hex(), flush=True)
            continue
        epoch = struct.unpack("!I", said[8:12])[0]
        if not clock.is_valid(epoch):
            break
    print("lost", epoch, flush=True)
    time.sleep(random.uniform(0, 0.5))  # the document's 5 seconds, of many clients
    renew(external, at)
    print("heard", mine.recv(1100).decode().strip(), flush=True)


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "version":
        return version(sys.argv[2], int(sys.argv[3]))
    if len(sys.argv) == 5 and sys.argv[1] == "keep":
        return keep(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    if len(sys.argv) == 5 and sys.argv[1] == "told":
        return told(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
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
