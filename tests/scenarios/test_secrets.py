"""Secrets of a pipeline: given to a command by name, and to a later one as an output; nowhere is their value written down."""

import asyncio
import base64

import pytest

from bridle.engine.summary import summarise
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.read import read_pipeline

NAMED, WRITTEN = "kQ7vT2mZx9Rb4LwYc8NdPf3H", "Zr5uWq8sJt1yBn6eMa0oGh2K"
LIMIT_S = 60.0
PIPELINE = """
pipeline:
  id: secrets
  inputs: {which: {type: secret}}
  stages:
    - id: one
      steps:
        - id: uses
          env: {HEADER: "Bearer <+inputs.which>"}
          run:
            script: |
              echo "sent $HEADER"
              echo "length=${#HEADER}" >> "$BRIDLE_OUTPUT"
              echo "shown=$HEADER" >> "$BRIDLE_OUTPUT"
              echo "$HEADER" > left-behind
              printf 'PASS=%s\\n' Zr5uWq8sJt1y""Bn6eMa0oGh2K >> "$HARNESS_OUTPUT_SECRET_FILE"
            output: [{name: PASS, alias: password}, length]
        - id: takes
          run:
            script: echo "got $P"; cat left-behind; test ${#P} = 24
            env: {P: <+steps.uses.output.password>}
        - {id: spills, run: {script: 'echo <+steps.uses.output.PASS>'}, on-failure: ignore}
        - {id: lacks, env: {X: <+secrets.nobody_has_it>}, run: touch it-ran, on-failure: ignore}
        - {id: looks, run: test ! -e it-ran}
"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module", params=["file", "variable"])
def secret(request, folder):
    patch = pytest.MonkeyPatch()
    if request.param == "variable":
        patch.setenv("BRIDLE_SECRET_by_variable", NAMED)
    else:
        place = folder / "config" / "secrets"
        place.mkdir(parents=True, exist_ok=True)
        (place / "by_file").write_text(NAMED)
        (place / "by_file").chmod(0o600)
    yield f"by_{request.param}"
    patch.undo()


async def run(app, secret):
    plan = read_pipeline(PIPELINE, source="secrets.yaml")
    given = resolve_inputs(plan, {"which": secret})
    execution = await app.control.start(plan, inputs=given, options={}, initiator=app.user)
    ended = await asyncio.wait_for(app.control.follow(execution.id), LIMIT_S)
    summary = summarise(ended, await app.journal.read(execution=execution.id))
    return {step.path.rpartition("/")[2]: step for group in summary.stages.values() for step in group}


async def test_a_value_reaches_the_commands_that_are_given_it_and_nothing_else(app, folder, secret):
    steps = await run(app, secret)
    states = {name: str(step.state) for name, step in steps.items()}
    assert states == {
        "uses": "succeeded",
        "takes": "succeeded",
        "spills": "failed",
        "lacks": "failed",
        "looks": "succeeded",
    }
    assert steps["uses"].output["length"] == str(len(f"Bearer {NAMED}"))
    assert steps["uses"].output["shown"].startswith("Bearer [secret:known:")
    assert steps["uses"].output["password"].startswith("[secret-output:")
    assert "got [secret:known:" in steps["takes"].output["stdout"]
    assert "Bearer [secret:known:" in steps["takes"].output["stdout"]
    assert "nobody_has_it" in steps["lacks"].note
    assert "BRIDLE_SECRET_nobody_has_it" in steps["lacks"].next
    assert "named in the script" in steps["spills"].note
    assert find_values(folder) == []


def find_values(folder):
    """Return the files of the stores that hold a value; where the command itself wrote one, it lies in the workspace."""
    values = [value.encode() for value in (NAMED, WRITTEN)]
    forms = [form for value in values for form in (value, base64.b64encode(value), value.hex().encode())]
    files = [path for path in (folder / "data").rglob("*") if path.is_file()]
    assert (folder / "data" / "bridle.db") in files
    return [path.name for path in files if any(form in path.read_bytes() for form in forms)]
