"""The engine's name on the package index belongs to nobody: installing it by that name would be somebody's chance."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# A requirement line, a quoted dependency, or the object of an install command; `gordon-to-regorus` is none of them.
REQUIREMENT = re.compile(r"""(?:^|["'])\s*regorus\s*(?:[=<>~!\[;@#"',\\]|$)""", re.IGNORECASE | re.MULTILINE)
INSTALL = re.compile(r"\b(?:install|add)\b[^\n]*(?<![\w-])regorus(?![\w.])", re.IGNORECASE)


def named_in(text: str, *, requirements: bool) -> bool:
    return bool(INSTALL.search(text) or (requirements and REQUIREMENT.search(text)))


def dependency_files() -> list[Path]:
    return [*sorted((ROOT / "requirements").iterdir()), ROOT / "pyproject.toml"]


def other_files() -> list[Path]:
    places = [ROOT / "run", ROOT / ".ci", ROOT / "docs", ROOT / "deploy", *ROOT.glob("*.md")]
    files = (file for place in places for file in ([place] if place.is_file() else place.rglob("*")))
    return [file for file in files if file.is_file()]


@pytest.mark.parametrize(
    "text",
    [
        "regorus",
        "regorus==0.9",
        "x\nregorus>=0.1 \\\n",
        'dependencies = ["regorus"]',
        "pip install -U regorus",
    ],
)
def test_the_check_sees_the_name(text: str) -> None:
    assert named_in(text, requirements=True)


@pytest.mark.parametrize(
    "text", ["gordon-to-regorus==0.13.0", "pip install gordon-to-regorus", "# imports as regorus"]
)
def test_the_check_lets_the_wheel_pass(text: str) -> None:
    assert not named_in(text, requirements=True)


def test_no_requirement_names_the_engine_itself() -> None:
    files = dependency_files()
    assert [file.name for file in files if named_in(file.read_text("utf-8"), requirements=True)] == []
    assert any("gordon-to-regorus==" in file.read_text("utf-8") for file in files)


def test_no_document_or_script_installs_the_engine_by_its_own_name() -> None:
    found = [file for file in other_files() if named_in(file.read_text("utf-8"), requirements=False)]
    assert found == []
