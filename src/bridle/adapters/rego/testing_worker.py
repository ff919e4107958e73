"""The worker that runs the tests of policies: like the policy worker, but asked for one rule after the other, with coverage.

Rules
  1. Frame 0 is the modules, their tests and the limits; the answer says `ready` or lists complaints. The modules are held to what
     holds when they decide; tests may say what they like, but in a package of their own, and they too read no world.
  2. An empty question lists the `test_*` rules with their places. Every other one is a rule's name; the answer holds its value
     or an error, and which lines all questions so far have reached.

Limits, and who kills it: as in `worker`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any, BinaryIO

from bridle.adapters.rego.frames import read_frame
from bridle.adapters.rego.lint import complain_of_tests, dotted
from bridle.adapters.rego.worker import describe, limit_process, limit_question, load, send


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer frames until there are none."""
    first = read_frame(questions)
    if first is None:
        return
    order = json.loads(first[1])
    limit_process(memory_mib=order["memory_mib"])
    tests = order["tests"]
    engine, complaints, _ = load({**order, "own": {**order["own"], **tests}})
    rules = [] if complaints else list(find_tests(engine, tests))
    if not complaints:
        complaints = complain_of_tests(_trees(engine, tests))
        engine.set_enable_coverage(True)
    send(answers, first[0], {"ready": not complaints, "complaints": complaints})
    while not complaints and (frame := read_frame(questions)) is not None:
        limit_question(cpu_s=order["cpu_s"])
        rule = frame[1].decode()
        send(answers, frame[0], run_rule(engine, rule, order["subjects"]) if rule else {"rules": rules})


def find_tests(engine: Any, tests: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the `test_*` rules of the test modules, in their order, each with its place."""
    seen = set()
    for tree in _trees(engine, tests):
        package = dotted(tree["ast"]["package"]["refr"])
        for rule in (entry["Spec"] for entry in tree["ast"]["rules"] if "Spec" in entry):
            (head,) = rule["head"].values()
            name = f"{package}.{dotted(head['refr'])}"
            if name.rpartition(".")[2].startswith("test_") and name not in seen:
                seen.add(name)
                where = f"{tree['source']['file']}:{rule['span']['line']}"
                yield {"rule": name, "where": where}


def run_rule(engine: Any, rule: str, subjects: Collection[str]) -> dict[str, Any]:
    """Return a rule's value or its error, and which lines of the `subjects` were and were not reached until now."""
    try:
        engine.set_input_json("{}")
        said = {"value": json.loads(engine.eval_rule_as_json(f"data.{rule}"))}
        engine.take_prints()
    except BaseException as exc:  # the engine's panics are no Exception, and a panic is no success
        said = {"error": describe(exc)}
    report = json.loads(engine.get_coverage_report_as_json())
    reached = {
        file["path"]: {"reached": file["covered"], "missed": file["not_covered"]}
        for file in report["files"]
        if file["path"] in subjects
    }
    return {**said, "coverage": reached}


def _trees(engine: Any, files: Mapping[str, str]) -> list[Any]:
    return [tree for tree in json.loads(engine.get_ast_as_json()) if tree["source"]["file"] in files]


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
