"""A user's own rules of redaction: used like those that are built in, and refused when they could do harm."""

import json

import pytest

from bridle.core.errors import InputError
from bridle.trust.redaction import Redactor
from bridle.trust.redaction.rules import read_rules
from bridle.trust.redaction.token_format import TokenFormat, has_edge

RULE = {"kind": "acme", "literals": ["acme_"], "pattern": "(acme_[a-z0-9]{12,})"}


def read(**changes):
    return read_rules([{**RULE, **changes}], where="redaction.yaml")


def test_a_rule_of_the_user_is_used_counted_and_settled():
    redactor = Redactor(rules=read(examples=["acme_" + "x" * 12]))
    once = redactor.redact("the acme_0123456789ab is secret")
    assert (dict(redactor.count(once)), redactor.redact(once)) == ({"acme": 1}, once)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "github"}, "already"),
        ({"kind": "mail"}, "already"),
        ({"kind": "Acme Corp"}, "lower-case"),
        ({"literals": []}, "needs literals"),
        ({"literals": ["a"]}, "needs literals"),
        ({"pattern": "acme_[a-z]+"}, "one group"),
        ({"pattern": "(acme_)([a-z]+)"}, "one group"),
        ({"pattern": "(acme_"}, "RE2"),
        ({"pattern": r"(acme_)(?=x)"}, "RE2"),
        ({"pattern": "([a-z]*)"}, "has to survive"),
        ({"pattern": "([0-9a-f]{40})"}, "has to survive"),
        ({"pattern": r"(\[secret:.*)"}, "has to survive"),
        ({"examples": ["beta_0123456789ab"]}, "not matched"),
        ({"examples": ["ACME_0123456789ab"]}, "not matched"),
        ({"replace": "x"}, "fields"),
        ({"pattern": "(" + "a" * 3000 + ")"}, "characters"),
    ],
)
def test_a_rule_that_could_do_harm_is_refused_with_its_place(changes, why):
    with pytest.raises(InputError, match=why) as refused:
        read(**changes)
    assert refused.value.where == "redaction.yaml: rule 1"


@pytest.mark.parametrize("content", [{"kind": "acme"}, "acme", [7], [RULE, RULE]])
def test_a_file_that_is_no_list_of_different_rules_is_refused(content):
    with pytest.raises(InputError):
        read_rules(content, where="redaction.yaml")


def test_no_file_is_no_rules():
    assert read_rules(None, where="redaction.yaml") == ()


@pytest.mark.parametrize(
    ("pattern", "is_edged"),
    [
        (r"(?:^|x)(a+)", True),
        (r"(a+)$", True),
        (r"\A(a)", True),
        (r"([^a]{9})", False),
        (r"(\$[$^]a)", False),
    ],
)
def test_a_rule_that_goes_by_where_a_text_ends_is_known_as_such(pattern, is_edged) -> None:
    assert has_edge(pattern) == is_edged


def test_a_rule_that_goes_by_where_a_text_begins_is_found_in_json_too() -> None:
    rule = TokenFormat("acme", ("acme_",), "^(acme_[a-z0-9]{8,})$", "our wiki")
    (redacted,) = Redactor(rules=[rule]).redact_lines(['{"a": "acme_0123456789", "b": "x acme_0123456789"}'])
    assert json.loads(redacted)["a"].startswith("[secret:acme:")
    assert json.loads(redacted)["b"] == "x acme_0123456789"
