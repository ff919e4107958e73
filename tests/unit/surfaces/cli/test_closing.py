"""What a command says at its end: what a person is asked, and evidence that is verified and not believed."""

import json

import pytest

from bridle.core.errors import TrustError
from bridle.core.states import State
from bridle.surfaces.cli.closing import Closing, conclude, describe

SHOWN = {"arguments": {"branch": "main"}, "difference": "-old\n+new\n"}


@pytest.fixture
def make_closing(make_summary, tmp_path):
    def make(state=State.WAITING, *waiting, asked=False, **changes):
        places = {"evidence": tmp_path / "exe_1.json", "key": tmp_path / "control-plane.pub"}
        return Closing(make_summary(state, **changes), waiting, asked=asked, **places)

    return make


def test_what_waits_is_shown_before_it_is_said_how_to_answer(make_closing, make_approval, capsys):
    asked = {
        "id": "apr_1",
        "message": "Ship?",
        "verdict": "",
        "name": "",
        "by": "",
        "asserted": False,
        "expires_at": "2999-01-01T00:00:00.000000Z",
    }
    closing = make_closing(State.WAITING, make_approval(shown=SHOWN), approvals=[asked])
    assert conclude(closing, as_json=False) == 6
    said = capsys.readouterr().err
    assert said.index("  +new") < said.index("bridle approve apr_1")


def test_what_was_asked_on_the_terminal_is_not_shown_again(make_closing, make_approval, capsys):
    conclude(make_closing(State.WAITING, make_approval(shown=SHOWN), asked=True), as_json=False)
    assert "+new" not in capsys.readouterr().err


def test_the_document_holds_what_a_person_is_asked(make_closing, make_approval):
    (waiting,) = json.loads(json.dumps(describe(make_closing(State.WAITING, make_approval(shown=SHOWN)))))[
        "waiting"
    ]
    assert (waiting["id"], waiting["action"], waiting["shown"]) == ("apr_1", "sha256:action", SHOWN)
    assert waiting["rests_on"]["commit"] == "c0ffee"


def test_without_a_shipment_there_is_nothing_to_verify(make_closing):
    assert describe(make_closing(State.SUCCEEDED))["verified"] is None


@pytest.mark.parametrize("as_json", [True, False])
def test_evidence_that_is_missing_is_an_error_and_no_success(make_closing, as_json):
    with pytest.raises(TrustError, match="cannot be verified"):
        conclude(make_closing(State.SUCCEEDED, evidence="rec_1"), as_json=as_json)


def test_what_happened_is_said_even_when_its_evidence_does_not_verify(make_closing, capsys):
    with pytest.raises(TrustError):
        conclude(make_closing(State.SUCCEEDED, evidence="rec_1"), as_json=False)
    assert "release exe_1: succeeded" in capsys.readouterr().out
