"""The layers are kept, and each contract that says so can be broken.

The second half builds a small package with the same names, in which one import breaks one contract.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

OFFENCES = {
    "layers": ("core/broken.py", "import bridle.trust"),
    "pipeline": ("pipeline/broken.py", "import subprocess"),
    "effects": ("engine/broken.py", "from bridle.gate.effects import perform"),
    "adapters": ("surfaces/broken.py", "from bridle.adapters.sql import store"),
    "delegate": ("delegate/broken.py", "from bridle.trust import journal"),
    "perimeter": ("engine/broken.py", "import bridle.delegate.worker"),
    "dbos": ("engine/broken.py", "import dbos"),
    "pydantic-ai": ("gate/broken.py", "import pydantic_ai"),
    "sqlalchemy": ("trust/broken.py", "import sqlalchemy"),
}

ALLOWED = {
    "app.py": "import bridle.adapters.sql.store, bridle.delegate.app",
    "core/errors.py": "",
    "trust/keys.py": "import bridle.core.errors",
    "trust/journal.py": "import bridle.core.errors",
    "dispatch/protocol.py": "import bridle.trust.keys",
    "pipeline/plan.py": "import bridle.core.errors",
    "gate/effects.py": "import bridle.dispatch.protocol",
    "gate/perform.py": "import bridle.gate.effects",
    "agent/loop.py": "import pydantic_ai",
    "engine/durable.py": "import bridle.gate.perform",
    "delegate/worker.py": "import bridle.trust.keys, bridle.dispatch.protocol, bridle.core.errors",
    "delegate/app.py": "import bridle.adapters.models.client",
    "adapters/sql/store.py": "import sqlalchemy, bridle.trust.journal",
    "adapters/dbos/durable.py": "import dbos, sqlalchemy, bridle.engine.durable",
    "adapters/models/client.py": "import pydantic_ai",
    "surfaces/main.py": "import bridle.app",
}


def write_package(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / "bridle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        for folder in path.relative_to(root).parents[:-1]:
            (root / folder / "__init__.py").touch()


def lint(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run the contracts of pyproject.toml over the package `bridle` that lies in `folder`."""
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            *("--config", str(ROOT / "pyproject.toml"), "--no-cache", "--no-logo"),
            *chosen,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_source_keeps_every_contract() -> None:
    answer = lint(ROOT / "src")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in answer.stdout


def test_what_the_layers_allow_keeps_every_contract(tmp_path: Path) -> None:
    write_package(tmp_path, ALLOWED)
    answer = lint(tmp_path)
    assert f"{len(CONTRACTS)} kept, 0 broken" in answer.stdout, answer.stdout + answer.stderr


@pytest.mark.parametrize("contract", [contract["id"] for contract in CONTRACTS])
def test_a_contract_breaks_on_a_forbidden_import(contract: str, tmp_path: Path) -> None:
    name, text = OFFENCES[contract]
    write_package(tmp_path, {**ALLOWED, name: text})
    answer = lint(tmp_path, contract)
    assert answer.returncode == 1
    assert "0 kept, 1 broken" in answer.stdout, answer.stdout + answer.stderr
