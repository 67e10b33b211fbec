#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/rfc.md against the tree: every test that it names exists, and every row names one or says why there is none.

A test is named in backticks in the last column: `FILE/CASE` is a case of tests/test_FILE.c, `nat/CASE` and `lb/CASE` may also be
golden captures of pcaps/, `lab/NAME` is t_NAME of tests/lab/, `whole/KIND` a kind of events of tests/nat_whole.py.
"""
import os
import re
import sys

ROOT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WITHOUT = ("not done", "by construction", "not asked")


def read(*parts):
    path = os.path.join(ROOT, *parts)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as f:
        return f.read()


def exists(test):
    area, _, name = test.partition("/")
    if os.path.exists(os.path.join(ROOT, "pcaps", area, name, "case.json")):
        return True
    if area == "lab":
        return any(f"\nt_{name}() " in read("tests", "lab", f) for f in ("run", "modes.bash", "twins.bash", "pools.bash", "apps.bash", "crash.bash"))
    if area == "whole":
        return f'"{name}"' in read("tests", "nat_whole.py")
    return f'{{"{name}",' in read("tests", f"test_{area}.c")


def rows(text):
    """(line number, cells) of the tables' rows, without their heads."""
    for i, line in enumerate(text.split("\n"), 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if line.startswith("| ") else []
        if cells and cells[0] not in ("id", "#"):
            yield i, cells


def main():
    bad, named, n = [], set(), 0
    for i, cells in rows(read("docs", "rfc.md")):
        n += 1
        where, tests = f"docs/rfc.md:{i}: {cells[0]}", re.findall(r"`([^`]+)`", cells[-1])
        if len(cells) != 5:
            bad.append(f"{where}: {len(cells)} columns, expected 5")
        elif not tests and not cells[2].startswith(WITHOUT):
            bad.append(f"{where}: names no test, and does not begin with one of: {', '.join(WITHOUT)}")
        bad += [f"{where}: there is no test {t}" for t in tests if not exists(t)]
        named |= set(tests)
    for b in bad:
        print(b)
    print(f"rfc_table: {n} rows, {len(named)} tests, {len(bad)} findings")
    return 1 if bad or n == 0 or exists("nat/no-such-case") or exists("conn/no such case") else 0


if __name__ == "__main__":
    sys.exit(main())
