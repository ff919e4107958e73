"""What one process began, another ends: woken, killed, paused and taken over, started twice."""

import signal
import time

from integration.durable.conftest import until
from integration.durable.jobs import LEASE_S

AT_ONCE, HOLD = "at once", "hold"


def test_a_workflow_ends_with_what_its_steps_returned(stage):
    child = stage.carry(exe_1=[["step", "a", AT_ONCE], ["step", "b", AT_ONCE]])
    assert stage.result(child) == {"by": [child.pid, child.pid]}


def test_a_waiting_workflow_is_woken_by_another_process(stage):
    holder = stage.carry(exe_1=[["step", "a", AT_ONCE], ["wait", "apr_1", 60], ["step", "b", AT_ONCE]])
    until(lambda: stage.begun("a"))
    assert stage.wake("exe_1", "apr_1").wait() == 0
    assert stage.result(holder) == {"by": [holder.pid, holder.pid]}


def test_a_wake_reaches_no_execution_whose_id_only_begins_so(stage):
    operations = [["step", "a", AT_ONCE], ["wait", "apr_1", 60]]
    stage.carry(exe_1=operations, exe_10=operations)
    until(lambda: len(stage.trace()) == 2)
    assert stage.wake("exe_1", "").wait() == 0
    until(lambda: stage.status("exe_1") == "SUCCESS")
    assert (stage.status("exe_10"), stage.waits("exe_10")) == ("PENDING", 0)


def test_a_wake_that_comes_before_the_wait_is_not_lost(stage):
    holder = stage.carry(exe_1=[["step", "a", HOLD], ["wait", "apr_1", 60]])
    until(lambda: stage.begun("a"))
    assert stage.wake("exe_1", "apr_1").wait() == 0
    stage.release()
    assert stage.result(holder) == {"by": [holder.pid]}


def test_what_a_killed_process_held_is_ended_by_another(stage):
    killed = stage.carry(exe_1=[["step", "a", AT_ONCE], ["step", "b", HOLD]])
    until(lambda: stage.begun("b"))
    killed.kill()
    stage.release()
    other = stage.carry()
    until(lambda: stage.status("exe_1") == "SUCCESS")
    assert stage.trace() == [("a", killed.pid), ("b", killed.pid), ("b", other.pid)]


def test_a_process_that_died_on_this_machine_is_noticed_long_before_its_lease_runs_out(stage):
    killed = stage.carry(lease_s=60, exe_1=[["step", "a", HOLD]])
    until(lambda: stage.begun("a"))
    killed.kill()
    stage.release()
    stage.carry(lease_s=60)
    assert until(lambda: stage.status("exe_1") == "SUCCESS") < 10


def test_a_command_leaves_alone_what_it_was_not_asked_to_carry(stage):
    killed = stage.carry(exe_1=[["step", "a", HOLD]])
    until(lambda: stage.begun("a"))
    killed.kill()
    stage.release()
    command = stage.carry(takes_over=False, exe_2=[["step", "b", AT_ONCE]])
    assert stage.result(command) == {"by": [command.pid]}
    assert stage.status("exe_1") == "PENDING"


def test_a_command_takes_over_the_one_execution_it_carries_and_no_other(stage):
    operations = [["step", "a", HOLD]]
    killed = stage.carry(exe_1=operations, exe_2=[["step", "b", HOLD]])
    until(lambda: stage.begun("a") and stage.begun("b"))
    killed.kill()
    stage.release()
    command = stage.carry(takes_over=False, exe_1=operations)
    assert stage.result(command) == {"by": [command.pid]}
    assert stage.status("exe_2") == "PENDING"
    stage.carry()
    until(lambda: stage.status("exe_2") == "SUCCESS")


def test_what_another_version_began_is_refused_by_name_once_nobody_carries_it_and_can_be_begun_anew(stage):
    operations = [["step", "a", AT_ONCE], ["wait", "", 60]]
    older = stage.carry(exe_1=operations)
    until(lambda: stage.begun("a"))
    stage.engine_rows("UPDATE {}workflow_status SET application_version = 'interpreter-0'")
    younger = stage.carry(exe_1=[["step", "b", AT_ONCE]])  # while the other lives, that is left to it
    until(lambda: stage.launched(younger))
    older.kill()
    refused = stage.result(stage.carry(exe_1=operations))
    assert (refused["reason"], "interpreter-0" in refused["what"]) == ("other-interpreter", True)
    anew = stage.carry(exe_1=[["step", "c", AT_ONCE]], anew=True)
    assert stage.result(anew) == {"by": [anew.pid]}
    assert [name for name, _ in stage.trace()] == ["a", "c"]


