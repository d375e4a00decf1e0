#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `cmake --install` puts into a folder is whole: programs that start, man pages, examples, and a
libkeyd that a small program compiles and links with by pkg-config alone."""

import os
import shutil
import subprocess
import tempfile
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.dirname(os.environ.get("KEYD_BIN", os.path.join(TREE, "build", "bin")))

PROGRAM = r"""
#include <keyd.h>
#include <stdio.h>

int main(void)
{
    struct keyd_error err;
    struct keyd_client *keyd;
    if (keyd_connect("/nonexistent/keyd.sock", &keyd, &err) == KEYD_OK)
        return 1;
    printf("%s %s %s\n", keyd_version(), keyd_status_name(err.status), err.reason);
    return 0;
}
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def named(folder, name):
    """The one path below a folder that has this name."""
    found = [os.path.join(place, name) for place, folders, files in os.walk(folder)
             if name in files + folders]
    assert len(found) == 1, (name, found)
    return found[0]


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="keyd install.")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        first = os.path.join(cls.work, "first")
        run("cmake", "--install", BUILD, "--prefix", first)
        cls.prefix = os.path.join(cls.work, "prefix")
        os.rename(first, cls.prefix)  # a tree may be moved, as packages do
        library = named(cls.prefix, "libkeyd.so")
        cls.sanitize = [f"-fsanitize={name}" for name, mark in
                        (("address", "libasan"), ("undefined", "libubsan"), ("thread", "libtsan"))
                        if mark in run("ldd", library)]

    def pkg_config(self, *options):
        folder = os.path.dirname(named(self.prefix, "keyd.pc"))
        return run("pkg-config", *options, "keyd",
                   env={**os.environ, "PKG_CONFIG_PATH": folder}).strip()

    def test_programs_start(self):
        folder = os.path.dirname(named(self.prefix, "keydctl"))
        for name in ("keyd", "keyd-hsm", "keyd-run", "keydctl", "keyd-dnssec"):
            with self.subTest(program=name):
                self.assertRegex(run(os.path.join(folder, name), "--version"),
                                 rf"^{name} \d+\.\d+\.\d+\n$")

    def test_man_pages(self):
        for name in os.listdir(os.path.join(TREE, "docs", "man")):
            path = named(self.prefix, name)
            self.assertEqual(os.path.basename(os.path.dirname(path)), "man" + name[-1])

    def test_examples(self):
        folder = os.path.join(TREE, "docs", "examples")
        names = ["keyd.conf"] + [os.path.join("tokens.d", name)
                                 for name in os.listdir(os.path.join(folder, "tokens.d"))]
        self.assertGreater(len(names), 2)
        for name in names:
            path = os.path.join(named(self.prefix, "examples"), name)
            with open(path, encoding="utf-8") as one, \
                    open(os.path.join(folder, name), encoding="utf-8") as other:
                self.assertEqual(one.read(), other.read())

    def build(self, compiler, source, *options):
        """Compiles, links and runs PROGRAM with nothing but the installed tree."""
        path = os.path.join(self.work, source)
        with open(path, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        flags = self.pkg_config("--cflags", "--libs").replace("\\ ", "\0").split()
        run(compiler, *options, "-Wall", "-Wextra", "-Werror", *self.sanitize, path, "-o", path + ".out",
            *(flag.replace("\0", " ") for flag in flags))
        libraries = os.path.dirname(named(self.prefix, "libkeyd.so"))
        return run(path + ".out", env={**os.environ, "LD_LIBRARY_PATH": libraries})

    def test_a_program_in_c_and_one_in_cxx(self):
        version = self.pkg_config("--modversion")
        for compiler, source, *options in (("gcc", "small.c", "-std=c99", "-pedantic"),
                                           ("g++", "small.cc", "-std=c++11", "-pedantic")):
            with self.subTest(compiler=compiler):
                self.assertEqual(self.build(compiler, source, *options),
                                 f"{version} NOT_FOUND SOCKET_MISSING\n")


if __name__ == "__main__":
    unittest.main()
