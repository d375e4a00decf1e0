# SPDX-License-Identifier: BSD-2-Clause
"""keyd from the outside: the real program, a fake keyd-hsm, a gRPC client in Python.

    from_outside.py KEYD FAKE_HSM PROTO
"""
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import grpc
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

KEYD, FAKE_HSM, PROTO = sys.argv[1:4]
SANITIZED = re.search(r"lib[at]san", subprocess.run(["ldd", KEYD], capture_output=True, text=True,
                                                    check=True).stdout) is not None
STUBS = tempfile.TemporaryDirectory(prefix="keyd-stubs.")
subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", PROTO, f"--python_out={STUBS.name}",
                f"--grpc_python_out={STUBS.name}", "keyd/v1/key.proto", "keyd/v1/keyd.proto"],
               check=True)
sys.path.insert(0, STUBS.name)
from keyd.v1 import key_pb2, keyd_pb2, keyd_pb2_grpc  # noqa: E402

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class House:
    """A folder with a configuration, a fake keyd-hsm and a keyd."""

    def __init__(self, extra=""):
        self.folder = tempfile.TemporaryDirectory(prefix="keyd-test.")
        os.chmod(self.folder.name, 0o755)
        self.path = lambda name: os.path.join(self.folder.name, name)
        with open(self.path("keyd.conf"), "w") as conf:
            conf.write(f"""socket: keyd.sock
catalog: state/catalog.sqlite
allow:
  - uid: {os.getuid()}
tokens:
  - name: main
    socket: main.sock
log_level: debug
{extra}""")
        self.log = open(self.path("log"), "w")
        self.start_hsm()
        self.start_keyd()

    def start_hsm(self):
        self.hsm = subprocess.Popen([FAKE_HSM, self.path("main.sock"), "main"],
                                    stdin=subprocess.PIPE)
        self.wait_for("main.sock")

    def start_keyd(self):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if os.path.exists(self.path("notify")):
            os.unlink(self.path("notify"))
        notify.bind(self.path("notify"))
        notify.settimeout(20)
        self.keyd = subprocess.Popen(
            [KEYD, "--config", self.path("keyd.conf")], stderr=self.log,
            env={**os.environ, "NOTIFY_SOCKET": self.path("notify")})
        assert notify.recv(100) == b"READY=1"
        notify.close()

    def wait_for(self, name):
        for _ in range(1000):
            if os.path.exists(self.path(name)):
                return
            time.sleep(0.01)
        raise AssertionError(name + " does not appear")

    def channel(self):
        return grpc.insecure_channel("unix:" + self.path("keyd.sock"),
                                     options=[("grpc.use_local_subchannel_pool", 1)])

    def close(self):
        self.keyd.terminate()
        status = self.keyd.wait(20)
        self.hsm.stdin.close()
        self.hsm.wait(20)
        self.log.close()
        with open(self.path("log")) as log:
            text = log.read()
        if status != 0:
            print(text)
        assert status == 0, f"keyd ended with {status}"
        assert not os.path.exists(self.path("keyd.sock")), "the access socket stays behind"
        self.folder.cleanup()
        return text


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = House()
        cls.channel = cls.house.channel()
        cls.keys = keyd_pb2_grpc.KeyServiceStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.house.close()

    def refused(self, code, reason, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        error = caught.exception
        trailing = dict(error.trailing_metadata())
        self.assertEqual(error.code(), code, error.details())
        self.assertEqual(trailing.get("keyd-reason"), reason, error.details())
        self.assertRegex(trailing["keyd-call-id"], UUID)
        self.assertTrue(error.details().endswith(f" (call {trailing['keyd-call-id']})"),
                        error.details())
        return error.details()

    def create(self, **fields):
        fields.setdefault("key_spec", key_pb2.ECC_NIST_P256)
        return self.keys.CreateKey(keyd_pb2.CreateKeyRequest(**fields), timeout=10).key_metadata


class Keys(Case):
    def test_a_key_from_birth_to_signature(self):
        made = self.create(alias="alias/first", description="the first, ä")
        self.assertRegex(made.key_id, UUID)
        self.assertEqual(made.aliases, ["alias/first"])
        self.assertEqual(made.description, "the first, ä")
        self.assertEqual(made.key_state, key_pb2.ENABLED)
        self.assertEqual(made.creator, f"uid:{os.getuid()}")
        self.assertEqual(made.token, "main")
        described = self.keys.DescribeKey(keyd_pb2.DescribeKeyRequest(key_id="alias/first"))
        self.assertEqual(described.key_metadata, made)
        public = self.keys.GetPublicKey(keyd_pb2.GetPublicKeyRequest(key_id=made.key_id))
        answer, call = self.keys.Sign.with_call(
            keyd_pb2.SignRequest(key_id="alias/first", message=b"hello"))
        load_der_public_key(public.public_key).verify(answer.signature, b"hello",
                                                      ec.ECDSA(hashes.SHA256()))
        self.assertEqual(answer.key_id, made.key_id)
        self.assertEqual(answer.signing_algorithm, key_pb2.ECDSA_SHA_256)
        self.assertRegex(dict(call.trailing_metadata())["keyd-call-id"], UUID)

    def test_a_message_of_64_kib_is_signed_and_one_byte_more_is_not(self):
        key = self.create().key_id
        self.keys.Sign(keyd_pb2.SignRequest(key_id=key, message=b"x" * 65536))
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_LENGTH", lambda: self.keys.Sign(
            keyd_pb2.SignRequest(key_id=key, message=b"x" * 65537)))

    def test_an_alias_belongs_to_one_key(self):
        first = self.create(alias="alias/taken")
        details = self.refused(grpc.StatusCode.ALREADY_EXISTS, "ALIAS_TAKEN",
                               lambda: self.create(alias="alias/taken"))
        self.assertIn(first.key_id, details)

    def test_the_same_request_makes_one_key(self):
        first = self.create(request_id="r-1", alias="alias/once")
        self.assertEqual(self.create(request_id="r-1", alias="alias/once"), first)
        self.refused(grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED",
                     lambda: self.create(request_id="r-1", alias="alias/other"))

    def test_what_create_key_refuses(self):
        bad = grpc.StatusCode.INVALID_ARGUMENT
        for code, reason, fields in [
                (bad, "KEY_SPEC", {"key_spec": 0}),
                (grpc.StatusCode.UNIMPLEMENTED, "KEY_SPEC", {"key_spec": 99}),
                (grpc.StatusCode.UNIMPLEMENTED, "KEY_USAGE", {"key_usage": key_pb2.DNSSEC_KSK}),
                (bad, "KEY_USAGE", {"key_usage": 77}),
                (bad, "ALIAS", {"alias": "first"}),
                (bad, "ALIAS", {"alias": "alias/1F0C8A52-0000-4000-8000-000000000000"}),
                (bad, "ALIAS", {"alias": "alias/" + "a" * 64}),
                (bad, "DESCRIPTION", {"description": "x" * 1025}),
                (bad, "REQUEST_ID", {"request_id": "with space"}),
                (bad, "REQUEST_ID", {"request_id": "x" * 65}),
                (bad, "TOKEN", {"token": "no/name"}),
                (grpc.StatusCode.NOT_FOUND, "TOKEN_NOT_FOUND", {"token": "other"})]:
            with self.subTest(fields):
                self.refused(code, reason, lambda: self.create(**fields))

    def test_keys_come_in_pages(self):
        made = {self.create().key_id for _ in range(5)}
        seen, marker = [], ""
        while True:
            page = self.keys.ListKeys(keyd_pb2.ListKeysRequest(limit=2, marker=marker))
            self.assertLessEqual(len(page.keys), 2)
            seen += [key.key_id for key in page.keys]
            marker = page.next_marker
            if not page.truncated:
                break
        self.assertEqual(seen, sorted(set(seen)))
        self.assertLessEqual(made, set(seen))
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "LIMIT",
                     lambda: self.keys.ListKeys(keyd_pb2.ListKeysRequest(limit=1001)))
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "MARKER",
                     lambda: self.keys.ListKeys(keyd_pb2.ListKeysRequest(marker="x")))

    def test_unknown_keys(self):
        for name in ["alias/none", "00000000-0000-4000-8000-000000000000"]:
            self.refused(grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND", lambda: self.keys.Sign(
                keyd_pb2.SignRequest(key_id=name, message=b"x")))
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "KEY_ID", lambda: self.keys.Sign(
            keyd_pb2.SignRequest(key_id="", message=b"x")))

    def test_what_the_caller_said_is_quoted_whole_character_by_character(self):
        for name in ["ä" * 200, "x" + "ä" * 200]:
            details = self.refused(grpc.StatusCode.INVALID_ARGUMENT, "KEY_ID", lambda: self.keys.Sign(
                keyd_pb2.SignRequest(key_id=name, message=b"x")))
            self.assertIn('"' + name[:50] + '"', details)

    def test_tokens(self):
        answer = self.keys.ListTokens(keyd_pb2.ListTokensRequest())
        self.assertEqual(answer.principal, f"uid:{os.getuid()}")
        self.assertEqual(answer.default_token, "main")
        token = answer.tokens[0]
        self.assertEqual((token.token, token.state, token.label, token.separate_uid),
                         ("main", keyd_pb2.READY, "fake label", False))


