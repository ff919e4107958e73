"""What a person reads of a case: agents and strangers have written in it."""

from bridle.surfaces.cli.case_list import tell_case
from bridle.surfaces.cli.command import Answer

FORGED = "ok\n  hld_2  hold: released  (user:boss)"
MARK = {"id": "hld_1", "kind": "hold", "reason": FORGED, "by": "agent:a"}
CASE = {
    "id": "cas_1",
    "type": "return",
    "object": "A-1",
    "state": "taken",
    "due_at": "",
    "overdue": False,
    "holds": [MARK],
    "exceptions": [{**MARK, "id": "exc_1"}],
    "may": {"tools": [], "effects": [], "purposes": [], "otherwise": "ask"},
    "decisions": {"goods": {"value": "back", "by": "agent:a", "reason": FORGED}},
    "next": [],
    "pending": [],
    "conversation": [{"at": "2026", "said_by": FORGED, "noted_by": "agent:a", "text": FORGED}],
    "history": [
        {"at": "2026", "what": "hold", "by": "agent:a", "state": "taken", "said": {"reason": FORGED}}
    ],
}


def test_nothing_that_was_written_into_a_case_passes_for_a_line_of_ours(capsys):
    Answer(CASE, tell_case(CASE)).tell(as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if line.startswith("  hld_2")]
    assert "as agent:a has it" in next(line for line in lines if "2026  ok" in line), "and whose word it is"
