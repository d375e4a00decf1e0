#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""AXFR from servers that misbehave: every answer that is none gives an error that says so, within the
limits, and never a zone. TSIG is made here a second time, with Python's hmac."""

import hmac
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

AXFR = os.path.join(os.path.dirname(os.environ["KEYD_BIN"]), "tests", "dnssec_axfr")
ANSWER = 0x8400
SECRET = bytes(range(32))
KEY = 'key "key.example" { algorithm hmac-sha256; secret "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="; };'
TYPES = {"A": 1, "NS": 2, "SOA": 6, "TXT": 16, "AAAA": 28, "OPT": 41, "DNAME": 39}


def name(text):
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, kind, rdata, ttl=3600, dns_class=1):
    owner = name(owner) if isinstance(owner, str) else owner
    kind = TYPES.get(kind, kind)
    return owner + struct.pack("!HHIH", kind, dns_class, ttl, len(rdata)) + rdata


def soa(serial=7, owner="example.org"):
    return record(owner, "SOA", name("ns1.example.org") + name("h.example.org") +
                  struct.pack("!5I", serial, 2, 3, 4, 5))


NS = record("example.org", "NS", name("ns1.example.org"))
A = record("ns1.example.org", "A", bytes([192, 0, 2, 1]))
QUESTION = name("example.org") + struct.pack("!HH", 252, 1)


def message(query, *records, flags=ANSWER, ident=None, question=QUESTION, count=None, additional=b"",
            additionals=0):
    ident = query[:2] if ident is None else ident
    counts = (1 if question else 0, len(records) if count is None else count, 0, additionals)
    return ident + struct.pack("!H4H", flags, *counts) + question + b"".join(records) + additional


def framed(data):
    return struct.pack("!H", len(data)) + data


class Tsig:
    """The server's side: signs what is sent, one message after the other."""

    def __init__(self, query, secret=SECRET, key="key.example", clock=time.time):
        self.secret, self.key, self.clock = secret, key, clock
        self.last = query[-6 - 32:-6] if len(query) > 60 else b""
        self.first, self.between = True, b""

    def variables(self, now, error, other):
        algorithm = name("hmac-sha256")
        timers = struct.pack("!HIH", now >> 32, now & 0xffffffff, 300)
        if not self.first:
            return timers
        return (name(self.key) + struct.pack("!HI", 255, 0) + algorithm + timers +
                struct.pack("!HH", error, len(other)) + other)

    def sign(self, data, error=0, other=b""):
        now = int(self.clock())
        mac = hmac.digest(self.secret, struct.pack("!H", len(self.last)) + self.last + self.between +
                          data + self.variables(now, error, other), "sha256")
        self.last, self.first, self.between = mac, False, b""
        return self.attach(data, mac, now, error, other)

    def attach(self, data, mac, now, error=0, other=b""):
        rdata = (name("hmac-sha256") + struct.pack("!HIHH", now >> 32, now & 0xffffffff, 300, len(mac)) +
                 mac + data[:2] + struct.pack("!HH", error, len(other)) + other)
        count = struct.unpack("!H", data[10:12])[0] + 1
        return (data[:10] + struct.pack("!H", count) + data[12:] +
                record(self.key, 250, rdata, 0, 255))

    def plain(self, data):
        self.between += data
        return data


class Server:
    """Answers one question with what `answer` makes of it: bytes for the wire, one piece after the
    other, a number of seconds to wait, or None to close."""

    def __init__(self, answer):
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.query = b""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            peer, _ = self.socket.accept()
            with peer:
                peer.settimeout(10)
                size = struct.unpack("!H", peer.recv(2))[0]
                while len(self.query) < size:
                    self.query += peer.recv(size - len(self.query))
                for piece in self.answer(self.query):
                    if piece is None:
                        return
                    if isinstance(piece, (int, float)):
                        time.sleep(piece)
                    else:
                        peer.sendall(piece)
                peer.settimeout(5)
                peer.recv(1)  # until the client is gone
        except OSError:
            pass

    def close(self):
        self.socket.close()
        self.thread.join(10)


class TestCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.key = os.path.join(folder.name, "key")
        with open(os.path.join(folder.name, "key"), "w", encoding="ascii") as file:
            os.chmod(self.key, 0o600)
            file.write(KEY)

    def fetch(self, answer, key="-", connect=2000, idle=1000, total=5000, size=10_000_000,
              most=100_000):
        server = Server(answer)
        try:
            return subprocess.run(
                [AXFR, f"127.0.0.1#{server.port}", "example.org", key, str(connect), str(idle),
                 str(total), str(size), str(most)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        finally:
            server.close()

    def good(self, answer, records, **options):
        done = self.fetch(answer, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), records, done.stdout)
        return done.stdout

    def bad(self, expected, answer, **options):
        done = self.fetch(answer, **options)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, expected)
        self.assertIn("127.0.0.1#", done.stdout)
        return done.stdout

    def bad_messages(self, expected, *make, **options):
        """Each of them makes a message from the query."""
        return self.bad(expected, lambda query: [framed(one(query)) for one in make], **options)


class Good(TestCase):
    def test_one_message_or_many(self):
        whole = [soa(), NS, A, soa()]
        one = self.good(lambda query: [framed(message(query, *whole))], 3)
        many = self.good(lambda query: [framed(message(query, part)) for part in whole], 3)
        later_without = self.good(
            lambda query: [framed(message(query, *whole[:1]))] +
            [framed(message(query, part, question=b"")) for part in whole[1:]], 3)
        self.assertEqual(one, many)
        self.assertEqual(one, later_without)

    def test_a_zone_of_one_record(self):
        self.good(lambda query: [framed(message(query, soa(), soa()))], 1)

    def test_bytes_one_by_one(self):
        self.good(lambda query: [bytes([byte]) for byte in
                                 framed(message(query, soa(), NS, A, soa()))], 3)

    def test_compressed_names(self):
        pointer = b"\xc0\x0c"  # the question's name
        ns = record(pointer, "NS", b"\3ns1" + pointer)
        text = self.good(lambda query: [framed(message(query, soa(), ns, soa()))], 2)
        self.assertRegex(text, r"NS\s+ns1\.example\.org\.")

    def test_unknown_types_and_no_data(self):
        text = self.good(lambda query: [framed(message(
            query, soa(), record("x.example.org", 65280, b"\1\2"),
            record("y.example.org", 65280, b""), soa()))], 3)
        self.assertIn(r"\# 2 0102", text)
        self.assertIn(r"\# 0", text)

    def test_an_soa_in_other_letters_ends_it(self):
        self.good(lambda query: [framed(message(query, soa(), soa(owner="EXAMPLE.org")))], 1)

    def test_the_limits_themselves_pass(self):
        self.good(lambda query: [framed(message(query, soa(), NS, A, soa()))], 3, most=3,
                  size=len(message(b"xx", soa(), NS, A, soa())))


class SaysNo(TestCase):
    def says(self, expected, rcode, question=QUESTION, **options):
        self.bad_messages(expected, lambda query: message(query, flags=0x8000 | rcode,
                                                          question=question), **options)

    def test_rcodes(self):
        self.says(r"PERMISSION_DENIED .*refuses the transfer \(REFUSED\).*allow-transfer.*--tsig", 5)
        self.says("REFUSED", 5, question=b"")
        self.says("with this key have it", 5, key=self.key)
        self.says(r"UNAVAILABLE .*SERVFAIL", 2)
        self.says(r"not authoritative for the zone, or .* \(NOTAUTH\)", 9)
        self.says("the server answers FORMERR", 1)
        self.says("the server answers NOTIMP", 4)
        self.says("the server answers RCODE15", 15)

    def tsig_error(self, expected, error, other=b""):
        def answer(query):
            data = message(query, flags=0x8000 | 9)
            return [framed(Tsig(query).attach(data, b"", int(time.time()), error, other))]
        self.bad(expected, answer, key=self.key)

    def test_tsig_errors(self):
        self.tsig_error(r"does not know the key key\.example\. with hmac-sha256, or .*\(BADKEY\)", 17)
        self.tsig_error(r"another secret for the key key\.example\. \(BADSIG\)", 16)
        self.tsig_error(r"error 22\)", 22)
        self.tsig_error(r"BADTIME\): this host has 20\d\d-.*Z, the server 2001-09-09T01:46:40", 18,
                        struct.pack("!HI", 0, 1_000_000_000))
        self.tsig_error(r"BADTIME\).* the server another time", 18)