class Wire(Case):
    def raw(self, method, request, **options):
        call = self.channel.unary_unary("/keyd.v1.KeyService/" + method)
        return call(request, timeout=10, **options)

    def refused_by_grpc(self, method, request, **options):
        """A call that gRPC itself ends; it may close the connection with it."""
        with self.house.channel() as channel, self.assertRaises(grpc.RpcError) as caught:
            channel.unary_unary("/keyd.v1.KeyService/" + method)(request, timeout=10, **options)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_an_unknown_method(self):
        self.refused(grpc.StatusCode.UNIMPLEMENTED, "NO_METHOD", lambda: self.raw("Nothing", b""))

    def test_a_request_of_more_than_128_kib(self):
        for size in [128 * 1024 + 1, 1024 * 1024]:
            self.refused_by_grpc("Sign", b"\x12" + b"\xff\xff\x0f" + b"x" * size)
        self.keys.ListTokens(keyd_pb2.ListTokensRequest())

    def test_metadata_of_more_than_8_kib(self):
        self.refused_by_grpc("ListTokens", b"", metadata=[("x-large", "x" * 9000)])
        self.raw("ListTokens", b"", metadata=[("x-fits", "x" * 4000)])

    def test_text_that_is_none(self):
        for text in [b"\xff", b"a\x00b", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]:
            request = b"\x1a" + bytes([len(text)]) + text
            details = self.refused(grpc.StatusCode.INVALID_ARGUMENT, "TEXT",
                                   lambda: self.raw("CreateKey", request))
            self.assertIn("description", details)

    def test_bytes_that_are_no_message(self):
        unknown_fields = b"\xa0\x06\x00" * 40000
        for request in [b"\x0a\x7f", b"\x0b", b"\xff" * 11, unknown_fields]:
            self.refused(grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE",
                         lambda: self.raw("Sign", request))

    def test_a_deadline_that_is_over(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.channel.unary_unary("/keyd.v1.KeyService/ListTokens")(b"", timeout=0.000001)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_many_at_once(self):
        key = self.keys.CreateKey(
            keyd_pb2.CreateKeyRequest(key_spec=key_pb2.ECC_NIST_P256)).key_metadata.key_id
        request = keyd_pb2.SignRequest(key_id=key, message=b"x" * 32, message_type=key_pb2.DIGEST)
        calls = [self.keys.Sign.future(request) for _ in range(500)]
        self.assertEqual(len({call.result().signature for call in calls}), 500)

    def test_cancelled_calls_leave_nothing_behind(self):
        key = self.keys.CreateKey(
            keyd_pb2.CreateKeyRequest(key_spec=key_pb2.ECC_NIST_P256)).key_metadata.key_id
        for _ in range(50):
            self.keys.Sign.future(keyd_pb2.SignRequest(key_id=key, message=b"x")).cancel()
        self.keys.Sign(keyd_pb2.SignRequest(key_id=key, message=b"x"))

    @unittest.skipUnless(os.getuid() == 0, "needs root to become another uid")
    def test_a_stranger_is_told_so_and_gets_nothing(self):
        client = """
import grpc, sys
sys.path.insert(0, sys.argv[2])
channel = grpc.insecure_channel("unix:" + sys.argv[1])
for method in ["/keyd.v1.KeyService/ListTokens", "/keyd.v1.KeyService/Sign", "/other/Method"]:
    try:
        channel.unary_unary(method)(b"", timeout=10)
        print("served")
    except grpc.RpcError as error:
        print(error.code().name, dict(error.trailing_metadata()).get("keyd-reason"), error.details())
"""
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               sys.executable, "-c", client, self.house.path("keyd.sock"), "/"],
                              capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 3, done.stdout + done.stderr)
        for line in lines:
            self.assertTrue(line.startswith("PERMISSION_DENIED UID_NOT_ALLOWED "), line)
            self.assertIn("allow:", line)


