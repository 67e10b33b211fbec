#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The balancer's choices as a whole program makes them, through millrace-replay.

    tests/choosing.py REPLAY [SEED]

1. Connections keep their backend over 1000 random changes of the set (weights, drain, ready, remove, add).
2. Schedulers that hash choose alike with 1 to 16 workers and under any seed of the process.
3. Shares follow the weights: 2 % of 20 000 connections at most beside.
"""
import collections
import json
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "pcaps"))

import packets as P  # noqa: E402
from world import OUTSIDE_MAC, START, device_mac  # noqa: E402

SCHEDULERS = ["maglev", "source-hash", "two-choices", "round-robin", "least-connections"]
CHANGES, FLOWS, FIRST = 1000, 20000, 11


def backend(n, weight=1):
    return {"address": f"10.0.0.{FIRST + n}", "port": 8080, "weight": weight}


def config(services, flows):
    return {
        "workers": {"count": 1, "flows": {"ipv4": flows, "ipv6": 64}},
        "nics": [{"name": "outside", "device": "0000:01:00.0", "addresses": ["198.51.100.2/24"]},
                 {"name": "farm", "device": "0000:01:00.1", "addresses": ["10.0.0.1/24"]}],
        "routes": [{"prefix": "0.0.0.0/0", "via": "198.51.100.1"}],
        "lb": {"services": services, "timeouts": {"tcp_opening": 3600}},
    }


def services(backends):
    return [{"name": s, "address": f"192.0.2.{10 + i}", "port": 80, "scheduler": s, "backends": backends}
            for i, s in enumerate(SCHEDULERS)]


def packet(client, service, port, flags):
    """A connection of client number `client`, to service number `service`."""
    return P.ether(device_mac(0), OUTSIDE_MAC, P.ETH_IP4,
                   P.tcp(f"100.{64 + (client >> 16)}.{client >> 8 & 255}.{client & 255}", f"192.0.2.{10 + service}", port,
                         80, flags))


def replay(program, doc, frames, requests=(), more=()):
    """=> [(client address, port, backend address)] of what came out at the farm, in order."""
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "config.json"), "w", encoding="utf-8") as f:
            json.dump(doc, f)
        with open(os.path.join(d, "control.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in requests)
        P.write_pcap(os.path.join(d, "in.pcap"), [(START + round(t * 10**9), p) for t, p in frames])
        subprocess.run([program, "--quiet", "--config", os.path.join(d, "config.json"), "--out", os.path.join(d, "out"),
                        "--report", os.path.join(d, "report.json"), "--in", "outside=" + os.path.join(d, "in.pcap"),
                        "--control", os.path.join(d, "control.jsonl"), *more], check=True)
        with open(os.path.join(d, "report.json"), encoding="utf-8") as f:
            answers = json.load(f).get("control", [])
        wrong = [a for a in answers if "result" not in a["response"]]
        assert len(answers) == len(requests) and not wrong, wrong[:1]
        out = [P.Packet(f, t) for t, f in P.read_capture(os.path.join(d, "out", "farm.pcap"))]
        return [(p.src, p.sport, p.dst) for p in out if p.kind == P.ETH_IP4]


def change(rng, there, at, number):
    """A random change of one service's backends; there: numbers of those that it has, at least three."""
    name = rng.choice(SCHEDULERS)
    kind = rng.choice(["weight", "weight", "drain", "ready", "remove", "add"])
    n = rng.choice(sorted(there[name]))
    params = {"service": name, "address": backend(n)["address"]}
    if kind == "weight":
        params["weight"] = rng.randrange(5)
    elif kind == "remove" and len(there[name]) > 3:
        there[name].remove(n)
    elif kind in ("add", "remove"):
        kind, n = "add", rng.choice([n for n in range(100) if n not in there[name]])
        there[name].add(n)
        params = {"service": name, "backend": backend(n)}
    return {"at": at, "jsonrpc": "2.0", "id": number, "method": "backend." + kind, "params": params}


def stickiness(program, rng):
    there = {s: set(range(8)) for s in SCHEDULERS}
    clients = [(rng.randrange(1 << 17), s, 1024 + i) for i in range(60) for s in range(len(SCHEDULERS))]
    frames = [(0, packet(*c, P.SYN)) for c in clients]
    requests = []
    for k in range(CHANGES):
        at = 1 + k / 100
        requests.append(change(rng, there, at, k + 1))
        frames += [(at + 0.005, packet(*rng.choice(clients), P.ACK)) for _ in range(3)]
    first, moved = {}, 0
    out = replay(program, config(services([backend(n) for n in range(8)]), 4096), frames, requests)
    for src, port, dst in out:
        moved += first.setdefault((src, port), dst) != dst
    print(f"stickiness: {len(out)} packets of {len(first)} connections over {CHANGES} changes, {moved} went elsewhere")
    return len(out) == len(frames) and len(first) == len(clients) and moved == 0


def agreement(program, rng):
    doc = config(services([backend(n, 1 + n % 4) for n in range(40)])[:2], 8192)
    frames = [(i / 10000, packet(rng.randrange(1 << 17), i % 2, 1024 + i, P.SYN)) for i in range(2000)]
    ways = []
    for workers in (1, 2, 3, 5, 8, 11, 16)[::int(os.environ.get("MR_PART", "1"))]:
        more = ("--workers", str(workers), "--seed", str(rng.randrange(1 << 30)))
        ways.append(sorted(replay(program, doc, frames, (), more)))
    print(f"agreement: {len(ways[0])} connections, {sum(w != ways[0] for w in ways)} of {len(ways)} runs differ")
    return len(ways[0]) == len(frames) and all(w == ways[0] for w in ways)


def weights(program, rng):
    weight = [1, 2, 3, 4, 10]
    doc = config(services([backend(n, w) for n, w in enumerate(weight)]), 2 * FLOWS * len(SCHEDULERS))
    frames = [(i / 100000, packet(rng.randrange(1 << 17), s, 1024 + i % 60000, P.SYN))
              for i in range(FLOWS) for s in range(len(SCHEDULERS))]
    good = True
    service_of = {}
    for _, f in frames:
        p = P.Packet(f, 0)
        service_of.setdefault((p.src, p.sport), []).append(p.dst[3] - 10)
    count = [collections.Counter() for _ in SCHEDULERS]
    for src, port, dst in replay(program, doc, frames):
        for s in service_of[(src, port)][:1]:
            count[s][dst[3] - FIRST] += 1
    for s, name in enumerate(SCHEDULERS):
        total = sum(count[s].values())
        off = max(abs(count[s][n] - total * w / sum(weight)) for n, w in enumerate(weight))
        print(f"weights: {name}: {off / total:.2%} of {total} connections beside")
        good &= off <= total * 0.02
    return good


def main(args):
    seed = int(args[2]) if len(args) > 2 else 1
    rng = random.Random(seed)
    print(f"seed {seed}")
    return 0 if all([stickiness(args[1], rng), agreement(args[1], rng), weights(args[1], rng)]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
