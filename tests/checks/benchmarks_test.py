#!/usr/bin/python3
"""docs/benchmarks.md and its charts are what bench/page.py makes of the results that are kept, and what makes them can be trusted with less."""

import contextlib
import copy
import importlib.machinery
import importlib.util
import io
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
import ceilings  # noqa: E402
import floors  # noqa: E402
import marks  # noqa: E402
import page  # noqa: E402
import pairs  # noqa: E402
import plot  # noqa: E402
import results  # noqa: E402
import soak  # noqa: E402
import spread  # noqa: E402
import sweeps  # noqa: E402


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
        for row in results.latest(page.KEPT, "marks")["rows"]:
            self.assertIn(f"| {row['cpu_ns_per_delivery']:,.0f} | {page.thousands(row['deliveries_per_cpu_second'])} |", text)

    def test_the_newest_counts(self):
        with tempfile.TemporaryDirectory() as folder:
            for day in ("2026-01-02", "2026-03-01", "2025-12-31"):
                with open(os.path.join(folder, f"{day}-peers.json"), "w") as file:
                    json.dump({"date": day}, file)
            self.assertEqual(results.latest(folder, "peers"), {"date": "2026-03-01"})
            self.assertIsNone(results.latest(folder, "eers"))


COST = 7654321.0  # a cost that nothing else has


class Late(unittest.TestCase):
    """A run whose generator was late has measured the generator: it is marked or refused wherever it would stand."""

    def rows(self, count, **more):
        side = {"cpu_ns_per_delivery": COST, "cpu_ns_least": COST, "cpu_ns_greatest": COST}
        given = {"workload": "w light", "relay": "ringcast", "transport": "UDP", "members": 8, "shards": 1, "sessions": 1, "senders": 1, "deliveries_per_second": 5.0,
                 "deliveries_per_cpu_second": COST, "cpu_ns_per_delivery": COST, "cpu_ns_least": COST, "cpu_ns_greatest": COST, "arrived_ratio": 1.0, "p50_ms": COST,
                 "p99_ms": COST, "p50_ns": COST, "p99_ns": COST, "lost_fast": 0, "lost_reliable": 0, "wrong": 0, "loss_ratio": 0.0, "late_ratio": 0.0, "valid": True, "is_at_least": False, "beside_one": 1.0, "letters": 1,
                 "before": side, "after": side, "ratio": 1.0, "ratio_least": 1.0, "ratio_greatest": 1.0}
        return [{**copy.deepcopy(given), **more} for _ in range(count)]

    def shown(self, name, rows):
        """What of a result with these rows stands on a page: lines, and those of a chart."""
        relay = {**rows[0], "rate": 110, "messages_per_send": 1.0, "kind": "single", "ratio": COST, "ratios": {"single": COST, "merged": COST},
                 "pairs": {"single": [COST], "merged": [COST]}}
        result = {"date": "2026-01-01", "command": "c", "machine": {"cpu": "c", "cpus": 2, "kernel": "k"}, "rows": rows, "relay": relay, "before": "then", "slo_ms": 50,
                  "ratios": [{"workload": rows[0]["workload"], "best": "ringcast", "ratio": COST, "p99_ratio": COST}]}
        kinds = {**page.TABLES, **page.CHARTS}
        files = {}
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, f"2026-01-01-{kinds[name][0]}.json"), "w") as file:
                json.dump(result, file)
            kept, page.KEPT = page.KEPT, folder
            try:
                text = page.render(name, files)
            finally:
                page.KEPT = kept
        return [line for part in (text, *files.values()) for line in part.splitlines()]

    def has_cost(self, lines):
        return [line for line in lines if "7654" in line or "7,654" in line]

    def names(self):
        return [name for name in {**page.TABLES, **page.CHARTS} if name not in ("live_floor", "xdp", *page.PRINTED)]  # these have no generator; xdp sets rounds of as many datagrams beside each other

    def test_an_invalid_row_is_marked_or_refused(self):
        for name in self.names():
            for late in ({"valid": False}, {"late_ratio": 0.36}, {"valid": False, "late_ratio": 1.0}):
                lines = self.shown(name, self.rows(2, **late))
                self.assertFalse(any("<circle" in line for line in lines), name)
                for line in self.has_cost(lines):
                    self.assertTrue(line.endswith("| no |"), f"@{name}@ shows a row that is {late}: {line}")

    def test_a_valid_row_is_shown(self):
        for name in set(self.names()) - {"planning", "ceilings", *page.CHARTS}:
            self.assertTrue(self.has_cost(self.shown(name, self.rows(1))), name)
        for name in page.CHARTS:
            self.assertTrue(any("<circle" in line for line in self.shown(name, self.rows(2))), name)

    def test_what_is_refused_is_counted_and_named(self):
        lines = self.shown("peers", [*self.rows(1), *self.rows(2, late_ratio=0.36, valid=False, relay="lws")])
        self.assertIn("**Refused: 2 of 3 rows**", lines[-1])
        self.assertIn("(36% to 36%): w light by lws, w light by lws.", lines[-1])

    def test_advice_is_of_valid_rows(self):
        rows = [*self.rows(1, cpu_ns_per_delivery=6200.0), *self.rows(1, cpu_ns_per_delivery=1500.0, valid=False), *self.rows(1, cpu_ns_per_delivery=6700.0)]
        self.assertIn("**Plan with 6.2 to 6.7 us per delivery at light load**", "\n".join(self.shown("planning", rows)))
        self.assertIn("No run at light load is valid", "\n".join(self.shown("planning", rows[1:2])))

    def test_the_pages_have_no_number_of_a_late_run(self):
        texts = "\n".join(page.make().values())
        for name in sorted(os.listdir(page.KEPT)):
            with open(os.path.join(page.KEPT, name)) as file:
                result = json.load(file)
            for row in result["rows"] if result["kind"] in ("groups", "shards", "peers", "load") else []:
                if results.refusal(row):
                    shown = [f"| {row[key]} |" for key in ("workload", "relay", "transport", "members", "shards") if key in row] + [f"| {row['cpu_ns_per_delivery']:,.0f} |"]
                    self.assertFalse([line for line in texts.splitlines() if all(part in line.replace(" | ", " | | ") for part in shown)], name)

    def test_who_kept_no_lateness_is_not_believed(self):
        self.assertIsNone(results.refusal({"valid": True}))
        self.assertIsNone(results.refusal({"late_ratio": 0.01}))
        for bad in ({}, {"valid": False}, {"late_ratio": 0.011}, {"valid": True, "late_ratio": 0.5}):
            self.assertTrue(results.refusal(bad), bad)

    def test_a_percentile_of_nothing_is_none(self):
        self.assertEqual(results.times(None, None), "none / none")
        self.assertEqual(results.times(0.5, 12.0), "0.50 / 12.00")
        self.assertIsNone(marks.percentile_ms({"count": 0, "p50_ns": 0}, "p50_ns"))
        self.assertIn("| none / none |", self.shown("peers", self.rows(1, p50_ns=None, p99_ns=None))[-1])