class Bounds(unittest.TestCase):
    def test_calls_in_flight_are_bounded(self):
        house = House("calls_in_flight: 2\n")
        house.hsm.send_signal(signal.SIGSTOP)
        with house.channel() as channel:
            keys = keyd_pb2_grpc.KeyServiceStub(channel)
            request = keyd_pb2.CreateKeyRequest(key_spec=key_pb2.ECC_NIST_P256)
            calls = [keys.CreateKey.future(request, timeout=20) for _ in range(3)]
            refused = next(call for call in self.finished(calls))
            self.assertEqual(refused.exception().code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            house.hsm.send_signal(signal.SIGCONT)
            self.assertEqual(sum(call.exception() is None for call in calls), 2)
        house.close()

    @staticmethod
    def finished(calls):
        for _ in range(1000):
            yield from (call for call in calls if call.done())
            time.sleep(0.01)


class Http2:
    """As much of HTTP/2 (RFC 9113) as it takes to be a client that does not behave."""

    DATA, HEADERS, SETTINGS, END_STREAM, END_HEADERS = 0, 1, 4, 1, 4

    def __init__(self, path, window):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.stream = -1
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(
            self.SETTINGS, 0, 0, struct.pack(">HI", 4, window)))

    @staticmethod
    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags,
                                                                 stream) + payload

    def call(self, method, size, message):
        """Sends the beginning of a request of `size` bytes: that much of it as `message` is."""
        self.stream += 2
        fields = [(":method", "POST"), (":scheme", "http"), (":authority", "x"),
                  (":path", "/keyd.v1.KeyService/" + method), ("te", "trailers"),
                  ("content-type", "application/grpc")]
        block = b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) +
                         value.encode() for name, value in fields)
        end = self.END_STREAM if len(message) == size else 0
        self.socket.sendall(
            self.frame(self.HEADERS, self.END_HEADERS, self.stream, block) +
            self.frame(self.DATA, end, self.stream, struct.pack(">BI", 0, size) + message))

    def frames(self, seconds):
        """Kind and flags of what comes until nothing more does."""
        self.socket.settimeout(seconds)
        data = b""
        try:
            while True:
                while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3], "big"):
                    more = self.socket.recv(1 << 16)
                    if not more:
                        return
                    data += more
                yield data[3], data[4]
                data = data[9 + int.from_bytes(data[:3], "big"):]
        except socket.timeout:
            return


