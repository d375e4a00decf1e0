#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every key spec with every signing algorithm through keydctl and libkeyd, RAW and DIGEST, side by
side on one token: what fits is verified by the openssl tool, what does not is refused."""

import hashlib
import subprocess

import world

FAILURE = 1

# Key spec: what openssl says of the public key, and the algorithms that fit; the first is its own.
PKCS1 = ["RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512"]
PSS = ["RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512"]
SPECS = {
    "ECC_NIST_P256": ("ASN1 OID: prime256v1", ["ECDSA_SHA_256"]),
    "ECC_NIST_P384": ("ASN1 OID: secp384r1", ["ECDSA_SHA_384"]),
    "ECC_NIST_EDWARDS25519": ("ED25519 Public-Key", ["ED25519_SHA_512"]),
    "RSA_2048": ("Public-Key: (2048 bit)", PKCS1 + PSS),
    "RSA_3072": ("Public-Key: (3072 bit)", PKCS1 + PSS),
    "RSA_4096": ("Public-Key: (4096 bit)", PKCS1 + PSS),
}
ALGORITHMS = ["ECDSA_SHA_256", "ECDSA_SHA_384", "ED25519_SHA_512"] + PKCS1 + PSS
MESSAGE = b"Animals for Life. " * 20


def hash_of(algorithm):
    return "sha" + algorithm.rpartition("_")[2]


def options_of(algorithm):
    """openssl pkeyutl's options for a digest."""
    options = ["-pkeyopt", "digest:" + hash_of(algorithm)]
    if algorithm in PSS:
        options += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest",
                    "-pkeyopt", "rsa_mgf1_md:" + hash_of(algorithm)]
    return options


class Keys(world.TestCase):
    def write(self, name, data):
        with open(self.world.path(name), "wb") as file:
            file.write(data)
        return self.world.path(name)

    def create(self, spec, check=True):
        return self.world.keydctl("create-key", "--key-spec", spec, "--alias", "alias/" + spec,
                                  "--output", "json", check=check)

    def sign(self, spec, algorithm, message_type, check=True):
        message = MESSAGE
        if message_type == "DIGEST":
            message = hashlib.new(hash_of(algorithm), MESSAGE).digest()
        arguments = ["--signing-algorithm", algorithm] if algorithm else []
        return self.world.keydctl(
            "sign", "--key-id", "alias/" + spec, *arguments, "--message-type", message_type,
            "--message", "fileb://" + self.write("message", message),
            "--signature-file", self.world.path("signature"), check=check)

    def verifies(self, spec, algorithm):
        """What openssl says of the file `signature`."""
        if algorithm == "ED25519_SHA_512":
            data, options = self.write("data", MESSAGE), ["-rawin"]
        else:
            digest = hashlib.new(hash_of(algorithm), MESSAGE).digest()
            data, options = self.write("data", digest), options_of(algorithm)
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", self.world.path(spec + ".pem"),
             "-in", data, "-sigfile", self.world.path("signature"), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def make(self, spec):
        said, algorithms = SPECS[spec]
        made = self.world.json("create-key", "--key-spec", spec, "--alias", "alias/" + spec)
        metadata = made["KeyMetadata"]
        self.assertEqual(metadata["KeySpec"], spec)
        self.assertEqual(metadata["DefaultSigningAlgorithm"], algorithms[0])
        self.assertEqual(metadata["SigningAlgorithms"], algorithms)
        pem = self.world.keydctl("get-public-key", "--key-id", "alias/" + spec, "--output",
                                 "pem").stdout
        text = subprocess.run(["openssl", "pkey", "-pubin", "-noout", "-text", "-in",
                               self.write(spec + ".pem", pem.encode())],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        self.assertIn(said, text)
        if spec.startswith("RSA"):
            self.assertIn("Exponent: 65537", text)


class Matrix(Keys):
    def all_are_refused(self, spec, algorithm, words):
        for message_type in ("RAW", "DIGEST"):
            self.fails(self.sign(spec, algorithm, message_type, check=False), FAILURE, words)

    def cell(self, spec, algorithm):
        with self.subTest(spec=spec, algorithm=algorithm):
            fitting = SPECS[spec][1]
            if algorithm not in fitting:
                self.all_are_refused(spec, algorithm, "does not sign with " + algorithm)
                return
            if algorithm in self.world.token.lacks:
                self.all_are_refused(spec, algorithm, self.world.token.lacks[algorithm])
                return
            self.sign(spec, algorithm, "RAW")
            self.assertTrue(self.verifies(spec, algorithm))
            if algorithm == "ED25519_SHA_512":
                self.fails(self.sign(spec, algorithm, "DIGEST", check=False), FAILURE, "RAW")
                return
            self.sign(spec, algorithm, "DIGEST")
            self.assertTrue(self.verifies(spec, algorithm))
            for other in fitting:
                self.assertEqual(self.verifies(spec, other), other == algorithm)

    def test_every_spec_with_every_algorithm(self):
        self.world.start()
        lacks = self.world.token.lacks
        for spec in lacks.keys() & SPECS.keys():
            self.fails(self.create(spec, check=False), FAILURE, lacks[spec])
        there = [spec for spec in SPECS if spec not in lacks]
        for spec in there:
            self.make(spec)
        for spec in there:
            for algorithm in ALGORITHMS:
                self.cell(spec, algorithm)
        before = {key: self.world.public_key("alias/" + key) for key in there}
        self.world.stop()
        self.world.start()
        for spec in there:
            self.assertEqual(self.world.public_key("alias/" + spec), before[spec])
            self.sign(spec, None, "RAW")
            self.assertTrue(self.verifies(spec, SPECS[spec][1][0]))


class Misfits(Keys):
    kind = "mock"

    def test_a_creation_stops_no_signer(self):
        """Signatures go on while the token takes its time to make a key."""
        token = self.world.token
        self.world.start()
        self.make("ECC_NIST_P256")
        token.faults("C_GenerateKeyPair slow 3000")
        creation = self.world.background(
            world.program("keydctl"), "--socket", self.world.socket, "create-key", "--key-spec",
            "RSA_4096", "--alias", "alias/slow", stdout=subprocess.DEVNULL)
        world.wait_for(lambda: token.count("C_GenerateKeyPair") == 2, 10, self.world.log)
        for _ in range(10):
            self.sign("ECC_NIST_P256", "ECDSA_SHA_256", "RAW")
        self.assertIsNone(creation.poll())
        self.assertTrue(self.verifies("ECC_NIST_P256", "ECDSA_SHA_256"))
        self.assertEqual(creation.wait(timeout=30), 0)

    def test_what_the_token_lacks_is_named(self):
        token = self.world.token
        token.faults("token no-mechanism CKM_EDDSA", "token no-mechanism CKM_RSA_PKCS_PSS")
        self.world.start()
        self.fails(self.create("ECC_NIST_EDWARDS25519", check=False), FAILURE, "token '",
                   "does not offer CKM_EDDSA")
        self.assertEqual(self.world.json("list-keys")["Keys"], [])
        self.make("RSA_2048")
        before = token.count("C_SignInit")
        for message_type in ("RAW", "DIGEST"):
            self.fails(self.sign("RSA_2048", "RSASSA_PSS_SHA_256", message_type, check=False),
                       FAILURE, "does not offer CKM_RSA_PKCS_PSS")
        self.assertEqual(token.count("C_SignInit"), before)
        self.assertEqual(token.count("C_GenerateKeyPair"), 1)
        self.sign("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", "RAW")
        self.assertTrue(self.verifies("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"))


if __name__ == "__main__":
    world.main()
