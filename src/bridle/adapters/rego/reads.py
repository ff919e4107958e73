"""What the rules of a set are called and which facts they read, found in the syntax tree before the set is used.

Rules
  1. A finding's rule and severity are written out where the finding is, so that a person can name a rule, put it on trial,
     and know whose it is. A rule's name belongs to the folder or file that was named first and uses it.
  2. A rule reads the facts that its head and body name as `input.a.b`, and those that the rules read which they ask. Only what
     the schema of the facts has may be read: what nobody supplies would keep the rule silent for ever.
  3. `input` is not handed on, imported or searched as a whole, and neither is `input.account`: nobody could tell what is read.
  4. A set that is bound to a part of the account denies and asks, and allows nothing; and no rule looks at what is denied or
     asked. So adding a set can only narrow what is decided.

A variable that holds a part of the input is not followed; a name below it that does not exist is for the tests to find.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

Node: TypeAlias = Any
Complaint: TypeAlias = tuple[str, int, int, str]
ANY_INDEX = "*"
SPAN = "span"  # where a node stands: half of the tree, and nothing to walk through
REFERENCES = frozenset({"RefDot", "RefBrack", "Var"})
VARIABLE = frozenset({"Var"})
NAMES = frozenset({"RefDot", "Var"})
ACCOUNT = "account"  # the facts that the account itself supplies, by name
VERDICTS = frozenset({"deny", "ask", "allow"})
SEVERITIES = ("error", "warn")
SCALARS = frozenset({"string", "integer", "boolean", "null"})


class Speaker(NamedTuple):
    """One place where a rule adds a finding: its part, its name, where it stands, and the facts it reads."""

    part: str
    rule: str
    file: str
    line: int
    reads: tuple[str, ...]
    severity: str = "error"

    def to_json(self) -> dict[str, Any]:
        return self._asdict()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Speaker:
        return cls(**{**data, "reads": tuple(data["reads"])})

    @property
    def owner(self) -> str:
        """The folder or file that the rule is from: the first part of the module's name."""
        return self.file.partition("/")[0]


class _Rule:
    """All definitions of one name: what they read, and which other names they ask."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.asks: set[str] = set()


def list_speakers(trees: Sequence[Node]) -> list[Speaker]:
    """Return every place where a finding is added, in the order of the modules."""
    rules = _collect(trees)
    found = []
    for tree in trees:
        for name, rule in _rules_of(tree):
            if name in VERDICTS:
                one = _Rule()
                _note(rule, one)
                reads = set(one.reads).union(*(_reads_of(asked, rules, {asked}) for asked in one.asks))
                told = _literals(rule)
                line = rule["span"]["line"] if "span" in rule else 0
                severity = told.get("severity", "error")
                found.append(
                    Speaker(name, told.get("rule", ""), _file(tree), line, tuple(sorted(reads)), severity)
                )
    return found


def list_reads(trees: Sequence[Node]) -> list[tuple[str, ...]]:
    """Return every path below `input` that the modules name, wherever they name it."""
    return sorted({path for tree in trees for path, _ in _paths(tree["ast"])})


def complain_of_findings(trees: Sequence[Node], *, bound: Collection[str] = ()) -> list[Complaint]:
    """Return what is wrong with how findings are written: rules 1 and 4. `bound` are the owners of sets that are bound."""
    owners: dict[str, str] = {}
    found: list[Complaint] = []
    for tree in trees:
        owner = _file(tree).partition("/")[0]
        for part, rule in ((name, rule) for name, rule in _rules_of(tree) if name in VERDICTS):
            told = _literals(rule)
            name, severity = told.get("rule", ""), told.get("severity", "error")
            if not name:
                said = f'write the finding out, `{part} contains {{"rule": "…", "reason": …}}`, so that its rule can be named'
                found.append(_at(tree, rule, said))
            elif owners.setdefault(name, owner) != owner:
                found.append(_at(tree, rule, f"{name} is a rule of {owners[name]}: give yours another name"))
            if severity not in SEVERITIES or (severity == "warn" and part == "allow"):
                found.append(_at(tree, rule, "a severity is error or warn, and what allows has none"))
            if part == "allow" and owner in bound:
                found.append(
                    _at(tree, rule, "a set that is bound only adds: it denies and asks, and allows nothing")
                )
        for part, span in _verdicts_read(tree):
            what = f"{part} is read by nobody: what one set says must not change what another allows"
            found.append((_file(tree), span["line"], span["col"], what))
    return found


def complain_of_facts(trees: Sequence[Node], schema: Mapping[str, Any]) -> list[Complaint]:
    """Return what is wrong with what the modules read: rules 2 and 3."""
    found: list[Complaint] = []
    for tree in trees:
        for path, span in _paths(tree["ast"]):
            shown = ".".join(("input", *path))
            if path in ((), (ACCOUNT,)) or path[:1] == (ANY_INDEX,) or path[:2] == (ACCOUNT, ANY_INDEX):
                what = f"{shown} is read as a whole: name the fact"
            elif not _knows(schema, path):
                what = f"{shown} is no fact that anybody supplies; docs/schema/policy-input.json has those there are"
            else:
                continue
            found.append((_file(tree), span["line"], span["col"], what))
    return found


def _knows(schema: Mapping[str, Any], path: Sequence[str]) -> bool:
    if not path:
        return True
    types = schema.get("type", ())
    if types and set([types] if isinstance(types, str) else types) <= SCALARS:
        return False
    if "enum" in schema:
        return False
    if "items" in schema:
        return _knows(schema["items"], path[1:])
    properties = schema.get("properties")
    if properties is not None:
        return path[0] == ANY_INDEX or (path[0] in properties and _knows(properties[path[0]], path[1:]))
    more = schema.get("additionalProperties", True)
    return _knows(more, path[1:]) if isinstance(more, Mapping) else bool(more)


def _collect(trees: Sequence[Node]) -> dict[str, _Rule]:
    rules: dict[str, _Rule] = {}
    for tree in trees:
        for name, rule in _rules_of(tree):
            if name not in VERDICTS:
                _note(rule, rules.setdefault(name, _Rule()))
    return rules


def _reads_of(name: str, rules: Mapping[str, _Rule], seen: set[str]) -> set[str]:
    rule = rules.get(name)
    if rule is None:
        return set()
    found = set(rule.reads)
    for asked in rule.asks - seen:
        seen.add(asked)
        found |= _reads_of(asked, rules, seen)
    return found


def _note(rule: Node, into: _Rule) -> None:
    into.reads |= {".".join(path) for path, _ in _paths(rule)}
    into.asks |= set(_names(rule))


def _rules_of(tree: Node) -> Iterator[tuple[str, Node]]:
    for kind, rule in (pair for entry in tree["ast"]["rules"] for pair in entry.items()):
        head = rule if kind == "Default" else next(iter(rule["head"].values()))
        yield _root(head["refr"]), rule


def _verdicts_read(tree: Node) -> Iterator[tuple[str, Node]]:
    """Yield where a rule looks at what is denied or asked; what is allowed may be looked at, since no bound set adds to it."""
    for _, rule in _rules_of(tree):
        head = rule.get("head", {}).get("Set")
        inside = (
            [head["key"], rule["bodies"]] if head else [part for name, part in rule.items() if name != "head"]
        )
        for name, span in _variables(inside):
            if name in ("deny", "ask"):
                yield name, span


def _find(node: Node, kinds: Collection[str]) -> Iterator[tuple[str, Node]]:
    """Yield every node of these kinds with its kind, and look no further below one: a set's tree has thousands."""
    ahead = [node]
    while ahead:
        one = ahead.pop()
        if isinstance(one, list):
            ahead += one
        elif isinstance(one, dict):
            for kind, content in one.items():
                if kind in kinds and isinstance(content, dict):
                    yield kind, content
                elif kind != SPAN:
                    ahead.append(content)


