#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A token in trouble: not there, one of two, pulled out, full, write-protected, short of sessions, with
keys that other tools made. What an operator reads, what still works, and that all is well again by
itself once the token is; no key, no alias and nothing half made is left behind or lost."""

import glob
import hashlib
import json
import os
import re
import subprocess
import uuid

import world

FAILURE, REFUSAL = 1, 3


def key_id(request_id, attempt=0):
    """The id that keyd will give the key of this request (keyd/base/keyid.h)."""
    digest = hashlib.sha256()
    for part in ("keyd.v1 key id", "uid:%d" % os.getuid(), request_id):
        digest.update(part.encode() + b"\0")
    digest.update(attempt.to_bytes(4, "big"))
    data = bytearray(digest.digest()[:16])
    data[6] = data[6] & 0x0f | 0x80  # a UUID version 8 (RFC 9562)
    data[8] = data[8] & 0x3f | 0x80
    return uuid.UUID(bytes=bytes(data))


class Trouble(world.TestCase):
    def status(self):
        done = self.world.keydctl("status", "--output", "json", check=False)
        return json.loads(done.stdout)["Tokens"][0] if done.returncode == 0 else {}

    def wait(self, state, *words):
        world.wait_for(lambda: self.status().get("State") == state, 25, self.world.log)
        for word in words:
            self.assertIn(word, self.status()["StateMessage"])

    def create(self, alias, *options):
        return self.world.keydctl("create-key", "--key-spec", "ECC_NIST_P256", "--alias", alias,
                                  *options, check=False)

    def sign(self, alias, check=False):
        return self.world.keydctl("sign", "--key-id", alias, "--message", "x", check=check)

    def keys(self):
        return {key["KeyId"] for key in self.world.json("list-keys")["Keys"]}

    def configure(self, field, value):
        self.world.edit("tokens.d/main.conf", lambda text: re.sub(
            r"^%s:.*\n" % field, "", text, flags=re.M) + "%s: '%s'\n" % (field, value))


class SoftHSM(Trouble):
    """On SoftHSM, whose token is a folder of files."""
    kind = "softhsm"

    def setUp(self):
        super().setUp()
        self.files = os.path.join(self.world.token.folder, "tokens")

    def pull_out(self):
        os.rename(self.files, self.files + ".away")

    def put_back(self):
        os.rename(self.files + ".away", self.files)


class Mock(Trouble):
    kind = "mock"

    def setUp(self):
        super().setUp()
        self.token = self.world.token

    def pull_out(self):
        self.token.faults("token removed")

    def put_back(self):
        self.token.faults()


# ---- Which token ---------------------------------------------------------------------------------


class WhichToken(SoftHSM):
    def second_token(self, label):
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "4321",
                        "--so-pin", "87654321"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, **self.world.token.environment})

    def serials(self):
        found = subprocess.run(["softhsm2-util", "--show-slots"], check=True, text=True,
                               stdout=subprocess.PIPE,
                               env={**os.environ, **self.world.token.environment}).stdout
        return re.findall(r"Serial number: *(\w+)", found)

    def test_two_with_one_label(self):
        ours = self.serials()[0]
        self.second_token(self.world.label())
        self.world.start(wait=False)
        self.wait("FAULTY", "2 tokens fit", "`serial`", *self.serials())
        self.configure("serial", ours)
        self.wait("READY")
        self.assertEqual(self.status()["Serial"], ours)

    def test_a_serial_that_no_token_has(self):
        self.configure("serial", "0000000000000000")
        self.world.start(wait=False)
        self.wait("FAULTY", "no token with label", "serial '0000000000000000'", self.serials()[0])

    def test_a_token_that_is_not_initialised(self):
        for folder in glob.glob(self.files + "/*"):
            os.rename(folder, os.path.join(self.world.folder, os.path.basename(folder)))
        self.world.start(wait=False)
        self.wait("FAULTY", "no token with label", "not initialised")


class WhichMock(Mock):
    def test_two_with_one_label(self):
        self.token.faults("token duplicate-label")
        self.world.start(wait=False)
        self.wait("FAULTY", "2 tokens fit", "`serial`", "MOCK-main", "TWIN")
        self.assertEqual(self.token.count("C_Login"), 0)
        self.configure("serial", "MOCK-main")
        self.wait("READY")
        self.assertEqual(self.status()["Serial"], "MOCK-main")

    def test_none(self):
        self.token.faults("token removed")
        self.world.start(wait=False)
        self.wait("FAULTY", "no token with label 'main'", "none")
        self.token.faults()
        self.wait("READY")

    def test_a_token_that_is_not_initialised(self):
        self.token.faults("token no-flags TOKEN_INITIALIZED")
        self.world.start(wait=False)
        self.wait("FAULTY", "no token with label 'main'", "1, not initialised")
        self.assertEqual(self.token.count("C_Login"), 0)


class OddNames(Mock):
    """Text that is no UTF-8: what shows it shows the rest of it, and nothing is kept back."""

    def setUp(self):
        super().setUp()
        self.world.edit("tokens.d/main.conf", lambda text: re.sub(
            r"  - name: KEYD_MOCK_TOKENS\n.*\n", "", text))

    def tokens(self, names):
        os.environb[b"KEYD_MOCK_TOKENS"] = names
        self.addCleanup(os.environb.pop, b"KEYD_MOCK_TOKENS", None)

    def test_the_token_has_one(self):
        self.tokens(b"m\xfcller=S\xfc1")
        self.configure("label", "m?ller")
        self.world.start()
        self.world.create_key("alias/a")
        self.sign("alias/a", check=True)
        self.assertEqual((self.status()["Label"], self.status()["Serial"]), ("m?ller", "S?1"))
        self.world.kill("keyd-hsm main")
        world.wait_for(lambda: self.sign("alias/a").returncode == 0, 20, self.world.log)

    def test_its_neighbour_has_one(self):
        self.tokens(b"m\xfcller=S1,main=S2,main=S3")
        self.world.start(wait=False)
        self.wait("FAULTY", "2 tokens fit", "`serial`", "'m?ller' (serial S1)", "S2", "S3")


# ---- Pulled out ----------------------------------------------------------------------------------


class PulledOut:
    def outcomes(self):
        with open(self.world.path("signatures"), encoding="utf-8") as file:
            return [line.split()[1] for line in file.read().splitlines()[:-1]]

    def test_while_signing_and_put_back(self):
        self.world.start()
        key = self.world.create_key("alias/a")
        public = self.world.public_key("alias/a")
        with open(self.world.path("signatures"), "w", encoding="utf-8") as out:
            client = self.world.background(os.path.join(world.BUILD, "tests", "sign_forever"),
                                           self.world.socket, key, stdout=out)
        world.wait_for(lambda: self.outcomes().count("OK") > 20)
        self.pull_out()
        self.wait("FAULTY")
        self.fails(self.create("alias/b"), FAILURE, "token main")
        self.fails(self.sign("alias/a"), FAILURE, "token main")
        self.assertEqual(self.keys(), {key})  # away, not gone
        before = len(self.outcomes())
        self.put_back()
        self.wait("READY")
        world.wait_for(lambda: "OK" in self.outcomes()[before:], 20, self.world.log)
        self.assertIsNone(client.poll(), "the client ended by itself")
        self.assertEqual(set(self.outcomes()), {"OK", "UNAVAILABLE"})  # OK is verified
        self.assertEqual(self.world.public_key("alias/a"), public)
        self.assertEqual(self.create("alias/b").returncode, 0)
        self.assertEqual(self.world.token.objects(), 4)


class PulledOutSoftHSM(PulledOut, SoftHSM):
    pass


class PulledOutMock(PulledOut, Mock):
    pass


# ---- Full, or write-protected --------------------------------------------------------------------


class NoRoom:
    def test_no_key_is_made_and_all_else_is_well(self):
        self.world.start()
        key = self.world.create_key("alias/a")
        self.fill()
        self.fails(self.create("alias/b"), FAILURE, "C_GenerateKeyPair: CKR_", *self.words)
        self.assertEqual(self.world.token.objects(), 2)
        self.assertEqual(self.keys(), {key})
        self.sign("alias/a", check=True)
        self.make_room()
        self.assertEqual(self.create("alias/b").returncode, 0)
        self.world.kill("keyd-hsm main")
        world.wait_for(lambda: self.sign("alias/b").returncode == 0, 20, self.world.log)
        self.sign("alias/a", check=True)
        self.assertEqual(self.world.token.objects(), 4)
        self.assertEqual(len(self.keys()), 2)


class FullMock(NoRoom, Mock):
    words = ("CKR_DEVICE_MEMORY", "the token is full", "make room")

    def fill(self):
        self.token.faults("token full")

    def make_room(self):
        self.token.faults()


class FullSoftHSM(NoRoom, SoftHSM):
    """SoftHSM is full when its disk is; and does not say so."""
    words = ("CKR_FUNCTION_FAILED", "does not say why", "disk")

    def setUp(self):
        super().setUp()
        self.pull_out()
        os.mkdir(self.files)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "none", self.files],
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            self.skipTest("mounting a small disk takes root: " + done.stderr)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.files], check=True)
        subprocess.run(["cp", "-a", self.files + ".away/.", self.files], check=True)

    def fill(self):
        with open(self.files + "/filling", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def make_room(self):
        os.unlink(self.files + "/filling")


class WriteProtected(Mock):
    def test_from_the_start_its_keys_sign_and_none_is_made(self):
        self.world.start()
        key = self.world.create_key("alias/a")
        self.world.stop()
        self.token.faults("token read-only")
        self.world.start()
        self.assertIn("CKR_TOKEN_WRITE_PROTECTED", self.world.log())
        self.sign("alias/a", check=True)
        self.fails(self.create("alias/b"), REFUSAL, "write-protected", "vendor's tools")
        self.assertEqual(self.keys(), {key})
        self.assertEqual(self.token.count("C_GenerateKeyPair"), 1)
        self.token.faults()
        self.assertEqual(self.create("alias/b").returncode, 0)  # at once
        self.sign("alias/b", check=True)

    def test_from_some_time_on(self):
        self.world.start()
        key = self.world.create_key("alias/a")
        self.token.faults("token read-only")
        self.fails(self.create("alias/b"), REFUSAL, "write-protected")
        self.sign("alias/a", check=True)
        self.assertEqual(self.keys(), {key})
        self.assertEqual(self.token.objects(), 2)
        self.token.faults()
        self.assertEqual(self.create("alias/b").returncode, 0)


# ---- Sessions and answers ------------------------------------------------------------------------


class Sessions(Mock):
    def test_few_are_fewer_signers(self):
        self.token.faults("token max-sessions 2")
        self.world.start()
        self.world.create_key("alias/a")
        self.sign("alias/a", check=True)
        self.assertIn("sessions for 1 of 4 signers", self.world.log())

    def test_too_few_to_sign(self):
        self.token.faults("token max-sessions 1")
        self.world.start(wait=False)
        self.wait("FAULTY", "one session for all its users", "keyd-hsm needs two")
        self.token.faults()
        self.wait("READY")

    def test_lost_after_some_signatures(self):
        self.world.start()
        self.world.create_key("alias/a")
        self.token.faults("C_Sign session-invalid after=3 times=1")
        for _ in range(3):
            self.sign("alias/a", check=True)
        before = self.world.pid("keyd-hsm main")
        self.fails(self.sign("alias/a"), FAILURE, "safe to try again")
        world.wait_for(lambda: self.sign("alias/a").returncode == 0, 20, self.world.log)
        self.assertNotEqual(self.world.pid("keyd-hsm main"), before)
        self.assertIn("C_Sign: CKR_SESSION_HANDLE_INVALID", self.world.log())


class BadAnswers(Mock):
    def test_one_that_passes_at_a_start_takes_no_key_away(self):
        self.world.start()
        key = self.world.create_key("alias/a")
        for answer in ("CKR_DEVICE_MEMORY", "CKR_FUNCTION_CANCELED"):
            happened = self.token.count("C_GetAttributeValue:rv")
            self.token.faults("C_GetAttributeValue rv %s ever=%d" % (answer, happened + 1))
            self.world.kill("keyd-hsm main")
            self.wait("FAULTY", "does not say whether it has the key " + key,
                      "C_GetAttributeValue: " + answer)
            self.fails(self.sign("alias/a"), FAILURE, answer)
            self.wait("READY")  # by itself
            self.sign("alias/a", check=True)
            self.assertEqual(self.token.count("C_GetAttributeValue:rv"), happened + 1)
        self.assertNotIn("key unusable", self.world.log())

    def test_a_new_key_that_does_not_prove_itself_leaves_nothing(self):
        self.world.start()
        for fault, words in (("C_Sign garbage", "does not verify"),
                             ("C_Sign short", "63 bytes, not 64"),
                             ("C_Sign rv CKR_GENERAL_ERROR", "C_Sign: CKR_GENERAL_ERROR"),
                             ("C_GetAttributeValue garbage", "another key type"),
                             ("C_GetAttributeValue short CKA_EC_POINT", "public"),
                             ("C_GenerateKeyPair rv-late CKR_FUNCTION_FAILED", "C_GenerateKeyPair")):
            self.token.faults(fault)
            done = self.create("alias/a")
            self.assertIn(done.returncode, (FAILURE, REFUSAL))
            self.assertIn(words, done.stderr, fault)
            self.assertEqual(self.token.objects(), 0, fault)
            self.assertEqual(self.keys(), set())
        self.token.faults()
        self.assertEqual(self.create("alias/a").returncode, 0)  # no failure has kept the alias

    def test_a_short_signature_is_none(self):
        self.world.start()
        self.world.create_key("alias/a")
        self.token.faults("C_Sign short")
        done = self.sign("alias/a")
        self.fails(done, FAILURE, "63 bytes, not 64")
        self.assertEqual(done.stdout, "")
        self.token.faults()
        self.sign("alias/a", check=True)


# ---- Other tools' keys ---------------------------------------------------------------------------


class OtherTools:
    def other_key(self, identity, label="theirs"):
        self.world.pkcs11_tool("--keypairgen", "--key-type", "EC:prime256v1", "--id", identity.hex,
                         "--label", label)

    def other_keys(self):
        return self.world.pkcs11_tool("--list-objects").count("theirs")

    def test_a_key_that_has_the_id_first(self):
        self.world.start()  # begins the journal of a token that has no keys
        self.world.stop()
        for attempt in range(8):
            self.other_key(key_id("one", attempt))
        self.other_key(key_id("two"))
        self.world.start()
        self.fails(self.create("alias/a", "--request-id", "one"), REFUSAL, "taken",
                   str(key_id("one", 7)), "that keyd did not make", "request_id")
        self.assertEqual(self.keys(), set())
        # With one id left there is a key, of that id.
        done = self.create("alias/a", "--request-id", "two", "--output", "json")
        self.assertEqual(json.loads(done.stdout)["KeyMetadata"]["KeyId"], str(key_id("two", 1)))
        self.sign("alias/a", check=True)
        self.assertIn("are not in the journal and stay untouched", self.world.log())
        self.world.stop()
        self.assertEqual(self.other_keys(), 18)

    def test_a_key_that_takes_the_id_later(self):
        self.world.start()
        key = self.world.create_key("alias/a")
        other = self.world.create_key("alias/b")
        self.world.stop()
        self.other_key(uuid.UUID(key))
        self.world.start()
        done = self.sign("alias/a")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("2 private keys with its CKA_ID: another tool made one", self.world.log())
        self.sign(other, check=True)
        self.world.stop()
        for kind in ("privkey", "pubkey"):
            self.world.pkcs11_tool("--delete-object", "--type", kind, "--label", "theirs")
        self.world.start()
        self.sign("alias/a", check=True)


class OtherToolsSoftHSM(OtherTools, SoftHSM):
    pass


class OtherToolsMock(OtherTools, Mock):
    pass


if __name__ == "__main__":
    world.main()
