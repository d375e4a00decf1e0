#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Zones from NSD, BIND and Knot: by AXFR with and without TSIG, over IPv4 and IPv6, small, odd and
large; what each of them says when it refuses; and keyd-dnssec with a zone from a server."""

import os
import subprocess
import sys
import tempfile
import unittest

from test_axfr import A, NS, Server as Raw, framed, message, name, record, soa

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab"))
import servers  # noqa: E402
from servers import run  # noqa: E402

TESTS = os.path.join(os.path.dirname(os.environ["KEYD_BIN"]), "tests")
AXFR = os.path.join(TESTS, "dnssec_axfr")
DNSSEC = os.path.join(TESTS, "dnssec_soft")
SECRETS = {"sha224": "oXIT6TSqcPfqrtDv8+rzfPEBFiqLyFp5i0VvfQ==",
           "sha256": "Sr+YFAa5L3rJuBUkNHOmWoFbzJ/WY6jXlqCYiTgIQ8c=",
           "sha384": "zg7kW0sU4kmUu0IXzWzEfYYpCTbBaqUOXn6HZXBbFKvMZKWU4CH+vpDXv6fGl0ss",
           "sha512": "Bn1c5WktiZ1ZgTKkZVjKKcMeV5+vEITRoIjZ/wzkyQWvLp0dmbeRg0rMhx6YIQyb"
                     "mQT0rmDXBrb+Zmk2v7kK8Q=="}
ALLOWED = {"open.example": servers.ANYONE, "closed.example": (),
           "keyed.example": [f"{name}.key" for name in SECRETS], "large.example": ["sha256.key"]}
LARGE = 50_000

OPEN = """$TTL 3600
@ IN SOA ns1 hostmaster 1 14400 3600 1209600 300
@ NS ns1
@ NS ns2.elsewhere.
@ MX 10 mail
@ CAA 0 issue "ca.example"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail A 192.0.2.2
Mixed.Case TXT "one" "two \\"quoted\\"" ""
_sip._tcp SRV 1 2 5060 mail
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example!" .
rp RP mail mail
afsdb AFSDB 1 mail
kx KX 10 mail
alias CNAME mail
tree DNAME mail
*.wild TXT "any"
sub NS ns1.sub
sub DS 1 13 2 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
ns1.sub A 192.0.2.3
odd TYPE65280 \\# 3 C00C00
none TYPE65281 \\# 0
tlsa TLSA 3 1 1 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
svc HTTPS 1 . alpn=h2
long TXT """ + " ".join('"%s"' % (chr(97 + i) * 255) for i in range(20)) + "\n"


class Zones:
    """A server's folder with the zones of this file."""

    more = "px PX 10 mail mail\n"

    def __init__(self, folder):
        super().__init__(folder, ALLOWED, SECRETS)
        self.write_zone("open.example", OPEN + self.more)
        self.write_zone("keyed.example", OPEN)
        self.write_zone("closed.example", OPEN)
        head = "\n".join(OPEN.splitlines()[:3]) + "\nns1 A 192.0.2.1\n"
        self.write_zone("large.example", head + "".join(
            f"h{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(LARGE)))

    def key_file(self, algorithm="sha256", name=None, secret=None):
        name = name or f"{algorithm}.key"
        return self.write("tsig", f'key "{name}" {{\n\talgorithm hmac-{algorithm};\n'
                          f'\tsecret "{secret or SECRETS[algorithm]}";\n}};\n')


class Nsd(Zones, servers.Nsd):
    pass


class Named(Zones, servers.Named):
    pass


class Knot(Zones, servers.Knot):
    more = ""  # it reads no PX


class Transfers:
    """What holds for each of the three."""

    kind = None
    refused = r"PERMISSION_DENIED TRANSFER: .*the server refuses the transfer \(REFUSED\)"
    not_for_the_key = refused
    bad_algorithm = bad_key = r"FAILED_PRECONDITION TRANSFER: .*does not know the key .*\(BADKEY\)"
    unknown_zone = r"not authoritative for the zone, or .*\(NOTAUTH\)"

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(dir="/tmp")
        os.chmod(cls.temporary.name, 0o755)
        cls.server = cls.kind(cls.temporary.name)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.temporary.cleanup()

    def fetch(self, zone, key="-", address="127.0.0.1"):
        return run(AXFR, f"{address}#{self.server.port}", zone, key, "5000", "10000", "60000",
                   "1000000000", "10000000")

    def good(self, *arguments, **options):
        done = self.fetch(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def bad(self, expected, *arguments, **options):
        done = self.fetch(*arguments, **options)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, expected)

    def canonical(self, zone, text):
        path = self.server.write("compiled", text)
        done = run("named-compilezone", "-i", "none", "-q", "-s", "full", "-o", "-", zone, path)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_is_the_zone_that_the_server_has(self):
        """But for capitals, which NSD drops."""
        ours = self.good("open.example")
        self.assertEqual(self.canonical("open.example", ours).lower(),
                         self.canonical("open.example", OPEN + self.server.more).lower())

    def test_ipv6(self):
        self.assertEqual(self.good("open.example", address="::1"), self.good("open.example"))

    def test_another_spelling(self):
        self.assertEqual(len(self.good("OPEN.Example").splitlines()),
                         len(self.good("open.example").splitlines()))

    def test_every_algorithm(self):
        first = self.good("keyed.example", self.server.key_file("sha224"))
        self.assertEqual(len(first.splitlines()), len(OPEN.splitlines()) - 1)
        for algorithm in SECRETS:
            with self.subTest(algorithm):
                self.assertEqual(self.good("keyed.example", self.server.key_file(algorithm)), first)

    def test_a_large_zone(self):
        text = self.good("large.example", self.server.key_file())
        self.assertEqual(len(text.splitlines()), LARGE + 3)

    def test_refused(self):
        self.bad(self.refused, "closed.example")
        self.bad(self.refused, "keyed.example")
        self.bad(self.not_for_the_key, "large.example", self.server.key_file("sha512"))
        self.bad(self.unknown_zone, "nowhere.example")

    def test_keys_that_are_not_the_servers(self):
        self.bad(r"FAILED_PRECONDITION TRANSFER: .*another secret for the key sha256\.key\. \(BADSIG\)",
                 "keyed.example", self.server.key_file(secret=SECRETS["sha384"]))
        self.bad(self.bad_key, "keyed.example", self.server.key_file(name="other.key"))
        self.bad(self.bad_algorithm, "keyed.example",
                 self.server.key_file("sha256", name="sha512.key", secret=SECRETS["sha512"]))


class FromNsd(Transfers, unittest.TestCase):
    kind = Nsd
    bad_algorithm = Transfers.refused


class FromNamed(Transfers, unittest.TestCase):
    kind = Named


class FromKnot(Transfers, unittest.TestCase):
    kind = Knot
    refused = Transfers.unknown_zone
    not_for_the_key = Transfers.bad_key


class KeydDnssec(unittest.TestCase):
    """The program itself, on a zone of NSD's."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(folder.cleanup)
        os.mkdir(os.path.join(folder.name, "hsm"))
        self.folder = folder.name
        self.server = Nsd(folder.name)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.signed = self.server.path("signed")

    def dnssec(self, status, expected, *arguments):
        done = run(DNSSEC, *arguments, env={
            **os.environ, "KEYD_SOFT_HSM": self.server.path("hsm"),
            "KEYD_DNSSEC_STATE": self.server.path("state")}, cwd=self.folder)
        self.assertEqual(done.returncode, status, done.stdout)
        self.assertRegex(done.stdout, expected)
        return done.stdout

    def at_server(self):
        return f"127.0.0.1#{self.server.port}"

    def valid(self, zone):
        for command in (["ldns-verify-zone", self.signed],
                        ["dnssec-verify", "-q", "-o", zone, self.signed],
                        ["kzonecheck", "-d", "on", "-o", zone, self.signed]):
            done = run(*command)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}")

    def test_a_zone_from_a_server(self):
        zone = "keyed.example"
        key = self.server.key_file()
        self.dnssec(3, "refuses the transfer .REFUSED.: .*provide-xfr", "enable", zone, "--from-server",
                    self.at_server(), "--signed-zone", "signed")
        self.assertFalse(os.path.exists(self.signed))
        out = self.dnssec(0, "2 .the server has 1; 1 may be served already", "enable", zone, "--from-server",
                          self.at_server(), "--tsig", "tsig", "--signed-zone", "signed")
        self.assertIn("Verified", out)
        self.valid(zone)
        out = self.dnssec(0, "From server +" + self.at_server(), "status", zone)
        self.assertIn(key, out)
        self.assertNotIn(SECRETS["sha256"], out)

        # A change there is in the next one.
        self.server.stop()
        self.server.write_zone(zone, OPEN.replace("hostmaster 1 ", "hostmaster 9 ") +
                               "fresh A 192.0.2.9\n")
        before = self.server.read("signed")
        self.dnssec(1, f"{self.at_server()}: transfer of {zone}.: no connection: Connection refused",
                    "sign", zone)
        self.assertEqual(self.server.read("signed"), before)
        self.server.start()
        self.dnssec(0, "2, |3 ", "enable", zone, "--from-server", self.at_server(), "--tsig", "tsig")
        self.dnssec(0, "9, as in the server|10 ", "sign", zone)
        self.valid(zone)
        self.assertIn("fresh.keyed.example.", self.server.read("signed"))

        # Keys that are wrong leave the last one as it is, and so does a file that others read.
        before = self.server.read("signed")
        self.server.key_file(secret=SECRETS["sha384"])
        self.dnssec(3, "BADSIG", "sign", zone)
        os.chmod(key, 0o644)
        self.dnssec(3, "the key for TSIG: .* make it 0600", "sign", zone)
        os.remove(key)
        self.dnssec(1, "the key for TSIG: .*No such file", "sign", zone)
        self.assertEqual(self.server.read("signed"), before)

        # The server is away for longer: this once from a file.
        self.server.write("kept", self.server.read(zone))
        self.dnssec(0, "the zone file has 9", "sign", zone, "--zone-file", "kept")
        self.valid(zone)

    def test_a_large_zone(self):
        self.server.key_file()
        self.dnssec(0, f"{2 * LARGE + 6} RRsets", "enable", "large.example", "--from-server",
                    f"[127.0.0.1]:{self.server.port}", "--tsig", "tsig", "--signed-zone", "signed")
        done = run("kzonecheck", "-d", "on", "-o", "large.example", self.signed)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_zone_that_is_signed_already(self):
        self.server.stop()
        self.server.write_zone("open.example", OPEN + "@ NSEC @ SOA\n")
        self.server.start()
        self.dnssec(0, "1 NSEC record .*taken out", "enable", "open.example", "--from-server",
                    self.at_server(), "--signed-zone", "signed")

    def test_a_zone_that_cannot_be_signed(self):
        self.server.stop()
        self.server.write_zone("open.example", OPEN + "foreign DNSKEY 257 3 13 AAAA\n")
        self.server.start()
        self.dnssec(1, f"{self.at_server()}: foreign.open.example.: ", "enable", "open.example",
                    "--from-server", self.at_server(), "--signed-zone", "signed")
        self.assertFalse(os.path.exists(self.signed))


    def test_messages_have_no_lines(self):
        """A zone that no server of the three would serve."""
        for expected, *records in (
                ("a.x.example.org.: below a DNAME", record("x.example.org", "DNAME", name("y.org")),
                 record("a.x.example.org", "A", bytes(4))),
                ("a.example.org.: CNAME beside", record("a.example.org", 5, name("y.org")),
                 record("a.example.org", "A", bytes(4)))):
            raw = Raw(lambda query, more=records: [framed(message(query, soa(), NS, A, *more, soa()))])
            server = f"127.0.0.1#{raw.port}"
            self.dnssec(1, f"keyd-dnssec: {server}: {expected}", "enable", "example.org",
                        "--from-server", server, "--signed-zone", "signed")
            raw.close()


class Streams(unittest.TestCase):
    """Standard input and standard output."""

    ZONE = "\n".join(OPEN.splitlines()[:3]) + "\nns1 A 192.0.2.1\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(self.path("hsm"))
        self.enable = ["enable", "open.example", "--zone-file", "-", "--signed-zone", "-"]

    def path(self, name):
        return os.path.join(self.folder, name)

    def dnssec(self, *arguments, text=ZONE, **options):
        options = {"stdout": subprocess.PIPE, **options}
        return subprocess.run(
            [DNSSEC, *arguments], input=text, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            cwd=self.folder, env={**os.environ, "KEYD_SOFT_HSM": self.path("hsm"),
                                  "KEYD_DNSSEC_STATE": self.path("state")}, **options)

    def valid(self, text):
        with open(self.path("signed"), "w", encoding="ascii") as file:
            file.write(text)
        done = run("ldns-verify-zone", self.path("signed"))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_through_pipes(self):
        done = self.dnssec(*self.enable)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Verified", done.stderr)
        self.assertIn("give the parent the DS", done.stderr)
        self.valid(done.stdout)
        done = self.dnssec("sign", "open.example", "--zone-file", "-", "--quiet")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.valid(done.stdout)
        self.assertIn(" 3 14400 ", done.stdout.splitlines()[0])
        done = self.dnssec("sign", "open.example", "--zone-file", "-", "--output", "json")
        self.valid(done.stdout)
        self.assertIn('"serial": 4', done.stderr)

    def test_nothing_comes_out_that_is_not_good(self):
        self.dnssec(*self.enable)
        done = self.dnssec("sign", "open.example", "--zone-file", "-", text="junk\n")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, "standard input:1:")
        with open(self.path("hsm/bad-signature"), "w", encoding="ascii"):
            pass
        done = self.dnssec("sign", "open.example", "--zone-file", "-")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("not published: standard output", done.stderr)

    def test_a_full_standard_output(self):
        self.dnssec(*self.enable)
        with open("/dev/full", "w", encoding="ascii") as full:
            done = self.dnssec("sign", "open.example", "--zone-file", "-", stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertIn("which is not complete: No space left", done.stderr)

    def test_what_does_not_go_together(self):
        for expected, *arguments in (
                ("in no place to be loaded from", *self.enable, "--reload", "true"),
                ("--signed-zone is missing", *self.enable[:4]),
                ("comes from one of them", *self.enable, "--from-server", "::1"),
                ("--tsig is for --from-server", *self.enable, "--tsig", "hsm")):
            done = self.dnssec(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertIn(expected, done.stderr)
        self.dnssec(*self.enable)
        for expected, *arguments in (("cannot be read again", "sign", "open.example"),
                                     ("cannot be read again", "enable", "open.example"),
                                     ("name the file that it is in", "verify", "open.example")):
            done = self.dnssec(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertIn(expected, done.stderr)

    def test_a_dry_run_gives_nothing_out(self):
        done = self.dnssec(*self.enable)
        done = self.dnssec("sign", "open.example", "--zone-file", "-", "--dry-run")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("standard output gets nothing (--dry-run)", done.stderr)


if __name__ == "__main__":
    unittest.main()
