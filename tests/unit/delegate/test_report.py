from __future__ import annotations

import pytest

from bridle.core.errors import ExecutionError
from bridle.delegate import report
from bridle.delegate.report import read_reports

SUITE = b"""<?xml version="1.0"?>
<testsuites><testsuite name="x" tests="99" errors="0" time="0.3" timestamp="2024-01-01T00:00:00">
  <testcase classname="m.B" name="two" time="0.001"><error type="TypeError" message="no 0x7f00aa11bb22 here&#10;more">
    trace</error></testcase>
  <testcase classname="m.A" name="one" time="0.002"><failure>1 != 2
    at /workspace/src/a.py</failure></testcase>
  <testcase classname="m.A" name="skip"><skipped/></testcase>
  <testcase classname="m.A" name="good" time="0.004"/>
</testsuite></testsuites>"""


def test_tests_are_counted_one_by_one_whatever_the_totals_claim() -> None:
    read = read_reports({"r.xml": SUITE})
    assert [read[name] for name in ("tests", "failures", "errors", "skipped", "failing_count")] == [
        4,
        1,
        1,
        1,
        2,
    ]


def test_failing_tests_are_sorted_and_the_same_everywhere() -> None:
    assert read_reports({"r.xml": SUITE})["failing"] == [
        {"name": "m.A.one", "kind": "failure", "message": "1 != 2"},
        {"name": "m.B.two", "kind": "error", "message": "TypeError: no 0x… here"},
    ]


def test_times_and_file_names_do_not_change_the_digest() -> None:
    later = SUITE.replace(b"0.00", b"1.25").replace(b"2024", b"2031")
    assert read_reports({"a.xml": SUITE})["digest"] == read_reports({"b.xml": later})["digest"]


def test_another_result_changes_the_digest() -> None:
    other = SUITE.replace(b"<skipped/>", b"")
    assert read_reports({"r.xml": SUITE})["digest"] != read_reports({"r.xml": other})["digest"]


def test_several_files_are_added_up() -> None:
    assert read_reports({"a.xml": SUITE, "b.xml": SUITE})["tests"] == 8


BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<testsuite><testcase name="&b;"/></testsuite>"""
OUTSIDE = (
    b"""<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&e;"/></testsuite>"""
)


@pytest.mark.parametrize(
    "data",
    [BOMB, OUTSIDE, b"<testsuite>", b"", b"\xff\xfe\x00", b"<?xml version='1.0' encoding='nonsense'?><a/>"],
    ids=["entity-bomb", "external-entity", "cut", "empty", "not-text", "unknown-encoding"],
)
def test_a_hostile_report_is_refused_with_its_place(data: bytes) -> None:
    with pytest.raises(ExecutionError, match=r"r\.xml") as error:
        read_reports({"r.xml": data})
    assert error.value.reason == "bad-report"


def test_a_report_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ExecutionError, match="nested"):
        read_reports({"r.xml": b"<a>" * 100_000})


def test_a_report_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_FILE_BYTES", 100)
    with pytest.raises(ExecutionError, match="limit is 100"):
        read_reports({"r.xml": SUITE})


def test_a_report_with_too_many_elements_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_ELEMENTS", 5)
    with pytest.raises(ExecutionError, match="too many elements"):
        read_reports({"r.xml": SUITE})


def test_too_many_files_are_refused() -> None:
    with pytest.raises(ExecutionError, match="limit is 200"):
        read_reports({f"{number}.xml": SUITE for number in range(201)})


def test_all_failures_are_counted_also_those_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_FAILING", 1)
    read = read_reports({"r.xml": SUITE})
    assert (read["failing_count"], len(read["failing"])) == (2, 1)  # type: ignore[arg-type]
