"""Which nodes of a plan are shown, and under which path: its steps, the cells of its strategies, and what ended before it began.

Rules
  1. A step is listed from the beginning. A strategy is listed as one node until its cells are known; then its cells are.
  2. The rounds of a `while` or a window are not known before they begin: its node is listed until its first round is.
  3. What ended and has no step to show for it is listed itself: nothing fails, and nothing is left out, without a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bridle.core.canonical import Json
from bridle.core.states import State
from bridle.engine.views import StepView

_ATTEMPT = re.compile(r"~\d+(?=/|$)")
Nodes = Sequence[Mapping[str, Any]]


class Listing(dict[str, StepView]):
    """The views by path; `stages` are those that are shown, by the first part of their path; `cuts` the steps that ended badly,
    in order."""

    def __init__(self, nodes: Nodes) -> None:
        super().__init__()
        self.stages: dict[str, list[StepView]] = {}
        self._shown: set[str] = set()
        self._strategies: dict[str, Mapping[str, Any]] = {}
        self._counts: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self.cuts: list[tuple[str, State]] = []
        self._ranks = {path: rank for rank, path in enumerate(_list_paths(nodes, ""))}
        self._list(nodes, "")

    def __missing__(self, path: str) -> StepView:
        """Another attempt, a round, or what the harness does for a block gets its view when it is first heard of."""
        view = StepView(path, "", name=self._name(path))
        self[path] = view
        return view

    def _name(self, path: str) -> str:
        """Return what the cells around a node are called, the outermost first."""
        parts = _ATTEMPT.sub("", path).split("/") if self._names else []
        named = (self._names.get("/".join(parts[: index + 1]), "") for index in range(len(parts)))
        return ", ".join(filter(None, named))

    def show(self, path: str) -> StepView:
        """Return a view that is listed: what began as a step, or failed as one, is shown as one."""
        view = self[path]
        if path not in self._shown:
            self._shown.add(path)
            self._begin_round(path)
            self.stages.setdefault(path.partition("/")[0], []).append(view)
        return view

    def expand(self, path: str, body: Mapping[str, Json]) -> None:
        """Take the beginning of a strategy: list the cells that it has, or say that it has none."""
        node = self._strategies.get(_ATTEMPT.sub("", path))
        if node is None or "count" not in body:  # the beginning of a template, or of a deployment
            return
        count, cells = int(str(body["count"])), body["cells"]
        names = body.get("names") or ()
        assert isinstance(names, Sequence)
        for index, name in enumerate(names):
            self._names[f"{_ATTEMPT.sub('', path)}_{index}"] = str(name)
        if not count:
            view = self.show(path)
            view.tell(State.SKIPPED, "no cells")
        elif cells:
            self._drop(path)
            self._counts[path] = count
            for cell in self._cells(path):
                self._list_one(node, cell, scope=path.rpartition("/")[0])

    def end(self, covers: Sequence[str], state: State, note: str) -> bool:
        """End what is listed below these paths, or below their cells, and has not begun; False when nothing was."""
        starts = tuple(f"{path}/" for whole in covers for path in (whole, *self._cells(whole)))
        waiting = [
            view
            for path, view in self.items()
            if view.state is State.PENDING and f"{path}/".startswith(starts)
        ]
        for view in waiting:
            view.tell(state, note)
        return bool(waiting)

    def tell_cut(self, whole: str) -> str:
        """Say after what the rest of a block was not begun; nothing when none of its steps ended badly."""
        starts = tuple(f"{path}/" for path in (whole, *self._cells(whole))) if whole else ("",)
        inside = [cut for cut in self.cuts if f"{cut[0]}/".startswith(starts)]
        causes = [
            cut for cut in inside if cut[1] is not State.CANCELLED
        ] or inside  # what was cancelled was not the first
        return f"not begun after {causes[-1][0]}: {causes[-1][1]}" if causes else ""

    def sort(self) -> None:
        """Bring what is listed into the order of the plan."""
        ordered = sorted(self.stages.items(), key=lambda item: self._rank(item[0]))
        self.stages.clear()
        self.stages.update(ordered)
        for listed in self.stages.values():
            listed.sort(key=lambda view: self._rank(view.path))

    def _list(self, nodes: Nodes, scope: str) -> None:
        for node in nodes:
            path = f"{scope}/{node['id']}" if scope else str(node["id"])
            if node.get("strategy"):
                self._strategies[_ATTEMPT.sub("", path)] = node
                self._add(path, node)
            else:
                self._list_one(node, path, scope=scope)

    def _list_one(self, node: Mapping[str, Any], path: str, *, scope: str) -> None:
        """List a node that is run once, or one cell."""
        if "nodes" not in node:
            self._add(path, node)
            return
        if node["kind"] == "stage" and not scope:
            self.stages.setdefault(path, [])
        self._list(node["nodes"], scope if node.get("transparent") else path)

    def _add(self, path: str, node: Mapping[str, Any]) -> None:
        self[path].kind = node["kind"]
        self.show(path)

    def _begin_round(self, path: str) -> None:
        """The node that stands for a loop is shown no longer when one of its rounds is."""
        parts = path.split("/")
        for index, part in enumerate(parts):
            head, _, number = part.partition("~")[0].rpartition("_")
            whole = "/".join((*parts[:index], head))
            if number.isdigit() and _ATTEMPT.sub("", whole) in self._strategies:
                self._drop(whole)

    def _drop(self, path: str) -> None:
        if path not in self._shown:
            return
        stage = path.partition("/")[0]
        self._shown.discard(path)
        del self[path]
        self.stages[stage] = [view for view in self.stages[stage] if view.path != path]
        if stage == path:
            del self.stages[stage]

    def _cells(self, path: str) -> list[str]:
        return [f"{path}_{index}" for index in range(self._counts.get(path, 0))]

    def _rank(self, path: str) -> tuple[tuple[int, int, int], ...]:
        """Return where a node comes: for each part its place in the plan, its cell, its attempt."""
        key, base = [], ""
        for part in path.split("/"):
            name, _, attempt = part.partition("~")
            head, _, cell = name.rpartition("_")
            is_cell = f"{base}{name}" not in self._ranks and f"{base}{head}" in self._ranks and cell.isdigit()
            base = f"{base}{head if is_cell else name}"
            rank = self._ranks.get(base, len(self._ranks))
            key.append((rank, int(cell) if is_cell else -1, int(attempt or 1)))
            base += "/"
        return tuple(key)


def _list_paths(nodes: Nodes, scope: str) -> Iterable[str]:
    """Yield the path of every node in the order of the plan, without cells and attempts."""
    for node in nodes:
        path = f"{scope}/{node['id']}" if scope else str(node["id"])
        yield path
        if "nodes" in node:
            yield from _list_paths(node["nodes"], scope if node.get("transparent") else path)
