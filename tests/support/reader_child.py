"""Reads hostile files in a process that may not grow: `python reader_child.py KIND SEED COUNT SAMPLE…`.

Prints one line of JSON: how many files were read and refused, the slowest (seconds of processor time), the largest resident
size. Whatever is raised beyond an error about the input ends it, with the seed of the file on standard error. KIND is pipeline
(what can be read is formatted as well) or agent.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from hostile_yaml import make_file  # found beside this file

from bridle.agent.forms import parse_agent
from bridle.core.errors import InputError
from bridle.pipeline.complaint import PipelineError
from bridle.pipeline.formatting import format_pipeline
from bridle.pipeline.read import read_pipeline

MOST_BYTES = 1 << 30
LARGEST_FORMATTED = 20_000


def read_as_pipeline(data: bytes) -> None:
    try:
        read_pipeline(data, source="hostile.yaml").digest()
    except PipelineError:
        raise
    except InputError as error:
        raise RuntimeError(f"an error without a place: {error!r}") from error
    if (
        len(data) > LARGEST_FORMATTED
    ):  # formatting reads a file six times: linear too, but not what is timed here
        return
    text = data.decode("utf-8")
    formatted = format_pipeline(text, source="hostile.yaml")
    assert format_pipeline(formatted, source="hostile.yaml") == formatted, "the form is not stable"


def read_as_agent(data: bytes) -> None:
    parse_agent(
        data.decode("utf-8", errors="replace"), file="hostile.md", name="a.b", version="1.0.0", owner="a"
    )


READERS = {"pipeline": read_as_pipeline, "agent": read_as_agent}


def main(kind: str, first: int, count: int, samples: list[bytes]) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    read = refused = 0
    slowest: tuple[float, int, str] = (0.0, first, "")
    for seed in range(first, first + count):
        name, data = make_file(seed, samples)
        began = time.process_time()
        try:
            READERS[kind](data)
            read += 1
        except InputError as error:
            json.dumps([str(error), error.to_problem()])
            refused += 1
        except BaseException:
            print(f"seed {seed} ({name}, {len(data)} bytes)", file=sys.stderr)
            raise
        slowest = max(slowest, (time.process_time() - began, seed, name))
    status = Path("/proc/self/status").read_text(
        "ascii"
    )  # getrusage counts what the process was before it began
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    return {"read": read, "refused": refused, "slowest": slowest, "peak_mib": peak}


if __name__ == "__main__":
    kind, first, count, *names = sys.argv[1:]
    print(json.dumps(main(kind, int(first), int(count), [Path(name).read_bytes() for name in names])))
