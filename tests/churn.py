#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Configurations that change at random under traffic: churn.py REPLAY ROOT [SEED]...

Pools of every shape come, go, come back, drain and change their blocks, while subscribers open connections, strangers knock, mappings are
cleared and all is looked at. At all times a port belongs to one mapping and a block to one subscriber, by what nat.show says and by what the
log says; the log ends what it begins; and when all has timed out nothing is left: no port, block, mapping, flow or record that says so.
"""
import collections
import json
import os
import random
import subprocess
import sys
import tempfile

REPLAY, ROOT, SEEDS = sys.argv[1], sys.argv[2], [int(s) for s in sys.argv[3:]] or [9, 12]
sys.path.insert(0, os.path.join(ROOT, "pcaps"))
import packets as P  # noqa: E402

BEGIN, SETTLED = 1700000000, 20000
SERVERS = ["192.0.2.1", "192.0.2.5", "192.0.2.130", "192.0.2.200"]
ADDRESSES = ["203.0.%d.0/29", "203.0.%d.1", "203.0.%d.1-203.0.%d.3", "203.0.%d.0/30"]
LISTS = ("mapping", "block", "subscriber", "pool", "address")


def maybe(r, chance, choices):
    return r.choice(choices) if r.random() < chance else None


def some(r, chances):
    """Those of the members that chance has given a value."""
    return {k: v for k, (chance, choices) in chances.items() if (v := maybe(r, chance, choices)) is not None}


def pool(r, name, third):
    p = {"name": name, "addresses": [r.choice(ADDRESSES).replace("%d", str(third))]}
    p.update(some(r, {
        "block_size": (.5, [64, 128, 512, 4096, 32768]), "max_blocks": (.5, [1, 2, 4, 8]), "keep_port": (.3, [True]),
        "ports": (.4, ["1024-2047", "1024-65535", "1024-1100", "4096-8191", "1-65535"]), "keep_parity": (.3, [True]),
        "exclude_ports": (.3, [["1030-1040"], ["2000-2000"], ["1024-1080"]]), "port_order": (.3, ["sequential"]),
        "block_order": (.3, ["sequential"]), "pairing": (.3, ["soft"]), "used_high": (.3, [50]), "reserve": (.2, [1, 2, 3]),
        "allocation": (.25, ["ports"]), "drain": (.1, [[f"203.0.{third}.1"]]),
        "deterministic": (.2, [{"inside": ["100.64.0.0/28"]}, {"inside": ["100.64.0.4-100.64.0.20"], "overflow": 3},
                               {"inside": ["100.64.0.0/26"], "overflow": 0}]),
    }))
    return p


def rule(r, names):
    return {"name": "homes", "source": "100.64.0.0/10", "pool": r.choice(names), **some(r, {
        "max_mappings": (.4, [3, 5, 50]), "max_flows": (.4, [1, 5, 50]), "flow_rate": (.2, [1, 5, 50]), "mappings_high": (.4, [1, 3]),
        "filtering": (.5, ["address-dependent", "address-and-port-dependent"]), "other_protocols": (.4, ["pair"]),
        "log_sessions": (.3, [True]), "fallback": (.3, [[n] for n in names]),
    })}


def configuration(r, timeouts):
    pools = [pool(r, n, t) for n, t in r.sample([("a", 113), ("b", 114), ("c", 115), ("d", 116)], r.randint(1, 3))]
    names = [p["name"] for p in pools]
    rules = [rule(r, names)]
    if r.random() < .4:
        rules.insert(0, {"name": "there", "source": "100.64.0.0/10", "destination": "192.0.2.0/25", "pool": r.choice(names)})
    if r.random() < .2:
        rules.insert(0, {"name": "past", "source": "100.64.0.0/28", "action": "pass", "destination": "192.0.2.128/26"})
    static = [{"inside": f"100.64.0.{r.randint(2, 20)}", "outside": "203.0.120.1"},
              {"inside": f"100.64.0.{r.randint(21, 30)}", "outside": "203.0.113.1", "protocol": r.choice(["tcp", "udp"]),
               "inside_ports": "1000-1010", "outside_ports": r.choice(["80-90", "1025-1035"])}]
    return {
        "workers": {"count": 1, "flows": {"ipv4": 8192, "ipv6": 64}},
        "nics": [{"name": "inside", "device": "a", "addresses": ["100.64.0.1/10"]},
                 {"name": "outside", "device": "b", "addresses": ["198.51.100.2/24"]}],
        "routes": [{"prefix": "0.0.0.0/0", "via": "198.51.100.1"}],
        "nat": {"pools": pools, "rules": rules, "log": "mappings", "log_addresses": True, "timeouts": timeouts,
                "static": r.sample(static, r.choice([0, 0, 1, 2])), "quarantine": r.choice([0, 1, 10, 120]),
                "drain_deadline": r.choice([0, 0, 3, 30]),
                "capacity": {"mappings": 4096, "subscribers": 64, "pool_addresses": 64, "quarantine": 64, "permissions": 4096,
                             "leases": 64}},
    }


def host(r):
    return f"100.64.0.{r.randint(2, r.choice([5, 40]))}"


def from_inside(r, s):
    dst, sport = r.choice(SERVERS), r.choice([r.randint(1000, 1020), r.randint(1024, 60000)])
    if r.random() < .1:
        dst = f"203.0.{r.randint(113, 116)}.{r.randint(0, 4)}"
    return r.choice([
        lambda: P.udp(s, dst, sport, r.choice([53, 80, 1500])), lambda: P.udp(s, dst, sport, 443),
        lambda: P.tcp(s, dst, sport, 80, r.choice([P.SYN, P.SYN, P.ACK, P.FIN | P.ACK, P.RST])),
        lambda: P.echo(s, dst, sport, 1), lambda: P.ip4(s, dst, 47, b"\0\0\x08\0some"),
    ])()


def from_outside(r):
    x, port = f"203.0.{r.randint(113, 116)}.{r.randint(0, 4)}", r.choice([80, 1025, r.randint(1024, 1100), r.randint(1024, 65535)])
    if r.random() < .5:
        return P.udp(r.choice(SERVERS), x, 53, port)
    return P.tcp(r.choice(SERVERS), x, 80, port, r.choice([P.SYN | P.ACK, P.ACK, P.SYN, P.RST, P.FIN | P.ACK]))


def request(r, now, ask, timeouts):
    """One or more requests of a moment."""
    kind = r.randint(0, 9)
    if kind < 4:
        ask(now, "config.apply", config=configuration(r, timeouts))
    elif kind < 6:
        ask(now, "nat.clear", filter=r.choice(["subscriber=0.0.0.0/0", f"subscriber={host(r)}", "protocol=udp", "port=1024-1100",
                                               "external=203.0.113.0/24", "inside_port=1000-1010", "worker=0", "protocol=47"]))
    elif kind < 7:
        ask(now, "pool." + r.choice(["drain", "remove", "add", "ready"]) + "_range", pool=r.choice("abc"),
            range=r.choice(["203.0.113.1", "203.0.114.1", "203.0.113.0/30", "203.0.117.1", "203.0.117.0/30"]))
    else:
        for what in LISTS:
            ask(now, "nat.show", what=what, limit=1000)


def make(r):
    """=> configuration, frames of both sides, requests."""
    timeouts = {"udp": r.choice([5, 40, 300]), "tcp_opening": 20, "tcp_established": r.choice([30, 300]), "tcp_closing": 10, "icmp": 10,
                "other": 20}
    frames, requests = {"inside": [], "outside": []}, []

    def ask(at, method, **params):
        requests.append({"at": round(at, 3), "jsonrpc": "2.0", "id": len(requests), "method": method, "params": params})

    def send(nic, packet):
        frames[nic].append((int((BEGIN + now) * 1e9), P.ether("02:00:00:00:00:01", "02:00:00:00:00:02", 0x0800, packet)))

    now, first, end, pace = 0, configuration(r, timeouts), r.choice([40, 120, 300]), r.choice([4, 10])
    while now < end:
        now += r.expovariate(pace)
        k = r.random()
        if k < .7:
            send("inside", from_inside(r, host(r)))
        elif k < .85:
            send("outside", from_outside(r))
        elif k < .9:
            s = host(r)
            for _ in range(r.choice([3, 70, 200])):
                send("inside", P.udp(s, SERVERS[0], r.randint(1024, 65000), 53))
        else:
            request(r, now, ask, timeouts)
    for what in LISTS:
        ask(end + SETTLED, "nat.show", what=what)
    return first, frames, requests


class Judge:
    """What was said and logged, held against the rules; `bad` is what broke them."""

    def __init__(self, report):
        self.report, self.bad, self.held, self.mapped = report, [], {}, {}
        self.addresses = collections.Counter()

    def listing(self, at, result):
        ends = [(m["external"], m["external_port"], m["protocol"]) for m in result.get("mappings", [])]
        self.bad += [f"{at}: {e} has two mappings" for e, n in collections.Counter(ends).items() if n > 1]
        blocks = sorted((b["external"], b["port_first"], b["port_last"], b["subscriber"]) for b in result.get("blocks", []) if
                        b["ports"] < 60000)
        self.bad += [f"{at}: blocks overlap: {x}, {y}" for x, y in zip(blocks, blocks[1:]) if x[0] == y[0] and y[1] <= x[2]]

    def begins(self, e, table, key):
        clash = [k for k in table if k[0] == key[0] and k[1] <= key[2] and key[1] <= k[2] and k[3:] == key[3:]]
        self.bad += [f"given twice: {e} and {table[k]}" for k in clash]
        table[key] = e

    def ends(self, e, table, key):
        began = table.pop(key, None)
        if began is None or began["subscriber"] != e["subscriber"]:
            self.bad.append(f"ends what was not so: {e}, but {began}")

    def log(self):
        for e in self.report["log"]:
            kind, _, what = e["event"].partition("_")
            key = (e.get("external"), e.get("port_first", 0), e.get("port_last", 0), e.get("protocol"), e.get("far"))
            if kind == "address" and what in ("create", "delete"):
                self.addresses[(e["subscriber"], e["external"])] += 1 if what == "create" else -1
            elif kind in ("block", "mapping") and what in ("create", "delete"):
                (self.begins if what == "create" else self.ends)(e, self.held if kind == "block" else self.mapped, key)
        left = list(self.held.values()) + list(self.mapped.values()) + [a for a, n in self.addresses.items() if n]
        self.bad += [f"the log does not end {e}" for e in left]

    def rest(self):
        for said in self.report["control"]:
            result = said["response"].get("result")
            if said["method"] == "nat.show" and result is None:
                self.bad.append(f"{said['at']}: {said['response']}")
            elif said["method"] == "nat.show":
                self.listing(said["at"], result)
        for said in self.report["control"][-len(LISTS):]:
            result = said["response"].get("result", {})
            self.bad += [f"left: {x}" for x in result.get("mappings", []) + result.get("blocks", []) + result.get("subscribers", [])]
            self.bad += [f"left: {p}" for p in result.get("pools", []) + result.get("addresses", []) if
                         p["blocks_used"] or p["blocks_quarantined"] or any(p["ports_used"].values())]
        nat, flows = self.report["nat"], self.report["flows"]
        if nat["mappings"] or nat["subscribers"] or nat["blocks"] or nat["mappings_created"] != nat["mappings_freed"]:
            self.bad.append(f"left: {nat}")
        if flows["ipv4"] or flows["opened"] != flows["ended"]:
            self.bad.append(f"left: {flows}")

    def judge(self):
        self.log()
        self.rest()
        return self.bad


def run(seed):
    r = random.Random(seed)
    with tempfile.TemporaryDirectory() as d:
        def path(name):
            return os.path.join(d, name)

        def write(name, text):
            with open(path(name), "w", encoding="utf-8") as f:
                f.write(text)

        for _ in range(50):  # until one begins with a configuration that is good
            first, frames, requests = make(r)
            write("config.json", json.dumps(first))
            write("control.jsonl", "".join(json.dumps(q) + "\n" for q in requests))
            for nic in frames:
                P.write_pcap(path(nic + ".pcap"), frames[nic])
            done = subprocess.run([REPLAY, "--quiet", "--config", path("config.json"), "--in", "inside=" + path("inside.pcap"), "--in",
                                   "outside=" + path("outside.pcap"), "--control", path("control.jsonl"), "--report",
                                   path("report.json"), "--out", path("out"), "--workers", str(r.choice([1, 1, 2]))],
                                  capture_output=True, text=True, check=False)
            if done.returncode == 0:
                break
            if "config.json: nat." not in done.stderr:
                return {}, [f"exit status {done.returncode}: {done.stderr[-500:]}"]
        with open(path("report.json"), encoding="utf-8") as f:
            report = json.load(f)
    return report, Judge(report).judge()


def main():
    failed = mappings = changes = 0
    for seed in SEEDS:
        report, bad = run(seed)
        mappings += report.get("nat", {}).get("mappings_created", 0)
        changes += report.get("generation", 1) - 1
        for b in bad[:5]:
            print(f"seed {seed}: {b[:600]}")
        failed += bad != []
    print(f"churn: {len(SEEDS)} seeds, {changes} changes, {mappings} mappings, {failed} failed")
    return 1 if failed or changes < 2 * len(SEEDS) or mappings < 100 * len(SEEDS) else 0


if __name__ == "__main__":
    sys.exit(main())