class Garbage(TestCase):
    def test_closed(self):
        self.bad("UNAVAILABLE CLOSED: .*transfer of example.org.: the server closed the connection",
                 lambda query: [None])
        self.bad("after 3 records: the server closed the connection$",
                 lambda query: [framed(message(query, soa(), NS, A)), None])
        self.bad("within a message", lambda query: [framed(message(query, soa(), NS, A, soa()))[:-1],
                                                    None])
        self.bad("within a message", lambda query: [b"\0", None])

    def test_silence(self):
        before = time.monotonic()
        self.bad("TIMEOUT: .*nothing came from the server for 1 seconds", lambda query: [])
        self.bad("after 1 records: nothing came", lambda query: [framed(message(query, soa()))])
        self.assertLess(time.monotonic() - before, 10)

    def test_a_trickle(self):
        """Something always comes, but it never ends."""
        before = time.monotonic()
        self.bad("not done after 2 seconds",
                 lambda query: [b"\xff\xff"] + [0.1, b"x"] * 100, total=2000)
        self.assertLess(time.monotonic() - before, 8)

    def test_headers(self):
        whole = [soa(), NS, soa()]
        self.bad_messages("answer to another question .id", lambda query: message(
            query, *whole, ident=bytes([query[0] ^ 1, query[1]])))
        self.bad_messages("what came is no answer", lambda query: message(query, *whole, flags=0x0400))
        self.bad_messages("what came is no answer", lambda query: message(query, *whole, flags=0xa400))
        self.bad_messages("truncated answer", lambda query: message(query, *whole, flags=0x8600))
        self.bad_messages("a message of 11 bytes", lambda query: message(query)[:11])
        self.bad_messages("a message of 0 bytes", lambda query: b"")

    def test_questions(self):
        whole = [soa(), NS, soa()]
        for question in (name("example.com") + b"\0\xfc\0\1", name("example.org") + b"\0\xfb\0\1",
                         name("example.org") + b"\0\xfc\0\3"):
            self.bad_messages("an answer to another question",
                              lambda query, question=question: message(query, *whole,
                                                                       question=question))
        self.bad_messages("a message with 0 questions", lambda query: message(query, *whole,
                                                                              question=b""))

    def test_counts(self):
        self.bad_messages("without records", message)
        self.bad_messages("cannot be read, at record 3", lambda query: message(query, soa(), NS, count=9))
        self.bad_messages("bytes too many", lambda query: message(query, soa(), NS, soa(), count=2))
        self.bad_messages("5 bytes too many", lambda query: message(query, soa(), soa()) + b"xxxxx")
        self.bad_messages("behind its answer", lambda query: message(query, soa(), soa(),
                                                                     additionals=1))

    def test_order(self):
        self.bad_messages("does not begin with the zone's SOA", lambda query: message(query, NS, soa()))
        self.bad_messages("does not begin", lambda query: message(query, soa(owner="a.example.org")))
        self.bad_messages("records behind the last SOA", lambda query: message(query, soa(), soa(), NS))
        self.bad_messages(r"ABORTED .*the zone changed meanwhile",
                          lambda query: message(query, soa(7), NS, soa(8)))
        self.bad("after 2 records: nothing came",
                 lambda query: [framed(message(query, soa(), NS))])

    def record(self, expected, one):
        self.bad_messages(expected, lambda query: message(query, soa(), one, soa()))

    def test_records(self):
        self.record(r"www\.example\.com\. A is outside", record("www.example.com", "A", bytes(4)))
        self.record(r"org\. NS is outside", record("org", "NS", name("a.org")))
        self.record("in another class", record("a.example.org", "A", bytes(4), dns_class=3))
        self.record("TTL over 2147483647", record("a.example.org", "A", bytes(4), ttl=1 << 31))
        self.record("OPT|TYPE41", record("a.example.org", "OPT", b""))
        self.record("TYPE252 is of a type that no zone holds", record("a.example.org", 252, b""))
        self.record("data of a.example.org. A is malformed", record("a.example.org", "A", bytes(3)))
        self.record("data of a.example.org. DNAME is malformed",
                    record("a.example.org", "DNAME", b"\xc0\x0c"))

    def test_pointers(self):
        place = 12 + len(QUESTION) + len(soa())
        loop = struct.pack("!H", 0xc000 | place)
        self.record("cannot be read, at record 2", record(loop, "A", bytes(4)))
        self.record("cannot be read, at record 2", record(b"\1a" + loop, "A", bytes(4)))
        self.record("cannot be read, at record 2", record(b"\xff\xff", "A", bytes(4)))
        self.record("data of .* NS is malformed",
                    record("a.example.org", "NS", struct.pack("!H", 0xc000 | place + 25)))

    def test_limits(self):
        self.bad_messages("RESOURCE_EXHAUSTED .*more than 2 records",
                          lambda query: message(query, soa(), NS, A, soa()), most=2)
        size = len(message(b"xx", soa(), NS, A, soa()))
        self.bad_messages(f"more than {size - 1} bytes",
                          lambda query: message(query, soa(), NS, A, soa()), size=size - 1)

    def test_noise(self):
        """Bytes of all kinds in the place of an answer, always the same."""
        seed = 1
        for _ in range(30):
            noise = bytearray()
            for _ in range(200):
                seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
                noise.append(seed >> 56)
            self.bad_messages("transfer of", lambda query, noise=noise: message(
                query, soa(), bytes(noise), count=3))
            self.bad_messages("transfer of", lambda query, noise=noise: query[:2] + bytes(noise))

    def test_nobody_there(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        done = subprocess.run([AXFR, f"127.0.0.1#{port}", "example.org", "-", "1000", "1000", "5000",
                               "1000", "1000"], capture_output=True, text=True, timeout=20, check=False)
        self.assertRegex(done.stdout, "UNAVAILABLE CONNECT: .*Connection refused; does the server run")


class Signed(TestCase):
    PARTS = ([soa(), NS], [A], [soa()])

    def answer(self, *steps, **options):
        """One step for each part: "sign", "plain" (counted in), "drop" (signed by nobody)."""
        def make(query):
            tsig = Tsig(query, **options)
            pieces = []
            for part, step in zip(self.PARTS, steps):
                data = message(query, *part)
                pieces.append(framed(tsig.sign(data) if step == "sign" else tsig.plain(data)))
            return pieces
        return make

    def test_good(self):
        self.good(self.answer("sign", "sign", "sign"), 3, key=self.key)
        self.good(self.answer("sign", "plain", "sign"), 3, key=self.key)

    def test_unsigned(self):
        self.bad("UNAUTHENTICATED TSIG: .*the answer is not signed", self.answer("plain", "sign", "sign"),
                 key=self.key)
        self.bad("last message of the answer is not signed", self.answer("sign", "sign", "plain"),
                 key=self.key)
        self.bad("last message", self.answer("sign", "plain", "plain"), key=self.key)

    def test_wrong(self):
        self.bad("TSIG is wrong", self.answer("sign", "sign", "sign", secret=b"x" * 32), key=self.key)
        self.bad("another key", self.answer("sign", "sign", "sign", key="kez.example"), key=self.key)
        self.bad("seconds from this host's time",
                 self.answer("sign", "sign", "sign", clock=lambda: time.time() - 400), key=self.key)

    def test_a_message_in_between(self):
        """Somebody puts one in, unsigned, or takes one out."""
        def put_in(query):
            tsig = Tsig(query)
            return [framed(tsig.sign(message(query, soa(), NS))), framed(message(query, A)),
                    framed(tsig.sign(message(query, soa())))]

        def take_out(query):
            tsig = Tsig(query)
            pieces = [framed(tsig.sign(message(query, *part))) for part in self.PARTS]
            return [pieces[0], pieces[2]]
        self.bad("TSIG is wrong", put_in, key=self.key)
        self.bad("TSIG is wrong", take_out, key=self.key)

    def test_tsig_in_the_wrong_place(self):
        def answer(query):
            data = Tsig(query).sign(message(query, soa(), soa()))
            more = record("", "OPT", b"", 0, 1232)
            return [framed(data[:10] + struct.pack("!H", 2) + data[12:] + more)]
        self.bad("TSIG is not the last record", answer, key=self.key)

    def test_the_question_is_signed(self):
        """As the server sees it: the MAC over all before it."""
        seen = []
        self.fetch(lambda query: seen.append(query) or [None], key=self.key)
        query = seen[0]
        start = query.index(name("key.example"), 12)
        plain = query[:10] + b"\0\0" + query[12:start]
        times = query[start + len(name("key.example")) + 10 + 13:][:8]
        expected = hmac.digest(SECRET, plain + name("key.example") + struct.pack("!HI", 255, 0) +
                               name("hmac-sha256") + times + bytes(4), "sha256")
        self.assertEqual(query[-6 - 32:-6], expected)


if __name__ == "__main__":
    unittest.main()
