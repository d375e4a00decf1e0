#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A `module` that is none, or that does not survive being loaded: keydctl status says which file and
why, every other call says the same, and once the module is good all is well, without a restart by
hand."""

import os
import re
import subprocess
import time

import world

FAILURE = 1


class Modules(world.TestCase):
    def setUp(self):
        super().setUp()
        self.good = self.world.setting("tokens.d/main.conf", "module")
        self.link = self.world.path("module.so")  # replaced as an upgrade of the vendor's would

    def use(self, module):
        """The module is `module`, from the next start of keyd-hsm on."""
        if os.path.lexists(self.link):
            os.unlink(self.link)
        os.symlink(module, self.link)

    def library(self, text):
        """A shared library of this C text."""
        path = self.world.path("library.c")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", path[:-1] + "so", path], check=True)
        return path[:-1] + "so"

    def status(self):
        done = self.world.keydctl("status", "--output", "json", check=False)
        return self.world.json("status")["Tokens"][0] if done.returncode == 0 else {}

    def wait(self, state, seconds=20):
        world.wait_for(lambda: self.status().get("State") == state, seconds, self.world.log)


class NoModule(Modules):
    def refused(self, module, *words, settings=""):
        """FAULTY, in these words."""
        self.use(module)
        self.world.edit("tokens.d/main.conf", lambda text: re.sub(
            r"^module:.*$", "module: " + self.link, text, flags=re.M) + settings)
        self.world.start(wait=False)
        self.wait("FAULTY")
        for word in words:
            self.assertIn(word, self.status()["StateMessage"])
        done = self.world.keydctl("create-key", "--key-spec", "ECC_NIST_P256", "--alias", "alias/a",
                                  check=False)
        self.fails(done, FAILURE, *words)

    def is_back(self):
        """With the good module all is well, and nothing was lost."""
        self.use(self.good)
        self.wait("READY")
        key = self.world.create_key("alias/a")  # which no refused creation holds
        self.world.keydctl("sign", "--key-id", "alias/a", "--message", "x")
        self.assertEqual([entry["KeyId"] for entry in self.world.json("list-keys")["Keys"]], [key])

    def test_missing(self):
        self.refused("/nonexistent/module.so", "cannot be loaded", self.link, "No such file",
                     "`module`")
        self.is_back()

    def test_a_folder(self):
        self.refused(self.world.folder, "cannot be loaded", self.link, "Is a directory")

    def test_an_empty_file(self):
        empty = self.world.path("empty.so")
        open(empty, "w").close()
        self.refused(empty, "cannot be loaded", self.link)

    def test_a_text_file(self):
        self.refused(self.world.path("keyd.conf"), "cannot be loaded", self.link)

    def test_a_library_that_lacks_a_symbol_of_its_own(self):
        self.refused(self.library("extern int no_such_function(void);"
                                  "int C_GetFunctionList(void) { return no_such_function(); }"),
                     "cannot be loaded", self.link, "no_such_function")

    def test_a_library_of_another_kind(self):
        self.refused(self.library("int nothing;"), self.link, "is no PKCS #11 module",
                     "C_GetFunctionList")

    def test_a_function_list_that_is_refused(self):
        self.refused(self.library("long C_GetFunctionList(void **list)"
                                  "{ (void)list; return 5; }"),
                     self.link, "C_GetFunctionList: CKR_GENERAL_ERROR")

    def test_a_function_list_that_is_none(self):
        self.refused(self.library("long C_GetFunctionList(void **list)"
                                  "{ *list = 0; return 0; }"),
                     self.link, "C_GetFunctionList gives no list of functions")

    def test_it_crashes_as_it_is_loaded(self):
        self.refused(self.library("__attribute__((constructor)) static void load(void)"
                                  "{ *(volatile int *)0 = 0; }"),
                     self.link, "crashed (SIGSEGV) in dlopen")
        self.is_back()

    def test_it_aborts_as_it_is_loaded(self):
        self.refused(self.library("#include <stdlib.h>\n"
                                  "__attribute__((constructor)) static void load(void)"
                                  "{ abort(); }"),
                     self.link, "aborted (SIGABRT) in dlopen")

    def test_it_ends_the_process_as_it_is_loaded(self):
        self.refused(self.library("#include <unistd.h>\n"
                                  "__attribute__((constructor)) static void load(void)"
                                  "{ _exit(0); }"),
                     self.link, "ended from inside of dlopen")
        self.is_back()

    def test_it_hangs_as_it_is_loaded(self):
        self.refused(self.library("#include <unistd.h>\n"
                                  "__attribute__((constructor)) static void load(void)"
                                  "{ for (;;) pause(); }"),
                     self.link, "has not come back from dlopen", settings="module_call_limit: 1\n")


class Initialisation(Modules):
    """The module is one, and C_Initialize goes wrong."""
    kind = "mock"

    def goes_wrong(self, fault, *words, settings="", is_back=False):
        self.world.token.faults(fault)
        self.world.edit("tokens.d/main.conf", lambda text: text + settings)
        self.world.start(wait=False)
        self.wait("FAULTY")
        for word in words:
            self.assertIn(word, self.status()["StateMessage"])
        self.assertEqual(self.world.token.count("C_Login"), 0)
        self.world.token.faults()
        if is_back:
            self.wait("READY")
            self.world.create_key("alias/a")

    def test_it_hangs(self):
        self.goes_wrong("C_Initialize hang", "has not come back from C_Initialize", self.good,
                        settings="module_call_limit: 1\n", is_back=True)

    def test_all_is_ended_while_it_hangs(self):
        self.world.token.faults("C_Initialize hang")
        self.world.edit("tokens.d/main.conf", lambda text: text + "module_call_limit: 3600\n")
        self.world.start(wait=False)
        world.wait_for(lambda: self.world.token.count("C_Initialize") == 1)
        began = time.monotonic()
        self.world.runner.terminate()
        self.assertEqual(self.world.runner.wait(timeout=30), 0)
        self.assertLess(time.monotonic() - began, 7)
        self.assertNotIn("killed", self.world.log())
        # It was asked to end, so the next start has nothing to tell.
        self.world.token.faults()
        self.world.start()
        self.world.create_key("alias/a")

    def test_it_crashes(self):
        self.goes_wrong("C_Initialize crash", "crashed (SIGSEGV) in C_Initialize", self.good)

    def test_it_fails(self):
        self.goes_wrong("C_Initialize rv CKR_GENERAL_ERROR", self.good,
                        "C_Initialize: CKR_GENERAL_ERROR")

    def test_it_wants_one_thread(self):
        self.goes_wrong("C_Initialize rv CKR_CANT_LOCK", self.good, "C_Initialize: CKR_CANT_LOCK")


if __name__ == "__main__":
    world.main()
