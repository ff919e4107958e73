"""How fast redaction is on event lines: by line, as a stream and as JSON; secrets alone, and personal data too.

    .venv/bin/python bench/redaction.py [ROUNDS]

Prints MB of CPU time, next to json.loads and json.dumps of the same lines. One line in fifty holds something to redact; of
the last two cases every line holds four addresses.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from bridle.trust.redaction import Redactor
from bridle.trust.redaction.stream import RedactedText

LINES = 10_000
KNOWN = {f"secret-{number}": f"value {number} of the delegate's vault" for number in range(20)}


def make_lines() -> list[str]:
    """Events as the journal and a delegate's log write them, about 400 bytes each."""
    chance = random.Random(1)  # noqa: S311 - the same lines in every run
    return [_event(number, chance) for number in range(LINES)]


def _event(number: int, chance: random.Random) -> str:
    told = "wrote 3 files in src/app" if number % 50 else "DEPLOY_TOKEN=hunter2-hunter2 for ana@example.org"
    return json.dumps(
        {
            "seq": number,
            "at": f"2026-11-21T19:{number % 60:02d}:00.{number % 1000:03d}Z",
            "kind": "outcome",
            "execution": f"exe_{number:026d}",
            "subject": f"build/test/{number}",
            "action": f"sha256:{chance.getrandbits(256):064x}",
            "status": "succeeded",
            "facts": {
                "duration_ms": number % 997,
                "tree": f"sha256:{chance.getrandbits(256):064x}",
                "text": told,
            },
        }
    )


def make_mails() -> list[str]:
    """Events of which each is full of what is to be redacted."""
    people = [f"ana{number}@example.org" for number in range(4)]
    return [
        json.dumps(
            {"seq": number, "kind": "mail", "from": people[0], "to": people[1:], "text": "thanks " * 20}
        )
        for number in range(LINES // 2)
    ]


def measure(work: Callable[[], object]) -> float:
    """Return the CPU seconds that it takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


def _stream(redactor: Redactor, data: bytes) -> None:
    stream = RedactedText(redactor)
    for place in range(0, len(data), 1 << 16):
        stream.feed(data[place : place + (1 << 16)])
    stream.close()


def _cases(lines: Sequence[str]) -> dict[str, Callable[[], object]]:
    data, values = "\n".join(lines).encode(), [json.loads(line) for line in lines]
    cases: dict[str, Callable[[], object]] = {
        "json.loads and dumps": lambda: [json.dumps(json.loads(line)) for line in lines]
    }
    for name, redactor in {
        "secrets": Redactor(),
        "secrets, 20 known": Redactor(KNOWN),
        "personal data too": Redactor(KNOWN, personal=True),
    }.items():
        cases[f"{name}: by line"] = lambda redactor=redactor: [redactor.redact(line) for line in lines]  # type: ignore[misc]
        cases[f"{name}: a stream"] = lambda redactor=redactor: _stream(redactor, data)  # type: ignore[misc]
        cases[f"{name}: JSON values"] = lambda redactor=redactor: [
            redactor.redact_json(item) for item in values
        ]  # type: ignore[misc]
    return cases


def _mail_cases(lines: Sequence[str]) -> dict[str, Callable[[], object]]:
    data, redactor = "\n".join(lines).encode(), Redactor(KNOWN, personal=True)
    return {
        "full of addresses: by line": lambda: [redactor.redact(line) for line in lines],
        "full of addresses: a stream": lambda: _stream(redactor, data),
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    lines = make_lines()
    mails = make_mails()
    cases = _cases(lines)
    sizes = dict.fromkeys(cases, sum(map(len, lines)) / 1e6)
    sizes |= dict.fromkeys(_mail_cases(mails), sum(map(len, mails)) / 1e6)
    cases |= _mail_cases(mails)
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, work in cases.items():
            taken[name].append(measure(work))
    bare = statistics.median(taken["json.loads and dumps"])
    for name, times in taken.items():
        middle = statistics.median(times)
        print(f"{name:32} {sizes[name] / middle:7.1f} MB/s  {middle / bare:5.1f} x json")


if __name__ == "__main__":
    main()
