"""Steps on a real store: answered from the journal, failed by what cannot be evaluated, handed on as data."""

from datetime import timedelta

import pytest

from bridle.core.errors import UnavailableError
from bridle.engine.proof import find_shipment
from bridle.engine.result import Standing
from bridle.trust.journal import GuardError, JournalError, Kind

ONE = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, run: make}]}]}"


def steps(*bodies):
    """A pipeline of one stage `a` with these steps."""
    head = "id: p, inputs: {x: {type: string, default: no}}"
    return f"pipeline: {{{head}, stages: [{{id: a, steps: [{', '.join(bodies)}]}}]}}"


def own_env(task):
    """Return the variables of a command but those that every command has."""
    env = task.request.arguments["env"]
    return {name: value for name, value in env.items() if not name.startswith("HARNESS_")}


async def test_a_step_that_has_ended_is_answered_from_the_journal(desk):
    execution = await desk.start(ONE)
    first = await desk.leg(execution, "a/b")
    assert await desk.leg(execution, "a/b") == first
    assert len(desk.delegate.told) == 1


async def test_a_stage_that_was_left_out_is_answered_from_the_journal(desk):
    execution = await desk.start(
        "pipeline: {id: p, stages: [{id: a, if: OnPipelineFailure, steps: [run: x]}]}"
    )
    stage = desk.position(execution, "a")
    answers = [await desk.worker(execution).enter(stage, Standing(failed=failed)) for failed in (False, True)]
    assert [answer["state"] for answer in answers] == ["skipped"] * 2


async def test_a_verification_has_every_round_that_fits_into_its_window(desk):
    execution = await desk.start(steps("{id: watch, verify: {window: 99999s, interval: 1s, steps: [ls]}}"))
    answer = await desk.worker(execution).expand(desk.position(execution, "a/watch"), Standing())
    assert answer["cells"] == 100_000  # the first at second 0, and as many as are read


async def test_a_crash_in_a_step_is_recovered_by_its_next_leg(desk):
    execution = await desk.start(ONE)
    await desk.crash(execution, "a/b")
    assert (await desk.leg(execution, "a/b"))["state"] == "succeeded"
    records = await desk.bench.journal.read(execution=execution.id)
    kinds = [
        str(record.kind) for record in records if record.kind not in (Kind.TOKEN_MINTED, Kind.TOKEN_DELETED)
    ]
    assert kinds == [
        "execution.started",
        "controls.attested",
        "step.started",
        "action.decided",
        "action.intended",
        "action.outcome",
        "step.ended",
    ]
    assert desk.delegate.told[1].restore_to == "sha256:" + "0" * 64


async def test_a_condition_that_cannot_be_evaluated_fails_the_step_and_nothing_is_done(desk):
    execution = await desk.start(steps("{id: b, if: <+inputs.x> , run: make}"), inputs={"x": "maybe"})
    state, _ = await desk.carry(execution)
    ended = await desk.outcome(execution, "a/b")
    assert (state, ended["state"], desk.delegate.told) == ("failed", "failed", [])
    assert "neither true nor false" in ended["note"]


async def test_a_condition_of_a_stage_that_cannot_be_evaluated_fails_the_whole(desk):
    text = "pipeline: {id: p, inputs: {x: {type: string}}, stages: [{id: a, if: <+inputs.x>, steps: [run: make]}]}"
    execution = await desk.start(text, inputs={"x": "maybe"})
    state, ended = await desk.carry(execution)
    assert (state, ended, desk.delegate.told) == ("failed", {}, [])


async def test_a_body_that_cannot_be_evaluated_fails_the_step_and_nothing_is_done(desk):
    execution = await desk.start(steps("{id: b, run: {script: make, env: {V: '<+fromJSON(inputs.x)>'}}}"))
    await desk.carry(execution)
    assert ((await desk.outcome(execution, "a/b"))["state"], desk.delegate.told) == ("failed", [])


