"""The embedded policy engine: one policy set, kept warm in a worker process that can be killed.

Rules
  1. Without the engine's wheel, or with another package under its name, nothing starts: UnavailableError, never an
     allow. A set with complaints does not start either: InputError.
  2. One question at a time, in the order they came; the time limit counts from the moment a question is sent.
  3. Time-out, death, an error inside, a document that cannot be sent and an answer of another shape are all
     PolicyError. A worker that failed is gone; the next question starts a new one.
  4. A question is never asked twice: what killed one worker would kill the next. An answer is remembered (`memory`).

One thread of its own talks to the worker, so an engine may be used from any event loop.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bridle.adapters.rego.answer import read_answer
from bridle.adapters.rego.frames import MAX_FRAME_BYTES
from bridle.adapters.rego.memory import Memory
from bridle.adapters.rego.policy_set import ANSWER, ANSWER_NAME, ANSWER_RULE, PolicySet
from bridle.adapters.rego.process import WORKER, WorkerProcess
from bridle.adapters.rego.reads import Speaker
from bridle.core.canonical import Json
from bridle.core.errors import BridleError, InputError, UnavailableError
from bridle.gate.facts_schema import make_facts_schema
from bridle.trust.policy import PolicyAnswer, PolicyError

WHEEL = "gordon-to-regorus"
RIVALS = ("regorus", "celine-regorus")  # import under the same name: which one answers would be chance
START_TIMEOUT_S = (
    30.0  # an interpreter and a few modules: 0.1 s, on a machine that is busy elsewhere far more
)
MEMORY_MIB = 256  # a warm worker has 21, a rule over a million items 80


class Regorus:
    """A PolicyEngine. Make it, `start` it to learn early what is wrong, ask it, `close` it."""

    def __init__(self, policies: PolicySet, *, timeout_s: float = 1.0, memory_mib: int = MEMORY_MIB) -> None:
        check_wheel()
        self._policies = policies
        self._timeout_s = timeout_s
        self._memory_mib = memory_mib
        self._worker: WorkerProcess | None = None
        self._speakers: tuple[Speaker, ...] = ()
        self._memory: Memory | None = None  # until a worker has said what the set reads
        self._number = 0
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="policy")

    @property
    def digest(self) -> str:
        return self._policies.digest

    @property
    def speakers(self) -> tuple[Speaker, ...]:
        """The rules of the set, once it was started."""
        return self._speakers

    @property
    def worker_pid(self) -> int:
        """The worker's process id, 0 when there is none."""
        return self._worker.pid if self._worker else 0

    async def start(self) -> None:
        """Start the worker and load the set; raise UnavailableError or, for a set with complaints, InputError."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._running)

    async def evaluate(self, document: Json) -> PolicyAnswer:
        """Ask about one document; raise PolicyError when there is no answer."""
        if self._closed:
            raise PolicyError("the policy engine is closed")
        if self._memory is not None:
            answer = self._memory.find(to_json(self._memory.part(document)))
            if answer is not None:
                return answer
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._evaluate, document)

    async def close(self) -> None:
        """End the worker; an engine that was closed answers no more. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._stop)
        self._thread.shutdown(wait=False)

    def _evaluate(self, document: Json) -> PolicyAnswer:
        size_bytes = len(to_json(document))  # of all of it, whatever the set reads
        if size_bytes > MAX_FRAME_BYTES:
            raise PolicyError(
                f"{size_bytes} bytes are more than the policy can be asked about ({MAX_FRAME_BYTES})"
            )
        try:
            worker, memory = self._running()
        except (InputError, UnavailableError) as exc:
            raise PolicyError(f"the policy engine does not start: {exc.what}", hint=exc.hint) from exc
        self._number = self._number % 0xFFFFFFFF + 1  # 0 is the order to load
        question = to_json(memory.part(document))
        body = worker.ask(self._number, question, timeout_s=self._timeout_s)
        answer = read_answer(body, digest=self.digest)
        memory.keep(question, answer)
        return answer

    def _running(self) -> tuple[WorkerProcess, Memory]:
        if self._worker is not None and self._memory is not None and self._worker.alive:
            return self._worker, self._memory
        self._stop()
        self._worker, ready = start_worker(self._order())
        self._speakers = tuple(map(Speaker.from_json, ready["rules"]))
        self._memory = self._memory or Memory(ready["reads"])
        return self._worker, self._memory

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def _order(self) -> dict[str, Json]:
        return {
            "modules": dict(self._policies.modules),
            "own": {ANSWER_NAME: ANSWER},
            "rule": ANSWER_RULE,
            "memory_mib": self._memory_mib,
            "cpu_s": math.ceil(self._timeout_s) + 1,
            "facts": make_facts_schema(),
            "bound": list(self._policies.bound),
        }


def check_wheel(installed: Sequence[str] | None = None) -> None:
    """Raise UnavailableError unless exactly the engine we know is installed (`installed`: for tests)."""
    names = [name for name in (WHEEL, *RIVALS) if _is_installed(name)] if installed is None else installed
    if WHEEL not in names:
        raise UnavailableError(
            "the policy engine is not installed, so nothing can be decided",
            hint=f"install the pinned requirements, which hold {WHEEL}",
            reason="policy-engine-missing",
        )
    for rival in RIVALS:
        if rival in names:
            raise UnavailableError(
                f"the package {rival} imports under the policy engine's name",
                hint=f"uninstall {rival}, then install {WHEEL} again",
                reason="policy-engine-ambiguous",
            )


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def start_worker(order: dict[str, Json], *, program: str = WORKER) -> tuple[WorkerProcess, dict[str, Any]]:
    """Return a worker that has loaded its modules, and what it says of them.

    Raise UnavailableError or, for modules with complaints, InputError.
    """
    try:
        worker = WorkerProcess(program)
        answer = json.loads(worker.ask(0, json.dumps(order).encode(), timeout_s=START_TIMEOUT_S))
    except (OSError, PolicyError) as exc:
        what = exc.what if isinstance(exc, BridleError) else str(exc)
        raise UnavailableError(
            f"the policy worker does not start: {what}",
            hint="bridle doctor names what is missing",
            reason="policy-engine-missing",
        ) from exc
    if answer.get("ready") is True:
        return worker, answer
    worker.kill()
    raise InputError(
        "the policy set cannot be used: " + "; ".join(answer["complaints"]),
        where=answer["complaints"][0].split(" ")[0].rstrip(":"),
        hint="repair the modules that are named",
        reason="bad-policy",
    )


def to_json(document: Json) -> bytes:
    """Return the document as a worker reads it; raise PolicyError when it is no JSON."""
    try:
        return json.dumps(document, separators=(",", ":"), allow_nan=False, default=_plain).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as exc:
        raise PolicyError(f"the facts cannot be sent to the policy: {exc}") from exc


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
