#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who had it, under configurations that change: whohad.py REPLAY MILLCTL ROOT [SEED]...

Addresses move between pools, pools between shapes, realms between interfaces, levels of the log, static mappings and ranges come and go, while
subscribers of realms with the same addresses send, are sent to, reach each other and ask for ports. What leaves says who had an external
port at that moment, since each packet says whose it is. The replay's records become a log on disk with the configurations beside it, in
segments of any size, whole, with records missing, or with its beginning deleted; then millctl is asked of each such moment, and of the
second around it. An answer that is certain, or silence that is complete, must not be wrong, whatever is missing.
"""
import collections
import gzip
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

REPLAY, MILLCTL, ROOT, SEEDS = sys.argv[1], sys.argv[2], sys.argv[3], [int(s) for s in sys.argv[4:]] or [1, 2, 3] + ([] if "MR_PART" in os.environ else [4, 5, 6, 5038, 5056])
sys.path.insert(0, os.path.join(ROOT, "pcaps"))
import packets as P  # noqa: E402

BEGIN, QUESTIONS = 1700000000, 150
SERVERS = ["192.0.2.1", "192.0.2.200"]
ADDRESSES = [f"203.0.113.{i}" for i in (1, 2, 3)]
HOSTS = [f"100.64.0.{i}" for i in range(2, 7)]
VLANS = {"ten": 10, "twenty": 20}
NAMES = {P.UDP: "udp", P.TCP: "tcp", P.ICMP: "icmp"}


def some(r, chances):
    """Those of the members that chance has given a value."""
    return {k: r.choice(choices) for k, (chance, choices) in chances.items() if r.random() < chance}


def pools(r, realms):
    """The addresses, or some of them, divided among pools of any shape."""
    out, left = [], r.sample(ADDRESSES, r.choice([2, 3, 3]))
    for name in r.sample("abc", r.choice([1, 2, 2, 3])):
        mine, left = left[:r.randint(1, 2)], left[2:]
        if not mine:
            break
        pool = {"name": name, "addresses": mine, "ports": r.choice(["1024-1151", "1024-1279", "1024-1087"]), "block_size": 64}
        pool.update(some(r, {
            "max_blocks": (.5, [1, 2, 4]), "keep_port": (.4, [True]), "port_order": (.3, ["sequential"]), "block_order": (.3, ["sequential"]),
            "block_size": (.2, [128]), "pairing": (.3, ["soft"]), "allocation": (.4, ["ports"]), "drain": (.1, [mine[:1]]),
            "deterministic": (.2, [{"inside": [r.choice(["100.64.0.2-100.64.0.3", "100.64.0.3-100.64.0.6", "100.64.0.6", "100.64.0.2"])],
                                    "overflow": r.choice([1, 2]), "range_ports": r.choice([16, 32, 64]), "realm": r.choice(realms)}]),
        }))
        if "deterministic" in pool:
            pool.pop("allocation", None)
            pool.pop("drain", None)
        if pool["ports"] == "1024-1087":
            pool["block_size"] = 64
        out.append(pool)
    return out


def configuration(r, fixed):
    realms = dict(zip(VLANS, r.sample(["red", "blue", "green", "outside"], 2)))
    named = [n for n in realms.values() if n != "outside"] + (["spare"] if r.random() < .2 else [])
    all_pools = pools(r, list(realms.values()))
    names = [p["name"] for p in all_pools]
    rules = [{"name": "all", "source": "100.64.0.0/10", "pool": r.choice(names)}]
    if r.random() < .4:
        rules.insert(0, {"name": "apart", "source": "100.64.0.0/10", "pool": r.choice(names), "realm": r.choice(list(realms.values()))})
    if r.random() < .3:
        rules.insert(0, {"name": "there", "source": "100.64.0.0/10", "destination": "192.0.2.0/25", "pool": r.choice(names)})
    for rule in rules:
        rule.update(some(r, {"max_mappings": (.2, [3, 20]), "filtering": (.2, ["address-dependent"]), "pcp": (.6, [True]),
                             "log_sessions": (.2, [True]), "fallback": (.3, [[n] for n in names if n != rule["pool"]] or [[]])}))
        if "destination" in rule:
            rule.pop("pcp", None)
    static = [{"inside": r.choice(HOSTS), "outside": "203.0.113.20", "realm": r.choice(list(realms.values()))},
              {"inside": r.choice(HOSTS), "outside": r.choice(ADDRESSES), "protocol": r.choice(["tcp", "udp"]), "inside_ports": "1000-1009",
               "outside_ports": r.choice(["1030-1039", "80-89", "1100-1109"]), "realm": r.choice(list(realms.values()))}]
    number = {"red": 3, "blue": 1, "green": 2, "spare": 4}
    return {
        "workers": {"count": 1, "flows": {"ipv4": 8192, "ipv6": 64}},
        "realms": [{"name": n, **({"number": number[n]} if fixed and r.random() < .9 else {"number": r.randint(1, 5)} if r.random() < .02 else {})} for n in named],
        "nics": [{"name": n, "device": "a", "vlan": v, "addresses": ["100.64.0.1/10"], **({"realm": realms[n]} if realms[n] != "outside" else {})}
                 for n, v in VLANS.items()] + [{"name": "outside", "device": "b", "addresses": ["198.51.100.2/24"]}],
        "routes": [{"prefix": "0.0.0.0/0", "via": "198.51.100.1"}],
        "nat": {"pools": all_pools, "rules": rules, "static": r.sample(static, r.choice([0, 0, 1, 2])),
                "log": r.choice(["blocks"] * 6 + ["mappings"] * 6 + ["none"] * 2), "quarantine": r.choice([0, 0, 1, 10]),
                "drain_deadline": r.choice([0, 0, 3]),
                "timeouts": {"udp": 10, "tcp_opening": 8, "tcp_established": 20, "tcp_closing": 5, "icmp": 5},
                "pcp": {"min_lifetime": 5, "max_lifetime": 40},
                "capacity": {"mappings": 4096, "subscribers": 64, "pool_addresses": 64, "quarantine": 64, "permissions": 4096, "leases": 64}},
        "log": {"files": {"directory": "/var/log/millrace"}},
    }


def l4(proto, src, dst, sport, dport, token):
    if proto == P.UDP:
        return P.udp(src, dst, sport, dport, struct.pack("!I", token))
    if proto == P.TCP:
        return P.tcp(src, dst, sport, dport, P.SYN, token, 0)
    return P.echo(src, dst, sport, 1, struct.pack("!I", token))


def token_of(p):
    if p.proto == P.TCP:
        return p.seq
    return struct.unpack("!I", p.data[:4])[0] if p.proto in NAMES and p.data is not None and len(p.data) >= 4 else None


def ask_for_port(r, src, port):
    """A request of the Port Control Protocol for a mapping of an inside port, of an external one if that can be."""
    external = r.choice(ADDRESSES)
    body = r.randbytes(12) + struct.pack("!B3xHH", r.choice([6, 17]), port, r.choice([0, r.randint(1024, 1279)]))
    return P.udp(src, "100.64.0.1", 40000, 5351, struct.pack("!BBHI", 2, 1, 0, r.choice([0, 5, 30])) + bytes(10) + b"\xff\xff" +
                 P.addr(src) + body + bytes(10) + b"\xff\xff" + P.addr(external))


class Traffic:
    def __init__(self, r, fixed):
        self.r, self.fixed, self.now, self.sent = r, fixed, 0.0, []
        self.frames, self.requests = {n: [] for n in [*VLANS, "outside"]}, []
        self.first = configuration(r, fixed)
        self.ask("nat.forward", address=HOSTS[0])   # says numbers of realms
        end = r.choice([100, 250])
        while self.now < end:
            self.now = round(self.now + r.expovariate(r.choice([2, 15, 60])), 3)
            self.step()
        self.end = end

    def put(self, nic, packet, *what):
        self.sent.append((nic, *what))
        self.frames[nic].append((BEGIN * 10**9 + round(self.now * 1000) * 10**6 + 500000, P.ether(
            "02:00:00:00:00:01", "02:00:00:00:00:02", P.ETH_IP4, packet, VLANS.get(nic))))

    def step(self):
        r, k = self.r, self.r.random()
        proto, token = r.choice([P.UDP, P.UDP, P.TCP, P.ICMP]), len(self.sent) + 1
        host, port, nic = r.choice(HOSTS), r.choice([r.randint(1000, 1009), r.randint(1024, 1060), 5000]), r.choice(list(VLANS))
        outside = (r.choice(ADDRESSES + ["203.0.113.20"]), r.choice([r.randint(1024, 1279), r.randint(1024, 1050), r.randint(80, 89)]))
        if k < .55:
            self.put(nic, l4(proto, host, r.choice(SERVERS), port, 80, token), host, port)
        elif k < .8:
            self.put("outside", l4(proto, r.choice(SERVERS), outside[0], 80, outside[1], token), *outside)
        elif k < .9:
            self.put(nic, l4(proto, host, outside[0], port, outside[1], token), host, port, *outside)
        elif k < .95:
            self.put(nic, ask_for_port(r, host, port), host, port)
        elif k < .98:
            self.ask("config.apply", config=configuration(r, self.fixed))
            self.ask("nat.forward", address=HOSTS[0])
        else:
            self.ask("nat.clear", filter=r.choice(["subscriber=0.0.0.0/0", f"subscriber={host}", "port=1024-1100", "protocol=udp"]))

    def ask(self, method, **params):
        self.requests.append({"at": self.now, "jsonrpc": "2.0", "id": len(self.requests), "method": method, "params": params})


Seen = collections.namedtuple("Seen", "us external port proto realm subscriber inside_port")


class World:
    """A replay: what was logged, which configurations were in force, and who was seen."""

    def __init__(self, d, traffic):
        self.dir, self.traffic, self.seen = d, traffic, []
        self.write("config.json", json.dumps(traffic.first))
        self.write("control.jsonl", "".join(json.dumps(q) + "\n" for q in traffic.requests))
        cmd = [REPLAY, "--quiet", "--config", self.path("config.json"), "--control", self.path("control.jsonl"), "--report",
               self.path("report.json"), "--out", self.path("out"), "--until", str(traffic.end + 100)]
        for nic, frames in traffic.frames.items():
            P.write_pcap(self.path(nic + ".pcap"), frames)
            cmd += ["--in", f"{nic}={self.path(nic)}.pcap"]
        done = subprocess.run(cmd, capture_output=True, text=True, check=False)
        self.good, self.error = done.returncode == 0, done.stderr
        if not self.good:
            return
        with open(self.path("report.json"), encoding="utf-8") as f:
            self.report = json.load(f)
        begin = float(self.report["time"]["first"])
        self.documents = [(0, traffic.first)] + [
            (int((begin + q["at"]) * 1000 + 0.01), asked["params"]["config"]) for q, asked in
            zip(self.report["control"], traffic.requests) if q["method"] == "config.apply" and "result" in q["response"]]
        self.names = [(int((begin + q["at"]) * 1000 + 0.01), {a["realm"]: a["realm_name"] for a in q["response"]["result"]["answers"] if a["realm"]})
                      for q in self.report["control"] if q["method"] == "nat.forward" and "result" in q["response"]]
        self.look()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def realm(self, ms, nic):
        document = [d for at, d in self.documents if at <= ms][-1]
        return next(n.get("realm") for n in document["nics"] if n["name"] == nic)

    def look(self):
        for nic in self.traffic.frames:
            for t, frame in P.read_capture(self.path(f"out/{nic}.pcap")):
                p = P.Packet(frame)
                token = token_of(p)
                if p.icmp_type in (3, 11, 12) or token is None or not 0 < token <= len(self.traffic.sent) or 5351 in (p.sport, p.dport):
                    continue
                sent = self.traffic.sent[token - 1]
                port = p.ident if p.proto == P.ICMP else p.sport
                us = t // 1000
                if sent[0] != "outside":   # its source has been translated
                    self.seen.append(Seen(us, P.text(p.src), port, p.proto, self.realm(us // 1000, sent[0]), sent[1], sent[2]))
                if nic != "outside" and p.proto != P.ICMP:   # and its destination
                    self.seen.append(Seen(us, sent[-2], sent[-1], p.proto, self.realm(us // 1000, nic), P.text(p.dst), p.dport))


def text(us):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // 10**6)) + f".{us % 10**6:06d}Z"


def line(e):
    return json.dumps(e, separators=(",", ":"))


class Log:
    """A replay's records as the daemon would have them on disk. kind: whole, holes, old."""

    def __init__(self, world, r, kind):
        self.dir, self.r, self.kind, self.world = world.path("log"), r, kind, world
        os.mkdir(self.dir)
        self.lines = [(BEGIN * 10**6 - 1, line({"time": text(BEGIN * 10**6 - 1), "event": "start"}))]
        names, held, interim = list(world.names), {}, BEGIN + 20
        name, silent = {}, self.silences()
        for e in world.report["log"]:
            us = round(e["time"] * 10**6)
            while kind == "old" and us >= interim * 10**6:
                self.interims(interim * 10**6, held, max([t for t, _ in silent if t <= interim * 10**6], default=0))
                interim += 20
            while names and names[0][0] * 1000 <= us:
                name.update(names.pop(0)[1])
            if e.get("realm") in name:   # also of one that has gone
                e["realm_name"] = name[e["realm"]]
            e["time"] = text(us)
            key = (e.get("external"), e.get("port_first"))
            if e["event"] == "block_create":
                held[key] = (us, e)
            elif e["event"] == "block_delete":
                held.pop(key, None)
            self.lines.append((us, line({k: v for k, v in e.items() if not isinstance(v, dict)})))
        self.lines = sorted(self.lines + silent, key=lambda x: x[0])
        if kind == "holes":
            self.lines = [x for x in self.lines if r.random() > .05]
        self.segments()
        ms = 0
        for at, document in world.documents:   # late, and still in order
            ms = max(ms + 1, BEGIN * 1000 if at == 0 else at + r.choice([0, 0, 30, 90]))
            name = time.strftime("config-%Y%m%dT%H%M%SZ", time.gmtime(ms // 1000)) + f"-{ms % 1000:03d}.json"
            with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
                json.dump(document, f)

    def silences(self):
        """What the daemon says, up to 100 ms late, when nat.log becomes none and when it is none no more."""
        out, since = [], 0
        for ms, document in self.world.documents:
            if (document["nat"]["log"] == "none") == (since != 0):
                continue
            us = (ms or BEGIN * 1000) * 1000
            until = us + self.r.randint(0, 100000)
            out.append((until, line({"time": text(until), "event": "gap", "since": text(since or us), "lost": 0})))
            since = us if since == 0 else 0
        return out

    def interims(self, us, held, doubted):
        for since, e in held.values():
            if since <= doubted:
                continue   # nobody knows
            self.lines.append((us, line({"time": text(us), "event": "block_interim", **{k: e[k] for k in (
                "worker", "subscriber", "realm", "realm_name", "external", "port_first", "port_last", "pool") if k in e}, "since": text(since)})))

    def segments(self):
        number, lines, names = 0, self.lines, []
        while lines:
            n = self.r.choice([1, 3, 40, 400])
            names.append(time.strftime("nat-%Y%m%dT%H%M%SZ", time.gmtime(lines[0][0] // 10**6)) + f"-{number:08d}.jsonl")
            body = "".join(t + "\n" for _, t in lines[:n]).encode()
            lines, number = lines[n:], number + 1
            if self.kind == "old" and lines and lines[0][0] < (BEGIN + self.world.traffic.end / 3) * 10**6:
                continue   # deleted
            zipped = self.r.random() < .5 and lines != []
            with open(os.path.join(self.dir, names[-1] + ".gz" * zipped), "wb") as f:
                f.write(gzip.compress(body) if zipped else body)

    def ask(self, external, port, proto, at):
        done = subprocess.run([MILLCTL, "--json", "nat", "whohad", f"{external}:{port}", "--at", at, "--protocol", NAMES[proto], "--directory",
                               self.dir], capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def judge(said, seen, exactly=False):
    """Of a question, what is wrong with the answer: everybody in seen had it then, as packets show. => sentences."""
    if "answers" not in said:
        return [str(said)]
    bad = []
    for s in seen:
        whose = [a for a in said["answers"] if (a["subscriber"], a.get("realm_name", "outside")) == (s.subscriber, s.realm or "outside")]
        bad += [f"certain, but it was another: {a}" for a in said["answers"] if a["certain"] and a not in whose]
        bad += [f"certain, but it was another's port: {a}" for a in whose if a["certain"] and exactly and
                a["kind"] in ("mapping", "session") and a.get("inside_port") not in (None, s.inside_port)]
        if said["complete"] and not whose:
            bad.append("complete, but it was another")
    return bad


def run(seed, sums):
    r = random.Random(seed)
    kind = ["whole", "holes", "old"][seed % 3]
    with tempfile.TemporaryDirectory() as d:
        for _ in range(50):   # until one begins with a configuration that is good
            world = World(d, Traffic(r, seed % 2 == 0))
            if world.good:
                break
        else:
            return [f"no replay: {world.error[-500:]}"]
        log, bad = Log(world, r, kind), []
        by_second = collections.defaultdict(list)
        for s in world.seen:
            by_second[s.external, s.port, s.proto, s.us // 10**6].append(s)
        for s in r.sample(world.seen, min(QUESTIONS, len(world.seen))):
            said = log.ask(s.external, s.port, s.proto, text(s.us))
            bad += [f"{s} {b}\n{json.dumps(said)}" for b in judge(said, [s], True)]
            sums["certain"] += any(a["certain"] for a in said.get("answers", []))
            sums["asked"] += 1
            same = by_second[s.external, s.port, s.proto, s.us // 10**6]
            said = log.ask(s.external, s.port, s.proto, text(s.us)[:19] + "Z")
            bad += [f"in the second, {s} {b}\n{json.dumps(said)}" for b in judge(said, same)]
        sums["changes"] += len(world.documents) - 1
        sums["refused"] += sum("error" in q["response"] for q in world.report["control"])
        sums["seen"] += len(world.seen)
    return bad


def main():
    sums, failed = collections.Counter(), 0
    for seed in SEEDS:
        bad = run(seed, sums)
        failed += bool(bad)
        for b in bad[:3]:
            print(f"seed {seed}: {b}")
        if bad:
            print(f"seed {seed}: {len(bad)} wrong")
    print(f"whohad: {len(SEEDS)} seeds, " + ", ".join(f"{n} {k}" for k, n in sums.items()) + f", {failed} failed")
    return 1 if failed or sums["certain"] < sums["asked"] / 2 else 0


if __name__ == "__main__":
    sys.exit(main())
