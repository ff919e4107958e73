"""Files of evidence: what they say in numbers, what they are about, and what is refused."""

from __future__ import annotations

import json

import pytest

from bridle.core.errors import ExecutionError, InputError
from bridle.delegate.evidence import READERS, check_subject, read_exhibit
from support import exhibits as files
from support.exhibits import COMMIT, DIGEST, OTHER_PEM, PEM

OTHER = "f" * 64
SUBJECT = f"sha256:{DIGEST}"


def read(content, type_="sarif", subject=SUBJECT, keys=None):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_exhibit(data, type_=type_, subject=subject, name="out/file", keys=keys)


GOOD = {
    "sarif": (
        files.sarif("error", "warning", "note"),
        {"results": 3, "high": 1, "medium": 1, "low": 1},
        "high",
    ),
    "junit": (files.junit(2), {"tests": 3, "failures": 2, "errors": 0}, ""),
    "cyclonedx": (
        files.cyclonedx(),
        {"components": 2, "vulnerabilities": 2, "high": 1, "critical": 0},
        "high",
    ),
    "spdx": (files.spdx_2(), {"packages": 2, "files": 1}, ""),
    "openvex": (files.openvex(), {"not_affected": 1, "affected": 0}, ""),
    "slsa": (files.provenance(), {"subjects": 1, "materials": 1}, ""),
}


def test_every_type_has_an_example() -> None:
    assert set(GOOD) == set(READERS)


@pytest.mark.parametrize("type_", GOOD)
def test_a_file_is_counted_by_us(type_) -> None:
    content, counts, highest = GOOD[type_]
    exhibit = read(content, type_, keys={"ci": PEM})
    assert counts.items() <= exhibit.summary["counts"].items()
    assert (exhibit.summary["highest"], exhibit.to_json()["file"]["name"]) == (highest, "out/file")


def test_spdx_3_is_read_as_well() -> None:
    assert read(files.spdx_3(), "spdx").summary["counts"] == {"packages": 1, "files": 0}


@pytest.mark.parametrize(
    ("content", "type_"),
    [
        (files.sarif(commit="e" * 40), "sarif"),
        (files.cyclonedx(OTHER), "cyclonedx"),
        (files.spdx_2(OTHER), "spdx"),
        (files.spdx_3(OTHER), "spdx"),
        (files.openvex(OTHER), "openvex"),
        (files.provenance(OTHER), "slsa"),
        (files.provenance(subject=[]), "slsa"),
        (files.openvex(OTHER, purl=True), "openvex"),
    ],
)
def test_evidence_about_something_else_is_refused_by_name(content, type_) -> None:
    subject = f"commit:{COMMIT}" if type_ == "sarif" else SUBJECT
    with pytest.raises(ExecutionError, match="is about") as refused:
        read(content, type_, subject, {"ci": PEM})
    assert (refused.value.reason, refused.value.where) == ("wrong-subject", "out/file")


def test_a_revision_that_is_the_subject_is_no_contradiction() -> None:
    assert read(files.sarif(commit=COMMIT), subject=COMMIT).subject == f"commit:{COMMIT}"


def test_a_score_comes_before_a_level_and_what_is_suppressed_or_gone_does_not_count() -> None:
    log = files.sarif("note")
    run = log["runs"][0]
    run["tool"]["driver"]["rules"] = [{"id": "r", "properties": {"security-severity": "9.8"}}]
    run["results"] += [
        {"ruleId": "r", "suppressions": [{"kind": "inSource"}]},
        {"ruleId": "r", "kind": "pass"},
        {"ruleId": "r", "baselineState": "absent"},
    ]
    counts = read(log).summary["counts"]
    assert (counts["critical"], counts["results"], counts["suppressed"]) == (1, 1, 1)


def rule(severity, name="r"):
    return {"id": name, "properties": {"security-severity": severity}}


