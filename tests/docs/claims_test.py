#!/usr/bin/env python3
"""Every sentence of the documents that says what cannot happen names the test that tries it.

    claims_test.py SOURCE BUILD     the table is claims.txt beside this file

Sentences with one of WORDS in README.md and docs/*.md are collected. Each must have an entry in the table and each entry a sentence, word by word: a new
claim, or one that was reworded, needs a look. An entry says what proves it:

    suite/name: case      a test that meson runs, and in its sources the case: a Criterion Test(suite, case), a method, or any words that stand there
    advice: why           it is no claim about the server: it tells the reader what to do, or what others do

So has each row of the table "What the vendor leaves open, and ours" of docs/matchmaking.md, by its question.

What was generated from code (docs/configuration.md, docs/service-api.md) is read like the rest, but for "0: never", which is what a value means. Not read are the
documents about tests, measurements and words.
"""
import json
import pathlib
import re
import subprocess
import sys
import unittest

NOT_READ = ("testing.md", "benchmarks.md", "names.md")
VALUES = re.compile(r"\b0: never\b")
WORDS = re.compile(r"\b(cannot|can not|can't|must not|never|nobody can|no way)\b", re.I)
HERE = pathlib.Path(__file__).resolve().parent
SOURCE, BUILD = (pathlib.Path(sys.argv.pop(1)) for _ in range(2)) if __name__ == "__main__" else (HERE.parents[1], None)