class Sweeps(unittest.TestCase):
    def report(self, valid, cost=100.0, late=0):
        return {"valid": valid, "server": {"cpu_ns_per_delivery": cost}, "deliveries_per_second": 10.0, "loss_ratio": 0.0, "counts": {"late": late},
                "send_lateness": {"count": 100}, "latency": {"tcp": {"count": 5, "p50_ns": 1e6, "p99_ns": 2e6}, "udp": {"count": 0, "p50_ns": 0, "p99_ns": 0}}}

    def sweep(self, *verdicts):
        """sweeps.run over runs that say these of themselves; its report, and how many there were."""
        reports, made = iter([self.report(valid) for valid in verdicts]), []
        once, sweeps.run_once = sweeps.run_once, lambda *_: made.append(next(reports)) or made[-1]
        try:
            return sweeps.run("build", ""), len(made)
        finally:
            sweeps.run_once = once

    def test_an_invalid_run_is_repeated_twice_at_most(self):
        for verdicts, runs, valid in (((True, True), 1, True), ((False, True), 2, True), ((False, False, True), 3, True), ((False, False, False, True), 3, False)):
            report, count = self.sweep(*verdicts)
            self.assertEqual((count, report["valid"]), (runs, valid))

    def test_what_stays_invalid_is_left_out(self):
        row = sweeps.row("WebSocket", [self.report(True, 100), self.report(False, 10, 36), self.report(True, 120)])
        self.assertEqual((row["cpu_ns_per_delivery"], row["valid"], row["runs"], row["runs_left_out"], row["late_ratio"]), (110, True, 2, 1, 0))
        row = sweeps.row("UDP", [self.report(False, 10, 36)])
        self.assertEqual((row["valid"], row["runs"], row["late_ratio"], row["p50_ms"]), (False, 1, 0.36, None))