class Hostile(unittest.TestCase):
    """A permitted client that means harm: what it may take is bounded."""

    def setUp(self):
        self.house = House()

    def tearDown(self):
        self.house.close()

    def stub(self):
        channel = self.house.channel()
        self.addCleanup(channel.close)
        return keyd_pb2_grpc.KeyServiceStub(channel)

    def assert_memory_below(self, mib):
        """Not of a sanitizer's build, which keeps what is freed for a while."""
        if SANITIZED:
            return
        with open(f"/proc/{self.house.keyd.pid}/status") as status:
            used = int(re.search(r"^VmRSS:\s*(\d+) kB", status.read(), re.M).group(1)) / 1024
        self.assertLess(used, mib)

    def assert_served_again(self):
        """Now that the hostile connections are gone."""
        until = time.monotonic() + 20
        while True:
            try:
                self.stub().ListTokens(keyd_pb2.ListTokensRequest(), timeout=5)
                return
            except grpc.RpcError as error:
                if time.monotonic() > until:
                    raise AssertionError("what they had is still counted") from error
                time.sleep(0.05)

    def test_one_that_does_not_read_its_answers(self):
        keys = self.stub()
        for _ in range(80):
            keys.CreateKey(keyd_pb2.CreateKeyRequest(key_spec=key_pb2.ECC_NIST_P256,
                                                     description="x" * 1024))
        size = keys.ListKeys(keyd_pb2.ListKeysRequest(limit=1000)).ByteSize()
        calls = 1000
        self.assertGreater(calls * size, 70 << 20)
        client = Http2(self.house.path("keyd.sock"), window=0)
        self.addCleanup(client.socket.close)
        request = keyd_pb2.ListKeysRequest(limit=1000).SerializeToString()
        for _ in range(calls):
            client.call("ListKeys", len(request), request)
        ended = sum(kind == client.HEADERS and flags & client.END_STREAM != 0
                    for kind, flags in client.frames(1))
        self.assertAlmostEqual(ended, calls - (64 << 20) / size, delta=5)
        self.assert_memory_below(120)
        with self.assertRaises(grpc.RpcError) as caught:
            keys.ListTokens(keyd_pb2.ListTokensRequest())
        self.assertEqual(dict(caught.exception.trailing_metadata())["keyd-reason"],
                         "ANSWERS_UNREAD")
        client.socket.close()
        self.assert_served_again()

    def test_one_that_does_not_end_its_requests(self):
        clients = [Http2(self.house.path("keyd.sock"), window=0) for _ in range(40)]
        for client in clients:
            client.socket.settimeout(0.05)
            try:
                for _ in range(1000):  # in all 40,000 times 16 KiB, and what gRPC needs for a call
                    client.call("Sign", 120000, b"\x12\xc0\xa9\x07" + b"x" * 16000)
            except OSError:
                pass  # not taken any more
        self.assert_memory_below(700)
        for client in clients:
            client.socket.close()
        self.assert_served_again()

    def test_all_calls_that_are_permitted_may_be_large(self):
        keys = self.stub()
        key = keys.CreateKey(
            keyd_pb2.CreateKeyRequest(key_spec=key_pb2.ECC_NIST_P256)).key_metadata.key_id
        request = keyd_pb2.SignRequest(key_id=key, message=b"x" * 65536)
        self.house.hsm.send_signal(signal.SIGSTOP)
        calls = [keys.Sign.future(request, timeout=30) for _ in range(1000)]
        time.sleep(0.5)
        self.house.hsm.send_signal(signal.SIGCONT)
        self.assertEqual(sum(len(call.result().signature) > 60 for call in calls), 1000)

    def test_one_that_takes_all_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(2):
            clients = [socket.socket(socket.AF_UNIX) for _ in range(1100)]
            for client in clients:
                client.connect(self.house.path("keyd.sock"))
                client.settimeout(5)
            # gRPC greets with its SETTINGS.
            self.assertEqual([client.recv(1) != b"" for client in clients],
                             [True] * 1024 + [False] * 76)
            for client in clients:
                client.close()
            time.sleep(0.3)
        self.assert_served_again()
        self.house.log.flush()
        with open(self.house.path("log")) as log:
            self.assertLess(log.read().count("too many connections"), 10)


