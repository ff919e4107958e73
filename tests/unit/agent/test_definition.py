"""Reading agents: the forms, what is refused and where, the digest, inputs."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridle.agent.definition import AgentDefinition, AgentLimits, fill_inputs, step_boundary, write_task
from bridle.agent.forms import parse_agent
from bridle.core.boundary import Suite
from bridle.core.errors import InputError
from bridle.gate.action import Purpose

MARKDOWN = """---
name: acme.fixer
version: 1.10.0
owner: acme
purpose: repair
model: anthropic:claude-sonnet-4-5
tools: [file.read, file.edit]
boundary:
  write: [src/**]
  protect: [tests/**]
  push: [bridle/**]
  network: off
  suite: {script: make test, report: out/*.xml}
limits: {max_turns: "7", max_cost_usd: 2.50, timeout: 10m}
inputs:
  report: {type: object, required: true}
  branch: {default: bridle/fix}
---
Repair it on ${{ inputs.branch }}.
"""

OLDEST = """agent:
  step:
    group:
      steps:
        - name: Run Coverage
          id: coverage
          if: <+Always>
          run:
            container:
              image: registry.example/some/harness-agents/harness-ai-agent:latest
            env:
              ANTHROPIC_MODEL: ${{inputs.model_name}}
              PLUGIN_HARNESS_CONNECTOR: my_llm
              PLUGIN_MAX_TURNS: "150"
              PLUGIN_MCP_FORMAT: harness
              PLUGIN_MCP_SERVERS: []
              PLUGIN_TASK: |
                Cover <+inputs.repo>.
  inputs:
    repo: {type: string, default: org/x}
    model_name: {type: string, required: true}
"""

CURRENT = """agent:
  uses: harnessAI@1.0.0
  with: {prompt: "Review <+inputs.repo>", maxTurns: "20", allowed_tools: "read, grep", model: openai:gpt-5}
  inputs: {repo: {type: string, default: org/x}}
"""


def read(text: str, **known: str) -> AgentDefinition:
    return parse_agent(
        text, **{"file": "agent.md", "name": "acme.fixer", "version": "1.10.0", "owner": "acme", **known}
    )


def complaint(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read(text)
    return caught.value


def test_markdown_is_read_whole() -> None:
    agent = read(MARKDOWN)
    assert (agent.name, agent.version, agent.owner, agent.purpose) == (
        "acme.fixer",
        "1.10.0",
        "acme",
        Purpose.REPAIR,
    )
    assert agent.prompt == "Repair it on ${{ inputs.branch }}.\n"
    assert agent.boundary.suite == Suite("make test", "out/*.xml")
    assert agent.limits == AgentLimits(max_turns=7, max_cost_usd=Decimal("2.50"), timeout_s=600)
    assert agent.permissions == {"file:read", "file:edit", "model:call"}


def test_the_oldest_form_is_read() -> None:
    agent = read(OLDEST, name="coverage")
    assert (agent.name, agent.connector, agent.limits.max_turns) == ("coverage", "my_llm", 150)
    assert (agent.prompt, agent.model) == ("Cover <+inputs.repo>.\n", "anthropic:${{inputs.model_name}}")


def test_a_group_without_a_step_is_the_same_agent() -> None:
    lines = OLDEST.replace("  step:\n", "").split("\n")
    shifted = [line[2:] if line.startswith("    ") and at < 17 else line for at, line in enumerate(lines)]
    assert read("\n".join(shifted), name="coverage").digest == read(OLDEST, name="coverage").digest


def test_the_current_form_is_read_with_camel_case_and_words_for_tools() -> None:
    agent = read(CURRENT)
    assert (agent.limits.max_turns, agent.tools) == (20, ("file.list", "file.read", "file.search"))


def test_the_middle_form_is_read() -> None:
    agent = read("agent:\n  step:\n    run:\n      with: {task: Look, max_turns: 5}\n")
    assert (agent.prompt, agent.limits.max_turns) == ("Look\n", 5)


TEMPLATE = """template:
  id: acme.fixer
  version: 1.10.0
  inputs: {llm: {type: connector, required: true, ui: {connectorCategories: [AI]}}}
  %s
"""


@pytest.mark.parametrize(
    "body",
    [
        "agent: {with: {prompt: Look, connector: '${{inputs.llm.id}}', max_turns: '9'}}",
        "step: {agent: {with: {prompt: Look, connector: '${{inputs.llm.id}}', max_turns: 9}}}",
        "step: {run: {with: {task: Look, connector: '${{inputs.llm.id}}', max_turns: 9}}}",
        "step: {group: {steps: [{run: {env: {PLUGIN_TASK: Look, PLUGIN_MAX_TURNS: '9',"
        " PLUGIN_HARNESS_CONNECTOR: '${{inputs.llm.id}}'}}}]}}",
    ],
)
def test_every_generation_comes_to_one_record(body: str) -> None:
    first = read(TEMPLATE % "agent: {with: {prompt: Look, connector: '${{inputs.llm.id}}', max_turns: 9}}")
    assert read(TEMPLATE % body).to_json() == first.to_json()


def test_a_template_of_something_else_is_refused() -> None:
    assert complaint(TEMPLATE % "stage: {}").reason == "no-agent-template"


@pytest.mark.parametrize(
    "prompt", ["<+inputs.repo>", "${{ inputs.repo }}", "<+<+inputs.repo>.toLowerCase()>"]
)
@pytest.mark.parametrize(
    "form", ["with: {prompt: '%s'}", "group: {steps: [{run: {env: {PLUGIN_TASK: '%s'}}}]}"]
)
def test_both_wrappers_are_filled_in_in_every_form(prompt: str, form: str) -> None:
    assert (
        fill_inputs(read("agent: {" + form % prompt + ", inputs: {repo: {default: x}}}"), {}).prompt == "x\n"
    )


def test_what_is_not_declared_is_not_granted() -> None:
    agent = read("agent: {with: {prompt: Talk.}}")
    assert (agent.tools, agent.permissions) == ((), {"model:call"})
    assert (agent.boundary.write, agent.boundary.push, agent.boundary.network) == ((), (), "off")


@pytest.mark.parametrize(
    ("line", "instead", "place", "reason"),
    [
        ("owner: acme", "ownr: acme", "agent.md:4:1", "unknown-key"),
        ("  network: off", "  network: open", "agent.md:12:12", "no-egress"),
        ("tools: [file.read, file.edit]", "tools: [file.read, file.delete]", "agent.md:7:8", "unknown-tool"),
        ("tools: [file.read, file.edit]", "tools: [model.call]", "agent.md:7:8", "unknown-tool"),
        ("owner: acme", "mcp-servers: [github]", "agent.md:4:14", "no-mcp-servers"),
        ("owner: acme", "allowed_domains: '*.example'", "agent.md:4:18", "no-egress"),
        ("owner: acme", "image: python:3.12", "agent.md:4:8", "unknown-agent-image"),
        ("owner: acme", "uses: someone-elses@1", "agent.md:4:7", "unknown-agent-base"),
        ("owner: acme", "permissions: {pipeline: execute}", "agent.md:4:14", "permissions-derived"),
        ("owner: acme", "backend: codex", "agent.md:4:10", "no-backend:codex"),
        ("owner: acme", "outputs: [a-b]", "agent.md:4:10", "bad-output-name"),
        ("owner: acme", "outputs: {a: {type: strin}}", "agent.md:4:10", "bad-output-schema"),
        ("owner: acme", "outputs: {a: {pattern: (?=a)}}", "agent.md:4:10", "bad-output-schema"),
        ("owner: acme", "outputs: {a: {$ref: '#'}}", "agent.md:4:10", "bad-output-schema"),
        ("owner: acme", "output-schema: {type: array}", "agent.md:4:16", "bad-output-schema"),
        ("  branch: {default: bridle/fix}", "  branch: {type: string}", "agent.md:18:1", "input-without-default"),
        ("owner: acme", "env: {HOME: /x}", "agent.md:4:7", "no-agent-env"),
        ("version: 1.10.0", "version: 1.10", "agent.md:3:10", "name-mismatch"),
        ("  write: [src/**]", "  write: [/etc]", "agent.md:9:11", "outside-workspace"),
        ("  write: [src/**]", "  write: [../x]", "agent.md:9:11", "outside-workspace"),
        ("  branch: {default: bridle/fix}", "  brunch: {default: bridle/fix}", "agent.md:18:1", "unknown-input"),
    ],
)  # fmt: skip
def test_a_complaint_names_its_place_and_reason(line: str, instead: str, place: str, reason: str) -> None:
    error = complaint(MARKDOWN.replace(line, instead))
    assert (error.reason, error.where) == (reason, place)


def test_an_unknown_key_names_the_nearest() -> None:
    assert complaint(MARKDOWN.replace("purpose:", "purpos:")).hint == "did you mean 'purpose'?"


def test_a_root_that_was_cut_short_names_the_right_one() -> None:
    assert complaint("gent: {group: {}}").hint == "did you mean 'agent'?"


def test_servers_behind_an_expression_are_refused_and_not_dropped() -> None:
    text = OLDEST.replace(
        "PLUGIN_MCP_SERVERS: []", "PLUGIN_MCP_SERVERS: <+connectorInputs.resolveList(<+inputs.mcp>)>"
    )
    with pytest.raises(InputError) as caught:
        read(text, name="coverage")
    assert caught.value.reason == "no-mcp-servers"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---\nname: x\n",
        "---\n---\nhello",
        "agent: [",
        "agent: &a {with: *a}",
        "agent:\n\twith: 1",
        "agent: {with: {prompt: '${{ steps.x.output }}'}}",
        "agent: {with: {prompt: x, task: y}}",
        "agent: {with: {prompt: x, prompt: y}}",
        "agent: {with: {prompt: x, max_turns: 0}}",
        "agent: {with: {prompt: x, max_turns: many}}",
        "agent: {with: {prompt: x, max_cost_usd: -1}}",
        "agent: {with: {prompt: x, timeout: soon}}",
        "agent: {with: {prompt: ''}}",
        "agent: {with: {prompt: x, purpose: fun}}",
        "agent: {with: {prompt: x, suite: {script: x}}}",
        "agent: {step: {group: {steps: []}}}",
        "agent: {step: {name: x}}",
        "{" * 3000,
        "[" * 300_000,
    ],
)
def test_a_broken_file_is_an_input_error_with_its_file(text: str) -> None:
    assert complaint(text).where.startswith("agent.md")


@given(st.sampled_from(["", "---\n", "agent:\n  "]), st.text(max_size=200))
def test_any_text_is_refused_with_its_place(prefix: str, text: str) -> None:
    assert complaint(prefix + text).where.startswith("agent.md")


def test_every_fault_of_a_file_is_told_at_once_in_its_order() -> None:
    text = (
        MARKDOWN.replace("owner: acme", "ownr: acme")
        .replace("purpose: repair", "purpose: fun")
        .replace("file.edit]", "file.delete]")
        .replace("  network: off", "  netwrk: off")
        .replace('max_turns: "7"', "max_turns: many")
        .replace("Repair it on ${{ inputs.branch }}", "<+inputs.a> <+steps.b.output.c>")
    )
    error = complaint(text)
    complaints = error.to_problem()["complaints"]
    assert isinstance(complaints, list)
    assert [(item["instance"], item["reason"]) for item in complaints] == [
        ("agent.md:4:1", "unknown-key"),
        ("agent.md:5:10", "bad-input"),
        ("agent.md:7:8", "unknown-tool"),
        ("agent.md:12:3", "unknown-key"),
        ("agent.md:14:21", "wrong-shape"),
        ("agent.md:18:1", "unknown-input"),
        ("agent.md:18:1", "unsupported-expression"),
    ]
    assert all(item["next"] for item in complaints if item["reason"] != "bad-input")
    assert str(error).count("agent.md:") == len(complaints)


def test_a_prompt_in_both_places_is_an_error() -> None:
    assert "both here and below" in complaint(MARKDOWN.replace("owner: acme", "prompt: twice")).what


def test_the_digest_covers_meaning_and_not_layout() -> None:
    spread = MARKDOWN.replace("tools: [file.read, file.edit]", "tools:\n  - file.read\n  - file.edit")
    assert read(spread).digest == read(MARKDOWN).digest
    assert read(MARKDOWN.replace("Repair it", "Repair them")).digest != read(MARKDOWN).digest


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("[src/**]", "[src/*]"),
        ("[bridle/**]", "[main]"),
        ("max_turns: \"7\"", "max_turns: 8"),
        ("make test", "true"),
        ("claude-sonnet-4-5", "claude-sonnet-5-5"),
        ("default: bridle/fix", "default: bridle/other"),
    ],
)  # fmt: skip
def test_the_digest_changes_with_every_grant(line: str, instead: str) -> None:
    assert read(MARKDOWN.replace(line, instead)).digest != read(MARKDOWN).digest


def test_inputs_are_put_into_the_prompt_and_the_digest_stays() -> None:
    agent = read(MARKDOWN)
    filled = fill_inputs(agent, {"report": {"errors": 1}})
    assert (filled.prompt, filled.definition.digest) == ("Repair it on bridle/fix.\n", agent.digest)


@pytest.mark.parametrize(
    ("given_inputs", "reason"),
    [
        ({}, "missing-input"),
        ({"report": {}, "other": 1}, "unknown-input"),
        ({"report": "text"}, "bad-input"),
        ({"report": {}, "branch": 1}, "bad-input"),
        ({"report": {}, "branch": True}, "bad-input"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(given_inputs: Any, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        fill_inputs(read(MARKDOWN), given_inputs)
    assert caught.value.reason == reason


def test_a_step_brings_its_suite_and_may_protect_more() -> None:
    agent = read(MARKDOWN.replace("  suite: {script: make test, report: out/*.xml}\n", ""))
    boundary = step_boundary(agent, suite=Suite("make", "x.xml"), protect=("docs/**",))
    assert (boundary.suite, boundary.protect) == (Suite("make", "x.xml"), ("tests/**", "docs/**"))
    assert (boundary.write, boundary.push) == (agent.boundary.write, agent.boundary.push)


def test_a_step_cannot_replace_the_suite_of_an_agent() -> None:
    with pytest.raises(InputError) as caught:
        step_boundary(read(MARKDOWN), suite=Suite("true", "x.xml"))
    assert caught.value.reason == "suite-given-twice"


def test_the_first_message_holds_the_inputs_as_json() -> None:
    filled = fill_inputs(read(MARKDOWN), {"report": {"errors": 45}})
    assert json.loads(write_task(filled).partition("\n\n")[2]) == {
        "report": {"errors": 45},
        "branch": "bridle/fix",
    }


def test_the_rules_of_a_step_stand_between_its_task_and_the_inputs() -> None:
    filled = fill_inputs(read(MARKDOWN), {"report": {}})
    told = write_task(filled, "Look", rules=["Be brief", " Name files "])
    assert told.startswith("Look\n\nRules:\n- Be brief\n- Name files\n\nThe inputs")
    assert write_task(filled, "Look").startswith("Look\n\nThe inputs")


def test_a_file_that_only_opens_brackets_is_refused_at_once() -> None:
    began = time.process_time()
    assert "nested deeper" in complaint("[" * 100_000).what
    assert time.process_time() - began < 5


def test_an_empty_file_is_told_what_an_agents_file_has() -> None:
    assert "three dashes" in complaint("").hint


def test_tools_of_a_server_are_named_one_by_one() -> None:
    assert "mcp.SERVER.TOOL" in complaint(MARKDOWN.replace("file.read", "mcp.notes.*", 1)).hint
