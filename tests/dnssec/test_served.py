#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Signed zones as NSD, named and knotd serve them: the root's, the story's, odd ones by every algorithm,
and one with capitals in each type that has names; with NSEC, with NSEC3, and with opt-out. Each server
loads them all and gives back each record as it was signed, by transfer and as an answer; what it says
is validated, by keyd-dnssec and by BIND's delv."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab"))
import servers  # noqa: E402
from servers import run  # noqa: E402

DATA = os.path.join(servers.TREE, "tests", "data")
TESTS = os.path.join(os.path.dirname(os.environ["KEYD_BIN"]), "tests")
AXFR = os.path.join(TESTS, "dnssec_axfr")
DNSSEC = os.path.join(TESTS, "dnssec_soft")
WORK = tempfile.mkdtemp(prefix="keyd-served.")

STORY, ODD, CAPITALS = "animalsforlife.org", "odd%s.example", "capitals.example"
ALGORITHMS = ("8", "10", "13", "14", "15")
FILES = {".": "root.zone", STORY: "animalsforlife.org.zone"}
FILES.update({ODD % number: "odd.zone" for number in ALGORITHMS})
DENIALS = {"nsec": (), "nsec3": ("--denial", "nsec3"), "opt-out": ("--denial", "nsec3", "--opt-out")}

# Types with names that BIND, Knot and NSD load; the last six are those that come out in lower case.
# MD and MF BIND calls obsolete; DNAME has a name of its own, as nothing may be below it.
NAMES = """$TTL 300
@ SOA NS1 Host.Master 1 7200 3600 1209600 300
@ NS NS1
NS1 A 192.0.2.1
cut NS Foo.Example.
ptr PTR Foo.Example.
minfo MINFO Foo.Example. Bar.Example.
mx MX 1 Foo.Example.
mb MB Foo.Example.
mg MG Foo.Example.
mr MR Foo.Example.
rp RP Foo.Example. Bar.Example.
afsdb AFSDB 1 Foo.Example.
rt RT 1 Foo.Example.
sig SIG A 13 2 300 20301208092250 20261124083102 7 Foo.Example. AAAA
px PX 1 Foo.Example. Bar.Example.
nxt NXT Foo.Example. A
srv SRV 1 2 3 Foo.Example.
naptr NAPTR 1 2 u E2U+sip "" Foo.Example.
kx KX 1 Foo.Example.
cname CNAME Foo.Example.
dname DNAME Foo.Example.
hip HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p Foo.Example.
talink TALINK Foo.Example. Bar.Example.
amtrelay AMTRELAY 10 0 3 Foo.Example.
a6 A6 64 ::1 Foo.Example.
nsap-ptr NSAP-PTR Foo.Example.
ipseckey IPSECKEY 10 3 2 Foo.Example. AQNR
svcb SVCB 1 Foo.Example. alpn=h2
https HTTPS 1 Foo.Example. alpn=H2
lp LP 10 Foo.Example.
dsync DSYNC CDS NOTIFY 5359 Foo.Example.
"""
LOWERED = ("A6", "NSAP-PTR", "IPSECKEY", "SVCB", "HTTPS", "LP")

# What delv says of a name and a type. With opt-out a wildcard's answer is not validated: that there is
# no better name is not proven (RFC 5155, 6).
ANSWER = "; fully validated"
WILDCARD = ANSWER + "\n"
NO_DATA = ";; resolution failed: ncache nxrrset\n; negative response, fully validated"
NO_NAME = ";; resolution failed: ncache nxdomain\n; negative response, fully validated"
QUESTIONS = {
    ".": (("org", "DS", ANSWER), ("@", "TXT", NO_DATA), ("nowhere", "A", NO_NAME)),
    STORY: (("@", "MX", ANSWER), ("www", "CNAME", ANSWER), ("luna.shelters", "TXT", WILDCARD),
            ("luna.shelters", "A", NO_DATA), ("shelters", "A", NO_DATA), ("cats", "DS", NO_DATA),
            ("dogs", "A", NO_NAME)),
    ODD % "13": (("@", "SOA", ANSWER), ("NS1", "AAAA", ANSWER), ("secure", "DS", ANSWER),
                 ("dname", "DNAME", ANSWER), ("unknown", "TYPE65281", ANSWER),
                 ("any.thing", "MX", WILDCARD), ("any.thing", "A", NO_DATA), ("c", "A", NO_DATA),
                 ("s.mixed", "TXT", NO_DATA), ("insecure", "DS", NO_DATA), ("x.a.b.c", "A", NO_NAME)),
    CAPITALS: tuple((kind, kind, ANSWER) for kind in
                    (*LOWERED, "MX", "NXT", "HIP", "DSYNC")),
}
QUICK = (("@", "SOA", ANSWER), ("x.a.b.c", "A", NO_NAME))


def tearDownModule():
    shutil.rmtree(WORK)


