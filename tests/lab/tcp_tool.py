#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many TCP connections at once for the lab, which talk both ways all the time.

  echo PORT NAME       answer each connection with NAME and a line feed, then with what it sends
  chat FILE            open the connections of the standard input, lines of NAME HOST PORT LOCAL-PORT; on each send some
                       thousand octets, wait until they have come back, and again, until FILE is there; then one round more,
                       and print a line for each, NAME LOCAL-PORT SERVER ROUNDS WORD, in which WORD is
                         good     that round came back, too
                         silent   it did not come back within PATIENCE seconds
                         lost     its local port is in FILE: nobody waited for it
                         differs  something else came back
                         ended, ECONNRESET, …
"""
import errno
import os
import selectors
import socket
import sys
import time

OCTETS, PAUSE, TURN, PATIENCE = 3000, 0.4, 0.02, 20


def echo(port, name):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", port))
    listener.listen(1024)
    chosen = selectors.DefaultSelector()
    chosen.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in chosen.select():
            s = key.fileobj
            if s is listener:
                s, _ = listener.accept()
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                chosen.register(s, selectors.EVENT_READ)
                s.send(name.encode() + b"\n")
                continue
            try:
                data = s.recv(65536)
                if data:
                    s.sendall(data)  # rounds are smaller than any buffer
            except OSError:
                data = b""
            if not data:
                chosen.unregister(s)
                s.close()


class Talk:
    def __init__(self, line):
        self.name, host, port, local = line.split()
        self.local, self.server, self.rounds, self.word = int(local), "-", 0, None
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.s = socket.socket(family, socket.SOCK_STREAM)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Who waits says so now and then: a balancer that took over learns of a connection by its client's packets.
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            self.s.setsockopt(socket.IPPROTO_TCP, option, 1)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.s.bind(("", self.local))
        self.s.setblocking(False)
        self.s.connect_ex((host, int(port)))
        self.sent, self.got, self.next, self.last = b"", b"", None, False

    def say(self, now):
        self.sent, self.got, self.next = os.urandom(OCTETS), b"", None
        try:
            self.s.send(self.sent)
        except OSError as e:
            self.word = errno.errorcode[e.errno]

    def hear(self, now):
        try:
            data = self.s.recv(65536)
        except OSError as e:
            self.word = errno.errorcode[e.errno]
            return
        if not data:
            self.word = "ended"
            return
        self.got += data
        if self.server == "-":
            if b"\n" in self.got:
                self.server, self.got = self.got.split(b"\n", 1)
                self.server, self.next = self.server.decode(), now
            return
        if not self.sent.startswith(self.got):
            self.word = "differs"
        elif self.got == self.sent:
            self.rounds, self.sent, self.next = self.rounds + 1, b"", now + PAUSE


def ports_of(path):
    with open(path, encoding="ascii") as f:
        return {int(line) for line in f}


class Chat:
    def __init__(self, talks, path):
        self.talks, self.left, self.path, self.end = talks, talks, path, None

    def turn(self, now):
        """Who may says something, and whoever has come to an end is left out."""
        if self.end is None and os.path.exists(self.path):
            self.end, lost = now + PATIENCE, ports_of(self.path)
            for t in self.talks:
                if t.local in lost:
                    t.word = "lost"
        for t in self.left:
            if t.word is None and t.next is not None and t.last:
                t.word = "good"
            elif t.word is None and t.next is not None and (t.next <= now or self.end is not None):
                t.last = self.end is not None
                t.say(now)
        self.left = [t for t in self.left if t.word is None]

    def is_over(self, now):
        return not self.left or self.end is not None and now > self.end


def chat(path):
    c = Chat([Talk(line) for line in sys.stdin if line.strip()], path)
    chosen = selectors.DefaultSelector()
    for t in c.talks:
        chosen.register(t.s, selectors.EVENT_READ, t)
    now, due = time.monotonic(), 0
    while not c.is_over(now):
        if now >= due:
            c.turn(now)
            due = now + TURN
        for key, _ in chosen.select(max(due - now, 0)):
            if key.data.word is None:
                key.data.hear(time.monotonic())
            if key.data.word is not None:
                chosen.unregister(key.fileobj)
        now = time.monotonic()
    for t in c.talks:
        print(t.name, t.local, t.server, t.rounds, t.word or "silent")


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo(int(sys.argv[2]), sys.argv[3])
    else:
        chat(sys.argv[2])
