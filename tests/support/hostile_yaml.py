"""Hostile pipeline files, made from a number: the same number gives the same file, on any machine.

Rules
  1. Every kind of attack has one function here; `make_file` picks one by the seed and names it.
  2. A file is at most a little larger than what the reader takes, so that its own limits are met from both sides.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

PIECES = (
    "pipeline:", "stages:", "steps:", "run:", "group:", "parallel:", "strategy:", "matrix:", "template:", "agent:", "if:",
    "on-failure:", "- ", "  ", "\n", ": ", "&a ", "*a", "!!str ", "!x ", "| ", "> ", "|+9\n", "'", '"', "[", "]", "{", "}", "#",
    ",", "?", "<<:", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! x\n", "<+", ">", "${{", "}}", "<+input>", "(", ")", "null", "~",
    "0x1", "1e9", "1:30", "2026-02-30", ".inf", "\t", "\x00", "\x85", "\u2028", "\ufeff", "\ud800", '"\\U00110000"', "\\x",
    "\r", "é", "🜁", "1.10", "true", "on", "yes", "=", "@", "`",
)  # fmt: skip
VALUES = (
    "", "{}", "[]", "null", "-1", "9" * 400, "x" * 5_000, "[[[[[]]]]]", "{a: {b: {c: {}}}}", "<+", "${{", "<+a.b>", "*gone",
    "<+input>.regex(((a{1,999}){1,999}){1,999})", "<+" + "(" * 500, "<+" + "!" * 500 + "a>", "<+a" + ".b" * 500 + ">",
    "<+" + "<+" * 40 + "a" + ">" * 41, "'${{ ''${{ a }}'' }}'", "999999w", "1d1d", "|-\n" + "        a\n" * 3, "!!binary aGk=",
    '"\\ud800"', "{iterations: 999999999}", "{matrix: {a: [1,2,3], b: <+x>}}", "[{<<: *a}]",
)  # fmt: skip


def make_file(seed: int, samples: Sequence[bytes]) -> tuple[str, bytes]:
    """Return the name of an attack, and the file it makes of this seed."""
    source = random.Random(seed)  # noqa: S311 - no secret is made of it
    attack = source.choices(_ATTACKS, weights=[weight for weight, _ in _WEIGHTED])[0]
    return attack.__name__.removeprefix("_"), attack(source, samples)


def _bytes(source: random.Random, _: Sequence[bytes]) -> bytes:
    return source.randbytes(source.randint(0, 4_000))


def _pieces(source: random.Random, _: Sequence[bytes]) -> bytes:
    return _encode("".join(source.choices(PIECES, k=source.randint(0, 400))))


def _damage_bytes(source: random.Random, samples: Sequence[bytes]) -> bytes:
    damaged = bytearray(source.choice(samples))
    for _ in range(source.randint(1, 8)):
        start = source.randrange(len(damaged) + 1)
        damaged[start : start + source.randint(0, 30)] = source.randbytes(source.randint(0, 4))
    return bytes(damaged)


def _damage_lines(source: random.Random, samples: Sequence[bytes]) -> bytes:
    lines = source.choice(samples).decode().splitlines()
    other = source.choice(samples).decode().splitlines()
    for _ in range(source.choice((1, 1, 2, 6))):
        at = source.randrange(len(lines) + 1)
        what = source.randrange(6)
        if what == 0:
            lines[at : at + source.randint(1, 4)] = []
        elif what == 1:
            lines[at:at] = lines[at : at + source.randint(1, 6)] * source.randint(1, 3)
        elif what == 2:
            start = source.randrange(len(other))
            lines[at:at] = other[start : start + source.randint(1, 8)]
        elif what == 3:
            lines[at : at + 3] = [" " * source.randint(0, 3) + line for line in lines[at : at + 3]]
        else:
            lines[at : at + 1] = [_damage_line(line, source) for line in lines[at : at + 1]]
    return _encode("\n".join(lines))


def _damage_line(line: str, source: random.Random) -> str:
    key, colon, _ = line.partition(":")
    if colon and source.random() < 0.7:
        return f"{key}: {source.choice(VALUES)}"
    at = source.randrange(len(line) + 1)
    return line[:at] + source.choice(PIECES) + line[at + source.randint(0, 3) :]


def _nesting(source: random.Random, _: Sequence[bytes]) -> bytes:
    depth = source.choice((60, 64, 65, 1_000, 100_000))
    opening = source.choice(("[", "{a: ", "- ", "? ", "{? [", "- a: ", "[{steps: ", "{group: {steps: ["))
    start = source.choice(("", "pipeline: ", "pipeline: {stages: [{steps: "))
    return _encode(start + opening * depth + source.choice(("", "x", "]" * depth)))[: 1 << 20]


def _nested_groups(source: random.Random, _: Sequence[bytes]) -> bytes:
    kind, depth = source.choice(("group", "parallel")), source.randint(1, 200)
    body = f"{{{kind}: {{steps: [" * depth + "ls" + "]}}" * depth
    return _encode(f"pipeline: {{stages: [{{steps: [{body}]}}]}}")


def _anchors(source: random.Random, _: Sequence[bytes]) -> bytes:
    width, levels = source.randint(2, 12), source.randint(2, 40)
    lines = ["x0: &a0 [lol]"]
    lines += [f"x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    lines.append(
        source.choice((f"pipeline: *a{levels - 1}", "pipeline: &p {stages: *p}", "pipeline: {<<: *a1}"))
    )
    return _encode("\n".join(lines))


def _shared_steps(source: random.Random, _: Sequence[bytes]) -> bytes:
    count = source.choice((2, 200, 5_000))
    return _encode(
        f"pipeline: {{env: &e {{A: b}}, stages: [{{steps: &s [{'{run: ls, env: *e}, ' * count}]}}, {{steps: *s}}]}}"
    )


def _huge_scalar(source: random.Random, _: Sequence[bytes]) -> bytes:
    size = source.choice((60_000, 1 << 19, (1 << 20) - 200, (1 << 20) + 5))
    unit = source.choice(
        ("x", "<+", "${{", "<+a>", "(", "'", "\\\\", "a.b", "${{ '", "{", "é", " ", "<+input>.regex((", "? ")
    )
    text = (unit * (size // len(unit)))[:size]
    place = source.choice(
        (
            "steps: [{run: |\n%s}]",
            "if: >\n    %s\n   ",
            "name: %s",
            "id: %s",
            "%s: 1",
            "env: {A: '%s'}",
            "steps: ['%s']",
        )
    )
    return _encode("pipeline:\n  stages:\n  - " + place.replace("%s", "    " + text))


def _huge_count(source: random.Random, _: Sequence[bytes]) -> bytes:
    count = source.choice((257, 5_000, 40_000))
    item, around = source.choice(
        (
            ("- ls\n", "pipeline:\n stages:\n - steps:\n"),
            ("- {id: a, run: ls}\n", "pipeline:\n stages:\n - steps:\n"),
            ("- {steps: [ls]}\n", "pipeline:\n stages:\n"),
            ("- {unknown: x}\n", "pipeline:\n stages:\n - steps:\n"),
            ("- <+steps.a.output.b>\n", "pipeline:\n stages:\n - steps:\n"),
            ("- {a: 1}\n", "pipeline:\n inputs:\n"),
            ("---\n", "pipeline:\n stages: [{steps: [ls]}]\n"),
            ("- &a x\n- *a\n", ""),
            ("- [a, b]\n", "pipeline:\n stages: [{steps: [{run: ls}], strategy: {matrix: {a: "),
        )
    )
    return _encode(around + item * count)


def _huge_matrix(source: random.Random, _: Sequence[bytes]) -> bytes:
    axes, length = source.randint(1, 12), source.choice((2, 10, 100, 1_000))
    listed = "".join(f"a{n}: [{', '.join(map(str, range(length)))}], " for n in range(axes))
    loop = source.choice(
        (
            f"matrix: {{{listed}}}",
            "for: {iterations: 1000000}",
            "repeat: {items: [1], start: 0, end: 99999999}",
        )
    )
    return _encode(
        f"pipeline: {{stages: [{{steps: [{{run: ls, strategy: {{{loop}, max-parallel: 99999999}}}}]}}]}}"
    )


def _encode(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogatepass")


_WEIGHTED: tuple[tuple[int, Callable[[random.Random, Sequence[bytes]], bytes]], ...] = (
    (10, _bytes),
    (20, _pieces),
    (15, _damage_bytes),
    (40, _damage_lines),
    (3, _nesting),
    (3, _nested_groups),
    (3, _anchors),
    (1, _shared_steps),
    (2, _huge_scalar),
    (1, _huge_count),
    (2, _huge_matrix),
)
_ATTACKS = [attack for _, attack in _WEIGHTED]