def paragraphs(text):
    """Prose, list items and table rows, each on one line; code blocks left out."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    lines, current = [], ""
    for line in text.split("\n") + [""]:
        is_new = not line.strip() or current.startswith("#") or re.match(r"\s*([*+-]|\d+\.|\||#)\s*", line)
        if is_new or line.startswith("    "):
            lines.append(current)
            current = ""
        if not line.startswith("    ") or current or re.match(r"\s+([*+-]|\d+\.) ", line):
            current = f"{current} {line.strip()}".strip()
    return [line for line in lines + [current] if line]


def sentences(paragraph):
    """Cells of a table are sentences of their own; a full stop between lower case and a capital ends one."""
    parts = re.split(r"(?<!\\)\|", paragraph) if paragraph.startswith("|") else [paragraph]
    return [sentence.strip(" *") for part in parts for sentence in re.split(r"(?<=[.!?:;])\s+(?=[A-Z`*\[(])", part) if sentence.strip()]


def open_questions(text):
    """First cells of the table of what a vendor leaves open."""
    table = text.partition("\n## What the vendor leaves open")[2].partition("\n## ")[0]
    return [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")][2:]


def claims():
    """(file, sentence), in their order."""
    found = []
    for path in [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]:
        for paragraph in paragraphs(path.read_text()):
            found += [(path.name, " ".join(sentence.split())) for sentence in sentences(paragraph) if path.name not in NOT_READ and WORDS.search(VALUES.sub("", sentence))]
    return found + [("matchmaking.md", question) for question in open_questions((SOURCE / "docs" / "matchmaking.md").read_text())]


def table():
    """sentence -> (file, proofs). Blocks of: '# file', the sentence, '  proof' lines."""
    entries, file, sentence = {}, "", None
    for number, line in enumerate((HERE / "claims.txt").read_text().splitlines(), 1):
        if line.startswith("# ") and line.endswith(".md"):
            file = line[2:]
        elif line.startswith("  ") and sentence:
            entries[(file, sentence)].append(line.strip())
        elif line.strip() and not line.startswith("#"):
            sentence = line.strip()
            if (file, sentence) in entries:
                sys.exit(f"claims.txt:{number}: a second time: {sentence}")
            entries[(file, sentence)] = []
    return entries


def meson_tests():
    """suite/name -> its command, without starting anything."""
    listed = json.loads(subprocess.run(["meson", "introspect", "--tests", str(BUILD)], check=True, capture_output=True, text=True).stdout)
    return {f"{suite.split(':')[-1]}/{test['name']}": test["cmd"] for test in listed for suite in test["suite"]}


def program_sources():
    """program -> the files that it is made of."""
    listed = json.loads(subprocess.run(["meson", "introspect", "--targets", str(BUILD)], check=True, capture_output=True, text=True).stdout)
    return {name: [pathlib.Path(file) for part in target["target_sources"] for file in part.get("sources", [])]
            for target in listed for name in target["filename"]}


def sources_of(command, programs):
    """The text of what a test is made of: the scripts in its command and the sources of the programs."""
    files = [pathlib.Path(part) for part in command if pathlib.Path(part).suffix in (".py", ".sh", ".scn", ".js")]
    for part in command:
        files += programs.get(part, [])
    return [file.read_text() for file in files if file.is_file()]


class Claims(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.claims, cls.table = claims(), table()

    def test_each_sentence_has_an_entry(self):
        missing = [f"# {file}\n{sentence}" for file, sentence in self.claims if (file, sentence) not in self.table]
        self.assertEqual("\n".join(missing), "", "add what proves them to tests/docs/claims.txt, or word them so that they claim no more than is shown")

    def test_each_entry_has_a_sentence(self):
        self.assertEqual("\n".join(f"# {file}\n{sentence}" for file, sentence in self.table if (file, sentence) not in set(self.claims)), "")

    def test_there_are_some(self):
        self.assertGreater(len(self.claims), 20)
        self.assertGreater(sum(file == "matchmaking.md" for file, _ in self.claims), 15)

    def test_what_is_named_exists(self):
        tests, programs, wrong = meson_tests(), program_sources(), []
        for (_, sentence), proofs in self.table.items():
            if not proofs:
                wrong.append(f"nothing proves: {sentence}")
            for proof in proofs:
                name, _, case = proof.partition(": ")
                if name == "advice" and case:
                    continue
                if name not in tests:
                    wrong.append(f"there is no test {name}, which is to prove: {sentence}")
                elif not case or not any(re.search(rf"(?<!\w){re.escape(case)}(?!\w)", text) for text in sources_of(tests[name], programs)):
                    wrong.append(f"{name} has no case {case}, which is to prove: {sentence}")
        self.assertEqual("\n".join(wrong), "")

    def test_the_threat_model_names_tests_and_options_that_exist(self):
        text = (SOURCE / "docs" / "threat-model.md").read_text()
        options = (SOURCE / "docs" / "configuration.md").read_text()
        tests, programs, wrong = meson_tests(), program_sources(), []
        named = re.findall(r"`((?:checks|e2e|fuzz|sim|unit)/[\w-]+): (\w+)`", text)
        for name, case in named:
            if name not in tests or not any(re.search(rf"(?<!\w){case}(?!\w)", source) for source in sources_of(tests[name], programs)):
                wrong.append(f"no test {name}: {case}")
        drops = re.findall(r'^DROP\(\w+, "(\w+)"', (SOURCE / "engine" / "base" / "drop.def").read_text(), re.M)
        limits = [f"limits.{name}" for name in re.findall(r"`(\w+_(?:second|max|address|bytes|ms|us))`", text) if name not in drops and "ringcast_" not in name]
        for option in re.findall(r"`((?:admin|limits|listen|scripts|service|tls)\.[a-z_]+)`", text) + limits:
            if f"`{option}`" not in options:
                wrong.append(f"no option {option}")
        self.assertEqual("\n".join(wrong), "")
        self.assertGreater(len(named), 40)

    def test_sentences_are_found_in_prose_lists_and_tables(self):
        text = "It cannot\nfly. It can run.\n\n* never `a`\n  b. Or so.\n\n| x | must not swim | y |\n\n    code cannot count\n\n1. Nobody can. Good.\n"
        found = [s for p in paragraphs(text) for s in sentences(p) if WORDS.search(s)]
        self.assertEqual(found, ["It cannot fly.", "never `a` b.", "must not swim", "Nobody can."][: len(found)])
        self.assertEqual(len(found), 4)


if __name__ == "__main__":
    unittest.main(verbosity=1)