class Beside(unittest.TestCase):
    """Versions, and numbers of shards, turn and turn about."""

    def runs(self, *costs, late=0.0):
        return [{"ns": cost, "per_second": 5.0, "late_ratio": late, "letters": 3, "bells": 1, "waited": 0, "lost": 1} for cost in costs]

    def test_a_ratio_is_of_runs_that_were_beside_each_other(self):
        row = pairs.row_of("w", self.runs(100.0, 200.0, 400.0), self.runs(110.0, 180.0, 400.0))
        self.assertEqual((row["ratio"], row["ratio_least"], row["ratio_greatest"]), (1.0, 0.9, 1.1))
        self.assertEqual((row["before"]["cpu_ns_per_delivery"], row["after"]["cpu_ns_per_delivery"]), (200.0, 180.0))
        self.assertIsNone(results.refusal(row))

    def test_one_late_run_is_enough_to_refuse(self):
        self.assertTrue(results.refusal(pairs.row_of("w", self.runs(100.0, 100.0), [*self.runs(100.0), *self.runs(90.0, late=0.02)])))

    def test_who_is_first_changes(self):
        asked, once = [], pairs.once
        pairs.once = lambda words, *_: asked.append(words)
        try:
            pairs.measure({"before": "b", "after": "a"}, "build", "", 3)
        finally:
            pairs.once = once
        self.assertEqual("".join(asked), "baabba")

    def test_an_older_version_is_started_without_what_it_does_not_know(self):
        knows, pairs.knows = pairs.knows, lambda build, words: "fanout" not in " ".join(words) and words[0] != "--service"
        try:
            words = pairs.command("old")
        finally:
            pairs.knows = knows
        self.assertEqual(words[:2], ["old/engine/ringcastd", "--dev"])
        self.assertNotIn("--service", words)
        self.assertFalse([word for word in words if "fanout" in word])
        self.assertIn("limits.players_max=12000", words)

    def test_shards_are_set_beside_one(self):
        one, two = spread.rows_of("w", {1: self.runs(100.0, 90.0, 120.0), 2: self.runs(105.0, 500.0, 100.0)})
        self.assertEqual((one["beside_one"], two["beside_one"], two["cpu_ns_greatest"], two["lost_reliable"]), (1.0, 1.05, 500.0, 3))


class Ceilings(unittest.TestCase):
    """The search for the most that a relay carries, with relays and generators whose ceiling is known."""

    def climb(self, ceiling, generator=1e9, stalls=()):
        asked = []

        def measure(rate):
            asked.append(rate)
            is_stall = len(asked) in stalls
            return {"rate": rate, "arrived_ratio": 1.0 if rate <= ceiling and not is_stall else 0.5, "p99_ns": 1e6, "late": rate > generator}

        run, is_generators = ceilings.climb(measure, 100.0, 50, lambda run: run["late"])
        return run and run["rate"], is_generators, len(asked)

    def test_it_is_found_within_a_step(self):
        rate, is_generators, _ = self.climb(500.0)
        self.assertTrue(500 / ceilings.STEP < rate <= 500)
        self.assertFalse(is_generators)

    def test_a_late_generator_ends_the_search_and_is_named(self):
        rate, is_generators, _ = self.climb(1e9, generator=300.0)
        self.assertTrue(300 / ceilings.STEP < rate <= 300 and is_generators)

    def test_one_stall_is_not_the_end(self):
        self.assertEqual(self.climb(500.0, stalls=(3,))[0], self.climb(500.0)[0])

    def test_who_does_not_carry_the_first_has_none(self):
        self.assertEqual(self.climb(50.0), (None, False, ceilings.TRIES))
        self.assertEqual(ceilings.row_of("s", "r", [(None, False)])["deliveries_per_second"], 0)

    def test_late_answers_are_not_carried(self):
        run = {"arrived_ratio": 1.0, "p99_ns": 51e6}
        self.assertEqual(ceilings.verdict(run, 50, lambda _: False), "lost")
        self.assertEqual(ceilings.verdict(run, 52, lambda _: False), "carried")
        self.assertEqual(ceilings.verdict(None, 52, lambda _: False), "lost")


