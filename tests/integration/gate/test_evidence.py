"""The fact `evidence` of a real decision: what the store knows about just the commit that is to be pushed, and nothing else."""

from bridle.gate.action import Asked
from bridle.trust.evidence.exhibits import hand_in
from bridle.trust.journal import Kind

COMMIT = "c" * 40


def exhibit(subject, highest=""):
    summary = {"name": "lint", "counts": {"failed_runs": 0}, "highest": highest, "signers": []}
    return {"type": "sarif", "subject": subject, "file": {"name": "a.sarif"}, "summary": summary}


async def test_a_push_is_decided_on_what_is_known_of_its_commit_and_tree(scene, store, made_commit):
    tree = "tree:sha256:" + "0" * 64  # what the commit was verified as
    for subject in (f"commit:{COMMIT}", tree, "commit:" + "e" * 40):
        await hand_in(store.journal, exhibit(subject, "low"), by="user:ana", signer=store.signer)
    asked = await scene.gate.perform(
        scene.action("git.push", branch="bridle/fix", commit=COMMIT, by="user:ana")
    )
    assert isinstance(asked, Asked)
    decided = (await store.journal.read(execution="exe_1", kinds=(Kind.DECIDED,)))[-1]
    told = decided.body["facts"]["evidence"]
    assert [(one["subject"], one["signer"], one["highest"]) for one in told] == [
        (f"commit:{COMMIT}", "user:ana", "low"),
        (tree, "user:ana", "low"),
    ]


async def test_what_only_reads_is_decided_without(scene, store):
    await hand_in(store.journal, exhibit(f"commit:{COMMIT}"), by="user:ana", signer=store.signer)
    await scene.gate.perform(scene.action("file.read", path="src/a.py"))
    (decided,) = await store.journal.read(execution="exe_1", kinds=(Kind.DECIDED,))
    assert decided.body["facts"]["evidence"] == []
