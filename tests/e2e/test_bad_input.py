"""What goes wrong from outside: a clear error with its place and the next step, no traceback, and a journal that verifies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.commands import Bridle, Done, finish

PIPELINE = Path(__file__).parents[2] / "samples" / "autofix" / "pipeline.yaml"
BAD_INPUT, FAILED, UNAVAILABLE = 2, 4, 5
RUN = """
version: 1
pipeline:
  id: small
  name: Small
  stages:
    - id: build
      steps:
        - id: only
          run: {script: '%s'}
          timeout: %s
"""
HUNDRED_MB = 100 * 1024 * 1024
KEPT_MB = 8  # what may be kept of an output, with generous room for the store's own pages


def run_script(bridle: Bridle, script: str, timeout: str = "1m") -> Done:
    return run_text(bridle, RUN % (script, timeout))


def run_text(bridle: Bridle, text: str) -> Done:
    (bridle.room.path / "pipeline.yaml").write_text(text, "utf-8")
    return bridle("run", "pipeline.yaml")


def run_agent(bridle: Bridle, turns: list[dict[str, Any]]) -> Done:
    """Run the sample with a scripted model."""
    script = bridle.room.path / "script.yaml"
    content = {"format": "bridle/script/1", "priced_as": "anthropic:claude-sonnet-5-5", "turns": turns}
    script.write_text(json.dumps(content), "utf-8")
    repository = f"repository={bridle.room.origin}"
    return bridle(
        "run", str(PIPELINE), "-i", repository, "--model", f"scripted:{script}", "--approve-as", "ana"
    )


def assert_clear(bridle: Bridle, done: Done, code: int, *words: str) -> None:
    """The words are said, no traceback is shown, and the journal is whole, if there is one yet."""
    assert done.code == code, done.said
    assert [word for word in words if word not in done.said] == [], done.said
    assert "Traceback" not in done.err
    if bridle.room.stores():
        assert bridle("audit", "verify").code == 0


def test_malformed_yaml_is_refused_with_line_and_column(bridle: Bridle) -> None:
    done = run_text(bridle, "version: 1\npipeline:\n  id: [unclosed\n  name: x\n")
    assert_clear(bridle, done, BAD_INPUT, "pipeline.yaml:4")


def test_an_unknown_key_is_refused_with_the_nearest_one(bridle: Bridle) -> None:
    done = run_text(bridle, RUN.replace("stages", "stags") % ("true", "1m"))
    assert_clear(bridle, done, BAD_INPUT, "pipeline.yaml:6", "stages")


def test_a_missing_file_is_said_with_its_path(bridle: Bridle) -> None:
    assert_clear(bridle, bridle("run", "nowhere.yaml"), BAD_INPUT, "nowhere.yaml", "next: ")


def test_an_unknown_tool_of_an_agent_is_refused_with_its_line(bridle: Bridle) -> None:
    agent = bridle.room.path / "agents" / "bridle.ci-autofix" / "1.0.0.md"
    agent.parent.mkdir(parents=True)
    shipped = PIPELINE.parents[2] / "agents" / "bridle.ci-autofix" / "1.0.0.md"
    agent.write_text(shipped.read_text("utf-8").replace("file.search", "file.serch"), "utf-8")
    done = run_agent(bridle, [{"text": "Nothing."}])
    assert_clear(bridle, done, BAD_INPUT, "pipeline.yaml:", "1.0.0.md:", "file.serch", "file.search")


def test_a_model_that_fails_fails_the_step_with_the_next_one(bridle: Bridle) -> None:
    listing = {"text": "I look.", "calls": [{"tool": "file.list", "arguments": {"path": "src"}}]}
    done = run_agent(bridle, [listing])
    assert_clear(bridle, done, FAILED, "the model call failed", "asked for one more", "add the turn")


def test_a_full_disk_is_said_and_what_was_written_stays_whole(bridle: Bridle) -> None:
    job = {"arguments": ["demo", "--approve-as", "ana"], "pages": 130}
    done = finish(bridle.start(call="e2e.jobs:with_little_room", argument=job))
    assert_clear(bridle, done, UNAVAILABLE, "full", "free some space", "bridle resume exe_")
    resumed = bridle("resume", "--approve-as", "ana")
    assert resumed.code == 0, resumed.said


def test_an_output_of_a_hundred_megabytes_is_cut_off(bridle: Bridle) -> None:
    done = run_script(bridle, f"head -c {HUNDRED_MB} /dev/zero | tr \\\\0 x")
    assert_clear(bridle, done, FAILED, "stopped: output")
    stored = sum(len(data) for data in bridle.room.stores().values())
    assert stored < KEPT_MB * 1024 * 1024


def test_a_suite_that_never_ends_is_stopped(bridle: Bridle) -> None:
    done = run_script(bridle, "sleep 1000", timeout="1s")
    assert_clear(bridle, done, FAILED, "stopped: wall")


def test_a_file_that_is_not_utf_8_is_told_to_the_agent_and_breaks_nothing(bridle: Bridle) -> None:
    bridle.room.change("README.rst", b"ISO", b"\xff\xfe ISO")
    reading = {"text": "I read.", "calls": [{"tool": "file.read", "arguments": {"path": "README.rst"}}]}
    done = run_agent(bridle, [reading, {"text": "I could not read it."}])
    (outcome,) = (
        record["body"] for record in bridle.records("action.outcome") if record["body"]["tool"] == "file.read"
    )
    assert outcome["value"]["encoding"] == "not utf-8"
    assert_clear(bridle, done, FAILED, "came to nothing")


def test_a_pipeline_that_is_not_utf_8_is_refused_with_its_place(bridle: Bridle) -> None:
    (bridle.room.path / "pipeline.yaml").write_bytes(b"version: 1\n# \xff\n")
    assert_clear(bridle, bridle("run", "pipeline.yaml"), BAD_INPUT, "not UTF-8", "pipeline.yaml:2:3")


def test_an_origin_that_is_not_there_fails_the_step_that_clones(bridle: Bridle) -> None:
    done = bridle(
        "run", str(PIPELINE), "-i", "repository=/nowhere/at/all", "--model", "recorded:autofix/turns.json"
    )
    assert_clear(bridle, done, FAILED, "'/nowhere/at/all' does not appear to be a git repository")


def test_a_store_that_cannot_be_opened_is_said(bridle: Bridle) -> None:
    done = bridle("resume", "--store", "sqlite:////proc/nowhere/bridle.db")
    assert (done.code, "Traceback" in done.err, "/proc/nowhere" in done.err) == (BAD_INPUT, False, True), (
        done.said
    )
