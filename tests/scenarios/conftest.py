"""One whole installation for all scenarios: the engine is one per process, and opening it takes longer than most of them run."""

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import pytest_asyncio

from bridle.app import open_app
from bridle.core.settings import load_settings
from support.scenario import play, read_scenario

AT_A_TIME = 4
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def folder():
    path = Path(tempfile.mkdtemp(prefix="bridle-scenarios-", dir="/var/tmp"))  # user 65534 has to walk there
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(folder):
    places = {f"BRIDLE_{name}_DIR": str(folder / name.lower()) for name in ("DATA", "CONFIG", "WORK")}
    (folder / "config").mkdir(mode=0o700)
    variables = "account: {registry: registry.example}\norg: {retries: 2}\nproject: {where: nowhere, team: payments}\n"
    (folder / "config" / "variables.yaml").write_text(variables)
    connectors = f"connectors: {{shelf: {{url: {folder / 'origins'}}}}}\n"
    (folder / "config" / "connectors.yaml").write_text(connectors)
    async with open_app(load_settings({"HOME": "/nonexistent", **places})) as opened:
        yield opened


@pytest.fixture(scope="module")
def origins(folder):
    """Three repositories, each with a file that says which one it is."""
    for name in ("one", "two", "three"):
        repository = folder / "origins" / name
        repository.mkdir(parents=True)
        (repository / "name.txt").write_text(f"{name}\n")
        git = ("git", "-C", str(repository), "-c", "user.name=Team", "-c", "user.email=team@example.invalid")
        subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "begin"], check=True)
        subprocess.run([*git, "tag", "-a", "v1", "-m", "the first"], check=True)
        (repository / "docs").mkdir()
        (repository / "docs" / "proposed.txt").write_text(f"proposed for {name}\n")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "propose"], check=True)
        subprocess.run([*git, "update-ref", "refs/pull/5/head", "HEAD"], check=True)
        subprocess.run([*git, "reset", "-q", "--hard", "HEAD^"], check=True)
    return folder / "origins"


class Stage:
    """Plays the scenarios that this run wants, in their order, some at a time and a little ahead of their tests."""

    def __init__(self, app, origins, names):
        self._app, self._origins, self._names = app, origins, names
        self._playing = {}

    async def play(self, name):
        """Return the scenario and how it came out; those after it are begun."""
        at = self._names.index(name)
        for coming in self._names[at : at + AT_A_TIME]:
            if coming not in self._playing:
                self._playing[coming] = asyncio.create_task(self._play(coming))
        return await self._playing[name]

    async def empty(self):
        """Wait until nothing is under way."""
        await asyncio.gather(*self._playing.values(), return_exceptions=True)

    async def _play(self, name):
        scenario = read_scenario(HERE / f"{name}.yaml")
        return scenario, await play(self._app, scenario, origins=self._origins)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(app, origins, request):
    asked = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    names = [call.params["name"] for call in asked if call is not None]
    wanted = Stage(app, origins, names or sorted(path.stem for path in HERE.glob("*.yaml")))
    yield wanted
    await wanted.empty()