def _variables(node: Node) -> Iterator[tuple[str, Node]]:
    return ((str(content["value"]), content["span"]) for _, content in _find(node, VARIABLE))


def _literals(rule: Node) -> dict[str, str]:
    """Return the members of a finding that are written out as texts."""
    head = rule.get("head", {}).get("Set")
    key = head["key"] if head else None
    fields = key["Object"]["fields"] if isinstance(key, Mapping) and "Object" in key else []
    pairs = ((name["String"]["value"], value) for _, name, value in fields if "String" in name)
    texts = {name: value["String"]["value"] if "String" in value else "" for name, value in pairs}
    return {name: text for name, text in texts.items() if text or name == "severity"}


def _paths(node: Node) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield every path below `input` that the node names, with its place; longest form only."""
    for kind, content in _find(node, REFERENCES):
        steps, inside = _steps({kind: content})
        yield from _paths(inside)
        if steps is not None:
            yield steps, content["span"]


def _steps(node: Node) -> tuple[tuple[str, ...] | None, list[Node]]:
    """Return the path of a reference below `input`, None for any other; and the expressions that it holds in brackets."""
    path: list[str] = []
    inside: list[Node] = []
    while True:
        kind, content = next(iter(node.items()))
        if kind == "RefDot":
            path.append(content["field"][1])
        elif kind == "RefBrack":
            index = content["index"]
            path.append(index["String"]["value"] if "String" in index else ANY_INDEX)
            inside.append(index)
        else:
            is_input = kind == "Var" and content["value"] == "input"
            rest = [] if kind == "Var" else [{kind: content}]
            return (tuple(reversed(path)) if is_input else None), [*inside, *rest]
        node = content["refr"]


def _names(node: Node) -> Iterator[str]:
    """Yield the names that could be rules: variables, and the last part of `data.bridle.gate.x`."""
    for kind, content in _find(node, NAMES):
        if kind == "Var":
            yield str(content["value"])
        else:
            yield content["field"][1]
            yield from _names(content["refr"])


def _root(reference: Node) -> str:
    kind, content = next(iter(reference.items()))
    return str(content["value"]) if kind == "Var" else _root(content["refr"])


def _file(tree: Node) -> str:
    return str(tree["source"]["file"])


def _at(tree: Node, rule: Node, sentence: str) -> Complaint:
    return _file(tree), rule["span"]["line"], rule["span"]["col"], sentence
