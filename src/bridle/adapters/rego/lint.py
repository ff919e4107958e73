"""What a policy module may not say, found in its syntax tree before it is used.

Rules
  1. The package is `bridle.gate`.
  2. `answer` is ours. `deny`, `ask` and `allow` are sets (`deny contains …`), never single values or defaults.
  3. No function that reads the world or rolls dice: time, facts and identity come in the input alone.
  4. No function of which this engine is known to give a wrong value.
  5. No `not` around a call or a calculation that can fail. The engine we use raises there, which denies; others
     make it undefined, and `not` turns that into true: the same rule would mean its opposite.

  6. A rule of its own name belongs to the folder or file that was named first and defines it; another may ask it, not add to
     it. A set that is added could else make true what a denial of the base set says `not` to.

What findings are called and what they may read: `reads`.

Rule 5 reads the expression itself, not the rules that it names. Syntax, unsafe variables and unknown functions
are the engine's own complaints; whether a policy is wise is for its tests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from bridle.adapters.rego.reads import SPAN, VERDICTS, complain_of_facts, complain_of_findings

Node: TypeAlias = Any
"""A piece of the engine's syntax tree: JSON of a shape that only the engine documents."""

PACKAGE = "bridle.gate"
PACKAGES = frozenset({PACKAGE, "pipeline"})
RESERVED = frozenset({"answer"})

WORLD = frozenset(
    {
        "http.send",
        "net.lookup_ip_addr",
        "opa.runtime",
        "rand.intn",
        "rego.parse_module",
        "time.now_ns",
        "trace",
        "uuid.rfc4122",
    }
)
WRONG = frozenset(
    {"graph.reachable_paths", "json.match_schema", "json.verify_schema", "strings.count", "walk"}
)
TOTAL = frozenset(
    {
        "is_array",
        "is_boolean",
        "is_null",
        "is_number",
        "is_object",
        "is_set",
        "is_string",
        "type_name",
    }
)


Complaint: TypeAlias = tuple[int, int, str]


def complain(trees: Sequence[Node], *, schema: Mapping[str, Any], bound: Collection[str] = ()) -> list[str]:
    """Return what is wrong with the modules of a set, each as `file:line:column: sentence`.

    `schema` is that of the facts, `bound` are the folders and files whose sets are bound to a part of the account.
    """
    functions = {dotted(head["refr"]) for tree in trees for kind, head in _walk(tree) if kind == "Func"}
    owners = _list_owners(trees)
    form = [line for tree in trees for line in _complain_of(tree, functions, owners)]
    if form:
        return form
    told = sorted([*complain_of_findings(trees, bound=bound), *complain_of_facts(trees, schema)])
    return [f"{file}:{line}:{column}: {sentence}" for file, line, column, sentence in told]


def complain_of_set(tree: Node, *, package: str) -> list[str]:
    """Return what is wrong with the one module of a policy step's set: its package, and rules 3 and 4."""
    module = tree["ast"]
    name = dotted(module["package"]["refr"])
    found = list(_check_calls(module))
    if name != package:
        found.append(_at(module["package"], f"the package is {name}, it must be {package}"))
    file = tree["source"]["file"]
    return [f"{file}:{line}:{column}: {sentence}" for line, column, sentence in sorted(found)]


def complain_of_tests(trees: Sequence[Node]) -> list[str]:
    """Return what is wrong with test modules: a package that is a set's own, and rules 3 and 4."""
    found = []
    for tree in trees:
        module, file = tree["ast"], tree["source"]["file"]
        name = dotted(module["package"]["refr"])
        if name in PACKAGES:
            complaint = _at(module["package"], f"tests have a package of their own, such as {name}_test")
            found.append((file, *complaint))
        found += [(file, *complaint) for complaint in _check_calls(module)]
    return [f"{file}:{line}:{column}: {sentence}" for file, line, column, sentence in sorted(found)]


