#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small UDP ends for the lab.

  reflect PORT                   answer every datagram with the address it came from
  where PORT HOST HPORT          from local PORT ask a reflector which address it sees; print it
  serve PORT HOST HPORT FILE     as `where`, write the address to FILE, then wait for one datagram, answer it with
                                 "heard SOURCE", print the source
  send PORT HOST HPORT TEXT      from local PORT send TEXT, print the answer
"""
import os
import socket
import sys


def udp(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    s.settimeout(5)
    return s


def ask(s, host, port, text=b"where"):
    for _ in range(5):
        s.sendto(text, (host, port))
        try:
            s.settimeout(1)
            return s.recvfrom(2048)[0].decode()
        except socket.timeout:
            continue
    sys.exit("no answer")


def main():
    verb, port = sys.argv[1], int(sys.argv[2])
    s = udp(port)
    if verb == "reflect":
        s.settimeout(None)
        while True:
            _, who = s.recvfrom(2048)
            s.sendto(f"{who[0]} {who[1]}".encode(), who)
    host, hport = sys.argv[3], int(sys.argv[4])
    if verb == "where":
        print(ask(s, host, hport))
    elif verb == "serve":
        seen = ask(s, host, hport)
        with open(sys.argv[5] + ".new", "w", encoding="ascii") as f:
            f.write(seen)
        os.rename(sys.argv[5] + ".new", sys.argv[5])
        s.settimeout(10)
        while True:
            text, who = s.recvfrom(2048)
            if text.startswith(b"hello"):
                break
        s.sendto(f"heard {who[0]} {who[1]}".encode(), who)
        print(who[0], who[1])
    elif verb == "send":
        print(ask(s, host, hport, sys.argv[5].encode()))


main()