@pytest.mark.parametrize(
    ("tool", "result", "highest"),
    [
        ({"extensions": [{"rules": [rule("9.8")]}]}, {"ruleId": "r"}, "critical"),
        ({"extensions": [{"rules": [rule("9.8")]}]}, {"ruleId": "r/sub"}, "critical"),
        (
            {"extensions": [{"rules": []}, {"rules": [rule("2", "a"), rule("9.8", "b")]}]},
            {"rule": {"index": 1, "toolComponent": {"index": 1}}},
            "critical",
        ),
        ({"driver": {"rules": [rule("2")]}, "extensions": [{"rules": [rule("7")]}]}, {"ruleId": "r"}, "high"),
        ({"driver": {"rules": [rule("2")]}}, {"ruleId": "r", "level": "error", "kind": "no word of SARIF"}, "low"),
        ({"driver": {"rules": [{"id": "r", "defaultConfiguration": {"level": "error"}}]}}, {"ruleId": "r"}, "high"),
        ({}, {}, "medium"),
    ],
)  # fmt: skip
def test_a_finding_is_as_bad_as_the_worst_rule_that_it_may_mean(tool, result, highest) -> None:
    driver = {"name": "codeql", **tool.get("driver", {})}
    log = files.sarif(tool={**tool, "driver": driver}, results=[result])
    assert read(log).summary["highest"] == highest


@pytest.mark.parametrize("said", [{}, {"executionSuccessful": False}, {"executionSuccessful": "true"}])
def test_a_run_that_does_not_say_that_it_was_successful_failed(said) -> None:
    assert read(files.sarif(invocations=[said])).summary["counts"]["failed_runs"] == 1


def test_a_provenance_counts_for_the_named_keys_that_signed_it() -> None:
    found = read(files.provenance(), "slsa", keys={"ci": PEM, "other": OTHER_PEM})
    assert found.summary["signers"] == ["ci"]


@pytest.mark.parametrize("keys", [{}, {"other": OTHER_PEM}])
def test_a_provenance_that_no_named_key_signed_is_refused(keys) -> None:
    with pytest.raises(ExecutionError, match="no known key signed it"):
        read(files.provenance(), "slsa", keys=keys)


def test_a_provenance_whose_payload_was_changed_is_refused() -> None:
    envelope = files.provenance()
    envelope["payload"] = files.provenance(OTHER)["payload"]
    with pytest.raises(ExecutionError, match="no known key signed it"):
        read(envelope, "slsa", f"sha256:{OTHER}", {"ci": PEM})


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><testsuite><testcase name="&a;"/></testsuite>'


@pytest.mark.parametrize(
    ("content", "type_", "why"),
    [
        (b"[" * 100_000, "sarif", "nested too deeply"),
        (b'{"version": "2.1.0", "version": "2.1.0", "runs": []}', "sarif", "stands twice"),
        (b'{"n": 1' + b"0" * 5000 + b"}", "sarif", "not JSON"),
        (b"\xff\xfe", "sarif", "not JSON"),
        (b"[]", "sarif", "not a JSON object"),
        (b"a" * ((16 << 20) + 1), "sarif", "the limit is"),
        ({"version": "2.0.0", "runs": [{}]}, "sarif", "version"),
        (files.sarif() | {"runs": []}, "sarif", "no run"),
        (files.sarif(results=None), "sarif", "nothing was looked at"),
        (files.sarif(tool={"driver": {}}), "sarif", "name its tool"),
        (files.sarif(externalPropertyFileReferences={"results": []}), "sarif", "in another file"),
        (files.sarif(results=[rule("NaN")]), "sarif", "between 0 and 10"),
        (files.sarif(results=[rule("high")]), "sarif", "no number"),
        (BOMB, "junit", "declares"),
        (b"<testsuite/>", "junit", "no test"),
        (files.cyclonedx() | {"specVersion": "9"}, "cyclonedx", "specVersion"),
        (files.cyclonedx("short"), "cyclonedx", "64 hexadecimal"),
        (files.spdx_2() | {"spdxVersion": "SPDX-1.0"}, "spdx", "spdxVersion"),
        (files.openvex(status="fine"), "openvex", "status"),
        (files.provenance() | {"payload": "%"}, "slsa", "base64"),
        (files.provenance(predicateType="x"), "slsa", "SLSA"),
        (files.provenance(predicate={}), "slsa", "buildDefinition"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_honest_file_is_refused_by_name(content, type_, why) -> None:
    with pytest.raises(ExecutionError, match=why) as refused:
        read(content, type_, keys={"ci": PEM})
    assert (refused.value.reason, refused.value.where) == ("bad-evidence-file", "out/file")


@pytest.mark.parametrize("subject", ["", "latest", "sha256:abc", f"SHA256:{DIGEST}", f"sha256:{DIGEST}x"])
def test_a_subject_is_a_digest(subject) -> None:
    with pytest.raises(InputError, match="no subject"):
        check_subject(subject)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(InputError, match="is not read"):
        read(files.sarif(), "html")
