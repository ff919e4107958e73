"""A workflow that breaks is heard of, every time anybody asks, and goes on from there when it is started again."""

from integration.durable.conftest import until

BUG = [["step", "a", "at once"], ["step", "b", "raise"]]
STORE_DOWN = [["step", "a", "at once"], ["step", "b", "store down"], ["step", "c", "at once"]]


def test_a_bug_in_a_step_is_raised_to_whoever_waits_for_the_result(stage):
    answer = stage.result(stage.carry(exe_1=BUG))
    assert answer == {"error": "BridleError", "what": "the workflow of exe_1 broke: a bug"}


def test_a_bug_is_raised_again_in_another_process(stage):
    stage.result(stage.carry(exe_1=BUG))
    assert stage.result(stage.carry(exe_1=BUG))["what"] == "the workflow of exe_1 broke: a bug"


def test_what_broke_in_a_command_on_a_full_disk_goes_on_from_there_when_it_is_started_again(stage):
    assert stage.result(stage.carry(exe_1=STORE_DOWN, takes_over=False))["error"] == "UnavailableError"
    stage.release()
    again = stage.carry(exe_1=STORE_DOWN, takes_over=False)
    assert stage.result(again)["by"][1:] == [again.pid, again.pid]
    assert [name for name, _ in stage.trace()] == ["a", "b", "b", "c"]


def test_a_command_ends_once_the_store_has_been_silent_for_longer_than_a_lease_and_another_goes_on(stage):
    silent = stage.result(stage.carry(exe_1=[["step", "a", "store silent"]], takes_over=False))
    assert silent == {"error": "UnavailableError", "what": "the disk is full"}
    stage.release()
    again = stage.carry(exe_1=BUG[:1], takes_over=False)
    assert stage.result(again) == {"by": [again.pid]}


def test_what_needs_a_store_that_does_not_answer_goes_on_by_itself_in_a_process_that_serves(stage):
    server = stage.carry(exe_1=STORE_DOWN)
    until(lambda: [name for name, _ in stage.trace()].count("b") > 1)
    stage.release()
    assert stage.result(server)["by"] == [server.pid] * 3


def test_a_step_that_is_cut_short_by_the_end_of_its_process_can_still_put_away_in_a_thread_what_it_used(
    stage,
):
    child = stage.start("leave", {"scene": stage.scene(), "operations": [["step", "a", "tidy"]]})
    assert (child.wait(20.0), child.stderr) == (0, "")
    assert (stage.folder / "tidied").exists()
