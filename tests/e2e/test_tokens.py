#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""One keyd with three tokens of two modules: "main" and "second" of SoftHSM, "third" of the mock. Each
key signs on its own token; and whatever happens to one token, the others sign, create and list as if
nothing had."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time

import grpc

import world

FAILURE = 1
TOKENS = ["main", "second", "third"]
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
CALLS_IN_FLIGHT = 1024  # of one user: the default of calls_in_flight
LIMIT_S = 2  # module_call_limit and key_generation_limit of the third token


class Client:
    """sign_forever with one key: what came of each call."""

    def __init__(self, where, name, key):
        self.path = where.path("signatures-" + name)
        with open(self.path, "w", encoding="utf-8") as out:
            self.process = where.background(os.path.join(world.BUILD, "tests", "sign_forever"),
                                            where.socket, key, stdout=out)

    def calls(self):
        """[(when it ended, in seconds of CLOCK_MONOTONIC; status; message)]"""
        with open(self.path, encoding="utf-8") as file:
            lines = file.read().splitlines()[:-1]  # the last may be half written
        return [(int(when) / 1e9, status, message)
                for when, status, message in (line.split(" ", 2) for line in lines)]

    def statuses(self):
        return {status for _, status, _ in self.calls()}

    def worst(self):
        """The longest time from the end of one call to the end of the next one, in seconds: no call
        took longer."""
        times = [when for when, *_ in self.calls()]
        return max(after - before for before, after in zip(times, times[1:]))

    def signs_on(self, seconds=20):
        """Waits for a signature that was asked for from now on."""
        now = time.monotonic()
        world.wait_for(lambda: [1 for when, status, _ in self.calls()
                                if status == "OK" and when > now + 0.01], seconds,
                       lambda: "no signature: %s" % self.calls()[-3:])


class Several(world.TestCase):
    kind = "softhsm"

    def setUp(self):
        super().setUp()
        self.world.add_token("second")
        self.third = self.world.add_token("third", "mock")
        self.keys = {}
        self.clients = {}

    # -- what the tests are made of ----------------------------------------------------------

    def limit(self, name, field, seconds=LIMIT_S):
        self.world.edit("tokens.d/%s.conf" % name,
                        lambda text: text + "%s: %d\n" % (field, seconds))

    def begin(self, tokens=TOKENS):
        for name in tokens:
            self.keys[name] = self.world.create_key("alias/of-" + name, token=name)

    def sign_forever(self, *names):
        for name in names:
            self.clients[name] = Client(self.world, name, self.keys[name])
        for name in names:
            self.clients[name].signs_on()

    def sign(self, key, check=True):
        return self.world.keydctl("sign", "--key-id", key, "--message", "a message", "--output",
                                  "json", check=check)

    def verify(self, key):
        """Signs, and has the openssl tool say that the signature is the key's."""
        told = json.loads(self.sign(key).stdout)
        for name, data in (("der", self.world.public_key(key)), ("data", b"a message"),
                           ("signature", base64.b64decode(told["Signature"]))):
            with open(self.world.path(name), "wb") as file:
                file.write(data)
        subprocess.run(["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify",
                        self.world.path("der"), "-signature", self.world.path("signature"),
                        self.world.path("data")], check=True, stdout=subprocess.DEVNULL)

    def tokens(self):
        """{name: what `keydctl status` says of it}"""
        return {one["Token"]: one for one in self.world.json("status", check=False)["Tokens"]}

    def state(self, name):
        return self.tokens()[name]["State"]

    def ended(self, function, limit=LIMIT_S):
        """How often the third keyd-hsm's watchdog has ended it over a function."""
        return len(re.findall(r"keyd-hsm\[third\] error: the module has not come back from %s "
                              r"within %d\.0 seconds" % (re.escape(function), limit),
                              self.world.log()))

    def others_are_well(self, *others):
        """Creating, listing, reading and signing on these, and nothing of them in the log."""
        before = len(self.world.log())
        for name in others:
            self.verify(self.keys[name])
            self.verify(self.world.create_key(token=name))
            self.assertEqual(self.state(name), "READY")
        listed = {key["KeyId"]: key for key in self.world.json("list-keys", check=False)["Keys"]}
        for name in others:
            self.assertEqual(listed[self.keys[name]]["KeyState"], "ENABLED")
            self.assertNotRegex(self.world.log()[before:],
                                r"token=%s (away|ready|does)|keyd-hsm %s (started|ended|was)" % (
                                    name, name))

    def never_disturbed(self, *names):
        """What the clients of these tokens saw all the time: signatures, none of them late."""
        for name in names:
            client = self.clients[name]
            self.assertIsNone(client.process.poll(), name)
            self.assertEqual(client.statuses(), {"OK"}, name)
            self.assertLess(client.worst(), LIMIT_S, name)
            self.assertEqual(self.world.log().count("keyd-hsm %s started" % name), 1)


