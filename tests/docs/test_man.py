#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The man pages say what the programs do: their options and commands, the fields of configurations
with ranges and defaults, the examples, and the messages that an operator is told to look for."""

import glob
import os
import re
import shlex
import subprocess
import tempfile
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("KEYD_BIN", os.path.join(TREE, "build", "bin"))
MAN = os.path.join(TREE, "docs", "man")
EXAMPLES = os.path.join(TREE, "docs", "examples")
PROGRAMS = {"keyd": 8, "keyd-hsm": 8, "keyd-run": 8, "keydctl": 1, "keyd-dnssec": 1}
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS",
            "EXAMPLES", "DIAGNOSTICS", "SECURITY", "SEE ALSO"]
STATES = ("READY", "AWAY", "LOGIN_NEEDED", "FAULTY")


def read(*path):
    with open(os.path.join(TREE, *path), encoding="utf-8") as file:
        return file.read()


def page(name):
    return read("docs", "man", name)


def page_of(program):
    return page(f"{program}.{PROGRAMS[program]}")


def section(text, name):
    """The text under a .Sh."""
    found = re.search(rf"^\.Sh {re.escape(name)}\n(.*?)(?=^\.Sh |\Z)", text, re.M | re.S)
    return found.group(1) if found else ""


def commands_in(text):
    """{command: its part of the section COMMANDS}."""
    parts = re.split(r"^\.Ss (.+)\n", section(text, "COMMANDS"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def options_in(text):
    """The options that the items of a page's part describe, as "--config" and "-c"."""
    found = set()
    for item in re.findall(r"^\.It (Fl .*)", text, re.M):
        for name in re.findall(r"Fl (?:\\&)?(\S+)", item):
            found.add("-" + name)
    return found


def output(program, *arguments):
    done = subprocess.run([os.path.join(BIN, program), *arguments], capture_output=True, text=True,
                          timeout=20, check=True, env={**os.environ, "LC_ALL": "C"})
    return done.stdout


def options_of(program, *command):
    """The options that --help shows."""
    found = set()
    for line in output(program, *command, "--help").partition("\nExample:")[0].splitlines():
        described = re.match(r" {2,6}(-\S.*?)(?: {2,}|$)", line)
        if described:
            found |= set(re.findall(r"(?:^|, )(-[^\s=,]+)", described.group(1)))
    return found


def commands_of(program):
    text = output(program, "--help")
    listed = re.search(r"^Commands.*:\n((?:  [a-z].*\n)+)", text, re.M)
    return re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)  ", listed.group(1), re.M) if listed else []


def schema_of(path):
    """{field: its kind} of a configuration, from the C source that reads it: "allow[].uid": "UINT"."""
    text = read(path)
    tables = dict(re.findall(r"cyaml_schema_field_t (\w+)\[\] = \{(.*?)CYAML_FIELD_END", text, re.S))
    schemas = dict(re.findall(r"cyaml_schema_value_t (\w+) = \{.*?(\w+)\),\s*\};", text, re.S))

    def fields(table, before=""):
        found = {}
        for kind, name in re.findall(r"CYAML_FIELD_([A-Z]+)\w*\(\"(\w+)\"", tables[table]):
            found[before + name] = kind
        for kind, name in re.findall(r"^\s*(TEXT|NUMBER)\((?:\w+, )?(\w+)\)", tables[table], re.M):
            found[before + name] = {"TEXT": "STRING", "NUMBER": "UINT"}[kind]
        for name, value in re.findall(r"SEQUENCE\(\"(\w+)\",[^&]*&(\w+)", tables[table]):
            found.update(fields(schemas[value], f"{before}{name}[]."))
        return found

    (top,) = [table for table in tables if table in ("fields", "file_fields")]
    return fields(top)


