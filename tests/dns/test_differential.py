#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Zone text through our reader and through those of BIND, Knot, NSD and ldns. Where they differ, the tables
in readings.py, rare.py and directives.py say who is right; and what we print, all of them read alike."""

import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import directives  # noqa: E402
import rare  # noqa: E402
import readings  # noqa: E402
import shortest  # noqa: E402

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.dirname(os.environ.get("KEYD_BIN", os.path.join(SOURCE, "build", "bin")))
ORACLE = os.path.join(BUILD, "tests", "dns_oracle")
ORIGIN = "x.example."
BASE = b"@ 3600 IN SOA ns1 h 1 2 3 4 5\n@ 3600 IN NS ns1\nns1 3600 IN A 192.0.2.1\n"
PEERS = ("zscanner", "ldns", "bind", "nsd")
LENIENT = [word for option in "iknmrTWMS" for word in ("-" + option, "none" if option == "i" else "ignore")]
CASES = readings.CASES + rare.CASES
MUTANTS = int(os.environ.get("KEYD_MUTANTS", "120"))
SEED = int(os.environ.get("KEYD_SEED", "20261124"))


def program(name):
    """Installed, or unpacked by scripts/setup."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin",
                              *(os.path.join(SOURCE, "build", "peers", "usr", folder)
                                for folder in ("sbin", "bin"))])
    found = shutil.which(name, path=places)
    if not found:
        raise FileNotFoundError(f"{name}: run scripts/setup")
    return found


def run(folder, *command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd=folder,
                          timeout=60, check=False)
    return done.returncode, done.stdout


def name_of(wire):
    labels, at = [], 0
    while wire[at] != 0:
        labels.append(wire[at + 1:at + 1 + wire[at]].decode("latin1"))
        at += 1 + wire[at]
    if labels[-2:] == ["x", "example"]:
        return ".".join(labels[:-2]) or "@"
    return ".".join(labels)


def records_of(output):
    """A set of "OWNER TTL TYPE RDATA"; the same data with two TTLs counts once, with the smaller."""
    found = {}
    for line in output.decode().splitlines():
        owner, ttl, kind, rdata = line.split(" ")
        key = (name_of(bytes.fromhex(owner)), kind, rdata)
        found[key] = min(int(ttl), found.get(key, 1 << 32))
    return {f"{owner} {ttl} {kind} {rdata}" for (owner, kind, rdata), ttl in found.items()}


def oracle(*jobs):
    """What readers make of files, [(READER, PATH)]: of each its output; None where it refuses the file,
    or there is none."""
    outs = [f"{path}.{reader}" if os.path.exists(path) else None for reader, path in jobs]
    words = [word for job, out in zip(jobs, outs) if out for word in (*job, out)]
    done = subprocess.run([ORACLE, ORIGIN, *words], stdin=subprocess.DEVNULL, capture_output=True,
                          cwd=os.path.dirname(jobs[0][1]), timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{jobs}: status {done.returncode}: {done.stderr}")
    return [read_file(out) if out and os.path.exists(out) else None for out in outs]


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def write_file(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def as_bind_has_it(path):
    """The zone written anew by BIND; nothing is there when it refuses it."""
    again = path + ".bind"
    status, _ = run(os.path.dirname(path), program("named-compilezone"), *LENIENT, "-s", "full", "-F",
                    "text", "-o", again, ORIGIN, path)
    if status != 0 and os.path.exists(again):
        os.unlink(again)
    return again


def as_nsd_has_it(path):
    again = path + ".nsd"
    status, output = run(os.path.dirname(path), program("nsd-checkzone"), "-p", ORIGIN, path)
    if status == 0:
        lines = [line for line in output.split(b"\n") if not line.startswith(b"zone ")]
        write_file(again, b"$ORIGIN " + ORIGIN.encode() + b"\n" + b"\n".join(lines))
    return again


def read_by_all(path):
    """What we print of a zone, what we read in it, and {PEER: what it reads}."""
    printed, *outputs = oracle(("printed", path), ("ours", path), ("zscanner", path), ("ldns", path),
                               ("ours", as_bind_has_it(path)), ("ours", as_nsd_has_it(path)))
    ours, *peers = [None if output is None else records_of(output) for output in outputs]
    return printed, ours, dict(zip(PEERS, peers))


class Reading:
    """One text, with files beside it, read by us and by the peers; what we print of it, read by all
    again."""

    def __init__(self, text, files=None):
        self.text = text
        self.printed = {}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "zone")
            write_file(path, BASE + text)
            for name, content in (files or {}).items():
                write_file(os.path.join(folder, name), content)
            printed, self.ours, self.peers = read_by_all(path)
            if self.ours is not None:
                again = os.path.join(folder, "printed")
                write_file(again, printed)
                _, self.reread, self.printed = read_by_all(again)

    def misprinted(self):
        """The peers that do not read what we print as we do; NSD lowers the case of names."""
        def lowered(peer, records):
            if peer != "nsd" or records is None:
                return records
            return {"".join(chr(c + 32) if 65 <= c <= 90 else chr(c) for c in
                            bytes.fromhex(record.rsplit(" ", 1)[1])) + record.rsplit(" ", 1)[0]
                    for record in records}
        return [peer for peer, records in self.printed.items()
                if lowered(peer, records) != lowered(peer, self.ours)]


def read_all(texts, files=None):
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(Reading, texts, files or [{}] * len(texts)))


