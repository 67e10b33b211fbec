#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The schema against the parser: config_schema.py CONFIG_TOOL SOURCE_ROOT

From the examples, documents are made that each differ in one place: every value replaced by many others, every key
removed, keys added. What the parser accepts, the schema accepts. What the schema accepts and the parser does not must
be for a reason that a schema cannot see, and the parser's words say which.
"""
import copy
import glob
import json
import os
import random
import re
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

DOCUMENTS = 6000 // int(os.environ.get("MR_PART", "1"))  # of some 20000, to be done in seconds
VALUES = [None, True, False, 0, 1, -1, 1.0, 1.5, 7, 64, 500, 512, 1024, 4094, 4095, 9216, 65535, 65536, 604800, 604801,
          10**9, 1e3, "", "x", "a b", "in", "out", "ready", "drain", "udp", "nat", "fullnat", "dsr", "gue", "none", "auto", "é",
          "192.0.2.77", "192.0.2.256", "01.2.3.4", "192.0.2.0/24", "192.0.2.77/24", "192.0.2.0/33", "192.0.2.0/024",
          "192.0.2.1-192.0.2.9", "192.0.2.9-192.0.2.1", "2001:db8::77", "2001:db8::/64", "2001:db8::7/64", "::g",
          "2001:db8::/129", "1-2", "0-2", "1024-65535", "1-65536", "9-8", "02:00:00:00:00:07", "03:00:00:00:00:07",
          "02-00-00-00-00-07", "02-00:00-00-00-07", "192.0.2.1 - 192.0.2.9", "1024 - 2000", "224.0.0.1", "a" * 31, "a" * 32, "d" * 127, "d" * 128, "endpoint-independent",
          [], {}, [1], ["192.0.2.77"], [{}], {"comment": 1}, {"udp": 7}, {"udp": 0}]

# What only the parser can see, in its words.
BEYOND = re.compile(
    "expected the name of a pool, or|of no use in a rule|ICMP has none|"
    "expected unicast|no station's|beyond its length|is the network itself|is the broadcast|has length 0|too; names are "
    "unique|there is no (pool|interface|check|realm)|without being named|of several realms|is not that of interface|overlaps|leads elsewhere|in no connected network|in no network of|our own address|"
    "different families|says nothing of where|is unreachable and has|whole block|more than once|never reached|"
    "wholly in the pool|but the pools have|of no use in mode|fullnat needs|has this address, port|VLAN . of this|"
    "too small for IPv6|names . CPUs|workers' CPUs|too; each worker|neighbours.* too|VLAN .* of this device already|"
    "shares of|reach into|there is no list|lb.capacity.sources is 0|stateless is not possible|schedules each datagram|which does not count|the service is IPv|a file of prefixes|is reversed|network or broadcast address|more than 4096 local|of no use in a check|missing; a check of type|is no escape|is no regular|stands beside body|means no check|expected port or ports|stands beside ports|in part; expected ranges|has no port of its own|"
    "listen on the service's port|no route leads|behind a gateway|expects flow: answers|missing; mode l3dsr|missing; interface|"
    "for another address|is a prefix; in mode|octets of the|576 at least")
# What is said of how parts of the document go together: no error of form may have such a consequence.
TOGETHER = re.compile(
    "there is no (pool|interface|check)|overlaps|leads elsewhere|in no connected network|in no network of|our own address|"
    "different families|says nothing of where|is unreachable and has|whole block|never reached|wholly in the pool|"
    "but the pools have|of no use in mode|fullnat needs|has this address, port|names . CPUs|shares of|reach into|"
    "network or broadcast address|no route leads|behind a gateway|missing; interface|for another address")
# Forms whose expression in the schema is looser than the parser.
LOOSE = re.compile("expected (an IPv4 or IPv6|an address with|ports first-last|an IPv4 address, prefix or first-last|an IPv6 address, or an IPv4)")


def places(node, path=()):
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if key != "comment":
            yield from places(value, path + (key,))


def at(doc, path):
    for key in path:
        doc = doc[key]
    return doc


def variants(doc):
    yield doc
    for path in places(doc):
        node = at(doc, path)
        if isinstance(node, dict):
            for key in ["comment", "nonsense"]:
                new = copy.deepcopy(doc)
                at(new, path)[key] = 1
                yield new
        if not path:
            continue
        for value in VALUES:
            new = copy.deepcopy(doc)
            at(new, path[:-1])[path[-1]] = value
            yield new
        new = copy.deepcopy(doc)
        del at(new, path[:-1])[path[-1]]
        yield new


def main():
    tool, root = sys.argv[1:3]
    schema = json.loads(subprocess.run([tool, "schema"], capture_output=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    docs = []
    for name in sorted(glob.glob(root + "/deploy/examples/*.json")):
        with open(name) as f:
            docs.extend(variants(json.load(f)))
    random.Random(1).shuffle(docs)
    seen, unique = set(), []
    for doc in docs[:DOCUMENTS]:
        text = json.dumps(doc)
        if text not in seen:
            seen.add(text)
            unique.append((doc, text))
    out = subprocess.run([tool, "check"], input="\n".join(t for _, t in unique) + "\n", text=True, capture_output=True,
                         check=True).stdout.splitlines()
    assert len(out) == len(unique), (len(out), len(unique))
    wrong = good = 0
    for (doc, text), line in zip(unique, out):
        errors = json.loads(line)
        accepted = validator.is_valid(doc)
        good += accepted and not errors
        for e in errors:
            if not accepted and TOGETHER.search(e["message"]):
                wrong += 1
                print("a consequence:", errors, text[:2000], sep="\n  ")
        hidden = errors and all(BEYOND.search(e["message"]) or LOOSE.search(e["message"]) for e in errors)
        if accepted == (not errors) or (accepted and hidden):
            continue
        wrong += 1
        if wrong < 20:
            print("schema:", "good" if accepted else "bad", "parser:", errors, text[:2000], sep="\n  ")
    print(f"{len(unique)} documents, {good} good, {wrong} where schema and parser differ")
    return wrong != 0 or good < 100


sys.exit(main())