class Together(Several):
    def test_each_key_signs_on_its_token(self):
        for name in ("main", "second"):
            self.world.edit("tokens.d/%s.conf" % name, lambda text: text + "log_level: debug\n")
        self.world.start()
        self.begin()
        for name, key in self.keys.items():
            signatures = self.third.count("C_Sign")
            self.verify(key)
            self.verify("alias/of-" + name)
            self.assertEqual(self.third.count("C_Sign") - signatures, 2 if name == "third" else 0)
            if name != "third":
                self.assertEqual(re.findall(r"keyd-hsm\[(\w+)\] debug: sign OK .* key=" + key,
                                            self.world.log()), [name] * 2)

    def test_names(self):
        self.world.start()
        self.begin()
        told = self.tokens()
        self.assertEqual(list(told), TOKENS)
        self.assertEqual({one["State"] for one in told.values()}, {"READY"})
        self.assertEqual([one["Keys"] for one in told.values()], [1, 1, 1])
        self.assertEqual(len({one["Serial"] for one in told.values()}), 3)
        self.assertEqual(told["third"]["Serial"], "MOCK-third")
        self.assertEqual(told["second"]["Label"], "second")
        table = self.world.keydctl("status").stdout
        for name in TOKENS:
            self.assertRegex(table, r"(?m)^%s +READY " % name)

        listed = self.world.json("list-keys")["Keys"]
        self.assertEqual({key["KeyId"]: key["Token"] for key in listed},
                         {key: name for name, key in self.keys.items()})
        for name, key in self.keys.items():
            self.assertEqual(
                self.world.json("describe-key", "--key-id", key)["KeyMetadata"]["Token"], name)

    def test_a_name_is_one_key_s_on_all_tokens(self):
        self.world.start()
        self.begin(["main"])
        for name in TOKENS:
            self.fails(self.world.keydctl(
                "create-key", "--key-spec", "ECC_NIST_P256", "--alias", "alias/of-main", "--token",
                name, check=False), FAILURE, "alias/of-main")
        self.assertEqual([key["Token"] for key in self.world.json("list-keys")["Keys"]], ["main"])
        self.assertEqual(self.third.count("C_GenerateKeyPair"), 0)

    def test_where_a_key_is_made(self):
        arguments = ["create-key", "--key-spec", "ECC_NIST_P256"]
        self.world.start()
        self.assertEqual(self.world.json(*arguments)["KeyMetadata"]["Token"], "main")
        self.fails(self.world.keydctl(*arguments, "--token", "thrid", check=False), FAILURE,
                   "there is no token thrid; keyd has main, second, third")
        self.world.stop()

        self.world.edit("keyd.conf", lambda text: text.replace("default_token: main",
                                                               "default_token: third"))
        self.world.start()
        self.assertEqual(self.world.json(*arguments)["KeyMetadata"]["Token"], "third")
        self.assertEqual(self.world.json("status")["DefaultToken"], "third")
        self.world.stop()

        self.world.edit("keyd.conf", lambda text: text.replace("default_token: third\n", ""))
        self.world.start()
        self.fails(self.world.keydctl(*arguments, check=False), FAILURE, "name a token",
                   "(main, second, third)")
        self.assertEqual(len(self.world.json("list-keys")["Keys"]), 2)


