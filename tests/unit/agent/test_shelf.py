"""Finding agents: versions, what is said when there is none, and the agents that ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridle.agent.shelf import list_agents, list_roots, load_agent
from bridle.core.boundary import matches_any
from bridle.core.errors import InputError

SHIPPED = Path(__file__).parents[3] / "agents"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for version in ("1.0.0", "1.2.0", "1.10.0", "2.0.0"):
        write(tmp_path, "acme.fixer", version)
    return tmp_path


def write(root: Path, name: str, version: str) -> None:
    folder = root / name
    folder.mkdir(exist_ok=True)
    text = f"---\nname: {name}\nversion: {version}\nowner: acme\npurpose: repair\n---\nDo it.\n"
    (folder / f"{version}.md").write_text(text)


@pytest.mark.parametrize(
    ("uses", "version"),
    [
        ("acme.fixer@1.2.0", "1.2.0"),
        ("acme.fixer@1.2", "1.2.0"),
        ("acme.fixer@1", "1.10.0"),
        ("acme.fixer", "2.0.0"),
    ],
)
def test_a_reference_means_the_newest_that_fits(root: Path, uses: str, version: str) -> None:
    assert load_agent(uses, roots=[root]).version == version


@pytest.mark.parametrize("uses", ["acme.fixer@3", "acme.fixer@1.2.9", "acme.fixer@1.1"])
def test_a_missing_version_lists_those_there_are(root: Path, uses: str) -> None:
    with pytest.raises(InputError) as caught:
        load_agent(uses, roots=[root])
    assert caught.value.hint == "acme.fixer has 1.0.0, 1.2.0, 1.10.0, 2.0.0"


def test_a_missing_agent_lists_all(root: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_agent("acme.other@1.0.0", roots=[root])
    assert "acme.fixer@1.10.0, acme.fixer@2.0.0" in caught.value.hint


@pytest.mark.parametrize(
    "uses", ["", "fixer", "acme.fixer@latest", "../x.y", "acme.fixer@1.0.0.0", "a./../b"]
)
def test_what_is_no_reference_is_refused(root: Path, uses: str) -> None:
    with pytest.raises(InputError) as caught:
        load_agent(uses, roots=[root])
    assert caught.value.reason == "bad-reference"


def test_the_first_root_that_has_the_name_decides_alone(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("project")
    write(other, "acme.fixer", "9.0.0")
    assert load_agent("acme.fixer", roots=[root, other]).version == "2.0.0"


def test_a_file_with_the_name_of_another_is_refused(root: Path) -> None:
    path = root / "acme.fixer" / "2.0.0.md"
    path.write_text(path.read_text().replace("acme.fixer", "acme.other"))
    with pytest.raises(InputError) as caught:
        load_agent("acme.fixer", roots=[root])
    assert (caught.value.reason, caught.value.where) == ("name-mismatch", f"{path}:2:7")


def test_a_file_that_is_not_utf8_names_its_place(root: Path) -> None:
    (root / "acme.fixer" / "2.0.0.md").write_bytes(b"---\nname: \xff\n---\n")
    with pytest.raises(InputError, match=r"2\.0\.0\.md:2:7: not UTF-8"):
        load_agent("acme.fixer", roots=[root])


def test_every_shipped_agent_can_be_read() -> None:
    shipped = list_agents([SHIPPED])
    assert "bridle.ci-autofix@1.0.0" in shipped
    assert all(load_agent(name, roots=[SHIPPED]).tools for name in shipped)


@pytest.mark.parametrize(
    "path", ["src/isodate/tests/test_date.py", "tests/x.py", "src/a/test_b.py", "src/b_test.py", "src/conftest.py", "setup.py"]
)  # fmt: skip
def test_the_shipped_repairer_may_not_write_tests(path: str) -> None:
    assert not load_agent("bridle.ci-autofix@1", roots=[SHIPPED]).boundary.may_write(path)


def test_the_shipped_repairer_owns_its_branches_only() -> None:
    push = load_agent("bridle.ci-autofix@1", roots=[SHIPPED]).boundary.push
    assert (matches_any("bridle/autofix-isodate", push), matches_any("main", push)) == (True, False)


@pytest.mark.parametrize("mark", ["folder", "file"])
def test_agents_are_sought_where_one_stands_and_then_at_the_top_of_the_repository(tmp_path, mark):
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    git = tmp_path / ".git"
    git.mkdir() if mark == "folder" else git.write_text("gitdir: elsewhere\n")
    shipped = tmp_path / "shipped"
    assert list_roots(below, shipped=shipped) == (
        below / "agents",
        below / "bridle/agents",
        tmp_path / "agents",
        tmp_path / "bridle/agents",
        shipped,
    )
    assert list_roots(tmp_path, shipped=shipped) == (
        tmp_path / "agents",
        tmp_path / "bridle/agents",
        shipped,
    )