class Life(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.channel = self.house.channel()
        self.keys = keyd_pb2_grpc.KeyServiceStub(self.channel)
        self.key = self.keys.CreateKey(keyd_pb2.CreateKeyRequest(
            key_spec=key_pb2.ECC_NIST_P256, alias="alias/kept")).key_metadata

    def tearDown(self):
        self.channel.close()
        self.house.close()

    def test_aliases_outlive_a_kill(self):
        self.house.keyd.kill()
        self.house.keyd.wait()
        self.assertTrue(os.path.exists(self.house.path("keyd.sock")))
        self.house.start_keyd()
        with self.house.channel() as channel:
            answer = keyd_pb2_grpc.KeyServiceStub(channel).DescribeKey(
                keyd_pb2.DescribeKeyRequest(key_id="alias/kept"), timeout=10)
        self.assertEqual(answer.key_metadata, self.key)

    def test_a_second_keyd_is_refused(self):
        second = subprocess.run([KEYD, "--config", self.house.path("keyd.conf")],
                                capture_output=True, text=True, timeout=20)
        self.assertEqual(second.returncode, 1)
        self.assertRegex(second.stderr, "another (keyd runs|process has the catalog)")
        self.keys.ListTokens(keyd_pb2.ListTokensRequest(), timeout=10)

    def test_the_catalog_is_private(self):
        for name in ["state", "state/catalog.sqlite"]:
            self.assertEqual(os.stat(self.house.path(name)).st_mode & 0o077, 0, name)
        self.assertEqual(os.stat(self.house.path("keyd.sock")).st_mode & 0o777, 0o666)

    def test_reading_works_while_the_token_is_away(self):
        self.house.hsm.kill()
        self.house.hsm.wait()
        for _ in range(200):
            token = self.keys.ListTokens(keyd_pb2.ListTokensRequest()).tokens[0]
            if token.state == keyd_pb2.AWAY:
                break
            time.sleep(0.01)
        self.assertEqual(token.state, keyd_pb2.AWAY)
        self.assertIn("away since", token.state_message)
        metadata = self.keys.DescribeKey(
            keyd_pb2.DescribeKeyRequest(key_id="alias/kept")).key_metadata
        self.assertEqual(metadata.key_state, key_pb2.UNAVAILABLE)
        self.assertIn("away", metadata.state_reason)
        self.keys.GetPublicKey(keyd_pb2.GetPublicKeyRequest(key_id="alias/kept"))

    def test_keyd_does_not_wait_for_clients_that_do_nothing(self):
        with self.house.channel() as channel:
            keyd_pb2_grpc.KeyServiceStub(channel).ListTokens(keyd_pb2.ListTokensRequest())
            begun = time.monotonic()
            self.house.keyd.terminate()
            self.assertEqual(self.house.keyd.wait(20), 0)
            self.assertLess(time.monotonic() - begun, 2)

    def test_calls_under_way_get_their_answer_when_keyd_stops(self):
        self.house.hsm.send_signal(signal.SIGSTOP)
        call = self.keys.Sign.future(keyd_pb2.SignRequest(key_id="alias/kept", message=b"x"))
        time.sleep(0.3)
        self.house.keyd.terminate()
        time.sleep(0.3)
        self.house.hsm.send_signal(signal.SIGCONT)
        self.assertGreater(len(call.result(timeout=10).signature), 60)
        self.assertEqual(self.house.keyd.wait(20), 0)


class CommandLine(unittest.TestCase):
    def run_keyd(self, *arguments):
        return subprocess.run([KEYD, *arguments], capture_output=True, text=True, timeout=20)

    def test_help_and_version(self):
        self.assertIn("Example:", self.run_keyd("--help").stdout)
        self.assertRegex(self.run_keyd("--version").stdout, r"^keyd \d+\.\d+\.\d+$")

    def test_usage_is_exit_status_2(self):
        self.assertEqual(self.run_keyd().returncode, 2)
        self.assertEqual(self.run_keyd("--nothing").returncode, 2)

    def test_check_config_says_all_at_once(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
            conf.write("socket: a.sock\nallow: []\ntokens:\n- name: 'a b'\n  socket: b.sock\n")
            conf.flush()
            done = self.run_keyd("--config", conf.name, "--check-config")
            self.assertEqual(done.returncode, 2)
            lines = done.stderr.splitlines()
            self.assertEqual(len(lines), 3, done.stderr)
            for line, start in zip(lines, [":1: catalog: ", ":2: allow: ", ":4: tokens[0].name: "]):
                self.assertTrue(line.startswith(conf.name + start), line)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