class Differential(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = Reading(b"")

    def test_the_peers_read_at_all(self):
        for peer in PEERS:
            self.assertEqual(self.base.peers[peer], self.base.ours, peer)
        self.assertEqual(len(self.base.ours), 3)

    def test_readings(self):
        cases = [case + (None,) * (5 - len(case)) for case in CASES]
        self.assertGreater(len(cases), 200)
        for case, reading in zip(cases, read_all([case[0] for case in cases])):
            text, wanted, dissenters, why, unread = case
            with self.subTest(text=text, why=why):
                self.agree(reading, wanted, [peer for peer in PEERS
                                             if peer not in (dissenters or "").split()])
                self.assertLessEqual(set(reading.misprinted()), set((unread or "").split()))

    def agree(self, reading, wanted, peers):
        """We read what is wanted, and so do these peers."""
        if wanted is not None:
            self.assertIsNotNone(reading.ours)
            self.assertEqual(sorted(reading.ours - self.base.ours), sorted(wanted))
            self.assertEqual(reading.reread, reading.ours)
        else:
            self.assertIsNone(reading.ours)
        for peer in peers:
            self.assertEqual(reading.peers[peer], reading.ours, peer)

    def refuse(self, reading, *peers):
        for peer in peers:
            self.assertIsNone(reading.peers[peer], peer)

    def test_generate(self):
        cases = [case + (None,) * (3 - len(case)) for case in directives.GENERATE]
        self.assertGreater(len(cases), 100)
        readings_of = read_all([b"$GENERATE " + case[0] + b"\n" for case in cases])
        for (text, wanted, why), reading in zip(cases, readings_of):
            with self.subTest(text=text, why=why):
                self.agree(reading, wanted, [] if why else ["bind"])
                self.refuse(reading, "zscanner", "ldns", "nsd")
                self.assertEqual(reading.misprinted(), [])

    def test_include(self):
        cases = [case + (None,) * (5 - len(case)) for case in directives.INCLUDE]
        self.assertGreater(len(cases), 40)
        readings_of = read_all([case[1] for case in cases], [case[0] for case in cases])
        for (files, text, wanted, dissenters, why), reading in zip(cases, readings_of):
            with self.subTest(files=files, text=text, why=why):
                self.agree(reading, wanted, [peer for peer in ("zscanner", "bind", "nsd")
                                             if peer not in (dissenters or "").split()])
                if b"$INCLUDE" in text:
                    self.refuse(reading, "ldns")
                self.assertEqual(reading.misprinted(), [])

    def test_every_type_that_bind_knows_has_a_row(self):
        known = run(".", program("named-rrchecker"), "-T")[1].decode().split()
        self.assertGreater(len(known), 70)
        self.assertEqual(set(known) - set(shortest.RDATA), set())

    def test_every_type_at_its_shortest_is_printed_so_that_all_load_it(self):
        names = run(".", ORACLE, "types")[1].decode().split()
        self.assertEqual(names, list(shortest.RDATA))
        lines = [f"{name} 5 {name} {rdata}\n".encode() for name, rdata in shortest.RDATA.items()
                 if rdata is not None]
        self.assertGreater(len(lines), 70)
        with tempfile.TemporaryDirectory() as folder:
            path, printed = os.path.join(folder, "zone"), os.path.join(folder, "printed")
            write_file(path, BASE + b"".join(lines))
            output, ours = oracle(("printed", path), ("ours", path))
            write_file(printed, output)
            self.assertEqual(records_of(oracle(("ours", printed))[0]), records_of(ours))
            for checker in (["named-checkzone", "-i", "none", "-k", "fail", ORIGIN],
                            ["kzonecheck", "-o", ORIGIN], ["nsd-checkzone", ORIGIN]):
                done = subprocess.run([program(checker[0]), *checker[1:], printed], text=True,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, timeout=60, check=False)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_mutants_are_printed_so_that_all_read_them(self):
        dice = random.Random(SEED)
        known = {peer for case in CASES if len(case) > 4 for peer in [case[0]]}
        seeds = [case[0] for case in CASES if case[1] and case[0] not in known]
        texts = [mutate(dice, dice.choice(seeds), seeds) for _ in range(MUTANTS)]
        read = 0
        for text, reading in zip(texts, read_all(texts)):
            with self.subTest(text=text):
                if reading.ours is None:
                    continue
                read += reading.ours != self.base.ours
                self.assertEqual(reading.reread, reading.ours)
                self.assertEqual(set(reading.misprinted()) - excused(text, reading), set())
        self.assertGreater(read, MUTANTS // 10)


def mutate(dice, text, others):
    """One or two words are swapped with those of another line, doubled, dropped, or bent."""
    words = text.split(b" ")
    for _ in range(dice.randint(1, 2)):
        at = dice.randrange(1, len(words)) if len(words) > 1 else 0
        what = dice.randrange(4)
        if what == 0:
            words[at] = dice.choice(dice.choice(others).split(b" "))
        elif what == 1:
            words.insert(at, words[at])
        elif what == 2 and words[at]:
            i = dice.randrange(len(words[at]))
            words[at] = words[at][:i] + bytes([dice.choice(b"09afAZ.-_\\\"()=,+")]) + words[at][i + 1:]
        elif len(words) > 4:
            del words[at]
    text = b" ".join(words)
    return text if text.endswith(b"\n") else text + b"\n"


def excused(text, reading):
    """Peers whose misreading has a reason in the tables or below."""
    types = {record.split(" ")[2] for record in reading.ours}
    peers = set()
    if types & {"3", "4"} or "47" in types or "45" in types:
        peers.add("bind")  # obsolete types; NSEC without types, IPSECKEY without a key
    if types & {"40", "25"}:
        peers |= {"ldns", "nsd"}
    if len({record.split(" ")[1] for record in reading.ours}) > 1 or b"$TTL" in text:
        peers.add("bind")  # one TTL for an RRset
    if b"@" in text or b"\\064" in text:
        peers.add("ldns")
    return peers


if __name__ == "__main__":
    unittest.main()
