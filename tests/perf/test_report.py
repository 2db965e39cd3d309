"""The figures, the budget, the charts and the page of perf/, on a stored run and on made-up ones."""

import html.parser
import re
import unittest
import xml.etree.ElementTree

from perf_modules import PERF, sample_run
import budget
import charts
import compare_report
import compared
import figures
import million_charts
import million_report

CONNECTIONS, SECONDS, HEARTBEAT_S = 5000, 20.0, 5
CHARTS = ("ramp", "memory", "latency", "fanout", "cpu", "cpu_over_time")
SVG = "{http://www.w3.org/2000/svg}"


def result_of(run, lines=None, why="", connections=CONNECTIONS):
    values = figures.collect(run, SECONDS, HEARTBEAT_S, True)
    judged = budget.judge(lines or budget.read(PERF / "million.budget"), values, connections)
    verdict = budget.verdict_line(judged, connections, why)
    where = {"date": "2026-01-02", "command": "perf/million --connections=5000",
             "machine": "a <fast> one & more"}
    return million_report.Result(where, connections, values, judged, verdict, run, "", [], True)


class Page(html.parser.HTMLParser):
    """What a browser would fetch, and which elements there are."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.fetched, self.tags = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            if name in ("src", "href", "data", "xlink:href"):
                self.fetched.append(value)


class Budget(unittest.TestCase):
    def judged(self, text, values, connections=1000):
        return budget.judge(budget.parse(text), values, connections)

    def test_a_value_at_its_bound_is_reached_and_one_beyond_is_missed(self):
        at, above = (self.judged("faults <= 3", {"faults": value})[0] for value in (3, 4))
        self.assertEqual((at.verdict, above.verdict), ("reached", "MISSED"))
        least = self.judged("answered >= 0.9", {"answered": 0.89})[0]
        self.assertEqual(least.verdict, "MISSED")

    def test_the_verdict_names_what_was_missed_with_its_bound(self):
        line = budget.verdict_line(self.judged("user_bytes <= 128", {"user_bytes": 139}), 1000)
        self.assertTrue(line.startswith("FAIL"), line)
        self.assertIn("user_bytes 139, bound <= 128", line)

    def test_a_figure_that_could_not_be_measured_fails_the_run(self):
        line = budget.verdict_line(self.judged("kernel_bytes <= 4250", {"kernel_bytes": None}), 1000)
        self.assertTrue(line.startswith("FAIL"), line)
        self.assertIn("kernel_bytes was not measured", line)

    def test_a_line_is_judged_from_its_number_of_connections_on(self):
        text, values = "user_bytes <= 128 from 1000", {"user_bytes": 500}
        self.assertFalse(self.judged(text, values, 999)[0].failed)
        self.assertTrue(self.judged(text, values, 1000)[0].failed)

    def test_what_was_not_asked_for_is_not_judged(self):
        judged = budget.judge(budget.parse("cores <= 1"), {"cores": None}, 10, {"cores"})
        self.assertFalse(judged[0].failed)

    def test_a_reason_beyond_the_budget_fails_the_run(self):
        judged = self.judged("faults <= 3", {"faults": 0})
        self.assertTrue(budget.verdict_line(judged, 10).startswith("PASS"))
        self.assertTrue(budget.verdict_line(judged, 10, "interrupted").startswith("FAIL"))

    def test_wrong_lines_are_refused_with_the_line(self):
        for text in ("faults < 3", "faults <= many", "faults 3", "# nothing"):
            with self.subTest(text), self.assertRaises(ValueError):
                budget.parse(text)
        with self.assertRaisesRegex(ValueError, "line 2"):
            budget.parse("faults <= 0\nbytes = 3")

    def test_a_figure_nobody_measures_is_refused(self):
        with self.assertRaisesRegex(ValueError, "no_such"):
            self.judged("no_such <= 1", {"faults": 0})


class Figures(unittest.TestCase):
    def setUp(self):
        self.run_ = sample_run()
        self.values = figures.collect(self.run_, SECONDS, HEARTBEAT_S, True)

    def test_every_line_of_the_budget_is_a_figure(self):
        for line in budget.read(PERF / "million.budget"):
            self.assertIn(line.figure, self.values)

    def test_a_sound_run_has_no_faults_and_all_verified(self):
        self.assertEqual(self.values["connections"], CONNECTIONS)
        self.assertEqual((self.values["faults"], self.values["unverified"]), (0, 0))
        self.assertTrue(result_of(self.run_).verdict.startswith("PASS"), result_of(self.run_).verdict)

    def test_one_echo_that_is_missing_fails_the_run(self):
        echo = figures.last(self.run_, "echo")
        echo["done"] -= 1
        self.run_["faults"]["echo_missing"] = 1
        verdict = result_of(self.run_).verdict
        self.assertTrue(verdict.startswith("FAIL"), verdict)
        self.assertIn("faults 1", verdict)
        self.assertIn("unverified 1", verdict)

    def test_memory_is_what_the_last_ramp_grew_by(self):
        ramp = figures.last(self.run_, "ramp")
        ramp["server_resident_before_bytes"] = 1_000_000
        ramp["server_resident_bytes"] = 1_000_000 + 120 * ramp["done"]
        ramp["slab_growth_bytes"] = 8400 * ramp["done"]
        values = figures.collect(self.run_, SECONDS, HEARTBEAT_S, True)
        self.assertEqual(values["user_bytes_each"], 120)
        self.assertEqual(values["kernel_bytes_each"], 4200)

    def test_without_slabinfo_kernel_memory_is_not_measured_and_said_so(self):
        for phase in self.run_["phases"]:
            phase["slab_bytes"], phase["slab_growth_bytes"] = {}, 0
        values = figures.collect(self.run_, SECONDS, HEARTBEAT_S, True)
        self.assertIsNone(values["kernel_bytes_each"])
        self.assertIn("root", " ".join(figures.warnings(self.run_, True)))

    def test_pings_that_were_not_answered_show(self):
        figures.last(self.run_, "idle")["units"] //= 2
        judged = {one.line.figure: one.verdict for one in result_of(self.run_).judged}
        self.assertEqual(judged["heartbeats_answered_share"], "MISSED")

    def test_a_saturated_swarm_is_told(self):
        self.assertNotIn("saturated in echo", " ".join(figures.warnings(self.run_, True)))
        figures.last(self.run_, "echo")["swarm_saturated"] = True
        self.assertIn("saturated in echo", " ".join(figures.warnings(self.run_, True)))

    def test_a_run_of_fewer_phases_has_fewer_figures_and_none_of_them_fails(self):
        self.run_["phases"] = figures.phases(self.run_, "ramp")
        values = figures.collect(self.run_, SECONDS, HEARTBEAT_S, False)
        apart = figures.not_asked_for(["ramp"], False)
        judged = budget.judge(budget.read(PERF / "million.budget"), values, 10**6, apart)
        self.assertEqual([one.line.figure for one in judged if one.failed], [])


class Charts(unittest.TestCase):
    def test_ticks_are_round_and_reach_the_largest_value(self):
        for most in (0.013, 0.3, 1, 7, 24.9, 100, 4296, 1_000_000):
            found = charts.ticks(most)
            self.assertEqual(found[0], 0)
            self.assertGreaterEqual(found[-1], most * 0.999)
            self.assertLessEqual(len(found), 8)

    def test_a_line_stays_inside_its_axes(self):
        svg = charts.lines("x", "t", [charts.Series("s", [(0, 0), (3, 17), (9, 40)])], charts.Axis("a"),
                           charts.Axis("b"))
        points = re.search(r'polyline points="([^"]+)"', svg).group(1).split()
        for x, y in (tuple(map(float, point.split(","))) for point in points):
            self.assertTrue(charts.LEFT <= x <= charts.WIDTH - charts.RIGHT, x)
            self.assertTrue(charts.TOP <= y <= charts.HEIGHT - charts.BOTTOM, y)

    def test_zero_on_a_logarithmic_axis_is_left_out(self):
        svg = charts.lines("x", "t", [charts.Series("s", [(0, 0), (1, 50), (10, 100)])],
                           charts.Axis("ms", logarithmic=True), charts.Axis("%", most=100))
        self.assertEqual(len(re.search(r'polyline points="([^"]+)"', svg).group(1).split()), 2)

    def test_a_chart_without_values_is_drawn_nevertheless(self):
        run = sample_run()
        run["phases"] = run["phases"][:1]
        nothing = {"user_bytes_each": None, "kernel_bytes_each": None}
        for name, svg in million_charts.all_of(run, nothing, None, True).items():
            with self.subTest(name):
                self.assertIn("<svg", svg)

    def test_names_are_escaped(self):
        svg = charts.bars("x", "a < b & c", ["one"], [charts.Bar("<row>", [(0, 3)])], "us")
        xml.etree.ElementTree.fromstring(svg)
        self.assertNotIn("<row>", svg)


class MillionReport(unittest.TestCase):
    def test_the_page_has_every_chart_and_fetches_nothing(self):
        text = million_report.html_page(result_of(sample_run()))
        page = Page(text)
        self.assertEqual(page.ids, set(CHARTS))
        self.assertEqual(page.fetched, [])
        self.assertEqual([tag for tag in page.tags if tag in ("script", "link", "img", "iframe")], [])
        self.assertNotRegex(text, r"url\(|@import")
        self.assertEqual(set(re.findall(r"https?://[^\"\s]+", text)), {"http://www.w3.org/2000/svg"})

    def test_the_page_has_a_light_and_a_dark_side(self):
        text = million_report.html_page(result_of(sample_run()))
        self.assertGreaterEqual(text.count("prefers-color-scheme: dark"), 2)

    def test_the_page_says_where_and_how_it_was_measured(self):
        text = million_report.html_page(result_of(sample_run()))
        for words in ("2026-01-02", "perf/million --connections=5000", "a &lt;fast&gt; one &amp; more",
                      "PASS"):
            self.assertIn(words, text)

    def test_a_failed_run_shows_as_one(self):
        run = sample_run()
        run["faults"]["echo_differs"] = 2
        text = million_report.html_page(result_of(run))
        self.assertIn('class="verdict failed"', text)
        self.assertIn('class="missed">MISSED', text)

    def test_the_dated_files_are_whole(self):
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            written = million_report.write_dated(result_of(sample_run()), folder)
            self.assertEqual(written, ["perf/results/2026-01-02-5000-connections.md",
                                       "perf/results/2026-01-02-5000-connections.svg"])
            root = xml.etree.ElementTree.parse(f"{folder}/2026-01-02-5000-connections.svg").getroot()
            drawn = [chart.get("id") for chart in root.iter(f"{SVG}svg") if chart.get("id")]
            self.assertEqual(drawn, list(million_report.IN_RESULTS))
            with open(f"{folder}/2026-01-02-5000-connections.md", encoding="utf-8") as file:
                self.assertIn("(2026-01-02-5000-connections.svg)", file.read())


class Comparison(unittest.TestCase):
    def results(self):
        class Rival:
            def __init__(self, name):
                self.name = name

        names = [compared.OURS, "other", compared.SEND_FLOOR, compared.MEMORY_FLOOR]
        results = compared.Results({"date": "2026-01-02", "command": "perf/compare/run"}, names)
        for number in range(2):
            for name in names:
                run = sample_run()
                wanted = [text.partition(":")[0] for text in compared.phases(CONNECTIONS, name)]
                phases = [figures.last(run, phase) for phase in wanted]
                for phase in phases if name == "other" else []:
                    phase["server_cpu_us_each"] *= 2
                run["phases"] = phases
                results.add(number, Rival(name), run)
        return results

    def test_a_ratio_is_the_others_value_over_ours_in_the_same_round(self):
        self.assertAlmostEqual(self.results().ratio("other", "delivery_us"), 2)

    def test_floors_have_only_what_they_are_the_floor_of(self):
        results = self.results()
        self.assertIsNotNone(results.median(compared.SEND_FLOOR, "delivery_us"))
        self.assertIsNone(results.median(compared.SEND_FLOOR, "echo_us"))
        self.assertIsNone(results.median(compared.MEMORY_FLOOR, "delivery_us"))

    def test_the_table_and_the_page_name_everybody_and_every_failure(self):
        results = self.results()
        results.failures["other"] = "it ended"
        markdown, page = compare_report.markdown(results), compare_report.html_page(results)
        for name in results.names + ["it ended"]:
            self.assertIn(name, markdown)
            self.assertIn(name, page)
        self.assertTrue(set(compared.FIGURES) <= Page(page).ids)
        self.assertEqual(Page(page).fetched, [])


if __name__ == "__main__":
    unittest.main()