def _list_owners(trees: Sequence[Node]) -> Mapping[str, str]:
    """Return by a rule's name the folder or file that owns it: the first that defines it."""
    owners: dict[str, str] = {}
    for tree in trees:
        for name, _ in _list_rules(tree["ast"]):
            owners.setdefault(name, _owner(tree))
    return owners


def _owner(tree: Node) -> str:
    return str(tree["source"]["file"]).partition("/")[0]


def _list_rules(module: Node) -> Iterator[tuple[str, Node]]:
    for kind, rule in (pair for entry in module["rules"] for pair in entry.items()):
        head = rule if kind == "Default" else next(iter(rule["head"].values()))
        name = dotted(head["refr"]).split(".")[0]
        if name not in VERDICTS:
            yield name, rule


def _check_owners(tree: Node, owners: Mapping[str, str]) -> Iterator[Complaint]:
    for name, rule in _list_rules(tree["ast"]):
        if owners[name] != _owner(tree):
            yield _at(rule, f"{name} is a rule of {owners[name]}: ask it, or give yours another name")


def _complain_of(tree: Node, functions: set[str], owners: Mapping[str, str]) -> list[str]:
    file, module = tree["source"]["file"], tree["ast"]
    found = [*_check_package(module), *_check_rules(module), *_check_calls(module)]
    found += [*_check_negations(module, functions), *_check_owners(tree, owners)]
    return [f"{file}:{line}:{column}: {sentence}" for line, column, sentence in sorted(found)]


def _check_package(module: Node) -> Iterator[Complaint]:
    package = module["package"]
    if dotted(package["refr"]) != PACKAGE:
        yield _at(package, f"the package is {dotted(package['refr'])}, it must be {PACKAGE}")


def _check_rules(module: Node) -> Iterator[Complaint]:
    for kind, rule in (pair for entry in module["rules"] for pair in entry.items()):
        shape, head = ("Default", rule) if kind == "Default" else next(iter(rule["head"].items()))
        name = dotted(head["refr"]).split(".")[0]
        if name in RESERVED:
            yield _at(rule, f"{name} is Bridle's own rule; add to deny, ask or allow")
        if name in VERDICTS and (shape != "Set" or dotted(head["refr"]) != name):
            yield _at(rule, f"{name} is a set: write `{name} contains {{…}} if {{…}}`")


def _check_calls(module: Node) -> Iterator[Complaint]:
    for kind, call in _walk(module):
        if kind != "Call":
            continue
        name = dotted(call["fcn"])
        if name in WORLD:
            yield _at(call, f"{name} does not depend on the input alone; use input, for the time input.now")
        if name in WRONG:
            yield _at(call, f"{name} gives wrong values in this engine")


def _check_negations(module: Node, functions: set[str]) -> Iterator[Complaint]:
    for kind, negation in _walk(module):
        if kind != "NotExpr":
            continue
        for inner, node in _walk(negation):
            name = dotted(node["fcn"]) if inner == "Call" else ""
            if inner == "ArithExpr" or (inner == "Call" and name not in TOTAL | functions):
                what = name or "a calculation"
                yield _at(node, f"`not` around {what}, which can fail: name it in a rule of its own")


def _walk(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield every (kind, content) pair of the tree, where content is an object, from the outside in."""
    ahead: list[tuple[str, Node]] = [("", node)]
    while ahead:
        kind, content = ahead.pop()
        if isinstance(content, list):
            ahead += [("", item) for item in reversed(content)]
        elif isinstance(content, dict):
            if kind:
                yield kind, content
            ahead += [(name, content[name]) for name in reversed(content) if name != SPAN]


def dotted(reference: Node) -> str:
    """Return `a.b` for a reference; what is not a plain name becomes `?`."""
    kind, content = next(iter(reference.items()))
    if kind == "Var":
        return str(content["value"])
    if kind == "RefDot":
        return f"{dotted(content['refr'])}.{content['field'][1]}"
    return f"{dotted(content['refr'])}.?" if kind == "RefBrack" else "?"


def _at(node: Node, sentence: str) -> Complaint:
    return node["span"]["line"], node["span"]["col"], sentence
