"""What a case forbids: pure, so that every contradiction is a line here."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridle.operating.cases.case import Case, Mark, begin
from bridle.operating.cases.changing import change
from bridle.operating.cases.reading import read_case_type
from bridle.operating.cases.rules import MOST_MARKS, Who, Wish, find_doubtful, find_refusals
from unit.operating.cases.test_reading import SOUND

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TYPE = read_case_type(SOUND, source="t.yaml")
CASE = begin("cas_1", TYPE, object="A-1", by="user:ana", now=NOW)
CLERK = Who("user:ana", by_agent=False, names=frozenset({"group:ops"}), tools={})
STRANGER = replace(CLERK, id="user:ben", names=frozenset())
PAYS = {"mcp.shop.pay": "consequential"}
MAILS = {"mcp.mail.send": "consequential"}
AGENT = Who("agent:a", by_agent=True, names=frozenset(), tools=PAYS, bound_to="cas_1")
BUSY = replace(CASE, state="busy")
HELD = replace(CASE, holds=(Mark("hld_1", "hold", "counsel", "user:ana", "then"),))
RAISED = replace(CASE, exceptions=(Mark("exc_1", "fraud", "two cards", "user:ana", "then"),))
DECIDED = replace(CASE, decisions={"fit": {"value": "good"}})
ENDED = replace(CASE, state="done", final=True)


def rules(case, tool, who=CLERK, now=NOW, **arguments):
    wish = Wish(f"case.{tool}", {"case": "cas_1", **arguments}, who, now)
    return [finding.rule for finding in find_refusals(case, TYPE, wish)]


@pytest.mark.parametrize(
    ("case", "tool", "who", "wish", "expected"),
    [
        (CASE, "move", STRANGER, {"to": "busy"}, []),
        (CASE, "move", CLERK, {"to": "busy", "from": "new"}, []),
        (CASE, "move", CLERK, {"to": "busy", "from": "busy"}, ["case.contradiction"]),
        (CASE, "move", CLERK, {"to": "done"}, ["case.no-transition"]),
        (CASE, "move", CLERK, {"to": "nowhere"}, ["case.no-transition"]),
        (BUSY, "move", CLERK, {"to": "done"}, ["case.condition"]),
        (replace(DECIDED, state="busy"), "move", CLERK, {"to": "done"}, []),
        (replace(DECIDED, state="busy"), "move", STRANGER, {"to": "done"}, ["case.not-yours"]),
        (replace(HELD, state="new"), "move", CLERK, {"to": "busy"}, ["case.held"]),
        (CASE, "move", AGENT, {"to": "busy"}, []),
        (CASE, "move", replace(AGENT, bound_to="cas_2"), {"to": "busy"}, ["case.other"]),
        (CASE, "move", replace(AGENT, bound_to=""), {"to": "busy"}, ["case.other"]),
        (ENDED, "move", CLERK, {"to": "busy"}, ["case.ended"]),
        (ENDED, "hold", CLERK, {}, ["case.ended"]),
        (ENDED, "note", CLERK, {}, []),
        (CASE, "decide", CLERK, {"decision": "colour", "value": "red"}, ["case.no-transition"]),
        (CASE, "decide", CLERK, {"decision": "fit", "value": "red"}, ["case.no-transition"]),
        (CASE, "decide", CLERK, {"decision": "fit", "value": "good"}, []),
        (CASE, "decide", STRANGER, {"decision": "fit", "value": "good"}, ["case.not-yours"]),
        (CASE, "decide", CLERK, {"decision": "fit", "value": "bad", "replaces": "good"}, ["case.contradiction"]),
        (DECIDED, "decide", CLERK, {"decision": "fit", "value": "bad"}, ["case.contradiction"]),
        (DECIDED, "decide", CLERK, {"decision": "fit", "value": "bad", "replaces": "good"}, []),
        (CASE, "release", CLERK, {"hold": "hld_1"}, ["case.contradiction"]),
        (HELD, "release", CLERK, {"hold": "hld_1"}, []),
        (HELD, "release", AGENT, {"hold": "hld_1"}, ["case.widens"]),
        (RAISED, "resolve", CLERK, {"exception": "exc_2"}, ["case.contradiction"]),
        (RAISED, "resolve", CLERK, {"exception": "exc_1"}, []),
        (RAISED, "resolve", AGENT, {"exception": "exc_1"}, ["case.widens"]),
        (CASE, "hold", STRANGER, {}, []),
        (None, "move", CLERK, {"to": "busy"}, ["case.unknown"]),
        (CASE, "open", CLERK, {"type": "ticket"}, ["case.exists"]),
        (CASE, "escalate", CLERK, {"since": CASE.since}, ["case.not-due"]),
    ],
)  # fmt: skip
def test_a_case_says_what_it_forbids(case, tool, who, wish, expected):
    assert rules(case, tool, who, **wish) == expected


@pytest.mark.parametrize(("tool", "field"), [("hold", "holds"), ("exception", "exceptions")])
def test_no_agent_fills_a_case_with_marks_and_the_harness_still_marks_it(tool, field):
    marks = tuple(Mark(f"m_{number}", "x", "why", "agent:a", "then") for number in range(MOST_MARKS))
    full, almost = replace(CASE, **{field: marks}), replace(CASE, **{field: marks[1:]})
    assert rules(full, tool, AGENT, reason="again") == ["case.too-many"]
    assert rules(full, tool, CLERK, reason="again") == rules(almost, tool, AGENT, reason="again") == []


def test_what_an_agent_led_a_person_s_pipeline_to_is_doubtful_and_puts_nothing_off():
    led = replace(CLERK, led=True, known=PAYS)
    back = SOUND.replace("transitions:", "transitions:\n    - {from: busy, to: new, by: [anyone]}")
    case_type = read_case_type(back, source="t.yaml")

    def doubt(case, tool, who=led, **arguments):
        wish = Wish(f"case.{tool}", {"case": "cas_1", **arguments}, who, NOW)
        return find_doubtful(case, case_type, wish)

    assert doubt(BUSY, "move", to="new") == ("mcp.shop.pay",)
    assert doubt(HELD, "release", hold="hld_1") == ("hld_1",)
    assert doubt(RAISED, "resolve", exception="exc_1") == ("exc_1",)
    assert doubt(CASE, "decide", decision="goods", value="back") == ("goods is back",)
    assert doubt(CASE, "decide", replace(led, led=False), decision="goods", value="back") == ()
    assert doubt(CASE, "move", to="busy") == doubt(BUSY, "move", replace(led, led=False), to="new") == ()
    assert move(move(CASE, "busy", led, 1), "new", led, 2).due_at == CASE.due_at


def test_who_is_not_meant_gets_nothing_done_through_one_who_is():
    way = SOUND.replace("to: busy, by: [anyone]", 'to: busy, by: ["agent:a", group:ops]')
    case_type = read_case_type(way, source="t.yaml")

    def refuse(**behind):
        who = replace(
            AGENT, tools={}, behind={f"agent:{name}": frozenset(held) for name, held in behind.items()}
        )
        wish = Wish("case.move", {"case": "cas_1", "to": "busy"}, who, NOW)
        return [finding.rule for finding in find_refusals(CASE, case_type, wish)]

    assert refuse() == refuse(b={"group:ops"}) == []
    assert refuse(b=()) == refuse(c={"group:ops"}, b=()) == ["case.not-yours"]


def test_an_agent_makes_no_move_after_which_it_could_do_more():
    back = SOUND.replace("transitions:", "transitions:\n    - {from: busy, to: new, by: [anyone]}")
    denying = read_case_type(back, source="t.yaml")

    case_type = read_case_type(back.replace(", otherwise: deny", ""), source="t.yaml")

    def refuse(who, case_type=case_type):
        wish = Wish("case.move", {"case": "cas_1", "to": "new"}, who, NOW)
        return [finding.rule for finding in find_refusals(BUSY, case_type, wish)]

    assert refuse(AGENT) == ["case.widens"]
    assert refuse(replace(AGENT, tools=MAILS)) == [], "it asks in both"
    assert refuse(replace(AGENT, tools=MAILS), denying) == ["case.widens"], "denied before, asked about after"
    assert refuse(CLERK, denying) == []


def test_a_case_is_overdue_once_and_only_the_control_plane_says_so():
    harness = replace(CLERK, id="service:bridle")
    late = NOW + timedelta(days=2)
    assert rules(CASE, "escalate", harness, since=CASE.since) == ["case.not-due"]
    assert rules(CASE, "escalate", harness, late, since=CASE.since) == []
    assert rules(CASE, "escalate", CLERK, late, since=CASE.since) == ["case.not-due"]
    told = change(
        CASE, TYPE, Wish("case.escalate", {"since": CASE.since}, harness, late), new_id=lambda kind: "exc_9"
    )
    assert rules(told, "escalate", harness, late, since=CASE.since) == ["case.not-due"]
    assert (told.exceptions[0].kind, "group:ops" in told.exceptions[0].reason) == ("overdue", True)


@pytest.mark.parametrize(
    ("tool", "wish", "step"),
    [("note", {"text": "x"}, 0), ("hold", {"reason": "x"}, 1), ("move", {"to": "busy"}, 1)],
)
def test_the_revision_counts_what_governs(tool, wish, step):
    after = change(CASE, TYPE, Wish(f"case.{tool}", wish, CLERK, NOW), new_id=lambda kind: "hld_9")
    assert after.revision == CASE.revision + step


def move(case, to, who, days):
    return change(case, TYPE, Wish("case.move", {"to": to}, who, NOW + timedelta(days=days)), new_id=str)


def test_what_is_due_begins_anew_with_each_state():
    after = move(CASE, "busy", CLERK, 0)
    assert (CASE.due_at[:10], after.due_at) == ("2026-03-03", "")
    assert move(after, "new", CLERK, 1).due_at[:10] == "2026-03-04"


@pytest.mark.parametrize("told", [False, True])
def test_no_agent_puts_off_what_is_due_by_moving_to_and_fro(told):
    case = replace(CASE, escalated=told)
    for day in (1, 3, 5):
        case = move(move(case, "busy", AGENT, day), "new", AGENT, day + 1)
    assert (case.due_at, case.escalated) == (CASE.due_at, told)
    assert Case.from_json(case.to_json()) == case, "the next process knows it as well"


def test_a_person_s_move_begins_what_is_due_anew_for_agents_too():
    case = move(move(CASE, "busy", AGENT, 1), "new", CLERK, 2)
    assert case.due_at[:10] == "2026-03-05"
    assert move(move(case, "busy", CLERK, 3), "new", AGENT, 4).due_at[:10] == "2026-03-07"
