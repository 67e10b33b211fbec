#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small UDP ends for the lab.

  reflect PORT                   answer every datagram with the address it came from
  where PORT HOST HPORT          from local PORT ask a reflector which address it sees; print it
  serve PORT HOST HPORT FILE     as `where`, write the address to FILE, then wait for one datagram, answer it with
                                 "heard SOURCE", print the source
  send PORT HOST HPORT TEXT      from local PORT send TEXT, print the answer
  many PORT COUNT HOST HPORT     as `where` from so many ports at once; print an address for each answer
"""
import os
import select
import socket
import sys


def udp(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    s.settimeout(5)
    return s


def ask(s, host, port, text=b"where"):
    for _ in range(20):
        s.sendto(text, (host, port))
        try:
            s.settimeout(1)
            return s.recvfrom(2048)[0].decode()
        except socket.timeout:
            continue
    sys.exit("no answer")


def many(first, count, host, hport):
    """All are asked at once; who has no answer when none has come for a while is asked again, twice. Who is refused hears
    an error, or nothing."""
    sockets = [udp(first + i) for i in range(count)]
    answers = {}
    for _ in range(3):
        left = [s for s in sockets if s not in answers]
        for s in left:
            try:
                s.sendto(b"where", (host, hport))
            except OSError:
                pass
        while left:
            ready = select.select(left, [], [], 0.5)[0]
            if not ready:
                break
            for s in ready:
                try:
                    answers[s] = s.recv(2048).decode()
                    left.remove(s)
                except OSError:
                    continue
    return [answers[s] for s in sockets if s in answers]


def main():
    verb, port = sys.argv[1], int(sys.argv[2])
    if verb == "many":
        for answer in many(port, int(sys.argv[3]), sys.argv[4], int(sys.argv[5])):
            print(answer)
        return
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
        s.settimeout(30)
        while True:
            text, who = s.recvfrom(2048)
            if text.startswith(b"hello"):
                break
        s.sendto(f"heard {who[0]} {who[1]}".encode(), who)
        print(who[0], who[1])
    elif verb == "send":
        print(ask(s, host, hport, sys.argv[5].encode()))


main()
