"""Policy sets: the Rego modules that are asked together, read once and named by one digest.

Rules
  1. A path is a `.rego` file or a folder; a folder's modules are all files below it but `*_test.rego`, which `bridle policy test`
     reads beside them.
  2. A module's name is its path from the folder's parent (`base/git.rego`). No two paths have the same last name, so that what
     a module's name begins with says which of them it is from.
  3. The digest covers the names and the texts of all modules and of the module that joins them (`ANSWER`).
  4. An empty set is refused: it would deny everything, and nobody means that.

Texts are not parsed here: the worker does that, so that a hostile text cannot hang the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridle.core.canonical import digest
from bridle.core.decoding import decode
from bridle.core.errors import InputError

MAX_MODULE_BYTES = 256 << 10  # the longest public rule files are a tenth of this
MAX_MODULES = 200

ANSWER_NAME = "answer.rego"
ANSWER_RULE = "data.bridle.gate.answer"
ANSWER = """package bridle.gate

import rego.v1

# Every set has the three, so that one without, say, an ask rule still answers.
deny contains finding if some finding in []

ask contains finding if some finding in []

allow contains finding if some finding in []

answer := {"deny": deny, "ask": ask, "allow": allow}
"""


@dataclass(frozen=True)
class PolicySet:
    """Modules by name, and the digest that stands for them in decisions, approvals and evidence.

    `bound` are the folders and files among them that are bound to a part of the account: what they say only adds.
    """

    modules: Mapping[str, str]
    digest: str
    bound: tuple[str, ...] = ()


def build_policy_set(modules: Mapping[str, str]) -> PolicySet:
    """Make a set of texts; raise InputError when there are none, too many, or one is named like ours."""
    if not modules:
        raise InputError("the policy set has no modules", hint="name a folder with .rego files")
    if len(modules) > MAX_MODULES:
        raise InputError(f"the policy set has {len(modules)} modules, at most {MAX_MODULES} are read")
    if ANSWER_NAME in modules:
        raise InputError(f"{ANSWER_NAME} is the name of Bridle's own module", hint="rename the file")
    return PolicySet(dict(modules), digest({"modules": dict(modules), "answer": ANSWER}))


def load_policy_set(paths: Sequence[Path]) -> PolicySet:
    """Read the modules at `paths`; raise InputError with the file when one cannot be used."""
    modules: dict[str, str] = {}
    seen: set[str] = set()
    for path in map(Path.resolve, paths):
        if path.name in seen:
            raise InputError(f"two policies are called {path.name}", where=str(path), hint="rename one")
        seen.add(path.name)
        found = _modules_at(path)
        if not found:
            raise InputError(
                "there is no policy here", where=str(path), hint="name a folder with .rego files"
            )
        modules |= {name: _read(file) for name, file in found}
    return build_policy_set(modules)


def list_policies(folder: Path) -> list[Path]:
    """Return the sets that lie in a folder of sets: its modules and its folders, in their order."""
    return sorted(
        path for path in folder.iterdir() if path.is_dir() or (path.suffix == ".rego" and not _is_test(path))
    )


def load_tests(path: Path) -> dict[str, str]:
    """Read the tests of the modules at `path`, named as those are: a folder's `*_test.rego`, or the one beside a file."""
    path = path.resolve()
    if path.is_dir():
        return {name: _read(file) for name, file in _files_below(path) if _is_test(file)}
    beside = path.with_name(f"{path.stem}_test.rego")
    return {beside.name: _read(beside)} if beside.is_file() else {}


def _modules_at(path: Path) -> list[tuple[str, Path]]:
    if path.is_dir():
        return [(name, file) for name, file in _files_below(path) if not _is_test(file)]
    if path.suffix != ".rego" or not path.is_file():
        raise InputError(
            "there is no policy here", where=str(path), hint="name a .rego file or a folder of them"
        )
    return [(path.name, path)]


def _files_below(folder: Path) -> list[tuple[str, Path]]:
    return sorted((str(file.relative_to(folder.parent)), file) for file in folder.rglob("*.rego"))


def _is_test(file: Path) -> bool:
    return file.name.endswith("_test.rego")


def _read(file: Path) -> str:
    try:
        data = file.read_bytes()
        if len(data) > MAX_MODULE_BYTES:
            raise InputError(f"a module may have {MAX_MODULE_BYTES} bytes", where=str(file), hint="split it")
        return decode(data, where=str(file))
    except OSError as exc:
        hint = "let whoever runs bridle read it"
        raise InputError(f"cannot be read: {exc.strerror}", where=str(file), hint=hint) from exc
