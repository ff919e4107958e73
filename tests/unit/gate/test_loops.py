"""Which time a change is made: told by its target and what it does, not by when, by whom or under which id."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridle.core.ids import new_id
from bridle.gate.attempts import name_business
from bridle.gate.boundaries import check_boundaries
from bridle.gate.decision import decide
from bridle.gate.loops import (
    LIMITS,
    Change,
    Deed,
    count_times,
    describe_change,
    describe_loop,
    is_counted,
    is_loop,
)
from bridle.gate.manifest import Compensation, Effect, builtin_manifests
from bridle.trust.policy import Finding, PolicyAnswer

from .test_decision import push

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PUSH = builtin_manifests()["git.push"]
DEPLOY = replace(PUSH, tool="cluster.deploy", target=("service",), compensation=None)


def history(letters, *, anew=-1, key="exact"):
    """One letter is one change; the digest that is not asked about is another each time."""
    return [
        deed(replace(change(str(index)), **{key: letter}), anew=index == anew)
        for index, letter in enumerate(letters)
    ]


def change(letter):
    return Change("t", letter, letter)


def deed(change, *, anew=False):
    return Deed(change, "k", "exe_1", "git.push", AT, anew)


@pytest.mark.parametrize(
    ("past", "times"),
    [
        ("", 1),
        ("B", 1),
        ("A", 1),  # it follows itself: nothing was there in between
        ("AAAA", 1),
        ("AB", 2),
        ("ABAB", 3),
        ("ABACA", 3),
        ("ABAAB", 3),
        ("ABCD", 2),
        ("BCDE", 1),
    ],
)
@pytest.mark.parametrize("key", ["exact", "alike"])
def test_a_change_is_counted_once_for_each_time_that_something_else_was_there(past, times, key):
    assert count_times(history(past, key=key), replace(change("other"), **{key: "A"})) == times


@pytest.mark.parametrize(
    ("moved", "times"),
    [([], 1), ([True], 2), ([True, False], 1), ([True, True], 3), ([True, False, True], 3)],
)
def test_the_very_same_that_moved_its_target_again_was_taken_back_by_somebody_else(moved, times):
    past = [replace(deed(change("A")), moved=each) for each in moved]
    assert count_times(past, change("A")) == times


def test_what_is_only_alike_may_move_its_target_every_night():
    past = [replace(item, moved=True) for item in history("AAAA", key="alike")]
    assert count_times(past, replace(change("other"), alike="A")) == 1


def test_counting_begins_with_what_a_person_approved():
    assert count_times(history("ABABA", anew=4), change("A")) == 1
    assert count_times(history("ABABAB", anew=4), change("A")) == 2


def described(arguments, made=None, manifest=DEPLOY):
    found = describe_change(manifest, arguments, made)
    assert found is not None
    return found


def test_ids_and_times_in_the_arguments_do_not_make_another_change():
    first, second = (
        described({"service": "shop", "image": "app:1.2", "run": new_id("exe"), "note": f"at {at}"})
        for at in ("2026-03-01T12:00:00Z", "2026-03-01T13:30:00Z")
    )
    assert (first.alike, first.target) == (second.alike, second.target)
    assert first.exact != second.exact


def test_another_version_is_another_change():
    first, second = (described({"service": "shop", "image": f"app:1.{minor}"}) for minor in (2, 3))
    assert first.alike != second.alike


def test_another_target_has_a_history_of_its_own():
    first, second = (described({"service": name, "image": "app:1.2"}) for name in ("shop", "stock"))
    assert (first.alike, first.target != second.target) == (second.alike, True)


def test_a_push_does_what_its_commit_changes_whatever_its_id_and_branch_are():
    made = {"repository": "/srv/o.git", "change": {"exact": "sha256:e", "alike": "sha256:a"}}
    first, second = (described({"commit": hash_ * 40, "branch": "main"}, made, PUSH) for hash_ in "cd")
    assert first == second


def test_a_push_and_what_puts_it_back_have_one_target():
    made = {"repository": "/srv/o.git", "change": {"exact": "sha256:e", "alike": "sha256:a"}}
    pushed = described({"commit": "c" * 40, "branch": "main"}, made, PUSH)
    arguments = {"repository": "/srv/o.git", "branch": "main", "commit": "c" * 40, "previous": ""}
    restored = described(arguments, manifest=builtin_manifests()["git.restore"])
    assert (pushed.target, pushed.exact != restored.exact) == (restored.target, True)


@pytest.mark.parametrize(
    "made",
    [
        {"repository": "/srv/o.git"},
        {"repository": "/srv/o.git", "change": {"exact": "", "alike": ""}},
        {"repository": "", "change": {"exact": "e", "alike": "a"}},
        None,
    ],
)
def test_a_push_of_which_the_change_or_the_target_is_not_known_cannot_be_told(made):
    assert describe_change(PUSH, {"commit": "c" * 40, "branch": "main"}, made) is None


def fact_of(manifest, past, *, execution="exe_1", now=AT):
    return describe_loop(manifest, change("A"), past, LIMITS, execution=execution, now=now)


@pytest.mark.parametrize("past", ["A", "AB", "A" + "B" * 30])
def test_the_same_wish_is_known_again_whatever_was_done_to_the_target_in_between(past):
    assert fact_of(PUSH, history(past))["repeated"] is True
    assert fact_of(PUSH, history(past, anew=len(past) - 1))["repeated"] is True
    assert fact_of(PUSH, history(past.replace("A", "C")))["repeated"] is False


def test_in_one_session_the_same_wish_is_known_again_after_days():
    later = AT + timedelta(days=3)
    assert fact_of(PUSH, history("A"), now=later)["repeated"] is True
    assert fact_of(PUSH, history("A"), now=later, execution="exe_2")["repeated"] is False
    assert fact_of(PUSH, history("ABAB"), now=later)["times"] == 1


PAYING = replace(
    PUSH,
    tool="mcp.bank.pay",
    control={"order": "id", "amount": "amount", "until": "date", "case": "id"},
    arguments={"required": ["order", "amount"]},
    target=("order", "case"),
    key="key",
)


@pytest.mark.parametrize(
    "more",
    [
        {"note": "x"},
        {"until": "2026-03-01"},
        {"case": "C-1"},
        {"key": "k"},
        {"amount": "9.9 EUR"},
        {"order": ["#A-1"]},
    ],
)
def test_a_note_beside_an_amount_makes_no_second_wish_of_one(more):
    plain = {"order": "A-1", "amount": "9.90"}
    assert described({**plain, **more}, manifest=PAYING) == described(plain, manifest=PAYING)
    assert name_business(PAYING, {**plain, **more}) == name_business(PAYING, plain)


@pytest.mark.parametrize("other", [{"order": "A-2"}, {"amount": "9.91"}, {"order": ["A-1", "A-2"]}])
def test_another_object_or_amount_is_another_wish(other):
    plain = {"order": "A-1", "amount": "9.90"}
    assert described({**plain, **other}, manifest=PAYING) != described(plain, manifest=PAYING)


def test_where_no_money_moves_another_text_is_another_wish():
    mail = replace(PAYING, control={"order": "id"})
    first, second = (described({"order": "A-1", "text": text}, manifest=mail) for text in ("hello", "bye"))
    assert first != second


def test_the_fact_shows_what_was_done_since_the_last_approval_and_which_of_it_was_the_same():
    fact = fact_of(PUSH, history("XABAB", anew=1))
    assert [entry["same"] for entry in fact["before"]] == [True, False, True, False]
    assert (fact["times"], fact["limit"], fact["within_s"], fact["undoes"]) == (3, 3, 86_400, False)


def test_what_compensates_another_tool_is_said_to_undo():
    restore = builtin_manifests()["git.restore"]
    assert fact_of(restore, [])["undoes"] is True


def test_the_limit_is_reached_with_the_time_it_names():
    facts = [fact_of(PUSH, history(past)) for past in ("AB", "ABAB", "ABABAB")]
    assert [is_loop(fact) for fact in facts] == [False, True, True]


def test_every_tool_whose_effect_lasts_names_its_target():
    for manifest in builtin_manifests().values():
        lasts = manifest.effect in (Effect.CONSEQUENTIAL, Effect.DESTRUCTIVE)
        assert (is_counted(manifest), bool(manifest.target)) == (lasts, lasts), manifest.tool


def test_a_compensation_changes_the_target_of_what_it_undoes():
    undone = [one for one in builtin_manifests().values() if isinstance(one.compensation, Compensation)]
    assert undone
    assert all(builtin_manifests()[one.compensation.tool].target == one.target for one in undone)


def test_a_lasting_effect_is_denied_when_nobody_has_looked_at_its_history():
    facts = push()
    del facts["loop"]
    (finding,) = check_boundaries(facts, PUSH)
    assert (finding.rule, "loop" in finding.reason) == ("facts.incomplete", True)


def allowed_by(*, given, now):
    """Decide on a push that asks, with an approval that was given as things stood `given`."""
    rests_on = dict(push()["rests_on"])
    approval = {"id": "apr_1", "by": "user:ben", "asserted": False, "rests_on": {**rests_on, **given}}
    answer = PolicyAnswer((), (Finding("some.ask", "?"),), (), rests_on["policy"])
    return decide(push(approval=approval, rests_on={**rests_on, **now}), PUSH, answer).effect == "allow"


def test_an_approval_does_not_cover_a_loop_that_the_person_did_not_see():
    assert not allowed_by(given={}, now={"loop": "time 3"})
    assert not allowed_by(given={"loop": "time 3"}, now={"loop": "time 4"})


def test_an_approval_of_a_loop_covers_it_also_when_it_is_none_any_more():
    assert allowed_by(given={"loop": "time 3"}, now={"loop": "time 3"})
    assert allowed_by(given={"loop": "time 3"}, now={})
