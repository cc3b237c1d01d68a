#!/usr/bin/python3
"""docs/benchmarks.md and its charts are what bench/page.py makes of the results that are kept, and what makes them can be trusted with less."""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.dont_write_bytecode = True
import page  # noqa: E402
import plot  # noqa: E402
import results  # noqa: E402
import soak  # noqa: E402


def load_run():
    """bench/peers/run as a module: it has no .py."""
    path = os.path.join(ROOT, "bench", "peers", "run")
    loader = importlib.machinery.SourceFileLoader("peers_run", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("peers_run", loader))
    loader.exec_module(module)
    return module


class Page(unittest.TestCase):
    def test_the_page_is_what_is_made(self):
        done = subprocess.run([sys.executable, os.path.join(ROOT, "bench", "page.py"), "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr + "run bench/page.py")

    def test_every_result_names_its_machine_and_day(self):
        for name in sorted(os.listdir(page.KEPT)):
            with open(os.path.join(page.KEPT, name)) as file:
                result = json.load(file)
            self.assertEqual(name, f"{result['date']}-{result['kind']}.json")
            self.assertTrue(result["machine"]["cpu"] and result["machine"]["kernel"] and result["command"], name)
            self.assertTrue(result["rows"], name)

    def test_every_number_of_a_result_is_shown(self):
        text = page.make()[os.path.join("docs", "benchmarks.md")]
        for row in results.latest(page.KEPT, "peers")["rows"]:
            self.assertIn(f"| {row['workload']} | {row['relay']} | {row['cpu_ns_per_delivery']:,.0f} |", text)

    def test_the_newest_counts(self):
        with tempfile.TemporaryDirectory() as folder:
            for day in ("2026-01-02", "2026-03-01", "2025-12-31"):
                with open(os.path.join(folder, f"{day}-peers.json"), "w") as file:
                    json.dump({"date": day}, file)
            self.assertEqual(results.latest(folder, "peers"), {"date": "2026-03-01"})
            self.assertIsNone(results.latest(folder, "eers"))


class Plot(unittest.TestCase):
    def chart(self, *arguments, **options):
        return xml.dom.minidom.parseString(plot.line_chart("a < b & c", "x", "y", *arguments, **options))

    def test_points_are_inside_and_in_order(self):
        for is_log in (False, True):
            document = self.chart({"one": [(1, 10), (100, 1000), (10, 55)], "two": [(2, 7)]}, is_x_log=is_log, is_y_log=is_log)
            for line in document.getElementsByTagName("polyline"):
                places = [tuple(map(float, point.split(","))) for point in line.getAttribute("points").split()]
                self.assertEqual(places, sorted(places))
                for x, y in places:
                    self.assertTrue(plot.LEFT <= x <= plot.WIDTH - plot.RIGHT and plot.TOP <= y <= plot.HEIGHT - plot.BOTTOM, (x, y))

    def test_more_is_higher(self):
        circles = self.chart({"one": [(1, 1), (2, 5), (3, 9)]}).getElementsByTagName("circle")
        heights = [float(circle.getAttribute("cy")) for circle in circles]
        self.assertEqual(heights, sorted(heights, reverse=True))

    def test_it_needs_nothing_from_elsewhere_and_is_readable_in_the_dark(self):
        text = plot.line_chart("t", "x", "y", {"one": [(1, 1), (2, 2)]})
        self.assertEqual(text.count("http"), 1, "the namespace alone")
        self.assertIn("prefers-color-scheme:dark", text)


class Peers(unittest.TestCase):
    def rows(self, *costs, arrived=1.0):
        return [{"workload": "w", "relay": name, "cpu_ns_per_delivery": cost, "p99_ns": 10 * cost, "arrived_ratio": arrived} for name, cost in costs]

    def test_the_best_websocket_relay_is_beside_us(self):
        run = load_run()
        rows = self.rows(("ringcast", 100), ("lws", 300), ("bun", 150), ("redis", 50))
        self.assertEqual(run.ratio(rows, "w"), {"workload": "w", "best": "bun", "ratio": 1.5, "p99_ratio": round(1000 / 1500, 3)})
        self.assertIsNone(run.ratio(self.rows(("ringcast", 100)), "w"))
        self.assertIsNone(run.ratio(rows, "other"))

    def test_who_delivered_less_than_was_offered_is_not_compared(self):
        run = load_run()
        self.assertIsNone(run.ratio(self.rows(("ringcast", 100), ("bun", 150), arrived=0.5), "w"))


class Soak(unittest.TestCase):
    def samples(self, memory=lambda i: 50 << 20, files=lambda i: 100):
        return [{"memory": memory(i), "files": files(i)} for i in range(60)]

    def test_what_goes_up_and_down_has_not_grown(self):
        self.assertEqual(soak.growths(self.samples(lambda i: (50 << 20) + (i % 7) * 100000, lambda i: 100 + i % 9)), [])

    def test_warming_up_is_no_growth(self):
        self.assertEqual(soak.growths(self.samples(lambda i: min(i, 12) * (4 << 20))), [])

    def test_a_leak_is_found(self):
        self.assertEqual(len(soak.growths(self.samples(lambda i: (50 << 20) + i * 100000))), 1)
        self.assertEqual(len(soak.growths(self.samples(files=lambda i: 100 + i))), 1)
        self.assertEqual(soak.growths(self.samples(lambda i: (50 << 20) + i * 100000), skipped=["memory"]), [])

    def test_what_stays_behind_is_found(self):
        self.assertEqual(soak.leftovers({"memory": 1, "files": 20, "players": 0}, {"memory": 9, "files": 20, "players": 0}), [])
        self.assertEqual(len(soak.leftovers({"memory": 1, "files": 20, "players": 0}, {"memory": 1, "files": 21, "players": 1})), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
