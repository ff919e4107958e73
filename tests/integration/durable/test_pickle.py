"""Whoever can write into the engine's database must not be able to run code in the control plane."""

import base64
import pickle
from pathlib import Path

import pytest

from integration.durable.conftest import until


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


PLANT = {
    "PENDING": "UPDATE {}workflow_input SET inputs = :value",
    "SUCCESS": "UPDATE {}workflow_output SET output = :value",
}
MARK = "UPDATE {}workflow_status SET serialization = 'py_pickle', status = :status"


def plant(stage, value, *, status):
    """Put a pickled argument into a pending workflow, or a pickled result into one that has ended."""
    stage.engine_rows(PLANT[status], value=base64.b64encode(pickle.dumps(value)).decode())
    stage.engine_rows(MARK, status=status)


@pytest.fixture
def landmark(tmp_path):
    return tmp_path / "the payload ran"


def test_the_payload_would_run_if_it_were_unpickled(landmark):
    pickle.loads(pickle.dumps(Payload(str(landmark))))  # noqa: S301 - this is what must not happen elsewhere
    assert landmark.exists()


def test_a_pickled_argument_is_not_run_and_other_work_goes_on(stage, landmark):
    killed = stage.carry(exe_1=[["step", "a", "hold"]])
    until(lambda: stage.begun("a"))
    killed.kill()
    plant(stage, {"args": [Payload(str(landmark))], "kwargs": {}}, status="PENDING")
    other = stage.carry(exe_2=[["wait", "nothing", 1], ["step", "b", "at once"]])
    assert stage.result(other) == {"by": [other.pid]}
    assert stage.trace() == [("a", killed.pid), ("b", other.pid)]
    assert not landmark.exists()


def test_a_pickled_result_is_refused_and_not_run(stage, landmark):
    stage.result(stage.carry(exe_1=[["step", "a", "at once"]]))
    plant(stage, Payload(str(landmark)), status="SUCCESS")
    reader = stage.carry(exe_1=[["step", "a", "at once"]])
    assert stage.result(reader)["what"] == "a pickled value was found in the engine's database"
    assert not landmark.exists()


def test_listing_workflows_does_not_run_a_pickled_one(stage, landmark):
    stage.result(stage.carry(exe_1=[["step", "a", "at once"]]))
    plant(stage, Payload(str(landmark)), status="SUCCESS")
    lister = stage.start("list_all", {"scene": stage.scene()})
    assert lister.wait(20) == 0, lister.stderr
    assert "exe_1" in lister.stdout
    assert not landmark.exists()
