"""Four spellings of an approval, one body; what it may not say is refused where it stands."""

import pytest

E = """
- id: ask
  approval:
    uses: harness
    with:
      message: Ship it?
      user-groups: [release]
      attributes: [EU-compliance]
      approvers-min-count: 2
      block-executor: true
      auto-reject: true
      deadline: 2026-03-01 10:00
      timezone: Europe/Rome
      timeout: 2d
      inputs:
        ticket: {description: The change, required: true, pattern: 'CHG-[0-9]+'}
        region: {enum: [eu, us], default: eu, multi-select: true}
"""
S = """
- id: ask
  approval:
    with: {timeout: 2d, message: Ship it?, groups: release, auto-reject: true, self-approval: false, min-approvers: 2,
           attributes: EU-compliance, deadline: '2026-03-01T09:00Z', inputs: {ticket: {description: The change, required: true,
           pattern: 'CHG-[0-9]+'}, region: {enum: [eu, us], default: eu, multi-select: true}}}
"""
D = """
- id: ask
  approval:
    with:
      approvers: {groups: [release], minimum: 2, attributes: [EU-compliance], disallow-pipeline-executor: true}
      message: Ship it?
      timeout: 2d
      auto-reject: true
      deadline: 2026-03-01 09:00 AM
      inputs:
        ticket: {description: The change, required: true, pattern: 'CHG-[0-9]+'}
        region: {enum: [eu, us], default: eu, multi-select: true}
"""
V0 = """
- id: ask
  approval:
    with:
      approvalMessage: Ship it?
      attributes: [EU-compliance]
      approvers: {minimumCount: 2, disallowPipelineExecutor: true, userGroups: [release]}
      approverInputs:
        - {name: ticket, description: The change, required: true, regex: 'CHG-[0-9]+'}
        - {name: region, allowedValues: [eu, us], defaultValue: eu, multi-select: true}
      isAutoRejectEnabled: true
      timeout: 2d
      deadline: 2026-03-01 09:00
"""
BODY = {
    "message": "Ship it?",
    "for": None,
    "groups": ["release"],
    "users": [],
    "attributes": ["EU-compliance"],
    "timeout_s": 172_800,
    "deadline": "2026-03-01T09:00:00.000000Z",
    "min_count": 2,
    "block_executor": True,
    "inputs": {
        "ticket": {
            "description": "The change",
            "required": True,
            "default": None,
            "enum": [],
            "pattern": "CHG-[0-9]+",
            "multi_select": False,
        },
        "region": {
            "description": "",
            "required": False,
            "default": "eu",
            "enum": ["eu", "us"],
            "pattern": None,
            "multi_select": True,
        },
    },
    "auto_approve": False,
    "auto_reject": True,
    "comments": "",
}


def body_of(read_steps, text):
    return read_steps(text).stages[0].nodes[0].with_["with"]


@pytest.mark.parametrize("text", [E, S, D, V0], ids=["engine schema", "short", "documented", "v0"])
def test_every_spelling_reads_as_the_same_body(read_steps, text):
    assert body_of(read_steps, text) == BODY


@pytest.mark.parametrize(
    "keys",
    [
        "auto-approve: true, comments: quiet, deadline: 2026-03-01 11:00, timezone: Europe/Rome",
        "autoApproval: {action: APPROVE, comments: quiet, scheduledDeadline: {timeZone: Europe/Rome, time: 2026-03-01 11:00 AM}}",
    ],
)
def test_a_default_is_read_from_both_spellings(read_steps, keys):
    found = body_of(read_steps, f"- {{id: ask, approval: {{with: {{message: m, {keys}}}}}}}")
    wanted = ("auto_approve", "comments", "deadline")
    assert tuple(found[name] for name in wanted) == (True, "quiet", "2026-03-01T10:00:00.000000Z")


def test_an_escalation_is_read_with_who_may_answer_besides(read_steps):
    keys = "groups: [release], escalation: {after: 4h, user-groups: [heads]}"
    found = body_of(read_steps, f"- {{id: a, approval: {{with: {{message: m, {keys}}}}}}}")
    assert found["escalation"] == {"after_s": 14_400, "users": [], "groups": ["heads"]}


def test_a_deadline_alone_is_when_the_waiting_ends(read_steps):
    found = body_of(read_steps, "- {id: a, approval: {with: {message: m, deadline: 2026-03-01 10:00}}}")
    assert found["timeout_s"] == 53 * 7 * 86_400


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("service-accounts: [ci]", "service-account-approves"),
        ("approvers: {service-accounts: [ci]}", "service-account-approves"),
        ("callback: {}", "approval-callback"),
        ("timeout: 54w", "bad-duration"),
        ("deadline: 2026-02-30 10:00", "bad-date"),
        ("deadline: 2026-03-29 02:30, timezone: Europe/Rome", "bad-date"),
        ("deadline: 2026-03-01 10:00, timezone: Europe/Atlantis", "unknown-timezone"),
        ("auto-approve: true, for: one.b", "auto-approve-guards-action"),
        ("auto-approve: true, min-count: 2", "auto-approve-needs-one"),
        ("auto-approve: true, timeout: 15m", "default-too-soon"),
        ("auto-approve: {action: REJECT}", "bad-default-action"),
        ("users: [ana], min-count: 2", "too-few-approvers"),
        ("escalation: {after: 4h, groups: [heads]}", "bad-escalation"),
        ("groups: [a], escalation: {after: 4h}", "bad-escalation"),
        ("groups: [a], escalation: {groups: [heads]}", "bad-escalation"),
        ("groups: [a], timeout: 4h, escalation: {after: 4h, groups: [heads]}", "bad-escalation"),
        ("inputs: {9: {}}", "bad-input-name"),
        ("inputs: {a: {pattern: '['}}", "bad-pattern"),
        ("inputs: {a: {pattern: '(?=a)b'}}", "bad-pattern"),
        ("inputs: {a: {enum: []}}", "empty-enum"),
        ("inputs: {a: {enum: [x], default: y}}", "bad-default"),
        ("inputs: {a: {multi-select: true}}", "missing-key:enum"),
        ("inputs: {a: {requird: true}}", "unknown-key"),
        ("inputs: [{name: a}, {name: a}]", "duplicate-key"),
    ],
)
def test_what_an_approval_may_not_say_is_refused_where_it_stands(complain, keys, reason):
    steps = f"- {{id: a, approval: {{with: {{message: m, {keys}}}}}}}\n- {{id: b, tool: {{uses: file.read}}}}"
    (complaint,) = complain(steps)
    assert (complaint.reason, complaint.place.line) == (reason, 7)


def test_a_date_that_does_not_exist_is_refused_at_its_own_place(complain):
    (complaint,) = complain("- approval:\n    with:\n      message: m\n      deadline: 2026-02-30 10:00")
    assert (complaint.place.line, complaint.place.column) == (10, 25)


def test_one_action_has_one_approval(complain):
    ask = "approval: {with: {message: m, for: one.c}}"
    (complaint,) = complain(f"- {{id: a, {ask}}}\n- {{id: b, {ask}}}\n- {{id: c, tool: {{uses: file.read}}}}")
    assert (complaint.reason, complaint.place.line) == ("approved-twice", 8)