def test_a_wait_outlives_the_process_that_waited(stage):
    killed = stage.carry(
        exe_1=[["step", "a", AT_ONCE], ["wait", "", 60], ["wait", "apr_1", 60], ["step", "b", AT_ONCE]]
    )
    until(lambda: stage.begun("a"))
    time.sleep(0.2)  # it goes on to wait
    killed.kill()
    other = stage.carry()  # taking over wakes it once
    until(lambda: stage.waits("exe_1") == 1)
    assert stage.wake("exe_1", "apr_1").wait() == 0
    until(lambda: stage.status("exe_1") == "SUCCESS")
    assert stage.trace()[-1] == ("b", other.pid)


def test_a_wake_that_died_with_its_process_is_made_good_for(stage):
    killed = stage.carry(exe_1=[["wait", "apr_1", 60], ["step", "b", AT_ONCE]])
    until(lambda: stage.launched(killed) and stage.status("exe_1") == "PENDING")
    killed.kill()  # after it had recorded what was waited for, and before it told so
    other = stage.carry()
    until(lambda: stage.status("exe_1") == "SUCCESS")
    assert stage.trace() == [("b", other.pid)]


def test_two_processes_that_start_the_same_execution_run_it_once(stage):
    operations = [["step", "a", AT_ONCE], ["step", "b", AT_ONCE]]
    both = [stage.carry(exe_1=operations) for _ in range(2)]
    assert stage.result(both[0]) == stage.result(both[1])
    assert sorted(name for name, _ in stage.trace()) == ["a", "b"]


def test_a_live_process_is_not_robbed_however_long_its_step_takes(stage):
    holder = stage.carry(exe_1=[["step", "a", HOLD]])
    until(lambda: stage.begun("a"))
    other = stage.carry()
    until(lambda: stage.launched(other))
    time.sleep(2 * LEASE_S)
    stage.release()
    assert stage.result(holder) == {"by": [holder.pid]}


def test_a_process_that_slept_past_its_lease_does_not_overwrite_who_took_over(stage):
    sleeper = stage.carry(exe_1=[["step", "a", HOLD]])
    until(lambda: stage.begun("a"))
    sleeper.kill(signal.SIGSTOP)
    other = stage.carry()
    until(lambda: len(stage.trace()) == 2)
    stage.release()
    until(lambda: stage.status("exe_1") == "SUCCESS")
    sleeper.kill(signal.SIGCONT)
    assert stage.result(sleeper) == {"by": [other.pid]}


def test_a_sleeper_that_wakes_while_the_other_still_works_leaves_the_work_to_it(stage):
    sleeper = stage.carry(exe_1=[["step", "a", HOLD], ["step", "b", AT_ONCE]])
    until(lambda: stage.begun("a"))
    sleeper.kill(signal.SIGSTOP)
    other = stage.carry()
    until(lambda: len(stage.trace()) == 2)
    sleeper.kill(signal.SIGCONT)
    time.sleep(LEASE_S)
    stage.release()
    assert stage.result(sleeper) == {"by": [other.pid, other.pid]}
    assert [pid for name, pid in stage.trace() if name == "b"] == [other.pid]


def test_a_process_that_carries_nothing_and_is_late_keeps_its_lease(stage):
    sleeper = stage.carry(takes_over=False)
    until(lambda: stage.launched(sleeper))
    sleeper.kill(signal.SIGSTOP)
    time.sleep(1.5 * LEASE_S)
    other = stage.carry()
    until(lambda: stage.launched(other))
    time.sleep(LEASE_S)  # the other one looks at the leases four times meanwhile
    assert len(stage.leases()) == 2


def test_the_lease_of_a_process_that_died_is_forgotten(stage):
    killed = stage.carry(takes_over=False)
    until(lambda: stage.launched(killed))
    killed.kill()
    stage.carry(takes_over=False)
    until(lambda: len(stage.leases()) == 1)


def test_an_execution_outlives_a_thousand_recoveries(stage):
    killed = stage.carry(exe_1=[["step", "a", HOLD]])
    until(lambda: stage.begun("a"))
    killed.kill()
    stage.engine_rows("UPDATE {}workflow_status SET recovery_attempts = 1000")
    stage.release()
    stage.carry()
    until(lambda: stage.status("exe_1") == "SUCCESS")