FRONT, HSM = schema_of("keyd/front/config.c"), schema_of("keyd/hsm/config.c")
CONFIGURATIONS = {
    # page: schema, example, program, the constants that are the defaults, where they are
    "keyd.conf.5": (FRONT, "keyd.conf", "keyd", {"calls_in_flight": "CONFIG_CALLS_IN_FLIGHT"},
                    "keyd/front/config.h"),
    "keyd-token.conf.5": (HSM, "tokens.d/main.conf", "keyd-hsm",
                          {"signers": "CONFIG_SIGNERS_DEFAULT",
                           "module_call_limit": "CONFIG_CALL_LIMIT",
                           "key_generation_limit": "CONFIG_KEY_LIMIT"}, "keyd/hsm/config.h"),
}


def uncommented(text):
    """An example with the fields switched on that it shows as comments."""
    return re.sub(r"^(\s*)# ((?:- )?\s*[a-z_]+:(?: |$))", r"\1\2", text, flags=re.M)


# Fields of an example that only one of may be there: each but the first.
ALTERNATIVES = r"^pin_(credential|descriptor): .*\n"


def fields_of_yaml(text):
    """The fields of one of our files: "tokens[].name"."""
    found, parent = set(), ""
    for line in text.splitlines():
        field = re.match(r"( *)(- *)?([a-z_]+):(?: |$)", line)
        if not field:
            continue
        if not field.group(1) and not field.group(2):
            parent = field.group(3)
            found.add(parent)
        else:
            found.add(f"{parent}[].{field.group(3)}")
    return found