class Floors(unittest.TestCase):
    def beside(self, per_send, valid=True):
        taken = [[{"name": name, "cpu_ns_per_message": cost} for name, cost in zip(floors.FLOORS.values(), costs)] for costs in ((2500.0, 430.0), (2000.0, 400.0))]
        runs = [{"cost": cost, "deliveries_per_second": 5.0, "valid": valid or cost < 900, "late_ratio": 0.0, "messages_per_send": per_send} for cost in (1000.0, 800.0)]
        return floors.beside(runs, taken)

    def test_merged_sends_are_held_against_the_merged_floor(self):
        found = self.beside(7.9)
        self.assertEqual((found["kind"], found["ratios"]), ("merged", {"single": 0.4, "merged": round((1000 / 430 + 2) / 2, 3)}))
        self.assertEqual(floors.merge_of(7.9), 8)

    def test_single_sends_are_held_against_the_batched_floor(self):
        self.assertEqual(self.beside(1.02)["kind"], "single")
        self.assertEqual(floors.merge_of(1.02), 2)

    def test_both_are_shown_and_neither_of_a_late_run(self):
        text = page.ratio({"relay": self.beside(7.9)})
        self.assertIn("**2.16 of the live floor that sends as it does (merged)**", text)
        self.assertIn("0.40 of the single one", text)
        self.assertTrue(results.refusal(self.beside(7.9, valid=False)), "one of its runs was late")
        self.assertIn("refused", page.ratio({"relay": self.beside(7.9, valid=False)}))
        self.assertIn("refused", page.ratio({"relay": {"cpu_ns_per_delivery": 981.9, "ratio": 0.388}}))


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
    def rows(self, *costs, arrived=1.0, late=0.0):
        return [{"workload": "w", "relay": name, "cpu_ns_per_delivery": cost, "p99_ns": 10 * cost, "arrived_ratio": arrived, "late_ratio": late} for name, cost in costs]

    def run_of(self, late, cost=100.0, p50=5, arrived=1.0):
        return {"cpu_ns_per_delivery": cost, "deliveries_per_second": 9.0, "offered_per_second": 8.0, "arrived_ratio": arrived, "server_cpu": 0.1, "p50_ns": p50,
                "p99_ns": p50, "late_ratio": late}

    def test_the_best_websocket_relay_is_beside_us(self):
        run = load_run()
        rows = self.rows(("ringcast", 100), ("lws", 300), ("bun", 150), ("redis", 50))
        self.assertEqual(run.ratio(rows, "w"), {"workload": "w", "relay": "ringcast", "best": "bun", "ratio": 1.5, "p99_ratio": round(1000 / 1500, 3)})
        self.assertIsNone(run.ratio(self.rows(("ringcast", 100)), "w"))
        self.assertIsNone(run.ratio(rows, "other"))

    def test_each_of_ours_is_compared_with_others_alone(self):
        run = load_run()
        rows = self.rows(("ringcast", 100), ("ringcast, pace 0", 50), ("bun", 150))
        self.assertEqual([run.ratio(rows, "w", name)["ratio"] for name in ("ringcast", "ringcast, pace 0")], [1.5, 3.0])
        self.assertEqual({run.ratio(rows, "w", name)["best"] for name in ("ringcast", "ringcast, pace 0")}, {"bun"})

    def test_who_delivered_less_than_was_offered_is_not_compared(self):
        run = load_run()
        self.assertIsNone(run.ratio(self.rows(("ringcast", 100), ("bun", 150), arrived=0.5), "w"))

    def test_who_was_measured_by_a_late_generator_is_not_compared(self):
        run = load_run()
        self.assertIsNone(run.ratio(self.rows(("ringcast", 100), ("bun", 150), late=0.36), "w"))
        rows = [*self.rows(("ringcast", 100), ("lws", 300)), *self.rows(("bun", 150), late=0.02)]
        self.assertEqual(run.ratio(rows, "w")["best"], "lws")

    def test_late_runs_are_left_out_of_medians(self):
        run = load_run()
        row = run.summary("w", "lws", [self.run_of(0.0, 100.0), self.run_of(0.5, 10.0), self.run_of(0.01, 120.0)])
        self.assertEqual((row["cpu_ns_per_delivery"], row["cpu_ns_least"], row["valid"], row["runs"], row["runs_left_out"]), (110.0, 100.0, True, 2, 1))
        row = run.summary("w", "lws", [self.run_of(0.5), self.run_of(0.7)])
        self.assertEqual((row["valid"], row["late_ratio"], row["runs"]), (False, 0.6, 2))

    def test_nothing_that_came_has_no_time(self):
        run = load_run()
        row = run.summary("w", "lws", [self.run_of(0.0), self.run_of(0.0, p50=None, arrived=0.0)])
        self.assertEqual((row["p50_ns"], row["p99_ns"], row["arrived_ratio"]), (None, None, 0.5))

    def test_what_is_kept_says_what_was_late(self):
        run = load_run()
        run.relays = lambda build, folder: {"ringcast": None, "lws": 1, "bun": 2}
        run.measure_once = lambda build, start, workload, seconds: self.run_of({None: 0.0, 1: 0.0, 2: 0.5}[start], 100.0 * (start or 0.5))
        with tempfile.TemporaryDirectory() as folder:
            given, sys.argv = sys.argv, ["run", "--rounds", "1", "--only", "50x8 light", "--results", folder]
            try:
                with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(io.StringIO()):
                    run.main()
            finally:
                sys.argv = given
            kept = results.latest(folder, "peers")
        self.assertEqual([(row["relay"], row["valid"]) for row in kept["rows"]], [("ringcast", True), ("lws", True), ("bun", False)])
        self.assertEqual([entry["best"] for entry in kept["ratios"]], ["lws"])
        self.assertIn("| 50.0% (invalid) |", said.getvalue())

    def test_a_late_run_is_repeated(self):
        run, made = load_run(), []
        run.measure_once = lambda *_: made.append(self.run_of((0.5, 0.2, 0.0)[len(made)])) or made[-1]
        self.assertEqual(run.measure("build", None, None, 1)["late_ratio"], 0.0)
        self.assertEqual(len(made), 3)


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
