"""What it takes to read and plan a large pipeline: 10,000 steps in several shapes, next to reading the same content as bare YAML.

    python bench/plan.py [STEPS] [ROUNDS]

Each measurement is a process of its own, so that its peak of memory is its own; the cases take turns. Time is from the text to
the result, without imports and the writing of the text. Memory is the peak of the whole process, and below it what the
process had when it began to read. It asserts nothing.

    plan                  text to plan, as `bridle plan` and `bridle run` do it
    digest                the plan's digest, which every start takes
    yaml events           ruamel's parser over the same text, whose events are counted and dropped
    json                  json.loads of the plan as JSON: what no reader of YAML can reach

    flat                  stages of 100 steps
    parallel              stages of 10 parallel blocks of 10 steps
    expressions           stages of 100 steps, each with a condition and an expression in its script

The reader takes 1 MiB of text, so a step has about 100 characters; larger ones come from templates.
"""

from __future__ import annotations

import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STAGE = 100
TEMPLATE = """version: 1
pipeline:
  id: large
  inputs:
    region: {{type: string, default: eu}}
  stages:
{stages}
"""
RUN = "{{id: s{step}, run: {{script: echo {step}}}}}"
WISE = "{{id: s{step}, if: '<+inputs.region> == \"eu\"', run: {{script: 'echo <+inputs.region>'}}}}"


@dataclass(frozen=True)
class Cost:
    """What one reading took."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    before_mb: float
    chars: int


def main(steps: int, rounds: int) -> None:
    """Measure and print."""
    print(f"{steps} steps, {rounds} rounds")
    heads = ("text MB", "p50 s", "cpu s", "x yaml", "peak MB", "of it read")
    print(f"{'shape':<13}{'case':<13}" + "".join(f"{head:>11}" for head in heads))
    for shape in SHAPES:
        taken: dict[str, list[Cost]] = {name: [] for name in CASES}
        for _ in range(rounds):
            for name, costs in taken.items():
                costs.append(_in_a_child(shape, name, steps))
        unit_s = statistics.median(cost.cpu_s for cost in taken["yaml events"])
        for name, costs in taken.items():
            _print(shape, name, costs, unit_s)


def _print(shape: str, name: str, costs: list[Cost], unit_s: float) -> None:
    """Print one line; the ratio is of CPU, which a busy machine disturbs least."""
    wall, cpu = (statistics.median(getattr(cost, unit) for cost in costs) for unit in ("wall_s", "cpu_s"))
    peak = max(cost.peak_mb for cost in costs)
    own = peak - costs[0].before_mb
    print(
        f"{shape:<13}{name:<13}{costs[0].chars / 1e6:>11.2f}{wall:>11.2f}{cpu:>11.2f}"
        f"{cpu / unit_s:>11.2f}{peak:>11.0f}{own:>11.0f}",
        flush=True,
    )


def _in_a_child(shape: str, case: str, steps: int) -> Cost:
    command = [sys.executable, __file__, "--child", shape, case, str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case} of {shape} broke:\n{done.stderr}")
    return Cost(**json.loads(done.stdout))


def _measure(shape: str, case: str, steps: int) -> Cost:
    text = SHAPES[shape](steps)
    prepared, read = CASES[case](text)
    gc.collect()
    before, wall, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    kept = read(prepared)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    cost = Cost(wall, cpu, _peak_mb(), before, len(prepared))
    del kept
    return cost


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _planning(text: str) -> tuple[str, Callable[[str], object]]:
    from bridle.pipeline.read import read_pipeline

    read_pipeline(SHAPES["flat"](1), source="bench")  # what is loaded late is loaded
    return text, lambda given: read_pipeline(given, source="bench")


def _digesting(text: str) -> tuple[str, Callable[[str], object]]:
    from bridle.pipeline.read import read_pipeline

    plan = read_pipeline(text, source="bench")
    return text, lambda _: plan.digest()


def _events(text: str) -> tuple[str, Callable[[str], object]]:
    from ruamel.yaml import YAML

    def count(given: str) -> int:
        parser: Any = YAML(typ="safe", pure=True)
        return sum(1 for _ in parser.parse(given))

    return text, count


def _loading(text: str) -> tuple[str, Callable[[str], object]]:
    from bridle.pipeline.read import read_pipeline

    return json.dumps(read_pipeline(text, source="bench").to_json()), json.loads


def _in_stages(steps: int, draw: Callable[[range], str]) -> str:
    stages = []
    for number, first in enumerate(range(0, steps, STAGE)):
        inside = range(first, min(first + STAGE, steps))
        stages.append(f"    - id: stage{number}\n      steps:\n{draw(inside)}")
    return TEMPLATE.format(stages="\n".join(stages))


def _lines(step: str, numbers: range) -> str:
    return "\n".join(f"        - {step.format(step=number)}" for number in numbers)


def _blocks(numbers: range) -> str:
    drawn = []
    for first in numbers[::10]:
        inside = "\n".join(
            f"              - {RUN.format(step=number)}" for number in numbers if 0 <= number - first < 10
        )
        drawn.append(f"        - parallel:\n            steps:\n{inside}")
    return "\n".join(drawn)


SHAPES: dict[str, Callable[[int], str]] = {
    "flat": lambda steps: _in_stages(steps, lambda numbers: _lines(RUN, numbers)),
    "parallel": lambda steps: _in_stages(steps, _blocks),
    "expressions": lambda steps: _in_stages(steps, lambda numbers: _lines(WISE, numbers)),
}
CASES: dict[str, Callable[[str], tuple[str, Callable[[str], object]]]] = {
    "plan": _planning,
    "digest": _digesting,
    "yaml events": _events,
    "json": _loading,
}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(vars(_measure(sys.argv[2], sys.argv[3], int(sys.argv[4])))))
    else:
        given = [int(number) for number in sys.argv[1:]]
        main(*(given + [10_000, 3][len(given) :]))