class Signed:
    """The zones with one kind of denial, and a state and a token of their own."""

    def __init__(self, denial):
        self.denial = denial
        self.folder = os.path.join(WORK, denial)
        os.makedirs(self.path("hsm"))
        with open(self.path("names"), "w", encoding="ascii") as file:
            file.write(NAMES)
        self.zones = [*FILES, CAPITALS]
        for zone in self.zones:
            algorithm = zone[3:-8] if zone.endswith(".example") and zone != CAPITALS else "13"
            source = os.path.join(DATA, FILES[zone]) if zone in FILES else self.path("names")
            self.dnssec("enable", zone, "--zone-file", source, "--signed-zone", self.path(name(zone)),
                        "--algorithm", algorithm, *DENIALS[denial], "--quiet")
            self.write_anchor(zone)

    def path(self, file):
        return os.path.join(self.folder, file)

    def dnssec(self, *arguments):
        done = run(DNSSEC, *arguments, env={**os.environ, "KEYD_SOFT_HSM": self.path("hsm"),
                                            "KEYD_DNSSEC_STATE": self.path("state")})
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.stdout}")
        return done.stdout

    def write_anchor(self, zone):
        tag, algorithm, digest, data = self.dnssec("ds", zone, "--output", "text").split()[3:7]
        with open(self.path(name(zone) + ".anchor"), "w", encoding="ascii") as file:
            file.write(f'trust-anchors {{ "{zone}" static-ds {tag} {algorithm} {digest} "{data}"; }};\n')

    @functools.cache
    def records(self, zone):
        """As BIND reads the signed zone."""
        compiled = self.path(name(zone) + ".compiled")
        done = run("named-compilezone", "-i", "none", "-k", "ignore", "-s", "full", "-F", "text", "-o",
                   compiled, zone, self.path(name(zone)))
        if done.returncode != 0:
            raise AssertionError(done.stdout)
        with open(compiled, encoding="ascii") as file:
            return without_comments(file.read())


@functools.cache
def signed(denial):
    return Signed(denial)


def without_comments(text):
    return [line for line in text.splitlines() if line and not line.startswith(";")]


def name(zone):
    return "root" if zone == "." else zone


class Server:
    """What holds for each of the three."""

    kind = None
    keeps_capitals = False  # in names, where canonical form has none

    def test_nsec(self):
        self.serve("nsec")

    def test_nsec3(self):
        self.serve("nsec3")

    def test_opt_out(self):
        self.serve("opt-out")

    def serve(self, denial):
        zones = signed(denial)
        with tempfile.TemporaryDirectory(dir=WORK) as folder:
            server = self.kind(folder, {zone: servers.ANYONE for zone in zones.zones})
            for zone in zones.zones:
                shutil.copy(zones.path(name(zone)), server.zone_path(zone))
            try:
                server.start()
                for zone in zones.zones:
                    with self.subTest(zone):
                        self.is_transferred_whole(server, zones, zone)
                        self.is_answered(server, zones, zone)
                        self.is_validated(server, zones, zone)
            finally:
                server.stop()

    def form(self, lines):
        """Spaces aside, which base64 has more or less of."""
        return sorted("".join(line.split()) if self.keeps_capitals else "".join(line.lower().split())
                      for line in lines)

    def is_transferred_whole(self, server, zones, zone):
        there = without_comments(server.dig("+onesoa", "+nosplit", zone, "AXFR"))
        self.assertEqual(self.form(there), self.form(zones.records(zone)))
        done = run(AXFR, f"127.0.0.1#{server.port}", zone, "-", "5000", "10000", "60000", "1000000000",
                   "10000000")
        self.assertEqual(done.returncode, 0, done.stdout)
        copy = server.write("transferred", done.stdout)
        self.assertIn("good", zones.dnssec("verify", zone, "--signed-zone", copy))

    def is_answered(self, server, zones, zone):
        """Each set that is signed, and its signatures. Chains are for is_validated; and BIND has an
        answer of its own to a question for SIG."""
        records = [line.split() for line in zones.records(zone)]
        sets = {(words[0], words[4]) for words in records
                if words[3] == "RRSIG" and words[4] not in ("NSEC", "NSEC3", "SIG")}
        wanted = [" ".join(words) for words in records
                  if (words[0], words[4] if words[3] == "RRSIG" else words[3]) in sets]
        batch = server.write("batch", "".join(f"{owner} {kind}\n" for owner, kind in sorted(sets)))
        got = server.dig("+dnssec", "+nosplit", "+keepopen", "+noall", "+answer", "-f", batch)
        self.assertEqual(self.form(set(without_comments(got))), self.form(wanted))

    def is_validated(self, server, zones, zone):
        for owner, kind, wanted in QUESTIONS.get(zone, QUICK):
            full = zone if owner == "@" else f"{owner}.{zone}".replace("..", ".")
            done = run("delv", "@127.0.0.1", "-p", str(server.port), "-a",
                       zones.path(name(zone) + ".anchor"), f"+root={zone}", "+tcp", full, kind)
            if wanted == WILDCARD and zones.denial == "opt-out":
                wanted = "; unsigned answer"
            self.assertTrue(done.stdout.startswith(wanted), (full, kind, done.stdout))


class Nsd(Server, unittest.TestCase):
    kind = servers.Nsd


class Named(Server, unittest.TestCase):
    kind = servers.Named
    keeps_capitals = True


class KnotThatChecks(servers.Knot):
    checks = "semantic-checks: on\n    dnssec-validation: on"


class Knot(Server, unittest.TestCase):
    kind = KnotThatChecks


if __name__ == "__main__":
    unittest.main()
