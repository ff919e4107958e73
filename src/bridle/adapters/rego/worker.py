"""The policy worker: a process that holds one policy set and answers one question after the other.

Rules
  1. Frame 0 is the set and the limits; it says `ready`, which rules speak and which facts are read, or lists complaints. Every
     later frame is an input document; the answer holds the rule's value, or an error.
  2. The strict engine evaluates: a built-in function that fails raises, and whatever raises is an error.
  3. Memory is limited for the whole process, processor time for each question, and it can write no file.
  4. It ends when its input ends. What takes too long is not its business: the server kills it.

It has no environment, no secrets and no network of its own need; it decides nothing about its answer.
"""

from __future__ import annotations

import json
import math
import resource
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

import regorus  # type: ignore[import-untyped]  # a compiled module without stubs

from bridle.adapters.rego.frames import pack_frame, read_frame
from bridle.adapters.rego.lint import complain, complain_of_set
from bridle.adapters.rego.reads import list_reads, list_speakers

NOTHING: dict[str, Any] = {"rules": [], "reads": []}
SHOWN_ERROR = 500  # characters of an engine's complaint; the rest is its own stack


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer frames until there are none."""
    first = read_frame(questions)
    if first is None:
        return
    order = json.loads(first[1])
    limit_process(memory_mib=order["memory_mib"])
    engine, complaints, said = load(order)
    send(answers, first[0], {"ready": not complaints, "complaints": complaints, **said})
    while not complaints and (frame := read_frame(questions)) is not None:
        limit_question(cpu_s=order["cpu_s"])
        answers.write(pack_frame(frame[0], evaluate(engine, order["rule"], frame[1])))
        answers.flush()


def load(order: Mapping[str, Any]) -> tuple[Any, list[str], dict[str, Any]]:
    """Return an engine with all modules, what is wrong with those that are not Bridle's own, and what is said of them: the rules
    that speak, and the facts that any of them reads.

    With a `package` they are the set of a policy step, which may also be written in Rego as it was before version 1.
    """
    engine = regorus.Engine()
    engine.set_gather_prints(True)
    modules, package = order["modules"], order.get("package", "")
    add = _add_either if package else _add
    texts = [*order["own"].items(), *modules.items()]
    complaints = [complaint for name, text in texts if (complaint := add(engine, name, text))]
    if complaints:
        return engine, complaints, NOTHING
    trees = json.loads(engine.get_ast_as_json())
    theirs = [tree for tree in trees if tree["source"]["file"] in modules]
    if package:
        return engine, [line for tree in theirs for line in complain_of_set(tree, package=package)], NOTHING
    complaints = complain(theirs, schema=order["facts"], bound=order.get("bound", ()))
    rules = [speaker.to_json() for speaker in list_speakers(theirs)]
    return engine, complaints, {"rules": rules, "reads": list_reads(trees)}


def evaluate(engine: Any, rule: str, document: bytes) -> bytes:
    """Return the answer's body: the rule's value, or an error. Nothing that happens inside leaves as an exception."""
    try:
        engine.set_input_json(document.decode("utf-8"))
        value: str = engine.eval_rule_as_json(rule)
        engine.take_prints()
        return b'{"value":' + value.encode("utf-8") + b"}"
    except BaseException as exc:  # the engine's panics are no Exception, and a panic is no answer
        return json.dumps({"error": describe(exc)}).encode("utf-8")


def describe(error: BaseException) -> str:
    """Return the engine's complaint as one line, without its drawing and its stack."""
    lines = [line.strip() for line in str(error).splitlines()]
    places = [line.removeprefix("--> ") for line in lines if line.startswith("--> ")]
    causes = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    said = ": ".join([*places[:1], *causes[:1]]) or f"{type(error).__name__}: {lines[0] if lines else ''}"
    return said[:SHOWN_ERROR]


def limit_process(*, memory_mib: int) -> None:
    """Take from this process what it does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib << 20, memory_mib << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def limit_question(*, cpu_s: int) -> None:
    """Let the kernel end this process when the question at hand has used `cpu_s` more, should nobody else do it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit_s = math.ceil(used.ru_utime + used.ru_stime) + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, resource.RLIM_INFINITY))


def _add(engine: Any, name: str, text: str) -> str:
    try:
        engine.add_policy(name, text)
    except BaseException as exc:  # as above: a panic of the parser is a complaint about the module
        return describe(exc)
    return ""


def _add_either(engine: Any, name: str, text: str) -> str:
    """Read the module as Rego v1, else as Rego 0; what is wrong with it is said in the words of v1."""
    complaint = _add(engine, name, text)
    if not complaint:
        return ""
    engine.set_rego_v0(True)
    is_older = not _add(engine, name, text)
    engine.set_rego_v0(False)
    return "" if is_older else complaint


def send(answers: BinaryIO, number: int, message: Mapping[str, object]) -> None:
    """Write one message as a frame."""
    answers.write(pack_frame(number, json.dumps(message).encode("utf-8")))
    answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
