# SPDX-License-Identifier: Apache-2.0
"""A case being made: packets go in at set times, and what Millrace answers is looked up by a replay of what there is
so far, so that a reply can be addressed to the port that was chosen. What leaves up to a moment does not depend on
what comes later, so what was looked up stays true."""
import copy
import json
import os
import subprocess
import tempfile

import packets as P

START = 1_700_000_000 * 10**9  # of every capture, unless it says so: 2023-11-14 22:13:20 UTC

INSIDE_MAC, OUTSIDE_MAC, FARM_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"
NIC_MAC = {"inside": INSIDE_MAC, "outside": OUTSIDE_MAC, "farm": FARM_MAC}
NIC_MAC["small"] = "02:00:00:00:00:0d"


def device_mac(n):
    """MAC address of the n-th device of a replay."""
    return f"02:6d:72:00:00:{n + 1:02x}"


class Case:
    replay = None   # path of millrace-replay
    more = ()       # further arguments for it

    def __init__(self, name, about, config, args=()):
        self.name, self.about, self.args = name, about, list(args)
        self.config = copy.deepcopy(config)
        self.frames = {n["name"]: [] for n in self.config["nics"]}
        self.format = {}
        self.control = []
        self.one_worker = False   # it makes no sense with more: not enough blocks, say

    # -- putting in --

    def nic(self, name):
        return next(n for n in self.config["nics"] if n["name"] == name)

    def device(self, name):
        devices = []
        for n in self.config["nics"]:
            if n["device"] not in devices:
                devices.append(n["device"])
        return devices.index(self.nic(name)["device"])

    def frame(self, nic, t, frame):
        """t: seconds since the start."""
        self.frames[nic].append((START + round(t * 10**9), frame))

    def send(self, nic, t, *ip_packets):
        """IP packets from a neighbour on nic to us."""
        for p in ip_packets:
            self.frame(nic, t, P.ether(device_mac(self.device(nic)), NIC_MAC[nic],
                                       P.ETH_IP4 if p[0] >> 4 == 4 else P.ETH_IP6, p, self.nic(nic).get("vlan")))

    def request(self, at, method, **params):
        self.control.append({"at": at, "jsonrpc": "2.0", "id": len(self.control) + 1, "method": method,
                             "params": params})

    # -- looking up --

    def run(self):
        """Replay what there is. => {nic: [Packet]}"""
        with tempfile.TemporaryDirectory() as d:
            self.write(d)
            subprocess.run(command(self.replay, d, os.path.join(d, "out"), os.path.join(d, "report.json"), self.more),
                           check=True)
            return {n: [P.Packet(f, t) for t, f in P.read_capture(os.path.join(d, "out", n + ".pcap"))]
                    for n in self.frames}

    def last(self, nic, n=1):
        """The last packet that left by nic (the n-th from the end)."""
        return self.run()[nic][-n]

    # -- writing --

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        # `at` of requests counts from the first packet.
        first = min(f[0][0] for f in self.frames.values() if f)
        assert not self.control or first == START, f"{self.name}: begins at {first}"
        inputs = []
        for nic, frames in self.frames.items():
            if not frames:
                continue
            kind = self.format.get(nic, "us")
            name = f"in-{nic}.{'pcapng' if kind == 'pcapng' else 'pcap'}"
            path = os.path.join(folder, name)
            if kind == "pcapng":
                P.write_pcapng(path, frames)
            else:
                P.write_pcap(path, frames, kind == "ns")
            inputs.append([nic, name])
        dump(os.path.join(folder, "config.json"), self.config)
        dump(os.path.join(folder, "case.json"), {"about": self.about, "in": inputs, "args": self.args})
        if self.control:
            with open(os.path.join(folder, "control.jsonl"), "w", encoding="utf-8") as f:
                f.writelines(json.dumps(r) + "\n" for r in self.control)


def dump(path, what):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(what, f, indent=1)
        f.write("\n")


def command(replay, folder, out, report, more=()):
    """The command line that replays a case."""
    with open(os.path.join(folder, "case.json"), encoding="utf-8") as f:
        case = json.load(f)
    cmd = [replay, "--quiet", "--config", os.path.join(folder, "config.json"), "--out", out, "--report", report]
    for nic, name in case["in"]:
        cmd += ["--in", f"{nic}={os.path.join(folder, name)}"]
    if os.path.exists(os.path.join(folder, "control.jsonl")):
        cmd += ["--control", os.path.join(folder, "control.jsonl")]
    return cmd + case["args"] + list(more)


def install(case, root):
    """Write a case's inputs into the tree; its expected outputs are tests/golden/run's business."""
    folder = os.path.join(root, case.name)
    for old in os.listdir(folder) if os.path.isdir(folder) else []:
        if old.startswith("in-") or old in ("control.jsonl", "config.json", "case.json"):
            os.remove(os.path.join(folder, old))
    case.write(folder)
    return folder
