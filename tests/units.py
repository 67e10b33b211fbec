#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Units for systemd: they parse, name what there is, and agree with each other and the programs.

    tests/units.py SOURCE MILLRACE.SERVICE MILLRACED.SERVICE MILLRACE MILLRACED

Where systemd-analyze is installed it verifies them, with the programs that were built in place of those that will be installed.
"""
import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile

SECTIONS = {"Unit", "Service", "Install"}
SHARED = {"RuntimeDirectory": "millrace", "RuntimeDirectoryPreserve": "yes"}
FOLDERS = {"/run/": "RuntimeDirectory", "/var/lib/": "StateDirectory", "/var/log/": "LogsDirectory"}


def parse(text):
    unit = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#", ";"), interpolation=None)
    unit.optionxform = str
    unit.read_string(text)
    return unit


def options_of(command):
    """=> {option: value} of an ExecStart."""
    words = command.split()[1:]
    return {words[i]: words[i + 1] if i + 1 < len(words) and not words[i + 1].startswith("--") else None
            for i in range(len(words)) if words[i].startswith("--")}


def said_by(program):
    return subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout


def check_one(name, text, help_text, source):
    wrong = []
    try:
        unit = parse(text)
    except configparser.Error as e:
        return [f"{name}: {e}"]
    if set(unit.sections()) != SECTIONS:
        return [f"{name}: sections {unit.sections()}, expected {sorted(SECTIONS)}"]
    service = unit["Service"]
    command = service.get("ExecStart", "")
    if os.path.basename(command.split(" ")[0]) + ".service" != name or not command.startswith("/"):
        wrong.append(f"{name}: ExecStart {command}: expected the program by its whole path")
    for option, value in options_of(command).items():
        if not re.search(rf"^  {re.escape(option)} ", help_text, re.M):
            wrong.append(f"{name}: {option} is no option of the program's --help")
        folder = next((f for f in FOLDERS if value and value.startswith(f)), None)
        if folder is None or service.get(FOLDERS[folder]) != value[len(folder):].split("/")[0]:
            wrong.append(f"{name}: {option} {value}: in no folder that the unit has made for it")
    for key, value in SHARED.items():
        if service.get(key) != value:
            wrong.append(f"{name}: {key}={service.get(key)}, expected {value}: both programs use it")
    for page in unit["Unit"].get("Documentation", "none").split():
        m = re.fullmatch(r"man:([a-z-]+)\((\d)\)", page)
        if m is None or not os.path.exists(f"{source}/docs/man/{m[1]}.{m[2]}"):
            wrong.append(f"{name}: Documentation {page}: no manual of ours")
    if service.get("Restart") != "always" or service.get("RestartPreventExitStatus") != "2":
        wrong.append(f"{name}: Restart: always, but for a wrong command line")
    return wrong


def check_both(texts):
    plane, daemon = (options_of(parse(t)["Service"]["ExecStart"]) for t in texts)
    return [] if plane["--socket"] == daemon["--plane"] else ["the daemon looks for the data plane elsewhere"]


def verify(units, programs):
    """What systemd says of them. => complaints."""
    if shutil.which("systemd-analyze") is None:
        print("systemd-analyze is not installed: not asked")
        return []
    with tempfile.TemporaryDirectory(prefix="mr-units-") as folder:
        for (name, text), program in zip(units, programs):
            with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
                f.write(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={os.path.abspath(program)}", text))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=one"] +
                              [f"{folder}/{name}" for name, _ in units], capture_output=True, text=True, check=False)
        said = [line for line in (done.stdout + done.stderr).splitlines() if "millrace" in line]
        if done.returncode != 0 and not said:
            said = (done.stdout + done.stderr).splitlines()
        return said


def selftest(units, helps, source):
    """Each rule can fail."""
    name, text = units[1]
    for was, now in (("--store", "--stores"), ("=/", "="), ("StateDirectory=millrace", "StateDirectory=other"),
                     ("RuntimeDirectoryPreserve=yes", ""), ("man:millctl(1)", "man:millctl(7)"), ("[Install]", "[Installs]"),
                     ("Restart=always", "Restart=no"), ("Type=exec", "Type=exec\nType=exec"), ("[Service]", "[Service")):
        assert was in text, was
        if not check_one(name, text.replace(was, now, 1), helps[1], source):
            sys.exit(f"error: '{now}' in place of '{was}' is not found")
    if not check_both([units[0][1], text.replace("plane.sock", "other.sock")]):
        sys.exit("error: another socket is not found")


def main():
    source, *rest = sys.argv[1:]
    paths, programs = rest[:2], rest[2:]
    units = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            units.append((os.path.basename(path), f.read()))
    helps = [said_by(p) for p in programs]
    selftest(units, helps, source)
    wrong = [w for (name, text), h in zip(units, helps) for w in check_one(name, text, h, source)]
    wrong += check_both([text for _, text in units]) + verify(units, programs)
    for w in wrong:
        print(f"error: {w}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
