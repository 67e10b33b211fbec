#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the documents tell a reader to do can be done: tests/doc_links.py MILLCTL ROOT

Each `millctl ...` in them is a command with these options, each link leads to a file and a heading that is there, each
program of ours that a command line begins with exists, and README.md leads to every page.
"""
import functools
import pathlib
import re
import subprocess
import sys

GLOBAL = {"--json", "--socket", "--timeout", "--help", "--version"}


@functools.cache
def help_of(millctl, *words):
    """The usage of a command, or None if there is none of this name."""
    r = subprocess.run([millctl, "help", *words], capture_output=True, text=True, check=False)
    return r.stdout if r.returncode == 0 else None


def command_words(text):
    """Words behind `millctl`, the program's own options left out, up to what is the shell's."""
    words = re.split(r"\s*(?:&&|[|;>#]|\s2>)", text, maxsplit=1)[0].split()
    left = []
    while words:
        word = words.pop(0)
        if word in ("--socket", "--timeout"):
            words = words[1:]
        elif word not in GLOBAL:
            left.append(word)
    return left


def command_wrong(millctl, text):
    """Why `millctl TEXT` cannot be run, or None."""
    words = command_words(text)
    if not words or not re.fullmatch(r"[a-z]+", words[0]):
        return None  # `millctl` alone, or "millctl NOUN"
    usage = help_of(millctl, words[0])
    if usage is None:
        return f"no command {words[0]}"
    verbs = set(re.findall(rf"^millctl {words[0]} ([a-z][a-z-]*)", usage, re.M))
    verb = words[1] if len(words) > 1 else None
    if verb in verbs:
        usage = help_of(millctl, words[0], verb)
    elif verb and re.fullmatch(r"[a-z][a-z-]*", verb) and verbs and not re.search(
            rf"^millctl {words[0]}( [^a-z]|$)", usage, re.M):
        return f"{words[0]} has no {verb}"
    for option in (w.split("=")[0] for w in words if w.startswith("--")):
        if option not in usage and words[0] != "help":
            return f"{' '.join(words[:2])} has no {option}"
    return None


def heading_ids(text):
    """Anchors of a page's headings, as renderers make them."""
    ids = set()
    for line in re.findall(r"^#+ +(.*)$", text, re.M):
        plain = re.sub(r"[`*]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line.strip().lower()))
        ids.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return ids


def commands_in(text):
    """Command lines of a page: indented or fenced ones, and those in backticks."""
    for line in re.findall(r"^(?: {4}|\t)?(?:\$ |sudo )*millctl (.*)$", text, re.M):
        yield line
    for line in re.findall(r"`millctl\s+([^`]+)`", text):
        yield " ".join(line.split())
    for line in re.findall(r"^.*?&& millctl (.*)$", text, re.M):
        yield line


def programs_in(text):
    """Files of ours that a command line begins with."""
    return re.findall(r"^(?: {4}|\t)(?:\$ )?(?:sudo )?((?:deploy|tests|pcaps)/[\w./-]+)", text, re.M)


def page_wrong(millctl, root, page):
    """What is wrong with a page, a line each."""
    text = page.read_text(encoding="utf-8")
    for command in commands_in(text):
        why = command_wrong(millctl, command)
        if why:
            yield f"`millctl {command}`: {why}"
    for program in programs_in(text):
        if not (root / program).exists() and not program.startswith("tests/bench/millrace"):
            yield f"{program} is not there"
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            yield f"link to {link}: no such file"
        elif anchor and target.suffix == ".md" and anchor not in heading_ids(
                target.read_text(encoding="utf-8")):
            yield f"link to {link}: no such heading"


def main():
    millctl, root = sys.argv[1], pathlib.Path(sys.argv[2])
    readme = root / "README.md"
    pages = [readme, *sorted((root / "docs").glob("*.md")), *sorted((root / "docs/man").glob("*.[18]")),
             *sorted(root.glob("*/README.md"))]
    wrong = [f"{p.relative_to(root)}: {w}" for p in pages for w in page_wrong(millctl, root, p)]
    known = readme.read_text(encoding="utf-8")
    wrong += [f"README.md does not lead to {p.relative_to(root)}" for p in pages[1:]
              if p.parent.name != "man" and p.name != "README.md" and f"docs/{p.name}" not in known]
    commands = sum(1 for p in pages for _ in commands_in(p.read_text(encoding="utf-8")))
    if commands < 40:
        wrong.append(f"only {commands} commands found: they are not looked for rightly")
    print("\n".join(wrong) or f"{commands} commands in {len(pages)} pages")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
