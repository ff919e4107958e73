"""Asking: nothing is done until a person says so, and then exactly once, for exactly that action."""

from datetime import timedelta

from bridle.adapters.sql.schema import approvals
from bridle.gate.action import Asked, Denied, Done
from bridle.gate.approvals import ApprovalState, GiveVerdict, describe_verdict
from bridle.gate.asking import Ask
from bridle.trust.journal import Entry, Kind
from bridle.trust.keys import load_signer
from bridle.trust.quorum import Terms
from bridle.trust.verdicts import sign_verdict

COMMIT = "c" * 40


def push(scene, call=0, branch="main"):
    return scene.action("git.push", call=call, by="user:ana", commit=COMMIT, branch=branch)


async def verdict(scene, approval, state=ApprovalState.APPROVED, signer=None):
    """Give a verdict as the control plane does; `signer` stands for somebody who has another key."""
    request = await scene.ports.approvals.get(approval)
    body = describe_verdict(request, state, by="user:ana", name="ana")
    guard = GiveVerdict(approval, state, "user:ana", "user:ana", False, "", scene.clock.now())
    signed = sign_verdict(signer or scene.ports.signer, body)
    await scene.ports.journal.append([Entry(Kind.APPROVAL_VERDICT, "exe_1", approval, signed)], [guard])


async def test_an_approval_written_into_the_store_without_a_signed_verdict_approves_nothing(
    scene, made_commit
):
    asked = await scene.gate.perform(push(scene))
    guard = GiveVerdict(
        asked.approval, ApprovalState.APPROVED, "user:boss", "user:boss", False, "", scene.clock.now()
    )
    await scene.ports.journal.append([], [guard])
    result = await scene.gate.perform(push(scene))
    assert (result.rule, scene.delegate.told) == ("approval.forged", [])


async def test_a_verdict_signed_with_another_key_approves_nothing(scene, made_commit, tmp_path):
    asked = await scene.gate.perform(push(scene))
    await verdict(scene, asked.approval, signer=load_signer(tmp_path / "forger.key"))
    result = await scene.gate.perform(push(scene))
    assert (result.rule, scene.delegate.told) == ("approval.forged", [])


async def test_a_request_that_was_changed_after_the_verdict_is_not_approved(scene, made_commit):
    asked = await scene.gate.perform(push(scene))
    await verdict(scene, asked.approval)
    change = approvals.update().values(rests_on='{"policy":"sha256:another"}')
    await scene.ports.approvals._database.write(lambda connection: connection.execute(change))
    assert (await scene.gate.perform(push(scene))).rule == "approval.forged"


async def test_a_push_is_permitted_to_the_repository_that_was_cloned_and_no_other(scene, made_commit):
    asked = await scene.gate.perform(push(scene))
    await verdict(scene, asked.approval)
    await scene.gate.perform(push(scene))
    assert scene.delegate.told[-1].permit.expect["repository"] == "/srv/origin.git"


async def test_an_action_that_needs_a_person_is_asked_for_and_not_done(scene, made_commit):
    result = await scene.gate.perform(push(scene))
    assert isinstance(result, Asked)
    assert scene.delegate.told == []


async def test_asking_again_is_the_same_question(scene, made_commit):
    first, second = [await scene.gate.perform(push(scene)) for _ in range(2)]
    assert first.approval == second.approval


async def test_an_approved_action_is_done_once(scene, made_commit):
    asked = await scene.gate.perform(push(scene))
    await verdict(scene, asked.approval)
    results = [await scene.gate.perform(push(scene)) for _ in range(2)]
    assert all(isinstance(result, Done) for result in results)
    assert len(scene.delegate.told) == 1
    assert (await scene.ports.approvals.get(asked.approval)).state is ApprovalState.USED


async def test_an_approval_does_not_answer_for_another_action(scene, made_commit):
    asked = await scene.gate.perform(push(scene))
    await verdict(scene, asked.approval)
    assert isinstance(await scene.gate.perform(push(scene, call=1)), Asked)


async def test_a_refused_action_is_denied_and_stays_denied(scene, made_commit):
    asked = await scene.gate.perform(push(scene))
    await verdict(scene, asked.approval, ApprovalState.DENIED)
    results = [await scene.gate.perform(push(scene)) for _ in range(2)]
    assert [result.rule for result in results] == ["approval.refused"] * 2


