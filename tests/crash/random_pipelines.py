"""Small random pipelines, each from a seed alone: the same seed gives the same text.

Rules
  1. What a pipeline comes to does not depend on time: branches write files of their own, and what would stop other branches
     stands only where there are none. The exception is `races`: a strategy with `fail-fast` may end in several ways.
  2. Every step that runs a script appends its own id to a file, once; so a workspace tells what was done in it, and how often.
  3. A pipeline waits for a second a few times at most; a time-out is one that always comes, over a wait that never ends. A
     person's answer is in the question: `refuse …` is refused, and of a failed step there is one thing to decide.
  4. Ids are letters and digits, so that a path can be taken apart again.
  5. Every other pipeline is paused and resumed while it runs, which changes nothing of how it ends.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from bridle.core.canonical import digest_bytes
from bridle.core.errors import InputError
from bridle.pipeline.library import Library, Volume

REFUSE = "refuse"
MOST_STEPS = 14
MOST_WAITS_S = 2
Node = dict[str, Any]


@dataclass(frozen=True)
class RandomPipeline:
    """`races` says that which of its branches end, and how, may differ from run to run. `children` are the pipelines that it
    chains, by name."""

    seed: int
    text: str
    races: bool
    children: dict[str, str]

    @property
    def pauses(self) -> bool:
        return self.seed % 2 == 1

    @property
    def library(self) -> Library:
        return _Children(self.children)


class _Children(Library):
    """Has the pipelines that one random pipeline chains."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def find(self, uses: str, *, branch: str = "") -> Volume:
        raise InputError(f"there is no template {uses}", hint="chain it", reason="unknown-template")

    def find_pipeline(self, uses: str) -> Volume:
        text = self._texts[uses]
        return Volume(uses, "", text, f"{uses}.yaml", digest_bytes(text.encode()))


@dataclass(frozen=True)
class _Place:
    """Where a node is made: inside a branch, inside a strategy, how deep."""

    depth: int = 0
    in_branch: bool = False
    in_cells: bool = False
    in_loop: bool = False

    def deeper(self, **changes: bool) -> _Place:
        here = {"in_branch": self.in_branch, "in_cells": self.in_cells, "in_loop": self.in_loop}
        return _Place(self.depth + 1, **{**here, **changes})


def make_pipeline(seed: int) -> RandomPipeline:
    """Return the pipeline of a seed."""
    maker = _Maker(seed)
    document = maker.pipeline()
    children = {name: _write(child) for name, child in maker.children.items()}
    return RandomPipeline(seed, _write(document), maker.races, children)


def _write(document: Node) -> str:
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.width = 200
    yaml.dump(document, out)
    return out.getvalue()


