# SPDX-License-Identifier: MIT
"""Reads metrics in the text format of OpenMetrics 1.0 from standard input, and fails where they are not in it.

Writes a line for each sample: its name, its value, and its labels in the order of their names. Types other than those
of the classic format of Prometheus, and timestamps, fail too: node_exporter's textfile collector refuses them.
"""

import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
ESCAPED = r'(?:[^\\"\n]|\\[\\"n])*'
LABEL = rf'([a-zA-Z_][a-zA-Z0-9_]*)="({ESCAPED})"'
SAMPLE = re.compile(rf"({NAME})\{{({LABEL}(?:,{LABEL})*)\}} (-?[0-9]+(?:\.[0-9]+)?)")
META = re.compile(rf"# (HELP|TYPE|UNIT) ({NAME}) (.+)")
TYPES = {"gauge": "", "counter": "_total"}


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)


class Reader:
    def __init__(self):
        self.families = set()
        self.samples = set()
        self.family = None
        self.meta = {}
        self.begun = False

    def read_meta(self, key, name, text):
        if name != self.family:
            assert name not in self.families, "its family is in two places"
            self.families.add(name)
            self.family, self.meta, self.begun = name, {}, False
        assert not self.begun, "it comes after samples of its family"
        assert key not in self.meta, "a second one"
        assert key != "TYPE" or text in TYPES, "an unknown type"
        assert key != "UNIT" or name.endswith("_" + text), "the unit does not end the name"
        self.meta[key] = text

    def read_sample(self, name, text, value):
        labels = [(key, unescape(label)) for key, label in re.findall(LABEL, text)]
        assert len(dict(labels)) == len(labels), "a label twice"
        assert {"HELP", "TYPE"} <= self.meta.keys(), "no type, or no help"
        assert name == self.family + TYPES[self.meta["TYPE"]], "not of this family"
        assert (name, frozenset(labels)) not in self.samples, "a second one"
        assert self.meta["TYPE"] != "counter" or float(value) >= 0, "a counter below 0"
        self.samples.add((name, frozenset(labels)))
        self.begun = True
        print(name, value, *(f"{key}={label!r}" for key, label in sorted(labels)))


def main():
    text = sys.stdin.buffer.read().decode("utf-8")
    assert text.endswith("# EOF\n"), "the end is not # EOF"
    reader = Reader()
    for number, line in enumerate(text.split("\n")[:-2], 1):
        meta, sample = META.fullmatch(line), SAMPLE.fullmatch(line)
        try:
            assert meta or sample, "neither a sample nor about one"
            if meta:
                reader.read_meta(*meta.groups())
            else:
                reader.read_sample(sample[1], sample[2], sample[sample.re.groups])
        except AssertionError as error:
            sys.exit(f"line {number}: {error}: {line}")


main()
