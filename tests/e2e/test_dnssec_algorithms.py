#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A zone of each DNSSEC algorithm through the whole stack: keyd-dnssec, keyd, keyd-hsm, token."""

import glob
import json
import subprocess

import world

ZONE = """$TTL 3600
@    IN SOA ns1 hostmaster 2026112401 14400 3600 1209600 300
     IN NS  ns1
     IN MX  10 mail
ns1  A 192.0.2.1
mail A 192.0.2.2
"""


class Algorithms(world.TestCase):
    def setUp(self):
        super().setUp()
        self.world.start()

    def dnssec(self, *arguments, **options):
        return self.world.run("keyd-dnssec", "--socket", self.world.socket, "--state-folder",
                              self.world.path("state"), *arguments, **options)

    def judge(self, zone, path):
        """Other people's validators, from the DNSKEY set on."""
        for command in (["ldns-verify-zone", path],
                        ["dnssec-verify", "-q", "-o", zone, path],
                        ["kzonecheck", "-d", "on", "-o", zone, path]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 0, "%s: %s" % (command, done.stdout))

    def one(self, number, mnemonic, spec, *options):
        zone = "%s.example" % spec.lower().replace("_", "-")
        path = self.world.path(zone)
        with open(path, "w") as file:
            file.write(ZONE)
        alias = "alias/%d-%s" % (number, spec)
        enable = ["enable", zone, "--zone-file", path, "--key", alias, "--output", "json", *options]
        if spec in self.world.token.lacks:
            self.fails(self.dnssec(*enable, check=False), 1, self.world.token.lacks[spec])
            self.assertEqual(glob.glob(path + ".*"), [])
            self.assertEqual(self.world.json("list-keys")["Keys"], [])
            return
        told = json.loads(self.dnssec(*enable).stdout)
        for key in told["ksk"], told["zsk"]:
            self.assertEqual((key["algorithm"], key["mnemonic"]), (number, mnemonic))
        key = self.world.json("describe-key", "--key-id", alias)["KeyMetadata"]
        self.assertEqual(key["KeyId"], told["ksk"]["key_id"])
        self.assertEqual(key["KeySpec"], spec)
        self.judge(zone, path + ".signed")

        with open(path, "a") as file:
            file.write("www CNAME @\n")
        self.dnssec("sign", zone)
        self.judge(zone, path + ".signed")
        with open(path + ".signed") as file:
            self.assertIn("www.%s" % zone, file.read())
        self.dnssec("verify", zone)

        # The DS is that of the key in the HSM, as BIND makes it of the published DNSKEY.
        ds = self.dnssec("ds", zone, "--output", "text").stdout
        bind = subprocess.run(["dnssec-dsfromkey", "-2", "-f", path + ".signed", zone],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertEqual(ds, bind)
        # And what is on this host is the ZSK alone.
        self.assertEqual(len(glob.glob(self.world.path("state", zone, "*.private"))), 1)

    def test_8_rsasha256(self):
        self.one(8, "RSASHA256", "RSA_2048", "--algorithm", "8")

    def test_8_rsasha256_with_a_larger_ksk(self):
        self.one(8, "RSASHA256", "RSA_3072", "--algorithm", "8", "--key-size", "3072")

    def test_10_rsasha512_with_the_largest_ksk(self):
        self.one(10, "RSASHA512", "RSA_4096", "--algorithm", "10", "--key-size", "4096")

    def test_13_ecdsap256sha256(self):
        self.one(13, "ECDSAP256SHA256", "ECC_NIST_P256")

    def test_14_ecdsap384sha384(self):
        self.one(14, "ECDSAP384SHA384", "ECC_NIST_P384", "--algorithm", "ECDSAP384SHA384")

    def test_15_ed25519(self):
        self.one(15, "ED25519", "ECC_NIST_EDWARDS25519", "--algorithm", "15")


if __name__ == "__main__":
    world.main()
