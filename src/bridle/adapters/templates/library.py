"""Templates and pipelines in trees of files.

Layouts, in a tree
    templates/NAME/VERSION.yaml                      Bridle's own; also below bridle/
    templates/KEBAB/{metadata.json, pipeline.yaml}   one version, which the metadata name
    .harness/ID/config.yaml, .harness/ID/VERSION/template.yaml   `config.yaml` names the stable one
    pipelines/ID.yaml, .bridle/pipelines/ID.yaml     pipelines of the repository, without a version
    input-sets/NAME.yaml, .bridle/input-sets/…       input sets, which a chain may name
    agents/PUBLISHER.NAME/VERSION.md (.yaml, .yml)   agents, which a step may use as it uses a template; also below bridle/

Rules
  1. The first tree that has the name decides alone: what ships cannot slip a newer version under a project's name, nor the
     other way round.
  2. `_` and `-` in a name are the same: one layout has the one, the other the other.
  3. What stands on a branch is a draft, and is sought on that branch alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from bridle.adapters.templates.tree import Tree
from bridle.core.errors import InputError
from bridle.pipeline.complaint import suggest
from bridle.pipeline.document import decode, read_documents
from bridle.pipeline.library import Library, Volume
from bridle.pipeline.nodes import Mapping, to_json
from bridle.pipeline.uses import VERSION, Use, choose_version, order_of, parse_use

FOLDERS = ("templates", "bridle/templates")
HARNESS = ".harness"
PIPELINES = ("pipelines", ".bridle/pipelines")
INPUT_SETS = ("input-sets", ".bridle/input-sets")
SUFFIXES = (".yaml", ".yml")
AGENTS = ("agents", "bridle/agents")

_INPUT_SET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)


@dataclass(frozen=True)
class Shelf:
    """The versions of one name, each with its path; `stable` is empty where nobody has said."""

    paths: dict[str, str]
    stable: str = ""
    agent: bool = False


class FolderLibrary(Library):
    """Looks in `trees`, in their order; `open_branch` gives the tree of a branch."""

    def __init__(self, trees: Sequence[Tree], *, open_branch: Callable[[str], Tree]) -> None:
        self._trees = trees
        self._open_branch = open_branch

    def find(self, uses: str, *, branch: str = "") -> Volume:
        use = parse_use(uses)
        trees = (self._open_branch(branch),) if branch else self._trees
        for tree in trees:
            shelf = _find_shelf(tree, use.name)
            if shelf is not None:
                return _take(tree, shelf, use, draft=bool(branch))
        known = sorted({name for tree in trees for name in _list_names(tree)})
        otherwise = "put it into templates/<name>/<version>.yaml at the top of the repository"
        raise InputError(
            f"there is no template {use.name!r}{f' on the branch {branch}' if branch else ''}",
            reason="unknown-template",
            hint=suggest(use.name, known, otherwise=otherwise),
        )

    def find_pipeline(self, uses: str) -> Volume:
        use = parse_use(uses)
        for tree in self._trees if not use.version else ():
            for path in (f"{folder}/{use.name}{suffix}" for folder in PIPELINES for suffix in SUFFIXES):
                data = tree.read(path)
                if data is not None:
                    return _bind(use.name, "", data, tree.label + path)
        try:
            return self.find(uses)
        except InputError as error:
            if error.reason != "unknown-template":
                raise
            known = sorted({name for tree in self._trees for name in _list_pipelines(tree)})
            near = suggest(use.name, known, otherwise="")
            looked = " and ".join(f"{folder}/" for folder in PIPELINES)
            there = f"pipelines are looked for in {looked} at the top of the repository: put it into pipelines/{use.name}.yaml"
            raise InputError(
                f"there is no pipeline {use.name!r}",
                reason="unknown-template",
                hint=f"{near} {there}" if near else there,
            ) from error

    def find_inputs(self, name: str) -> str:
        files = (f"{folder}/{name}{suffix}" for folder in INPUT_SETS for suffix in SUFFIXES)
        for tree, path in product(self._trees, files if _INPUT_SET.fullmatch(name) else ()):
            data = tree.read(path)
            if data is not None:
                return decode(data, tree.label + path)
        return super().find_inputs(name)


def _take(tree: Tree, shelf: Shelf, use: Use, *, draft: bool) -> Volume:
    version = choose_version(use.version, shelf.paths, stable=shelf.stable)
    if not version:
        there = ", ".join(sorted(shelf.paths, key=order_of)) or "no version"
        raise InputError(
            f"there is no {use.name}@{use.version or shelf.stable}",
            reason="unknown-version",
            hint=f"{use.name} has {there}",
        )
    path = shelf.paths[version]
    data = tree.read(path)
    if data is None:
        raise InputError(
            f"{tree.label}{path} is not there",
            reason="unknown-version",
            hint="add the file, or take it out of config.yaml",
        )
    return replace(_bind(use.name, version, data, tree.label + path), draft=draft, agent=shelf.agent)


def _bind(name: str, version: str, data: bytes, source: str) -> Volume:
    return Volume(name, version, data, source, f"sha256:{hashlib.sha256(data).hexdigest()}")


def _find_shelf(tree: Tree, name: str) -> Shelf | None:
    for folder in FOLDERS:
        for word in _spellings(name, tree.list_names(folder)):
            place = f"{folder}/{word}"
            files = tree.list_names(place)
            if "metadata.json" in files:
                return _read_metadata(tree, place)
            if files:
                return Shelf(dict(_list_versions(place, files)))
    for word in _spellings(name, tree.list_names(HARNESS)):
        return _read_config(tree, f"{HARNESS}/{word}")
    for place in (f"{folder}/{name}" for folder in AGENTS):
        versions = dict(_list_versions(place, tree.list_names(place), suffixes=(".md", *SUFFIXES)))
        if versions:
            return Shelf(versions, agent=True)
    return None


def _spellings(name: str, there: Sequence[str]) -> Iterator[str]:
    """Yield the names of folders that mean `name`, the one that is written so first."""
    alike = [word for word in there if word.replace("_", "-").lower() == name.replace("_", "-").lower()]
    yield from sorted(alike, key=lambda word: word != name)


def _list_versions(
    place: str, files: Sequence[str], *, suffixes: Sequence[str] = SUFFIXES
) -> Iterator[tuple[str, str]]:
    for file in files:
        stem, dot, suffix = file.rpartition(".")
        if dot + suffix in suffixes and VERSION.fullmatch(stem):
            yield stem, f"{place}/{file}"


def _read_metadata(tree: Tree, place: str) -> Shelf:
    path = f"{place}/metadata.json"
    try:
        version = json.loads(tree.read(path) or b"")["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refuse(tree, path, "says no version", hint='write {"name": …, "version": "1.0.0"}') from error
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise _refuse(tree, path, "says no version", hint='write "version": "1.0.0", quoted')
    return Shelf({version: f"{place}/pipeline.yaml"})


def _read_config(tree: Tree, place: str) -> Shelf:
    path = f"{place}/config.yaml"
    data = tree.read(path)
    roots = read_documents(data, source=tree.label + path) if data else ()
    if not roots or not isinstance(roots[0], Mapping):
        raise _refuse(
            tree, path, "does not list the versions", hint="write stable: 1.0.0 and versions: [1.0.0]"
        )
    # as written: a version is text, whatever it looks like
    named = {key.text: node for key, node in roots[0].entries}
    stable = getattr(named.get("stable"), "text", "")
    folders = [name for name in tree.list_names(place) if VERSION.fullmatch(name)]
    listed = to_json(named["versions"]) if "versions" in named else folders
    known = {str(item) for item in listed} if isinstance(listed, (list, dict)) else set()
    return Shelf({name: f"{place}/{name}/template.yaml" for name in folders if name in known}, stable)


def _refuse(tree: Tree, path: str, what: str, *, hint: str) -> InputError:
    return InputError(f"{tree.label}{path} {what}", reason="bad-template-folder", hint=hint)


def _list_names(tree: Tree) -> Iterator[str]:
    for folder in (*FOLDERS, HARNESS):
        yield from tree.list_names(folder)


def _list_pipelines(tree: Tree) -> Iterator[str]:
    for folder in PIPELINES:
        yield from (name.rpartition(".")[0] for name in tree.list_names(folder) if name.endswith(SUFFIXES))
