#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What millrace-bench reports, and what draw makes of it: all cases, all fields, the page and the curves.

    tests/bench/fields.py BENCH SOURCES
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

CASES = ["nat-hit", "lb-hit", "lookup", "open", "life", "expire", "inbound-mapping", "scan-miss", "syn-flood", "handoff",
         "latency", "scaling"]
LATENCY = ["p50_ns", "p99_ns", "p999_ns", "p9999_ns", "max_ns"]
SIZES = [1000, 4000]


def expect(what, condition):
    if not condition:
        sys.exit(what)


def report_of(bench, folder):
    file = os.path.join(folder, "report.json")
    run = subprocess.run([bench, "--flows", "1k,4k", "--rounds", "1", "--no-hash", "--case", ",".join(CASES + ["parts"]),
                          "--report", file], capture_output=True, text=True)
    expect(f"ends with {run.returncode}: {run.stdout}{run.stderr}", run.returncode == 0)
    with open(file, encoding="utf-8") as f:
        return file, json.load(f)


def check_case(c):
    for key in ("flows", "ns", "f", "f_ns", "ns_min"):
        expect(f"{c}: no {key}", isinstance(c.get(key), (int, float)))
    expect(f"{c}: f is not ns in multiples of f_ns", abs(c["f"] * c["f_ns"] - c["ns"]) < 0.01 * abs(c["ns"]) + 0.01)
    if c["case"] == "parts":
        return
    expect(f"{c}: nothing was measured", c["ns"] > 0 and c["f"] > 0)
    expect(f"{c}: no bytes", c["bytes_per_flow"] > 64 and c["room"] >= c["flows"])
    if c["case"] == "latency":
        expect(f"{c}: quantiles", [c[k] for k in LATENCY] == sorted(c[k] for k in LATENCY))
        expect(f"{c}: no empty loop", c["idle_p999_ns"] > 0 and c["idle_max_ns"] >= c["idle_p999_ns"])
    if c["case"] in ("scaling", "syn-flood"):
        expect(f"{c}: no ratio", c["ratio"] > 0)
    if c["case"] in ("nat-hit", "lb-hit"):
        expect(f"{c}: no cold headers", c["cold_ns"] > 0)
        expect(f"{c}: parts of memory", abs(sum(c["memory"].values()) - c["bytes_per_flow"]) < 1)


def check_parts(rows):
    """Stages are differences, and their sum is the last one's turn; the worker is the whole."""
    names = ["parse", "index", "flow", "touch", "rewrite", "send", "worker"]
    expect(f"stages: {rows}", [c["part"] for c in rows] == names)
    whole = rows[-2]["cumulative_ns"]
    expect("stages do not add up", abs(sum(c["ns"] for c in rows[:-1]) - whole) < 0.01 * whole)
    expect("the worker is not the whole", rows[-1]["ns"] == rows[-1]["cumulative_ns"])


def check_report(report):
    expect("f_ns", report["f_ns"] > 0)
    expect("sizes", [m["flows"] for m in report["machine"]] == SIZES)
    for m in report["machine"]:
        expect(f"{m}: the machine's figures", m["f_ns"] > 0 and m["dependent_ns"] > 0 and m["f_ns_end"] > 0)
        expect(f"{m}: pages", sum(m["pages"].values()) >= 64 * m["flows"])
    for size in SIZES:
        found = [c["case"] for c in report["cases"] if c["flows"] == size and "part" not in c]
        expect(f"cases of {size} flows: {found}", sorted(found) == sorted(CASES))
        check_parts([c for c in report["cases"] if c.get("size") == size and c["case"] == "parts"])
    for c in report["cases"]:
        check_case(c)


GNUPLOT = """#!/bin/sh
# In gnuplot's place: keeps what it is told.
cat >>"$KEPT"
"""


def check_draw(sources, file, report, folder):
    tree, kept = os.path.join(folder, "tree"), os.path.join(folder, "kept")
    os.makedirs(os.path.join(tree, "tests/bench"))
    os.makedirs(os.path.join(tree, "docs"))
    os.makedirs(os.path.join(folder, "bin"))
    for name in ("tests/bench/draw", "docs/benchmarks.md"):
        shutil.copy(os.path.join(sources, name), os.path.join(tree, name))
    gnuplot = os.path.join(folder, "bin/gnuplot")
    with open(gnuplot, "w", encoding="utf-8") as f:
        f.write(GNUPLOT)
    os.chmod(gnuplot, 0o755)
    env = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "KEPT": kept}
    subprocess.run([sys.executable, os.path.join(tree, "tests/bench/draw"), file], env=env, check=True)
    with open(kept, encoding="utf-8") as f:
        told = f.read()
    for c in ("nat-hit", "lb-hit", "lookup", "F", "open", "life", "expire", "handoff"):
        expect(f"no curve of {c}", f"title '{c}'" in told)
    for c in report["cases"]:
        if c["case"] in ("nat-hit", "life"):
            expect(f"{c['case']}: its point is not in the curve", f"\n{c['flows']} {c['ns']}\n" in told)
    for name in ("hit", "miss"):
        expect(f"{name}: not written", f"set output '{tree}/docs/benchmarks-{name}.svg'" in told)
    with open(os.path.join(sources, "docs/benchmarks.md"), encoding="utf-8") as f:
        before = f.read()
    with open(os.path.join(tree, "docs/benchmarks.md"), encoding="utf-8") as f:
        page = f.read()
    begin, end = "<!-- made by tests/bench/draw -->\n", "<!-- end -->\n"
    expect("what stands around the table was touched",
           page.split(begin)[0] == before.split(begin)[0] and page.split(end)[1] == before.split(end)[1])
    made = page.split(begin)[1].split(end)[0]
    expect("sizes of the table", "| ns (multiples of F) | 1 k | 4 k |" in made)
    for c in CASES:
        expect(f"{c} is not in the table", f"\n| {c} | " in made)
    for text in ("| **F**: ", "| F again, after the cases | ", "| 4 k flows | ", "| rewrite | ", ", cold "):
        expect(f"'{text}' is not in the table", text in made)


def check_counted(bench, folder):
    """Without a clock, too, each case is reported."""
    file = os.path.join(folder, "counted.json")
    subprocess.run([bench, "--callgrind", "--flows", "1k", "--case", "nat-hit,scan-miss", "--report", file],
                   stdout=subprocess.DEVNULL, check=True)
    with open(file, encoding="utf-8") as f:
        expect("cases without a clock", [c["case"] for c in json.load(f)["cases"]] == ["nat-hit", "scan-miss"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_counted(sys.argv[1], folder)
        file, report = report_of(sys.argv[1], folder)
        check_report(report)
        check_draw(sys.argv[2], file, report, folder)


main()