class Away(Several):
    def kept_out(self, name, *words):
        """Its keys are told to be away, and why; what is known of them is told all the same."""
        key = self.keys[name]
        told = world.wait_for(lambda: [
            one for one in [self.world.json("describe-key", "--key-id", key)["KeyMetadata"]]
            if one["KeyState"] == "UNAVAILABLE"], 20, self.world.log)[0]
        self.fails(self.sign(key, check=False), FAILURE, "token " + name, *words)
        for word in words:
            self.assertIn(word, told["StateReason"])
            self.assertIn(word, self.tokens()[name]["StateMessage"])
        self.assertTrue(self.world.public_key(key))

    def is_back(self, name):
        world.wait_for(lambda: self.state(name) == "READY", 20, self.world.log)
        self.verify(self.keys[name])

    def test_killed_again_and_again(self):
        self.world.start()
        self.begin()
        self.sign_forever("main", "third")
        for _ in range(8):
            before = self.world.log().count("notice: token=second ready")
            self.world.kill("keyd-hsm second")
            world.wait_for(lambda: self.world.log().count("notice: token=second ready") > before,
                           20, self.world.log)
        self.others_are_well("main", "third")
        self.is_back("second")
        self.never_disturbed("main", "third")

    def test_stopped(self):
        """A keyd-hsm that neither answers nor ends costs its own callers their deadline, no one
        else anything."""
        self.world.start()
        self.begin()
        self.sign_forever("main", "third")
        pid = self.world.pid("keyd-hsm second")
        world.freeze(pid)
        try:
            waiting = self.world.background(
                world.program("keydctl"), "--socket", self.world.socket, "--timeout", "2", "sign",
                "--key-id", self.keys["second"], "--message", "x", stderr=subprocess.PIPE)
            self.others_are_well("main", "third")
            message = waiting.communicate(timeout=20)[1].decode()
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(waiting.returncode, FAILURE)
        self.assertIn("did not answer within 2000 ms", message)
        self.is_back("second")
        self.assertEqual(self.world.pid("keyd-hsm second"), pid)
        self.never_disturbed("main", "third")

    def test_its_module_is_missing(self):
        link = self.world.path("module.so")
        os.symlink(SOFTHSM, link)
        self.world.edit("tokens.d/second.conf", lambda text: re.sub(
            r"(?m)^module: .*", "module: " + link, text))
        self.world.start()
        self.begin()
        self.sign_forever("main", "third")
        os.rename(link, link + ".away")
        self.world.kill("keyd-hsm second")
        world.wait_for(lambda: self.state("second") == "FAULTY", 20, self.world.log)
        self.kept_out("second", link, "cannot be loaded")
        self.fails(self.world.keydctl("create-key", "--key-spec", "ECC_NIST_P256", "--token",
                                      "second", check=False), FAILURE, "token second", link)
        self.others_are_well("main", "third")
        os.rename(link + ".away", link)
        self.is_back("second")
        self.never_disturbed("main", "third")

    def test_its_configuration_turns_bad(self):
        self.world.start()
        self.begin()
        self.sign_forever("main", "third")
        self.world.edit("tokens.d/second.conf", lambda text: text + "colour: blue\n")
        self.world.kill("keyd-hsm second")
        world.wait_for(lambda: "second.conf:" in self.world.log(), 20, self.world.log)
        told = self.world.json("describe-key", "--key-id", self.keys["second"])["KeyMetadata"]
        self.assertEqual(told["KeyState"], "UNAVAILABLE")
        self.assertIn("away since", told["StateReason"])
        self.others_are_well("main", "third")
        self.world.edit("tokens.d/second.conf", lambda text: text.replace("colour: blue\n", ""))
        self.is_back("second")
        self.never_disturbed("main", "third")

    def test_its_keyd_hsm_is_not_there_at_all(self):
        """keyd starts without one of its tokens, and says which."""
        self.world.start()
        self.begin()
        self.world.stop()
        os.rename(self.world.path("tokens.d", "second.conf"), self.world.path("second.conf"))
        del self.world.tokens["second"]
        self.world.start()
        self.assertEqual(self.state("second"), "AWAY")
        self.fails(self.world.keydctl("status", check=False), 0)
        self.others_are_well("main", "third")
        done = self.world.keydctl("list-keys", check=False)
        self.assertIn("second", done.stderr)
        self.world.stop()
        os.rename(self.world.path("second.conf"), self.world.path("tokens.d", "second.conf"))
        self.world.start()
        self.is_back("second")


