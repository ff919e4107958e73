"""The program that makes a JUnit report of a unittest suite, read by the reader that a commit rests on."""

import subprocess
import sys
from pathlib import Path

from bridle.delegate.report import read_reports


def test_the_report_runner_counts_every_kind_of_outcome(tmp_path):
    runner = Path(__file__).parents[3] / "samples" / "starter" / "junit_report.py"
    (tmp_path / ".bridle" / "reports").mkdir(parents=True)
    (tmp_path / "test_all.py").write_text(
        "import unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_good(self): pass\n"
        "    def test_bad(self): self.fail('\\x00 <no>')\n"
        "    def test_error(self): raise ValueError('é')\n"
        "    def test_sub(self):\n"
        "        with self.subTest(at=1): self.fail('sub')\n"
        "    @unittest.skip('later')\n"
        "    def test_skipped(self): pass\n"
        "    @unittest.expectedFailure\n"
        "    def test_surprise(self): pass\n"
    )
    (tmp_path / "test_broken.py").write_text("import nothing_of_that_name\n")
    done = subprocess.run(
        [sys.executable, str(runner), ".", "."], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 1

    found = read_reports({"tests.xml": (tmp_path / ".bridle/reports/tests.xml").read_bytes()})
    counted = {name: found[name] for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": 7, "failures": 3, "errors": 2, "skipped": 1}
    broken = next(case for case in found["failing"] if "test_broken" in case["name"])
    assert broken["message"] == "ModuleNotFoundError: No module named 'nothing_of_that_name'"