async def test_a_path_that_leads_nowhere_is_noted_and_is_empty_text(desk):
    text = steps("{id: b, run: make}", "{id: c, run: {script: make, env: {V: <+steps.b.output.none>}}}")
    execution = await desk.start(text)
    await desk.carry(execution)
    assert (await desk.outcome(execution, "a/c"))["note"] == "unresolved: steps.b.output.none"
    assert own_env(desk.delegate.told[1]) == {"V": ""}


async def test_a_number_in_a_variable_is_written_out(desk):
    desk.delegate.answers["command.run"] = {
        "exit_code": 0,
        "why": "exit",
        "outputs": {},
        "report": {"tests": 3},
    }
    text = steps(
        "{id: b, run: make}", "{id: c, run: {script: make, env: {N: <+steps.b.output.report.tests>}}}"
    )
    execution = await desk.start(text)
    assert (await desk.carry(execution))[0] == "succeeded"
    assert own_env(desk.delegate.told[1]) == {"N": "3"}


async def test_declared_outputs_have_their_other_names_and_missing_ones_a_note(desk):
    desk.delegate.answers["command.run"] = {"exit_code": 0, "why": "exit", "outputs": {"one": "1"}}
    body = "{id: b, run: {script: make, output: [{name: one, alias: uno}, two]}}"
    execution = await desk.start(steps(body))
    await desk.carry(execution)
    ended = await desk.outcome(execution, "a/b")
    assert {name: ended["output"][name] for name in ("one", "uno", "two")} == {
        "one": "1",
        "uno": "1",
        "two": None,
    }
    assert ended["note"] == "the script wrote no two"


async def test_a_report_that_matches_no_file_leaves_a_note_and_the_state(desk):
    desk.delegate.answers["command.run"] = {"exit_code": 0, "why": "exit", "outputs": {}, "report": None}
    execution = await desk.start(
        steps("{id: b, run: {script: make, report: {type: junit, path: none/*.xml}}}")
    )
    await desk.carry(execution)
    ended = await desk.outcome(execution, "a/b")
    assert (ended["state"], ended["note"]) == ("succeeded", "no report matched none/*.xml")


async def test_outputs_that_could_not_be_collected_are_not_said_to_be_missing(desk):
    error = {"error": "the output one has more than 65536 bytes", "reason": "output-too-large"}
    desk.delegate.answers["command.run"] = error
    execution = await desk.start(steps("{id: b, run: {script: make, output: [{name: one, mask: true}]}}"))
    await desk.carry(execution)
    assert "wrote no" not in (await desk.outcome(execution, "a/b"))["note"]


async def test_lines_that_are_no_outputs_are_counted_and_named_in_a_note(desk):
    unread = {"lines": 3, "names": ["a b", "../x"]}
    answer = {"exit_code": 0, "why": "exit", "outputs": {}, "unread_outputs": unread}
    desk.delegate.answers["command.run"] = answer
    execution = await desk.start(steps("{id: b, run: make}"))
    await desk.carry(execution)
    told = "3 lines of the output file were not read (a b, ../x): write NAME=value"
    assert (await desk.outcome(execution, "a/b"))["note"] == told


async def test_an_output_cannot_take_the_name_of_what_the_harness_saw(desk):
    desk.delegate.answers["command.run"] = {
        "exit_code": 0,
        "why": "exit",
        "report": None,
        "outputs": {"exit_code": "7", "report": "green"},
    }
    execution = await desk.start(steps("{id: b, run: {script: make, output: [exit_code, report]}}"))
    await desk.carry(execution)
    output = (await desk.outcome(execution, "a/b"))["output"]
    assert (output["exit_code"], output["report"]) == (0, None)


