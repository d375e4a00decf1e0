#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""keydctl as its users meet it, on a fake keyd: what it prints, and how it ends."""
import base64
import hashlib
import json
import os
import pty
import re
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
FAKE = os.path.join(HERE, "..", "lib", "fake_keyd.py")
KEYDCTL = os.path.join(os.environ["KEYD_BIN"], "keydctl")
CALL = "(call c0ffee00-0000-4000-8000-000000000001)"
DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3


def read_all(master):
    """What was written to a terminal whose other side is closed: it comes in pieces."""
    text = b""
    try:
        while piece := os.read(master, 65536):
            text += piece
    except OSError:  # EIO: the end
        pass
    return text


class KeydctlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.socket = os.path.join(cls.folder.name, "keyd.sock")
        cls.fake = subprocess.Popen([FAKE, cls.socket], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
        assert cls.fake.stdout.readline() == b"ready\n"
        cls.environment = dict(os.environ, KEYD_SOCKET=cls.socket, NO_COLOR="1")
        cls.key_id = cls.fields("create-key", "--key-spec", "ECC_NIST_P256", "--alias",
                                "alias/ksk", "--description", "gr\u00fcn \x1b[31m\tx")[0]

    @classmethod
    def tearDownClass(cls):
        cls.fake.stdin.close()
        cls.fake.stdout.close()
        cls.fake.wait()
        cls.folder.cleanup()

    @classmethod
    def run_keydctl(cls, *args, **options):
        return subprocess.run([KEYDCTL, *args], capture_output=True, env=cls.environment,
                              timeout=60, check=False, **options)

    @classmethod
    def output(cls, *args, **options):
        done = cls.run_keydctl(*args, **options)
        assert done.returncode == DONE, done
        return done.stdout.decode()

    @classmethod
    def json(cls, *args):
        return json.loads(cls.output(*args, "--output", "json"))

    @classmethod
    def fields(cls, *args):
        return cls.output(*args, "--output", "text").rstrip("\n").split("\t")

    def fails(self, status, words, *args, **options):
        done = self.run_keydctl(*args, **options)
        message = done.stderr.decode()
        self.assertEqual(done.returncode, status, message)
        self.assertIn(words, message)
        self.assertTrue(message.startswith("keydctl: "), message)
        self.assertEqual(done.stdout, b"")

    def path(self, name, content):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    # Keys

    def test_describes_a_key_in_three_ways(self):
        key = self.json("describe-key", "--key-id", "alias/ksk")["KeyMetadata"]
        self.assertEqual(key["KeyId"], self.key_id)
        self.assertEqual(key["KeySpec"], "ECC_NIST_P256")
        self.assertEqual(key["SigningAlgorithms"], ["ECDSA_SHA_256"])
        self.assertEqual(key["Aliases"], ["alias/ksk"])
        self.assertEqual(key["CreationDate"], "2025-11-24T16:00:00.123Z")
        self.assertEqual(key["Description"], "gr\u00fcn \x1b[31m\tx")
        self.assertIs(key["Enabled"], True)
        fields = self.fields("describe-key", "--key-id", self.key_id)
        self.assertEqual(fields, [self.key_id, "ENABLED", "ECC_NIST_P256", "SIGN_VERIFY", "t",
                                  "2025-11-24T16:00:00.123Z", "ECDSA_SHA_256", "alias/ksk",
                                  "gr\u00fcn \\x1b[31m\\x09x"])
        table = self.output("describe-key", "--key-id", "alias/ksk")
        self.assertRegex(table, r"Created +2025-11-24 16:00:00 UTC \(\d+ days ago\)\n")
        self.assertIn("gr\u00fcn \\x1b[31m\\x09x\n", table)
        self.assertNotIn("\x1b", table)

    def test_a_request_sent_twice_makes_one_key(self):
        create = ("create-key", "--key-spec", "ECC_NIST_P256", "--request-id", "r1")
        self.assertEqual(self.fields(*create)[0], self.fields(*create)[0])

    def test_lists_all_keys_or_a_page(self):
        for _ in range(3):
            self.output("create-key", "--key-spec", "ECC_NIST_P256")
        every = [line.split("\t")[0] for line in
                 self.output("list-keys", "--output", "text").splitlines()]
        self.assertGreaterEqual(len(every), 4)
        self.assertEqual(self.json("list-keys")["Truncated"], False)
        self.assertEqual([key["KeyId"] for key in self.json("list-keys")["Keys"]], every)

        paged, marker = [], None
        while marker is not None or not paged:
            page = self.json("list-keys", "--limit", "2",
                             *(("--starting-token", marker) if marker else ()))
            paged += [key["KeyId"] for key in page["Keys"]]
            marker = page.get("NextMarker")
            self.assertEqual(page["Truncated"], marker is not None)
        self.assertEqual(paged, every)

        done = self.run_keydctl("list-keys", "--limit", "1", "--output", "text")
        self.assertIn("--marker " + every[0], done.stderr.decode())

    def test_tables_are_aligned(self):
        lines = self.output("list-keys").splitlines()
        starts = {line.index("ECC_NIST_P256") for line in lines[1:]}
        self.assertEqual(starts, {lines[0].index("SPEC")})
        self.assertTrue(all(line == line.rstrip() for line in lines))

    def test_gives_the_public_key_to_other_tools(self):
        pem = self.output("get-public-key", "--key-id", "alias/ksk", "--output", "pem")
        der = self.run_keydctl("get-public-key", "--key-id", "alias/ksk", "--output", "der").stdout
        text = subprocess.run(["openssl", "pkey", "-pubin", "-noout", "-text"], input=pem.encode(),
                              capture_output=True, check=True).stdout
        self.assertIn(b"prime256v1", text)
        encoded = "".join(pem.splitlines()[1:-1])
        self.assertEqual(base64.b64decode(encoded), der)
        answer = self.json("get-public-key", "--key-id", "alias/ksk")
        self.assertEqual(base64.b64decode(answer["PublicKey"]), der)
        self.assertEqual(answer["KeyId"], self.key_id)
        self.assertEqual(answer["KeyUsage"], "SIGN_VERIFY")
        self.assertIn(pem, self.output("get-public-key", "--key-id", "alias/ksk"))

    def test_a_public_key_that_is_none_is_not_passed_on(self):
        self.fails(FAILED, "is no public key", "get-public-key", "--key-id", "alias/badkey")

    # Sign

    def sign(self, *args, **options):
        return base64.b64decode(json.loads(self.output(
            "sign", "--key-id", "alias/ksk", "--output", "json", *args, **options))["Signature"])

    def test_signs_texts_files_and_standard_input(self):
        message = bytes(range(256))
        file = self.path("message", message)
        self.assertEqual(self.sign("--message", "hello"), hashlib.sha256(b"hello").digest())
        digest = hashlib.sha256(message).digest()
        self.assertEqual(self.sign("--message", "fileb://" + file), digest)
        self.assertEqual(self.sign("--message", "fileb://-", input=message), digest)
        self.assertEqual(self.sign("--message", "fileb://-", "--message-type", "DIGEST",
                                   input=digest), digest)

    def test_says_which_key_and_algorithm_signed(self):
        fields = self.fields("sign", "--key-id", "alias/ksk", "--message", "x",
                             "--signing-algorithm", "ECDSA_SHA_384")
        self.assertEqual(fields[:2], [self.key_id, "ECDSA_SHA_384"])
        self.assertRegex(self.output("sign", "--key-id", "alias/ksk", "--message", "x"),
                         r"Signed with +ECDSA_SHA_256\n")

    def test_writes_the_bare_signature(self):
        file = os.path.join(self.folder.name, "signature")
        self.output("sign", "--key-id", "alias/ksk", "--message", "x", "--signature-file", file)
        with open(file, "rb") as written:
            self.assertEqual(written.read(), hashlib.sha256(b"x").digest())
        self.fails(FAILED, "/nonexistent/s: No such file", "sign", "--key-id", "alias/ksk",
                   "--message", "x", "--signature-file", "/nonexistent/s")

    def test_the_longest_message_and_one_byte_more(self):
        longest = b"x" * 65536
        self.assertEqual(self.sign("--message", "fileb://-", input=longest),
                         hashlib.sha256(longest).digest())
        self.fails(USAGE, "--message-type DIGEST", "sign", "--key-id", "alias/ksk", "--message",
                   "fileb://-", input=longest + b"x")
        file = self.path("long", longest + b"x")
        self.fails(USAGE, file + " has more than 65536 bytes", "sign", "--key-id", "alias/ksk",
                   "--message", "fileb://" + file)

    def test_messages_that_cannot_be_meant(self):
        sign = ("sign", "--key-id", "alias/ksk", "--message")
        self.fails(USAGE, "standard input is empty", *sign, "fileb://-", input=b"")
        self.fails(USAGE, "give fileb:///etc/hosts", *sign, "file:///etc/hosts")
        self.fails(FAILED, "/nonexistent: No such file", *sign, "fileb:///nonexistent")
        self.fails(FAILED, "Is a directory", *sign, "fileb:///")

    # Status

    def test_status_names_the_tokens_and_who_asks(self):
        table = self.output("status")
        self.assertRegex(table, r"You are +uid:%d\n" % os.getuid())
        self.assertRegex(table, r"\nt +READY +fake +0001 +\d+ +own uid +3 of 8 free +A module 1.0 "
                                r"\(nobody\)\n")
        self.assertRegex(table, r"\nu +LOGIN_NEEDED +- +- +0 +no wall: one uid +- +-\n")
        self.assertRegex(table, r"\nv +AWAY +- +- +0 +- +- +-\n")
        self.assertRegex(table, r"\nTOKEN +LIMITATION +WHAT IT MEANS\nt +CKM_EDDSA +no Ed25519\n")
        self.assertIn("\nu: the PIN was refused\n", table)
        answer = self.json("status")
        self.assertEqual(answer["ServerVersion"], "0.1.0-fake")
        self.assertEqual([token["State"] for token in answer["Tokens"]],
                         ["READY", "LOGIN_NEEDED", "AWAY"])
        token = answer["Tokens"][0]
        self.assertEqual((token["Module"], token["SessionLimit"], token["FreeSessions"]),
                         ("A module 1.0 (nobody)", 8, 3))
        self.assertEqual(token["Limitations"],
                         [{"Name": "CKM_EDDSA", "Description": "no Ed25519"}])
        lines = self.output("status", "--output", "text").splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0].split("\t")[7:],
                         ["A module 1.0 (nobody)", "3 of 8 free", "CKM_EDDSA"])

    def test_the_man_pages_monitor_sees_each_trouble(self):
        with open(os.path.join(HERE, "..", "..", "docs", "man", "keydctl.1"),
                  encoding="utf-8") as file:
            shown = re.search(r"^Tell a monitor .*?^\.Bd .*?\n(.*?)^\.Ed$", file.read(), re.M | re.S)
        command = shown.group(1).replace("\\e", "\\")

        def monitor(status):
            shell = 'keydctl() { %s; }\n%s' % (status, command)
            done = subprocess.run(["sh", "-c", shell, KEYDCTL], capture_output=True, text=True,
                                  env=self.environment, timeout=60, check=False)
            return done.returncode, [line.split("\t")[:2] for line in done.stdout.splitlines()]

        self.assertEqual(monitor('"$0" "$@"'), (1, [["u", "LOGIN_NEEDED"], ["v", "AWAY"]]))
        self.assertEqual(monitor('"$0" "$@" | grep READY'), (0, []))
        self.assertEqual(monitor('"$0" "$@" --socket /nonexistent'), (1, []))

    # How it ends

    def test_refusals_end_with_3(self):
        self.fails(REFUSED, "this process runs as uid %d" % os.getuid(), "sign", "--key-id",
                   "alias/denied", "--message", "x")
        self.fails(REFUSED, "the PIN was refused " + CALL, "sign", "--key-id", "alias/locked",
                   "--message", "x")

    def test_failures_end_with_1(self):
        self.fails(FAILED, "describe-key: no key alias/none " + CALL, "describe-key", "--key-id",
                   "alias/none")
        self.fails(FAILED, "systemctl status keyd", "status", "--socket", "/nonexistent")
        self.fails(FAILED, "did not answer within 200 ms", "describe-key", "--key-id",
                   "alias/hang", "--timeout", "0.2")
        listed = self.output("list-keys", "--output", "text")
        done = subprocess.run(["bash", "-c", '"$0" create-key --key-spec ECC_NIST_P256 >&-', KEYDCTL],
                              capture_output=True, env=self.environment, timeout=60, check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("standard output is closed", done.stderr.decode())
        self.assertEqual(self.output("list-keys", "--output", "text"), listed)
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([KEYDCTL, "status"], stdout=full, stderr=subprocess.PIPE,
                                  env=self.environment, check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn(b"No space left", done.stderr)

    def test_usage_errors_end_with_2_and_name_what_is_near(self):
        p256 = ("create-key", "--key-spec", "ECC_NIST_P256")
        for words, args in (
                ("which command?", ()),
                ("did you mean create-key?", ("creat-key",)),
                ("no command 'restart'", ("restart",)),
                ("did you mean --socket?", ("--sokcet", "x", "status")),
                ("did you mean --message?", ("sign", "--mesage", "x")),
                ("no option -x", ("sign", "-x")),
                ("--message is without its fileb://FILE", ("sign", "--message")),
                ("--key-id is missing", ("describe-key",)),
                ("--message is missing", ("sign", "--key-id", "alias/ksk")),
                ("did you mean alias/ksk?", ("describe-key", "--key-id", "ksk")),
                ("lower-case UUID", ("describe-key", "--key-id", self.key_id.upper() + "!")),
                ("did you mean ECC_NIST_P256?", ("create-key", "--key-spec", "ECC_NIST_P255")),
                ("there is SIGN_VERIFY", p256 + ("--key-usage", "?")),
                ("did you mean alias/x?", p256 + ("--alias", "x")),
                ("not like a UUID", p256 + ("--alias", "alias/" + self.key_id)),
                ("--limit 0", ("list-keys", "--limit", "0")),
                ("--limit 1001", ("list-keys", "--limit", "1001")),
                ("--timeout 61", ("status", "--timeout", "61")),
                ("there is table, json and text", ("status", "--output", "pem")),
                ("takes options only", ("status", "now")),
                ("there is RAW and DIGEST", ("sign", "--key-id", "alias/ksk", "--message", "x",
                                             "--message-type", "raw"))):
            with self.subTest(args=args):
                self.fails(USAGE, words, *args)

    def test_global_options_stand_anywhere(self):
        before = self.output("--output", "text", "status")
        self.assertEqual(before, self.output("status", "--output", "text"))
        self.assertEqual(before, self.output("status", "--output=text"))

    def test_help_has_an_example_everywhere(self):
        commands = re.findall(r"^  ([a-z-]+)  +[a-z]", self.output("--help"), re.MULTILINE)
        self.assertEqual(len(commands), 6)
        for command in [None] + commands:
            text = self.output(*([command] if command else []), "--help")
            self.assertIn("Example:\n  keydctl ", text)
            self.assertIn("--socket=PATH", text)
        self.assertEqual(self.output("--version"), "keydctl 0.1.0\n")

    def colours(self, no_color):
        master, slave = pty.openpty()
        environment = dict(self.environment, NO_COLOR=no_color)
        subprocess.run([KEYDCTL, "status"], stdout=slave, env=environment, check=True)
        os.close(slave)
        text = read_all(master)
        os.close(master)
        return b"\x1b[32mREADY\x1b[0m" in text

    def test_colours_only_on_a_terminal_that_wants_them(self):
        self.assertTrue(self.colours(""))
        self.assertFalse(self.colours("1"))

    def test_a_key_that_takes_long_says_so_on_a_terminal(self):
        master, slave = pty.openpty()
        done = subprocess.run(
            [KEYDCTL, "create-key", "--key-spec", "RSA_4096", "--alias", "alias/hang", "--timeout",
             "2.9"], stdout=subprocess.PIPE, stderr=slave, check=False, timeout=60,
            env=dict(self.environment, TERM="xterm"))
        os.close(slave)
        text = read_all(master).decode()
        os.close(master)
        self.assertEqual((done.returncode, done.stdout), (FAILED, b""))
        self.assertRegex(text, r"\A(\rMaking the key  [12] s\x1b\[K)+\r\x1b\[Kkeydctl: create-key: .*\r\n\Z")


if __name__ == "__main__":
    unittest.main()
