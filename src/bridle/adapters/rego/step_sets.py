"""Sets of policy steps: each question has a worker of its own, which ends with it.

The texts come with a pipeline, so nothing of one is there when another is asked. What stops a worker from starting, a module with
complaints included, is no answer either: PolicyError.
"""

from __future__ import annotations

import asyncio
import json
import math

from bridle.adapters.rego.engine import MEMORY_MIB, check_wheel, start_worker, to_json
from bridle.core.canonical import Json
from bridle.core.errors import InputError, UnavailableError
from bridle.trust.policy import PolicyError, SetAnswer

PACKAGE = "pipeline"
RULE = "data.bridle.set.answer"
OWN = """package bridle.set

import rego.v1

# Without a deny rule there is no answer: a set that can deny nothing is a mistake.
answer := {"deny": data.pipeline.deny, "warn": object.get(data.pipeline, "warn", [])}
"""
MAX_MESSAGES = 200
MAX_CHARS = 2000


class RegorusSets:
    """Implements `trust.policy.SetEngine`."""

    def __init__(self, *, timeout_s: float, memory_mib: int = MEMORY_MIB) -> None:
        check_wheel()
        self._timeout_s = timeout_s
        self._memory_mib = memory_mib

    async def evaluate(self, name: str, text: str, document: Json) -> SetAnswer:
        return await asyncio.to_thread(self._evaluate, name, text, document)

    def _evaluate(self, name: str, text: str, document: Json) -> SetAnswer:
        order: dict[str, Json] = {
            "modules": {name: text},
            "own": {"set.rego": OWN},
            "rule": RULE,
            "package": PACKAGE,
            "memory_mib": self._memory_mib,
            "cpu_s": math.ceil(self._timeout_s) + 1,
        }
        try:
            worker, _ = start_worker(order)
        except (InputError, UnavailableError) as exc:
            raise PolicyError(exc.what, hint=exc.hint, reason=exc.reason) from exc
        try:
            return _read(worker.ask(1, to_json(document), timeout_s=self._timeout_s))
        finally:
            worker.kill()


def _read(body: bytes) -> SetAnswer:
    message = json.loads(body)
    if "error" in message:
        raise PolicyError(f"the set raised an error: {message['error']}", reason="policy-error")
    value = message.get("value")
    if not isinstance(value, dict) or set(value) != {"deny", "warn"}:
        raise PolicyError("the set gave no answer: it needs a rule deny in the package pipeline")
    return SetAnswer(_messages(value["deny"]), _messages(value["warn"]))


def _messages(found: Json) -> tuple[str, ...]:
    if not isinstance(found, list) or len(found) > MAX_MESSAGES:
        raise PolicyError(f"deny and warn have to be sets of at most {MAX_MESSAGES} messages")
    if not all(isinstance(item, str) and 0 < len(item) <= MAX_CHARS for item in found):
        raise PolicyError(f"a message has to be a text of 1 to {MAX_CHARS} characters")
    return tuple(sorted(str(item) for item in found))
