#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The rules hold for the tree and its programs; and each of them finds a violation that is planted
in a tree, or built into a program, for that purpose."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import rules  # noqa: E402

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("KEYD_BIN", os.path.join(TREE, "build", "bin"))
TAG = "/* SPDX-License-Identifier: BSD-2-Clause\n */\n"


class House(unittest.TestCase):
    """The tree as it is."""

    def none(self, wrong):
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_there_is_something_to_check(self):
        paths = [path for path, _ in rules.sources(TREE)]
        self.assertIn("keyd/base/error.h", paths)
        self.assertIn("scripts/setup", paths)
        self.assertTrue(rules.includes('#include "keyd/base/error.h"\n'))

    def test_arrows(self):
        self.none(rules.wrong_arrows(TREE))

    def test_headers(self):
        self.none(rules.wrong_headers(TREE))

    def test_files(self):
        self.none(rules.wrong_files(TREE))

    def test_programs(self):
        for program in rules.programs(TREE):
            with self.subTest(program=program):
                path = os.path.join(BIN, program)
                sanitized = "libasan" in rules.tool("ldd", path)
                self.none(rules.wrong_libraries(program, path) +
                          rules.wrong_hardening(path, sanitized))


class PlantedSources(unittest.TestCase):
    """A tree with one thing wrong in it."""

    def setUp(self):
        self.tree = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tree)

    def plant(self, path, text):
        path = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def bites(self, rule, path, text):
        with self.subTest(path=path, text=text[:60]):
            self.plant(path, text)
            self.assertEqual(len(rule(self.tree)), 1)
            os.unlink(os.path.join(self.tree, path))
            self.assertEqual(rule(self.tree), [])

    def accepts(self, rule, path, text):
        with self.subTest(path=path, text=text[:60]):
            self.plant(path, text)
            self.assertEqual(rule(self.tree), [])

    def test_arrows(self):
        for path, include in [
                ("keyd/base/error.c", "keyd/wall/packet.h"),
                ("keyd/wall/packet.c", "keyd/hsm/serve.h"),
                ("keyd/hsm/serve.c", "keyd/front/service/service.h"),
                ("keyd/front/service/sign.c", "keyd/front/rpc/server.h"),
                ("keyd/front/service/sign.c", "keyd/hsm/serve.h"),
                ("keyd/front/rpc/server.c", "keyd/front/service/pool.h"),
                ("keyd/front/rpc/server.c", "keyd/hsm/v1/hsm.pb-c.h"),
                ("keyd/front/rpc/server.c", "keyd/front/config.h"),
                ("keyd/run/main.c", "keyd/wall/packet.h"),
                ("client/lib/client.c", "keyd/wall/packet.h"),
                ("client/lib/client.c", "keyd/hsm/v1/hsm.pb-c.h"),
                ("client/ctl/main.c", "client/lib/call.h"),
                ("client/ctl/main.c", "client/dns/zone.h"),
                ("client/show/show.c", "client/lib/keyd.h"),
                ("client/dnssec/main.c", "keyd/v1/keyd.pb-c.h"),
                ("keyd/hsm/keys.c", "tests/cmocka.h")]:
            self.bites(rules.wrong_arrows, path, f'{TAG}#include "{include}"\n')
        self.accepts(rules.wrong_arrows, "keyd/front/rpc/server.c",
                     f'{TAG}#include "keyd/front/service/call.h"\n#include <errno.h>\n')

    def test_headers(self):
        for path, include in [
                ("keyd/front/service/sign.c", "grpc/grpc.h"),
                ("client/lib/keyd.h", "grpc/grpc.h"),
                ("keyd/hsm/serve.c", "grpc/slice.h"),
                ("keyd/front/service/sign.c", "p11-kit/pkcs11.h"),
                ("keyd/base/error.h", "pkcs11.h"),
                ("keyd/hsm/keys.c", "libp11.h"),
                ("keyd/hsm/keys.c", "sqlite3.h"),
                ("client/dns/rdata.c", "ldns/ldns.h"),
                ("client/dns/zonetext.c", "libzscanner/scanner.h"),
                ("client/ctl/main.c", "ldns/ldns.h")]:
            self.bites(rules.wrong_headers, path, f"{TAG}  # include <{include}>\n")
        self.accepts(rules.wrong_headers, "keyd/hsm/module.c",
                     f"{TAG}#include <libp11.h>\n#include <p11-kit/pkcs11.h>\n")

    def test_files(self):
        self.bites(rules.wrong_files, "keyd/base/long.c", TAG + "\n" * rules.LINES_MAX)
        self.bites(rules.wrong_files, "keyd/base/bare.h", "int bare;\n")
        self.bites(rules.wrong_files, "scripts/bare", "#!/bin/bash\ntrue\n")
        self.bites(rules.wrong_files, "keyd/base/copy.c", TAG + "    strcpy(a, b);\n")
        self.accepts(rules.wrong_files, "keyd/base/copy.c", TAG + "    my_strcpy(a, b);\n")


class PlantedPrograms(unittest.TestCase):
    """A program that was built as ours must not be."""

    PRINTS = ("#include <stdio.h>\nint main(int n, char **a)"
              "{ char b[64]; return snprintf(b, (size_t)n * 8, \"%s\", a[0]) + b[1]; }\n")
    LOADS = "#include <dlfcn.h>\nint main(int n, char **a) { return !dlopen(a[0], n); }\n"

    def build(self, *flags, source=PRINTS):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "program")
        subprocess.run(["gcc", "-x", "c", "-", "-o", path, *flags], input=source, text=True,
                       check=True, capture_output=True)
        return path

    def test_hardening(self):
        good = ["-O2", "-fPIE", "-pie", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2",
                "-Wl,-z,relro,-z,now,-z,noexecstack"]
        self.assertEqual(rules.wrong_hardening(self.build(*good), False), [])
        for flags, what in [(["-fno-pie", "-no-pie"], "no PIE"),
                            (["-Wl,-z,norelro"], "no RELRO"),
                            (["-Wl,-z,lazy"], "no BIND_NOW"),
                            (["-Wl,-z,execstack"], "an executable stack"),
                            (["-fno-stack-protector"], "no stack protector"),
                            (["-Wl,-rpath,/tmp"], "a library path that is not its own"),
                            (["-Wl,-rpath,$ORIGIN/../lib:"], "a library path that is not its own"),
                            (["-U_FORTIFY_SOURCE"], "no fortified calls")]:
            with self.subTest(flags=flags):
                wrong = rules.wrong_hardening(self.build(*good, *flags), False)
                self.assertEqual(wrong, [f"program: {what}"])

    def test_libraries(self):
        forced = "-Wl,--no-as-needed"
        self.assertEqual(rules.wrong_libraries("keyd", self.build()), [])
        for program, library in [("keyd", "p11"), ("keyd", "p11-kit"), ("keyd-hsm", "grpc"),
                                 ("keydctl", "p11"), ("keyd-run", "grpc"),
                                 ("keyd-dnssec", "p11-kit")]:
            with self.subTest(program=program, library=library):
                self.assertTrue(rules.wrong_libraries(
                    program, self.build(forced, f"-l{library}")))
        loader = self.build(source=self.LOADS)
        self.assertEqual(rules.wrong_libraries("keyd", loader), ["keyd calls dlopen"])


if __name__ == "__main__":
    unittest.main()
