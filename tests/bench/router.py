# SPDX-License-Identifier: Apache-2.0
"""millrace and millraced as they are, clients of the daemon, and one that asks all the time how long it waits."""
import json
import signal
import socket
import subprocess
import sys
import threading
import time

PING_S, STATS_S = 0.01, 0.4
STOOD_S = 0.05  # an answer that is later counts if this machine went on meanwhile


class Client:
    """One connection to the daemon."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.f = self.s.makefile("rb")

    def call(self, method, **params):
        self.s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        answer = json.loads(self.f.readline())
        if "error" in answer:
            sys.exit(f"error: {method}: {answer['error']['message']}")
        return answer["result"]


class Watch:
    """Another client, and what the worker says of itself, in a process of its own: this one is busy."""

    def __init__(self, path):
        self.child = subprocess.Popen([sys.executable, __file__, path], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.child.stdout.readline()

    def take(self):
        """What was seen since the last time."""
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def end(self):
        self.child.stdin.close()
        self.child.wait()


def watch(path):
    """Asks all the time; a line on the standard input asks for the sums."""
    ping, stats = Client(path), Client(path)
    asked = threading.Event()
    ended, stood = [], [0]

    def listen():
        for _ in sys.stdin:
            asked.set()
        ended.append(1)

    def stand():  # how late a sleep ends: the machine, or this process, got no time
        while True:
            begin = time.monotonic()
            time.sleep(PING_S / 2)
            stood[0] = max(stood[0], time.monotonic() - begin - PING_S / 2)

    threading.Thread(target=listen, daemon=True).start()
    threading.Thread(target=stand, daemon=True).start()
    print("ready", flush=True)
    fresh = {"waited_s": 0, "pings": 0, "turn_s": 0, "stood": 0, "stood_s": 0}
    seen, due, late = dict(fresh), 0, None
    while not ended:
        begin, stood[0] = time.monotonic(), 0
        ping.call("version")
        waited = time.monotonic() - begin
        stuck = waited > STOOD_S and stood[0] > waited / 2
        seen["waited_s"] = max(seen["waited_s"], 0 if stuck else waited)
        seen["stood_s"] = max(seen["stood_s"], stood[0])
        seen["stood"] += stuck
        seen["pings"] += 1
        if begin >= due or asked.is_set():
            due = begin + STATS_S
            worker = next(c for c in stats.call("stats")["contexts"] if c["context"] == "worker")
            seen["turn_s"] = max(seen["turn_s"], worker["turn_longest"])
        if asked.is_set():
            asked.clear()
            now = (worker["turns_late"], worker["turns_preempted"])
            late = late or now
            print(json.dumps({**seen, "late": now[0] - late[0], "preempted": now[1] - late[1]}), flush=True)
            seen, late = dict(fresh), now
        time.sleep(max(0, begin + PING_S - time.monotonic()))


class Router:
    """millrace and millraced in a folder of their own."""

    def __init__(self, build, folder, doc):
        self.control = f"{folder}/control"
        with open(f"{folder}/config.json", "w", encoding="utf-8") as f:
            json.dump(doc, f)
        self.log = open(f"{folder}/log", "w+", encoding="utf-8")  # pylint: disable=consider-using-with
        self.started = []
        self.start(f"{build}/ctl/dataplane/millrace", "--no-huge", "--socket", f"{folder}/plane")
        self.start(f"{build}/ctl/daemon/millraced", "--plane", f"{folder}/plane", "--control", self.control,
                   "--store", f"{folder}/store", "--config", f"{folder}/config.json")

    def start(self, *args):
        self.started.append(subprocess.Popen(args, stdout=self.log, stderr=self.log))

    def client(self):
        for _ in range(100):
            try:
                return Client(self.control)
            except OSError:
                time.sleep(0.1)
        sys.exit("error: the daemon does not listen:\n" + self.said())

    def said(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def end(self):
        for p in reversed(self.started):
            p.send_signal(signal.SIGTERM)
        for p in self.started:
            p.wait()


if __name__ == "__main__":
    watch(sys.argv[1])