class _Maker:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret is made of it
        self._seed = seed
        self._count = 0
        self._steps = 0
        self._waits_s = 0
        self._barriers: list[str] = []
        self._lock = f"lock{seed}"  # what chains another pipeline holds its lock while that one runs
        self._aborts = False
        self.races = False
        self.children: dict[str, Node] = {}

    def pipeline(self) -> Node:
        stages = [self._stage() for _ in range(self._random.randint(1, 3))]
        if self._one_in(5):
            stages = [{"parallel": {"stages": stages}}, self._stage()]
        whole: Node = {"id": f"random{self._seed}", "stages": stages}
        if self._barriers:
            whole["barriers"] = self._barriers
        if self._one_in(8):
            whole["on-failure"] = [{"errors": "all", "action": "pipeline-rollback"}]
            self.races = self.races or "parallel" in stages[0]
        self.races = self.races or (self._aborts and "parallel" in stages[0])
        return {"pipeline": whole}

    def _stage(self) -> Node:
        if not self.children and self._one_in(4):
            return self._chain()
        stage: Node = {"id": self._id("s"), "steps": self._sequence(_Place())}
        if self._one_in(3):
            stage["steps"].append({**self._failing(), "on-failure": [_rule("stage-rollback")]})
            stage["rollback"] = [self._run() for _ in range(self._random.randint(1, 2))]
        if self._one_in(6):
            stage["steps"].append({**self._run(), "if": "<+Always>"})
        if self._one_in(6):
            stage["if"] = "<+Always>"
        return stage

    def _chain(self) -> Node:
        """A stage that is another pipeline, an execution of its own: one that ends, or one that fails."""
        name = self._id("c")
        around, self._barriers, self._lock = self._barriers, [], f"lock{self._seed}in"
        steps = self._sequence(_Place(depth=2))
        if self._one_in(4):
            steps.append(self._failing())
        child: Node = {"id": name, "stages": [{"id": self._id("s"), "steps": steps}]}
        self.children[name] = {"pipeline": {**child, "barriers": self._barriers} if self._barriers else child}
        self._barriers, self._lock = around, f"lock{self._seed}"
        stage: Node = {"id": self._id("s"), "chain": {"uses": name}}
        return {**stage, "on-failure": [_rule("ignore")]} if self._one_in(2) else stage

    def _sequence(self, place: _Place) -> list[Node]:
        nodes: list[Node] = []
        for _ in range(self._random.randint(1, 3)):
            node = self._node(place)
            if nodes and "id" in nodes[-1] and "id" in node and "if" not in node and self._one_in(8):
                status = self._random.choice(["succeeded", "failed"])
                node["if"] = f'<+steps.{nodes[-1]["id"]}.status> == "{status}"'
            nodes.append(node)
        return nodes

    def _node(self, place: _Place) -> Node:
        kinds: list[tuple[int, Callable[[_Place], Node]]] = [(6, self._step)]
        if place.depth < 3 and self._steps < MOST_STEPS:
            kinds += [(2, self._group), (3, self._parallel), (1, self._retried_group)]
            if not place.in_cells and not place.in_loop:
                kinds += [(2, self._cells), (2, self._loop), (1, self._window)]
        return self._pick(kinds)(place)

    def _step(self, place: _Place) -> Node:
        kinds: list[tuple[int, Callable[[_Place], Node]]] = [
            (8, self._plain),
            (2, self._flaky),
            (2, self._ignored),
            (1, self._forgiven),
            (1, self._saved),
            (1, self._approval),
            (1, self._decided),
        ]
        if self._waits_s < MOST_WAITS_S:
            kinds += [(1, self._wait), (1, self._late)]
        if not place.in_branch:
            kinds += [(1, self._hopeless), (1, self._queue)]
        return self._pick(kinds)(place)

    def _plain(self, place: _Place) -> Node:
        return self._run(place)

    def _hopeless(self, place: _Place) -> Node:
        return self._failing(place)

    def _run(self, place: _Place = _Place(), *, then: str = "") -> Node:
        self._steps += 1
        id_ = self._id("x")
        file = _file(id_, place)
        return {"id": id_, "run": "; ".join(filter(None, [f"echo {id_} >> {file}", then]))}

    def _failing(self, place: _Place = _Place()) -> Node:
        return self._run(place, then="exit 1")

    def _flaky(self, place: _Place) -> Node:
        """One that succeeds at a later attempt, or at none."""
        attempts = self._random.randint(1, 3)
        step = self._run(place)
        file = step["run"].rpartition(" ")[2]
        step["run"] += f"; test $(wc -l < {file}) -ge {self._random.randint(1, attempts + 1)}"
        return {**step, "on-failure": [self._retry(attempts)]}

    def _retry(self, attempts: int, word: str = "retry") -> Node:
        retry: Node = {"attempts": attempts}
        if self._waits_s < MOST_WAITS_S and self._one_in(3):
            self._waits_s += attempts
            retry["interval"] = "1s"
        if self._one_in(2):
            retry["failure-action"] = "ignore"
        return {"errors": "all", "action": {word: retry}}

    def _ignored(self, place: _Place) -> Node:
        return {**self._failing(place), "on-failure": [_rule("ignore")]}

    def _forgiven(self, place: _Place) -> Node:
        return {**self._failing(place), "on-failure": [_rule("mark-as-success")]}

    def _saved(self, place: _Place) -> Node:
        run = self._run(place)
        file = run["run"].rpartition(" ")[2]
        self._steps += 1
        save = {
            "id": self._id("t"),
            "tool": {"uses": "artifact.save", "with": {"name": "kept", "path": file}},
        }
        return {"id": self._id("g"), "group": {"steps": [run, save]}}

    def _approval(self, place: _Place) -> Node:
        self._steps += 1
        word = REFUSE if not place.in_branch and self._one_in(4) else "approve"
        id_ = self._id("a")
        return {"id": id_, "approval": {"uses": "harness", "with": {"message": f"{word} {id_}"}}}

    def _wait(self, place: _Place) -> Node:
        self._steps += 1
        self._waits_s += 1
        return {"id": self._id("w"), "wait": "1s"}

    def _late(self, place: _Place) -> Node:
        """A wait that its own time-out ends, or that of the group around it."""
        self._steps += 1
        self._waits_s += 1
        wait: Node = {"id": self._id("w"), "wait": "1h"}
        node = {"id": self._id("g"), "group": {"steps": [wait]}} if self._one_in(2) else wait
        rules = {"on-failure": [_rule("ignore")]} if place.in_branch or self._one_in(2) else {}
        return {**node, "timeout": "1s", **rules}

    def _decided(self, place: _Place) -> Node:
        """A failed step that a person decides about: it stays failed, counts as done, or ends everything."""
        answers = ["ignore", "mark-as-success"] + ([] if place.in_branch else ["abort"])
        answer = self._random.choice(answers)
        self._aborts = self._aborts or answer == "abort"
        asked = {"timeout": "1h", "available-actions": [answer]}
        rule = {"errors": "all", "action": {"manual-intervention": asked}}
        return {**self._failing(place), "on-failure": [rule]}

    def _queue(self, place: _Place) -> Node:
        self._steps += 1
        scope = self._random.choice(["stage", "pipeline"])
        return {"id": self._id("q"), "queue": {"key": self._lock, "scope": scope}}

    def _group(self, place: _Place) -> Node:
        return {"id": self._id("g"), "group": {"steps": self._sequence(place.deeper())}}

    def _retried_group(self, place: _Place) -> Node:
        group = self._group(place)
        first = self._run(place)
        file = first["run"].rpartition(" ")[2]
        first["run"] += f"; test $(wc -l < {file}) -ge 2"
        first["on-failure"] = [{"errors": "all", "action": {"retry-step-group": {"attempts": 2}}}]
        if not place.in_branch:
            group["group"]["steps"].insert(0, first)
        return group

    def _parallel(self, place: _Place) -> Node:
        inside = place.deeper(in_branch=True)
        if not place.in_loop and not place.in_cells and self._one_in(4):
            return self._barrier(inside)
        nodes = [self._node(inside) for _ in range(self._random.randint(2, 3))]
        named = [node for node in nodes if "id" in node]
        if len(named) > 1 and self._one_in(3):
            named[-1]["needs"] = [named[0]["id"]]
        block: Node = {"parallel": {"steps": nodes}}
        return block if place.depth == 0 and self._one_in(2) else {"id": self._id("p"), **block}

    def _barrier(self, place: _Place) -> Node:
        name = self._id("b")
        self._barriers.append(name)
        branches = []
        for _ in range(2):
            self._steps += 1
            steps = [self._run(place), {"id": self._id("m"), "barrier": {"name": name}}, self._run(place)]
            branches.append({"id": self._id("g"), "group": {"steps": steps[self._random.randint(0, 1) :]}})
        return {"id": self._id("p"), "parallel": {"steps": branches}}

    def _cells(self, place: _Place) -> Node:
        inside = place.deeper(in_branch=True, in_cells=True)
        node = self._pick([(2, self._plain), (1, self._flaky), (2, self._group)])(inside)
        count = self._random.randint(2, 3)
        strategy: Node = (
            {"matrix": {"axis": list(range(count))}} if self._one_in(2) else {"for": {"iterations": count}}
        )
        if self._one_in(3):
            strategy["max-parallel"] = 1
        if self._one_in(4):
            self.races = True
            broken = self._run(inside, then="test <+strategy.iteration> -ge 1")
            return {**broken, "strategy": {**strategy, "fail-fast": True}}
        return {**node, "strategy": strategy}

    def _loop(self, place: _Place) -> Node:
        inside = place.deeper(in_loop=True)
        node = self._pick([(2, self._plain), (1, self._flaky), (2, self._group)])(inside)
        rounds = self._random.randint(1, 3)
        return {
            **node,
            "strategy": {"while": {"iterations": 5, "condition": f"<+strategy.iteration> < {rounds}"}},
        }

    def _window(self, place: _Place) -> Node:
        if self._waits_s >= MOST_WAITS_S:
            return self._plain(place)
        self._waits_s += 1
        inside = place.deeper(in_loop=True)
        return {
            "id": self._id("v"),
            "verify": {"window": "1s", "interval": "1s", "steps": [self._run(inside)]},
        }

    def _id(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def _one_in(self, many: int) -> bool:
        return self._random.randrange(many) == 0

    def _pick(self, weighted: list[tuple[int, Callable[[_Place], Node]]]) -> Callable[[_Place], Node]:
        return self._random.choices([kind for _, kind in weighted], [weight for weight, _ in weighted])[0]


def _rule(action: str) -> Node:
    return {"errors": "all", "action": action}


def _file(id_: str, place: _Place) -> str:
    """Return the file that a step writes; in a cell it is the cell's own."""
    return f"{id_}-<+strategy.iteration>" if place.in_cells else id_