async def test_text_that_looks_like_an_expression_stays_text(desk):
    odd = "<+inputs.x> ${{ inputs.x }}"
    desk.delegate.answers["command.run"] = {"exit_code": 0, "why": "exit", "outputs": {"odd": odd}}
    text = steps("{id: b, run: make}", "{id: c, run: {script: make, env: {V: <+steps.b.output.odd>}}}")
    execution = await desk.start(text)
    await desk.carry(execution)
    assert own_env(desk.delegate.told[1]) == {"V": odd}


async def test_the_nearest_variable_wins(desk):
    text = (
        "pipeline: {id: p, env: {A: pipeline, B: pipeline, C: pipeline}, stages: [{id: a, env: {A: stage, B: stage},"
        " steps: [{id: b, env: {A: step}, run: {script: make}}]}]}"
    )
    await desk.carry(await desk.start(text))
    assert own_env(desk.delegate.told[0]) == {"A": "step", "B": "stage", "C": "pipeline"}


async def test_a_denied_step_is_not_ignored_and_denies_the_whole(desk):
    text = steps(
        "{id: b, on-failure: ignore, tool: {uses: git.push, with: {commit: '%s', branch: main}}}" % ("0" * 40)
    )
    state, ended = await desk.carry(await desk.start(text))
    assert (state, ended) == ("denied", {"a/b": "denied"})


def break_outcomes(desk, error):
    """Have the store refuse every outcome with `error`; return what undoes it."""
    real = desk.store.journal.append

    async def fake_append(entries, guards=()):
        if entries and entries[0].kind is Kind.OUTCOME:
            raise error
        return await real(entries, guards)

    desk.store.journal.append = fake_append
    return lambda: setattr(desk.store.journal, "append", real)


async def test_an_outcome_that_could_not_be_recorded_is_unknown_and_not_ignored(desk):
    execution = await desk.start(steps("{id: b, on-failure: ignore, run: make}"))
    break_outcomes(desk, GuardError("the budget is not in the state this needs"))
    answer = await desk.leg(execution, "a/b")
    assert (answer["state"], answer["reaction"]) == ("unknown", "fail")
    assert "the budget is not" in answer["note"]


async def test_a_store_that_does_not_answer_ends_nothing_and_the_step_goes_on_when_it_does(desk):
    execution = await desk.start(steps("{id: b, on-failure: ignore, run: make}"))
    mend = break_outcomes(desk, UnavailableError("the store does not answer"))
    with pytest.raises(UnavailableError):
        await desk.leg(execution, "a/b")
    mend()
    assert (await desk.leg(execution, "a/b"))["state"] == "succeeded"


@pytest.mark.parametrize("error", [UnavailableError("no answer"), JournalError("changed behind our back")])
async def test_a_journal_that_cannot_be_read_ends_no_block(desk, error):
    execution = await desk.start("pipeline: {id: p, stages: [{id: a, on-failure: ignore, steps: [ls]}]}")
    real, stage = desk.store.journal.read, desk.position(execution, "a")

    async def fake_read(**wanted):
        raise error

    desk.store.journal.read = fake_read
    with pytest.raises(type(error)):
        await desk.worker(execution).enter(stage, Standing())
    desk.store.journal.read = real
    assert (await desk.worker(execution).enter(stage, Standing()))["state"] == "running"


async def test_a_wait_counts_from_the_start_that_the_journal_knows(desk):
    execution = await desk.start("pipeline: {id: p, stages: [{id: a, steps: [{id: b, wait: 10m}]}]}")
    legs = []
    for minutes in (4, 5, 1):
        legs.append(await desk.leg(execution, "a/b"))
        desk.clock.advance(timedelta(minutes=minutes))
    legs.append(await desk.leg(execution, "a/b"))
    assert [leg.get("timeout_s") for leg in legs] == [600.0, 360.0, 60.0, None]
    assert legs[-1]["state"] == "succeeded"


async def test_nothing_was_shipped_where_nothing_was_pushed(desk):
    execution = await desk.start(ONE)
    await desk.carry(execution)
    assert find_shipment(await desk.bench.journal.read(execution=execution.id), execution.id) is None
