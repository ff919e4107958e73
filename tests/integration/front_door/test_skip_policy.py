"""In CI a test that is skipped for a reason nobody listed fails the run; long campaigns wait until they are asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[2] / "conftest.py"

IN_TEST = "import pytest\n\ndef test_it():\n    pytest.skip('no moon tonight')\n"
BY_MARK = "import pytest\n\n@pytest.mark.skip(reason='no moon tonight')\ndef test_it(): ...\n"
WHOLE_MODULE = "import pytest\n\npytest.skip('no moon tonight', allow_module_level=True)\n"
EXPECTED_FAILURE = "import pytest\n\n@pytest.mark.xfail(reason='known')\ndef test_it():\n    assert False\n"


LONG = "import pytest\n\n@pytest.mark.long\ndef test_it():\n    assert False, 'it ran'\n"


def run(
    folder: Path, test: str, *, ci: str, allowed: str = "", mark: str = ""
) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "allowed_skips.txt").write_text(f"# why\n{allowed}\n")
    (folder / "test_it.py").write_text(test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-m",
        mark,
        str(folder),
    ]
    environment = {**os.environ, "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("test", [IN_TEST, BY_MARK, WHOLE_MODULE])
def test_an_unlisted_skip_fails_in_ci_and_names_its_reason(test: str, tmp_path: Path) -> None:
    answer = run(tmp_path, test, ci="true")
    assert answer.returncode not in (0, 5)
    assert "does not list: no moon tonight" in answer.stdout


def test_a_listed_skip_passes_in_ci(tmp_path: Path) -> None:
    assert run(tmp_path, IN_TEST, ci="true", allowed="no * tonight").returncode == 0


def test_an_unlisted_skip_passes_at_home(tmp_path: Path) -> None:
    assert run(tmp_path, IN_TEST, ci="").returncode == 0


def test_an_expected_failure_is_not_a_skip(tmp_path: Path) -> None:
    assert run(tmp_path, EXPECTED_FAILURE, ci="true").returncode == 0


def test_a_long_test_waits_until_its_mark_is_asked_for(tmp_path: Path) -> None:
    assert "1 deselected" in run(tmp_path, LONG, ci="true").stdout
    assert "it ran" in run(tmp_path, LONG, ci="true", mark="long").stdout