class Hung(Several):
    def test_in_a_signature(self):
        self.limit("third", "module_call_limit")
        self.world.start()
        self.begin()
        self.sign_forever(*TOKENS)
        self.third.faults("C_Sign hang")
        world.wait_for(lambda: self.ended("C_Sign") == 1, 20, self.world.log)
        self.others_are_well("main", "second")
        world.wait_for(lambda: self.ended("C_Sign") == 3, 20, self.world.log)
        self.third.faults()
        self.clients["third"].signs_on()
        self.verify(self.keys["third"])

        self.never_disturbed("main", "second")
        self.assertEqual(self.clients["third"].statuses(), {"OK", "UNAVAILABLE"})
        refused = [message for _, status, message in self.clients["third"].calls()
                   if status != "OK"]
        self.assertGreaterEqual(len(refused), 3)
        for message in refused:
            self.assertIn("the keyd-hsm of token third went away while it had this call", message)
        starts = self.world.log().count("keyd-hsm third started")
        self.assertEqual(starts, 1 + self.ended("C_Sign"))
        self.assertEqual(self.third.count("C_Login"), starts)

    def send_signs(self, key, count):
        """So many Signs at once, not waited for: their futures."""
        stubs = self.world.path("stubs")
        os.mkdir(stubs)
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", world.SOURCE + "/proto",
                        "--python_out", stubs, "--grpc_python_out", stubs, "keyd/v1/key.proto",
                        "keyd/v1/keyd.proto"], check=True)
        sys.path.insert(0, stubs)
        self.addCleanup(sys.path.remove, stubs)
        from keyd.v1 import keyd_pb2, keyd_pb2_grpc
        channel = grpc.insecure_channel("unix:" + self.world.socket)
        self.addCleanup(channel.close)
        service = keyd_pb2_grpc.KeyServiceStub(channel)
        request = keyd_pb2.SignRequest(key_id=key, message=b"a message")
        return [service.Sign.future(request, timeout=30) for _ in range(count)]

    def test_with_all_the_calls_that_a_user_may_have(self):
        """Whoever sends the hung token all he may have under way has room for the others left."""
        self.limit("third", "module_call_limit", 2 * LIMIT_S)
        self.world.start()
        self.begin()
        self.sign_forever("main", "second")
        self.third.faults("C_Sign hang")
        sent = self.send_signs(self.keys["third"], CALLS_IN_FLIGHT)
        refused = world.wait_for(lambda: [call for call in sent if call.done()], 10,
                                 "all of them wait for the token")
        self.others_are_well("main", "second")
        world.wait_for(lambda: all(call.done() for call in sent), 30, self.world.log)
        reasons = {}
        for call in sent:
            reason = dict(call.trailing_metadata())["keyd-reason"]
            reasons[reason] = reasons.get(reason, 0) + 1
        self.assertEqual(set(reasons), {"TOKEN_SHARE", "TOKEN_RESTARTED"}, reasons)
        self.assertGreater(reasons["TOKEN_RESTARTED"], CALLS_IN_FLIGHT / 2 - 20)
        self.assertLessEqual(reasons["TOKEN_RESTARTED"], CALLS_IN_FLIGHT / 2)
        self.assertIn("kept for other tokens", refused[0].details())
        self.assertEqual(refused[0].code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.never_disturbed("main", "second")
        self.third.faults()
        world.wait_for(lambda: self.sign(self.keys["third"], check=False).returncode == 0, 20,
                       self.world.log)

    def test_in_its_start(self):
        """One that hangs before it has said a word stops nobody from serving."""
        self.limit("third", "module_call_limit")
        self.third.faults("C_Initialize hang")
        self.world.start(wait=False)
        for name in ("main", "second"):
            world.wait_for(lambda: "keyd notice: token=%s ready" % name in self.world.log(), 20,
                           self.world.log)
        self.begin(["main", "second"])
        self.sign_forever("main", "second")
        self.assertEqual(self.state("third"), "AWAY")
        world.wait_for(lambda: self.ended("C_Initialize") == 2, 20, self.world.log)
        self.others_are_well("main", "second")
        self.third.faults()
        world.wait_for(lambda: self.state("third") == "READY", 20, self.world.log)
        self.begin(["third"])
        self.verify(self.keys["third"])
        self.never_disturbed("main", "second")

    def test_in_the_making_of_a_key(self):
        """keyd-hsm's start settles what was cut off, and the same request makes the one key."""
        self.limit("third", "key_generation_limit")
        self.world.start()
        self.begin()
        self.sign_forever("main", "second")
        self.third.faults("C_GenerateKeyPair hang ever=1")
        creation = self.world.background(
            world.program("keydctl"), "--socket", self.world.socket, "create-key", "--key-spec",
            "ECC_NIST_P256", "--token", "third", "--alias", "alias/slow", stdout=subprocess.DEVNULL)
        world.wait_for(lambda: self.third.count("C_GenerateKeyPair:hang") == 1, 10, self.world.log)
        self.verify(self.keys["third"])
        self.others_are_well("main", "second")
        self.assertEqual(creation.wait(timeout=20), 0)
        self.assertEqual(self.ended("C_GenerateKeyPair"), 1)
        self.verify("alias/slow")
        self.verify(self.keys["third"])
        self.assertEqual(self.tokens()["third"]["Keys"], 2)
        self.assertEqual(self.third.objects(), 4)
        self.never_disturbed("main", "second")


if __name__ == "__main__":
    world.main()