async def test_nobody_answering_in_time_is_a_denial(scene, made_commit):
    await scene.gate.request(push(scene), Ask(ttl=timedelta(minutes=10)))
    scene.clock.advance(timedelta(minutes=11))
    result = await scene.gate.perform(push(scene))
    assert isinstance(result, Denied)
    assert result.rule == "approval.expired"


async def test_an_approval_no_longer_answers_when_the_policy_has_changed(scene, made_commit):
    class ChangedPolicy:
        """The same rules under another digest, as after an edit."""

        digest = "sha256:changed"

        async def evaluate(self, document):
            answer = await scene.ports.policy.evaluate(document)
            return type(answer)(answer.deny, answer.ask, answer.allow, self.digest)

    asked = await scene.gate.perform(push(scene))
    await verdict(scene, asked.approval)
    again = await scene.with_ports(policy=ChangedPolicy()).perform(push(scene))
    assert isinstance(again, Asked)
    assert again.approval != asked.approval


async def test_what_is_asked_anew_takes_no_fewer_people_than_before(scene, made_commit):
    class ChangedPolicy:
        """The same rules under another digest, as after an edit."""

        digest = "sha256:changed"

        async def evaluate(self, document):
            answer = await scene.ports.policy.evaluate(document)
            return type(answer)(answer.deny, answer.ask, answer.allow, self.digest)

    terms = Terms(comment="of this request")
    asked = await scene.gate.request(push(scene), Ask(terms=terms))
    await verdict(scene, asked.approval)
    again = await scene.with_ports(policy=ChangedPolicy()).perform(push(scene))
    assert again.approval != asked.approval
    assert (await scene.ports.approvals.get(again.approval)).terms == terms


async def test_a_question_on_other_terms_is_not_answered_by_what_was_asked_before(scene, made_commit):
    asked = await scene.gate.request(push(scene), Ask(terms=Terms()))
    await verdict(scene, asked.approval)
    result = await scene.gate.request(push(scene), Ask(terms=Terms(minimum=2)))
    assert (result.rule, scene.delegate.told) == ("approval.forged", [])


async def test_requesting_ahead_of_time_does_nothing_and_answers_for_the_action_itself(scene, made_commit):
    asked = await scene.gate.request(push(scene), Ask(message="Ship it?", topic="approval/release"))
    await verdict(scene, asked.approval)
    assert scene.delegate.told == []
    assert isinstance(await scene.gate.request(push(scene), Ask()), Done)
    assert isinstance(await scene.gate.perform(push(scene)), Done)


async def test_a_commit_that_this_execution_did_not_make_is_not_pushed(scene):
    result = await scene.gate.perform(push(scene))
    assert isinstance(result, Denied)
    assert result.rule == "git.unknown-commit"


async def test_the_paths_that_an_approver_reads_show_what_is_hidden_in_them(scene, made_commit):
    verified = scene.delegate.answers["workspace.verify"]
    scene.delegate.answers["workspace.verify"] = {**verified, "changed": ["src/a\n.py\u202e"]}
    scene.delegate.answers["git.commit"] = {**scene.delegate.answers["git.commit"], "commit": "e" * 40}
    await scene.gate.perform(scene.action("git.commit", call=5, branch="bridle/fix", message="Fix"))
    push = scene.action("git.push", call=6, by="user:ana", commit="e" * 40, branch="main")
    asked = await scene.gate.perform(push)
    shown = (await scene.ports.approvals.get(asked.approval)).shown
    assert shown["changed"] == ["src/a\\u000a.py\\u202e"]


async def test_neither_the_permit_nor_the_approver_is_told_the_credentials_of_the_repository(
    scene, made_commit
):
    address = "https://ana:s3cr3t-Pa55word@git.invalid/x.git"
    clone = scene.action("git.clone", call=4, by="user:ana", repository=address, branch="main")
    await scene.gate.perform(clone)
    scene.delegate.answers["git.commit"] = {**scene.delegate.answers["git.commit"], "commit": "e" * 40}
    await scene.gate.perform(scene.action("git.commit", call=5, branch="bridle/fix", message="Fix"))
    push = scene.action("git.push", call=6, by="user:ana", commit="e" * 40, branch="main")
    asked = await scene.gate.perform(push)
    approval = await scene.ports.approvals.get(asked.approval)
    assert (approval.shown["repository"], approval.rests_on["repository"]) == (
        "https://git.invalid/x.git",
        "https://git.invalid/x.git",
    )
    await verdict(scene, asked.approval)
    await scene.gate.perform(push)
    assert scene.delegate.told[-1].permit.expect["repository"] == "https://git.invalid/x.git"
