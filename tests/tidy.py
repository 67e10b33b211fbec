#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Style as a test: sizes, columns, include direction, banned calls, leftover notes, headers, tests.

Ratchet: tests/tidy.allow names what stands above a limit today, with its size; it may shrink, never grow, and
nothing new gets in without a line there. `tidy.py --selftest` proves on made-up files that each rule can fail.
"""
import os
import re
import subprocess
import sys
import tempfile

FILE_LINES, FUNCTION_LINES, COLUMNS = 600, 70, 100

# Which folders a folder's files may include from (its own always).
MAY_INCLUDE = {
    "lib": [],
    "nat": ["lib"],
    "lb": ["lib"],
    "ctl/config": ["lib", "nat", "lb"],
    "ctl/log": ["lib"],
    "ctl/api": ["lib", "nat", "lb", "ctl/config", "ctl/log"],
    "ctl/daemon": ["lib", "nat", "ctl/api", "ctl/config", "ctl/log"],
    "ctl/client": ["lib", "ctl/api", "ctl/config", "ctl/log"],
    "ctl/dataplane": ["lib", "nat", "lb"],
    "ctl/replay": ["lib", "nat", "lb", "ctl/config", "ctl/api", "ctl/log", "ctl/dataplane"],
}
# Headers of nat/ and lb/ that are formats: all that ctl/config and ctl/api may take from there.
FORMATS = {"nat/nat_filter.h", "nat/nat_image.h", "lb/lb_image.h", "lb/guard_image.h", "lb/lb_table.h", "lb/maglev.h", "lb/state.h",
           "nat/static.h", "nat/deterministic.h", "lb/place.h"}
NO_DPDK = ["ctl/config", "ctl/log", "ctl/api", "ctl/daemon", "ctl/client", "nat/nat_image", "lb/lb_image", "lb/maglev",
           "lb/guard_image", "lb/state", "nat/static", "nat/deterministic", "lb/place"]
ETHDEV = re.compile(r"rte_(ethdev|eal|flow|dev|lcore|launch|mempool|mbuf_dyn|malloc|memzone)\.h")
ETHDEV_OK = {"lib/nic_ethdev.c", "lib/nic_steer.c", "ctl/dataplane/main.c"}

# Calls that a folder must not make, and what to use instead.
BANNED = [
    (re.compile(r"\b(strcpy|strcat|sprintf|gets|strtok|atoi|atol)\s*\("), "", "snprintf, memcpy or strtol with checks"),
    (re.compile(r"\b(malloc|calloc|realloc|free)\s*\("), "nat lb", "mem_alloc at create; nothing on the packet path"),
    (re.compile(r"\b(printf|fprintf|puts|syslog)\s*\("), "lib nat lb", "a counter, or an error text to the caller"),
    (re.compile(r"\b(exit|abort)\s*\("), "lib nat lb ctl/api ctl/config", "an error to the caller"),
    (re.compile(r"\b(clock_gettime|gettimeofday|time|rte_rdtsc|rte_get_timer_cycles)\s*\("), "lib nat lb",
     "time is an argument"),
    (re.compile(r"\b(rand|srand|random)\s*\("), "", "the seeded generator of the worker"),
    (re.compile(r"\b(pthread_mutex_lock|rte_spinlock_lock|rte_rwlock_\w+)\s*\("), "lib nat lb", "single writer, rings"),
    (re.compile(r"\b(sleep|usleep)\s*\("), "lib nat lb tests", "time is an argument"),
]
# A line of reason in the file itself may allow a call off the packet path: /* tidy: <why> */ on the line before.
ALLOW_MARK = re.compile(r"/\* tidy: .{8,} \*/")
NOTES = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def tracked(root):
    out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    names = out.stdout.split() if out.returncode == 0 else []
    return sorted(n for n in names if os.path.isfile(os.path.join(root, n)))


def folder_of(name):
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == "ctl" else parts[0]


def strip_comments(text):
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def functions(lines):
    """(name, first line, length) of every function: a body opened by a brace in column 0."""
    start = None
    for i, line in enumerate(lines):
        if line.startswith("{") and start is None:
            start = i
        elif line.startswith("}") and start is not None:
            if not line.startswith("};") and not line.startswith("} "):
                j = start - 1
                while j > 0 and not re.match(r"[A-Za-z_]\w*\(", lines[j]):
                    j -= 1
                name = re.match(r"([A-Za-z_]\w*)", lines[j])
                yield (name.group(1) if name else "?", start + 1, i - start + 1)
            start = None


def check_sizes(name, lines, say):
    if len(lines) > FILE_LINES:
        say("file", f"{name}", len(lines), f"{len(lines)} lines, at most {FILE_LINES}: one subject a file")
    for i, line in enumerate(lines):
        if len(line.expandtabs(8)) > COLUMNS:
            say("columns", f"{name}:{i + 1}", 0, f"line of {len(line.expandtabs(8))} columns, at most {COLUMNS}")
    if name.endswith(".c"):
        for fn, at, length in functions(lines):
            if length > FUNCTION_LINES:
                say("function", f"{name}:{fn}", length,
                    f"function of {length} lines, at most {FUNCTION_LINES}")


def check_includes(name, lines, say):
    folder = folder_of(name)
    for i, line in enumerate(lines):
        m = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if not m:
            continue
        inc, where = m.group(1), f"{name}:{i + 1}"
        if ETHDEV.search(inc) and name.startswith(("lib/", "nat/", "lb/", "ctl/")) and name not in ETHDEV_OK:
            say("include", where, 0, f"{inc}: EAL and ethdev stay behind lib/nic.h and in the programs' main")
        if inc.startswith("rte_") and any(name.startswith(p) for p in NO_DPDK):
            say("include", where, 0, f"{inc}: no DPDK in {folder}")
        top = "/".join(inc.split("/")[:2]) if inc.startswith("ctl/") else inc.split("/")[0]
        if "/" not in inc or top not in MAY_INCLUDE or folder not in MAY_INCLUDE or top == folder:
            continue
        if top not in MAY_INCLUDE[folder]:
            say("include", where, 0, f"{folder} may not include {inc}")
        elif folder in ("ctl/config", "ctl/api", "ctl/daemon") and top in ("nat", "lb") and inc not in FORMATS:
            say("include", where, 0, f"{folder} takes only formats from {top}: {', '.join(sorted(FORMATS))}")


def check_calls(name, lines, code, say):
    folder = folder_of(name)
    for i, line in enumerate(code):
        for pattern, where, instead in BANNED:
            m = pattern.search(line)
            if not m or (where and folder not in where.split()):
                continue
            if i > 0 and (ALLOW_MARK.search(lines[i - 1]) or ALLOW_MARK.search(lines[i])):
                continue
            say("call", f"{name}:{i + 1}", 0, f"{m.group(1)}() in {folder}: use {instead}")
    if name.endswith(".c"):
        for i, line in enumerate(code):
            if re.match(r"\s*#\s*(if|ifdef|ifndef|elif)\b", line):
                say("cpp", f"{name}:{i + 1}", 0, "no #if in .c files: choose in a table, a header or the build")


def check_notes(name, lines, say):
    for i, line in enumerate(lines):
        if NOTES.search(line) and not name.startswith("tests/tidy"):
            say("note", f"{name}:{i + 1}", 0, "leftover note: finish it or file it")


def check_header(name, text, say):
    if name.startswith(("lib/", "nat/", "lb/", "ctl/")) and not re.search(r"\* What\s{3,}\S", text[:2000]):
        say("header", name, 0, "header without its comment (What, Layout, Invariant, Owner, Limits, See)")


def check_tests(names, say):
    tests = {os.path.basename(n)[5:-2] for n in names if re.match(r"tests/(.*/)?test_\w+\.c$", n)}
    for n in names:
        m = re.match(r"(lib|nat|lb)/(\w+)\.c$", n)
        if m and m.group(2) not in tests and f"{m.group(1)}_{m.group(2)}" not in tests:
            say("test", n, 0, f"no tests/test_{m.group(2)}.c")


def check_all(root, names):
    found = []

    def say(rule, key, size, text):
        found.append((rule, key, size, text))
    for name in names:
        if not name.endswith((".c", ".h")):
            if name.endswith((".sh", ".py")) or name.startswith("deploy/"):
                with open(os.path.join(root, name), encoding="utf-8", errors="replace") as f:
                    check_notes(name, f.read().split("\n"), say)
            continue
        with open(os.path.join(root, name), encoding="utf-8") as f:
            text = f.read()
        lines, code = text.rstrip("\n").split("\n"), strip_comments(text).split("\n")
        check_sizes(name, lines, say)
        check_includes(name, lines, say)
        check_calls(name, lines, code, say)
        check_notes(name, lines, say)
        if name.endswith(".h"):
            check_header(name, text, say)
    check_tests(names, say)
    return found


def read_allow(path):
    allow = {}
    if os.path.exists(path):
        for line in open(path, encoding="utf-8"):
            line = line.split("#")[0].strip()
            if line:
                rule, key, size = line.split()
                allow[(rule, key)] = int(size)
    return allow


def judge(found, allow):
    bad, used = [], set()
    for rule, key, size, text in found:
        if (rule, key) in allow:
            used.add((rule, key))
            if size <= allow[(rule, key)]:
                continue
            text += f" (tests/tidy.allow says {allow[(rule, key)]})"
        bad.append(f"{key}: {text} [{rule}]")
    bad += [f"tests/tidy.allow: {r} {k} is no longer needed: take it out" for r, k in sorted(set(allow) - used)]
    return bad


def selftest():
    """Each rule finds the fault that it is for."""
    faults = {
        "file": ("lib/a.c", "int a;\n" * 601),
        "columns": ("lib/a.c", "int a; /*" + " " * 100 + "*/\n"),
        "function": ("lib/a.c", "int\nf(void)\n{\n" + "\tg();\n" * 80 + "}\n"),
        "include": ("nat/a.c", '#include "lb/lb.h"\n'),
        "call": ("lib/a.c", "int\nf(void)\n{\n\tprintf(\"x\");\n}\n"),
        "cpp": ("lib/a.c", "#if 1\n#endif\n"),
        "note": ("lib/a.c", "/* TO" + "DO later */\n"),
        "header": ("lib/a.h", "int a;\n"),
        "test": ("lib/a.c", "int a;\n"),
    }
    for rule, (name, text) in faults.items():
        with tempfile.TemporaryDirectory() as d:
            os.makedirs(os.path.join(d, os.path.dirname(name)))
            with open(os.path.join(d, name), "w", encoding="utf-8") as f:
                f.write(text)
            if rule not in {r for r, _, _, _ in check_all(d, [name])}:
                print(f"tidy selftest: rule '{rule}' did not find its fault")
                return 1
    return 0


def main():
    if selftest():
        return 1
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    names = tracked(root)
    bad = judge(check_all(root, names), read_allow(os.path.join(root, "tests", "tidy.allow")))
    for b in bad:
        print(b)
    print(f"tidy: {len(names)} files, {len(bad)} findings")
    return 1 if bad or not names else 0


if __name__ == "__main__":
    sys.exit(main())