class Pages(unittest.TestCase):
    def test_there_is_one_for_each_program_and_configuration(self):
        wanted = {f"{name}.{number}" for name, number in PROGRAMS.items()} | set(CONFIGURATIONS)
        self.assertEqual(set(os.listdir(MAN)), wanted)

    def test_mandoc_has_nothing_to_say(self):
        for path in sorted(glob.glob(os.path.join(MAN, "*"))):
            with self.subTest(page=os.path.basename(path)):
                done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path],
                                      capture_output=True, text=True, check=False)
                self.assertEqual((done.stdout + done.stderr, done.returncode), ("", 0))

    def test_sections(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                there = re.findall(r"^\.Sh (.+)", page_of(program), re.M)
                self.assertEqual([name for name in there if name in SECTIONS], SECTIONS)

    def test_references_between_pages(self):
        for name in os.listdir(MAN):
            for to, number in re.findall(r"^\.Xr (keyd\S*) (\d)", page(name), re.M):
                self.assertTrue(os.path.exists(os.path.join(MAN, f"{to}.{number}")), (name, to))

    def test_the_states_are_explained(self):
        for name in ("keyd.8", "keyd-hsm.8", "keydctl.1", "keyd-dnssec.1"):
            for state in STATES:
                self.assertIn(state, section(page(name), "DIAGNOSTICS"), name)


class Options(unittest.TestCase):
    def test_each_is_in_help_and_in_the_page(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                self.assertIn("--version", options_of(program))
                self.assertEqual(options_in(section(page_of(program), "OPTIONS")),
                                 options_of(program))

    def test_commands_and_their_options(self):
        for program, least in (("keydctl", 5), ("keyd-dnssec", 5), ("keyd-hsm", 1)):
            described = commands_in(page_of(program))
            self.assertGreaterEqual(len(described), least)
            self.assertEqual(list(described), commands_of(program))
            # What all commands take is said once; those of keyd-hsm share nothing with the daemon.
            shared = options_of(program) if program != "keyd-hsm" else set()
            for command, text in described.items():
                with self.subTest(command=f"{program} {command}"):
                    built_in = {"-?", "--help", "--usage", "-V", "--version"}
                    own = options_of(program, *command.split())
                    self.assertEqual(options_in(text), own - shared - built_in)

    def test_command_lines_of_examples(self):
        checked = 0
        for name in os.listdir(MAN):
            text = section(page(name), "EXAMPLES").replace("\\e\n", " ")
            for line in re.findall(r"^(?:\.Dl )?(?:\w+=\S+ )?\s*((?:keyd|keydctl|keyd-\w+) -?.*)",
                                   text, re.M):
                words = shlex.split(line.split(" |")[0].replace('"$(', "").replace(')"', ""))
                program = words[0]
                command = [word for name in commands_of(program) for word in name.split()
                           if name.split() == words[1:1 + len(name.split())]]
                known = options_of(program, *command)
                for word in words:
                    if word.startswith("--"):
                        self.assertIn(word, known, f"{name}: {line}")
                        checked += 1
        self.assertGreater(checked, 15)


class Configurations(unittest.TestCase):
    def check(self, program, name, text):
        """--check-config on a file of that name: status and complaints."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, os.path.basename(name))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run([os.path.join(BIN, program), "--config", path, "--check-config"],
                                  capture_output=True, text=True, timeout=20, check=False)
            return done.returncode, done.stderr.splitlines()

    def test_the_sources_are_understood(self):
        self.assertEqual(FRONT["allow[].uid"], "UINT")
        self.assertEqual(HSM["environment[].value"], "STRING")
        self.assertEqual((FRONT["tokens"], HSM["signers"], HSM["label"]),
                         ("SEQUENCE", "UINT", "STRING"))

    def test_each_field_is_in_the_page_and_in_the_example(self):
        for name, (schema, example, *_) in CONFIGURATIONS.items():
            with self.subTest(page=name):
                described = re.findall(r"^\.It Cm (\S+)$", section(page(name), "FIELDS"), re.M)
                self.assertEqual(len(described), len(set(described)))
                self.assertEqual(set(described), set(schema))
                text = uncommented(read("docs", "examples", example))
                self.assertEqual(fields_of_yaml(text), set(schema))

    def test_the_examples_are_good_but_for_their_users(self):
        for schema, example, program, *_ in CONFIGURATIONS.values():
            as_it_is = read("docs", "examples", example)
            for text in (as_it_is, re.sub(ALTERNATIVES, "", uncommented(as_it_is), flags=re.M)):
                with self.subTest(example=example, fields=len(fields_of_yaml(text))):
                    self.assertTrue(fields_of_yaml(text) <= set(schema))
                    status, complaints = self.check(program, example, text)
                    users = [line for line in complaints if re.search(
                        r": (allow\[0\]\.user|tokens\[0\]\.hsm_user|front): '\w[\w-]*'[: ].*user",
                        line)]
                    self.assertEqual(complaints, users)
                    self.assertEqual(status, 2 if users else 0)

    def test_the_examples_are_of_one_house(self):
        front = read("docs", "examples", "keyd.conf")
        named = dict(re.findall(r"^  - name: (\w+)\n    socket: (\S+)", front, re.M))
        folder = os.path.join("docs", "examples", "tokens.d")
        there = {}
        for name in os.listdir(os.path.join(TREE, folder)):
            text = read(folder, name)
            there[name.removesuffix(".conf")] = re.search(r"^socket: (\S+)", text, re.M).group(1)
            text = re.sub(r"^front: .*", "front: 0", text, flags=re.M)
            self.assertEqual(self.check("keyd-hsm", os.path.join("tokens.d", name), text), (0, []))
        self.assertGreater(len(named), 1)
        self.assertEqual(named, there)

    def test_a_wrong_example_is_found(self):
        for _, example, program, *_ in CONFIGURATIONS.values():
            text = read("docs", "examples", example) + "\ncolour: blue\n"
            status, complaints = self.check(program, example, text)
            self.assertEqual(status, 2)
            self.assertIn("colour: there is no such field", complaints[0])

    def test_ranges_and_defaults_of_numbers(self):
        for name, (schema, example, program, defaults, header) in CONFIGURATIONS.items():
            base = re.sub(r"^(front|  - user): .*", r"\1: 0", read("docs", "examples", example),
                          flags=re.M)
            ranges = re.findall(r"^\.It Cm (\w+)\nInteger, ([\d,]+) to ([\d,]+); default ([\d,]+)",
                                section(page(name), "FIELDS"), re.M)
            numbers = {field for field, kind in schema.items() if kind == "UINT"}
            no_range = {"allow[].uid", "pin_descriptor"}  # any; one with a gap, and no default
            self.assertEqual({field for field, *_ in ranges}, numbers - no_range)
            for field, *texts in ranges:
                low, high, default = (int(text.replace(",", "")) for text in texts)
                with self.subTest(field=field):
                    for value in (low, high, default):
                        self.assertEqual(self.check(program, example, f"{base}\n{field}: {value}\n"),
                                         (0, []))
                    for value in (low - 1, high + 1):
                        self.assertEqual(
                            self.check(program, example, f"{base}\n{field}: {value}\n")[0], 2)
                    self.assertRegex(read(header), rf"#define {defaults[field]}\s+{default}\b")

    def test_required_fields(self):
        for name, (_, example, program, *_) in CONFIGURATIONS.items():
            base = re.sub(r"^(front|  - user): .*", r"\1: 0", read("docs", "examples", example),
                          flags=re.M)
            required = re.findall(r"^\.It Cm (\w+)\n[^.\n]*, required", section(page(name), "FIELDS"),
                                  re.M)
            self.assertGreaterEqual(len(required), 3)
            for field in required:
                with self.subTest(field=field):
                    without = re.sub(rf"^{field}:.*\n(?:[ #].*\n)*", "", base, flags=re.M)
                    status, complaints = self.check(program, example, without)
                    self.assertEqual(status, 2)
                    self.assertTrue(any(field in line for line in complaints), complaints)


def literals():
    """Every string of the programs, adjacent ones joined, what printf fills in as a NUL."""
    found = []
    for path in glob.glob(os.path.join(TREE, "keyd", "**", "*.c"), recursive=True) + \
            glob.glob(os.path.join(TREE, "client", "**", "*.c"), recursive=True):
        text = re.sub(r"(\"(?:[^\"\\\n]|\\.)*\")|/\*.*?\*/", r"\1", read(path), flags=re.S)
        text = re.sub(r"\"\s+PRI\w+\s*\"|\"\s*JSON_INTEGER_FORMAT\s*\"", "i", text)
        text = re.sub(r"\"\s*SUFFIX\s*\"", ".conf", text)
        for match in re.finditer(r"\"(?:[^\"\\\n]|\\.)*\"(?:\s*\"(?:[^\"\\\n]|\\.)*\")*", text):
            joined = "".join(re.findall(r"\"((?:[^\"\\\n]|\\.)*)\"", match.group()))
            joined = joined.replace("\\n", " ").replace('\\"', '"')
            found.append(re.sub(r"%[-+ #0]*[\d.*]*(?:hh|h|ll|l|z|j)?[a-zA-Z]", "\0", joined))
    return found


# What stands for something else in a page's message, longer words first.
PLACEHOLDERS = ("label LABEL", "alias/NAME", r"CKR_\w+ \(0x\w+\)", "INTERNAL", "DATA_LOSS", "PRINCIPAL",
                "FUNCTION", "SIGNAME", "CATALOG", "JOURNAL", "MESSAGE", "PROGRAM", "SERIAL", "SOCKET",
                "COLUMN", "FOLDER", "METHOD", "REASON", "TOKENS", "ALIAS", "DOING", "FIELD", "LABEL", "CALL",
                "FILE", "VALUE", "LINE", "NAME", "TIME", "TYPE", "ZONE", "KEY", "N")


def fragments(message):
    """What of a page's message the program says itself. A message may be put together of several, so
    each sentence and each half around a colon counts alone."""
    pattern = r"(?<![A-Za-z_])(?:" + "|".join(PLACEHOLDERS) + r")(?![A-Za-z_])|: |\. "
    parts = (part.strip(" :=.,'()[]/") for part in re.split(pattern, message))
    return [part for part in parts if len(part) >= 8]


class Messages(unittest.TestCase):
    def test_each_is_one_of_the_programs(self):
        said = literals() + [os.strerror(number) for number in range(1, 134)]
        self.assertFalse(any("no such sentence is said by keyd" in text for text in said))
        checked = 0
        for name in sorted(os.listdir(MAN)):
            for item in re.findall(r"^\.It Sy \"(.*)\"$", section(page(name), "DIAGNOSTICS"), re.M):
                for fragment in fragments(item.replace("\\&", "")):
                    with self.subTest(page=name, message=item, fragment=fragment):
                        self.assertTrue(any(fragment in text for text in said))
                        checked += 1
        self.assertGreater(checked, 80)


if __name__ == "__main__":
    unittest.main()
