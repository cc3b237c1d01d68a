#!/usr/bin/env python3
"""tools/check_layers.py by what it must find: each rule broken once in a small house of its own. The path of the tool's folder is the first argument."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv.pop(1))
import check_layers  # noqa: E402

FOLDERS = ("engine/base", "engine/buf", "engine/session", "engine/shard", "engine/io", "proto", "scripting", "tools/ringcast", "bench")


class House(unittest.TestCase):
    """A header in each folder that includes nothing; plant() puts a file beside them."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name)
        self.addCleanup(setattr, check_layers, "TOP", check_layers.TOP)
        self.addCleanup(setattr, check_layers, "MAY_INCLUDE", check_layers.MAY_INCLUDE)
        check_layers.TOP = self.top
        for name in FOLDERS:
            self.plant(f"{name}/noun.h", "struct noun;\n")

    def plant(self, path, text):
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def check(self):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = check_layers.main()
        return status, said.getvalue()

    def assert_found(self, *words):
        status, said = self.check()
        self.assertEqual(status, 1, said)
        for word in words:
            self.assertIn(word, said)
        return said

    def test_a_house_in_order(self):
        self.plant("engine/shard/tick.c", '#include "shard/noun.h"\n#include "session/noun.h"\n#include "base/noun.h"\n')
        self.assertEqual(self.check(), (0, f"\n{len(FOLDERS) + 1} files, 0 violations\n"))

    def test_a_step_up(self):
        self.plant("engine/base/list.c", '#include "base/noun.h"\n#include "shard/noun.h"\n')
        self.assert_found("engine/base/list.c:2: engine/base must not include engine/shard")

    def test_a_step_aside(self):
        self.plant("engine/session/router.c", '#include "io/noun.h"\n')
        self.assert_found("engine/session/router.c:1: engine/session must not include engine/io")

    def allow(self, folder, *others):
        check_layers.MAY_INCLUDE = {**check_layers.MAY_INCLUDE, folder: check_layers.MAY_INCLUDE[folder] | set(others)}

    def test_a_circle_of_two_though_each_arrow_is_allowed(self):
        self.allow("engine/base", "engine/buf")
        self.plant("engine/base/list.h", '#include "buf/noun.h"\n')
        self.assertEqual(self.check()[0], 0)
        self.plant("engine/buf/buf.h", '\n#include "base/noun.h"\n')
        said = self.assert_found("a circle of folders: ", "engine/base -> engine/buf (engine/base/list.h:1)", "engine/buf -> engine/base (engine/buf/buf.h:2)")
        self.assertIn(", 1 violations", said)

    def test_a_circle_of_three(self):
        self.allow("engine/base", "engine/session")
        self.plant("engine/base/list.h", '#include "session/noun.h"\n')
        self.plant("engine/session/session.h", '#include "buf/noun.h"\n')
        self.plant("engine/buf/buf.h", '#include "base/noun.h"\n')
        self.assert_found("a circle of folders: ", "engine/base -> engine/session", "engine/session -> engine/buf", "engine/buf -> engine/base")

    def test_the_table_itself_allows_no_circle(self):
        table = check_layers.MAY_INCLUDE
        arrows = {folder: {target: "" for target in targets if target in table} for folder, targets in table.items()}
        self.assertEqual(check_layers.find_circle(arrows), [])

    def test_a_foreign_library(self):
        self.plant("engine/session/router.c", "#include <liburing.h>\n")
        self.assert_found("engine/session/router.c:1: only", "may include liburing.h")

    def test_a_call_that_is_another_folders(self):
        self.plant("engine/shard/tick.c", "/* clock_gettime( in a comment */\nint now = clock_gettime(0, 0);\n")
        self.assert_found("engine/shard/tick.c:2: clock_gettime(")

    def test_a_file_in_no_folder_of_the_table(self):
        self.plant("engine/attic/old.c", "")
        self.assert_found("engine/attic/old.c: lies in no known folder")

    def test_a_header_that_is_not_there(self):
        self.plant("engine/shard/tick.c", '#include "shard/gone.h"\n')
        self.assert_found('engine/shard/tick.c:1: cannot find "shard/gone.h"')

    def test_an_empty_house_is_no_house_in_order(self):
        for file in self.top.rglob("*.h"):
            file.unlink()
        self.assertEqual(self.check()[0], 1)


if __name__ == "__main__":
    unittest.main()
