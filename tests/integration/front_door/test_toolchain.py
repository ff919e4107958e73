"""The sandbox's toolchain, really made, from an index on loopback."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from bridle.adapters.index.toolchain import prepare_toolchain
from bridle.core.errors import UnavailableError
from bridle.core.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"HOME": str(tmp_path), "BRIDLE_WORK_DIR": str(tmp_path / "work")})


@pytest.fixture
def requirements(index, wheel: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One requirement, locked to the wheel's hash; whoever installs it asks the index on loopback only."""
    index.wheel = wheel
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, index.environ["PIP_INDEX_URL"])
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setattr(
        "bridle.adapters.index.toolchain.os.geteuid", lambda: 1000
    )  # a test's folder is closed to others
    return lock(tmp_path, wheel)


def lock(folder: Path, content: bytes) -> Path:
    path = folder / "toolchain.txt"
    path.write_text(f"pkg==1.0 --hash=sha256:{hashlib.sha256(content).hexdigest()}\n")
    return path


def test_it_is_made_once_of_the_systems_python_and_holds_the_wheel(
    settings: Settings, requirements: Path, index
) -> None:
    made = prepare_toolchain(settings, requirements)
    script = "import pkg, sys; print(pkg.HERE, sys.base_prefix)"
    assert subprocess.check_output([made / "bin/python", "-c", script], text=True).strip() in (
        "True /usr",
        "True /usr/local",
    )
    assert (settings.work_dir / "toolchain").resolve() == made.resolve()
    assert sorted(path.name for path in settings.work_dir.iterdir()) == ["toolchain", made.name]
    index.requests.clear()
    assert prepare_toolchain(settings, requirements) == made
    assert index.requests == []


def test_a_file_with_another_hash_is_refused_and_nothing_is_left(
    settings: Settings, requirements: Path, index, tmp_path: Path
) -> None:
    other = lock(tmp_path, b"not the wheel")
    with pytest.raises(UnavailableError, match="failed"):
        prepare_toolchain(settings, other)
    assert list(settings.work_dir.iterdir()) == []


def test_a_source_archive_is_never_built(
    settings: Settings, requirements: Path, index, tmp_path: Path
) -> None:
    index.wheel = b""
    source = lock(tmp_path, index.content)
    with pytest.raises(UnavailableError, match="failed"):
        prepare_toolchain(settings, source)
    assert "/files/pkg-1.0.tar.gz" not in index.requests


def test_root_is_told_of_a_folder_that_the_sandboxs_user_cannot_pass(
    settings: Settings, requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridle.adapters.index.toolchain.os.geteuid", lambda: 0)
    tmp_path.chmod(0o700)
    with pytest.raises(UnavailableError, match="cannot pass") as caught:
        prepare_toolchain(settings, requirements)
    assert "BRIDLE_WORK_DIR" in caught.value.hint
