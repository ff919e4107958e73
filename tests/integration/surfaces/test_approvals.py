"""Approving from the command line: who is listed, who may, what is filled in, what is taken back, and what is proved."""

import stat

import pytest

PIPELINE = """
pipeline:
  id: release
  stages:
    - id: a
      steps:
        - id: ask
          approval:
            uses: harness
            with:
              message: Go on?
              groups: [release]
              attributes: [EU-compliance]
              min-count: 2
              inputs: {ticket: {required: true, pattern: 'CHG-[0-9]+', description: the change}}
        - id: after
          if: <+steps.ask.output.approverInputs.ticket> == "CHG-2"
          wait: 1s
"""


@pytest.fixture
def waiting(home):
    """A pipeline that waits for two people of a group, with three people known; return the approval's id."""
    for name, attribute in (("ana", "EU-compliance"), ("ben", "EU-compliance"), ("cy", "nothing")):
        done = home.bridle("people", "add", name, "--group", "release", "--attribute", attribute)
        assert done.returncode == 0, done.stderr
    (home.root / "p.yaml").write_text(PIPELINE)
    code, found = home.bridle_json("run", "p.yaml", "--no-input")
    assert (code, found["state"]) == (6, "waiting")
    return found["waiting"][0]["id"]


def test_two_people_approve_and_it_goes_on_and_the_journal_proves_it(home, waiting):
    _, (listed,) = home.bridle_json("approvals")
    assert (listed["id"], listed["missing"]) == (waiting, 2)
    assert listed["takes"] == "2 people of the group release holding EU-compliance with keys of their own"

    code, problem = home.bridle_json("approve", waiting, "--as", "cy", "--input", "ticket=CHG-1")
    assert (code, "does not hold EU-compliance" in problem["detail"]) == (3, True)
    code, problem = home.bridle_json("approve", waiting, "--as", "ana")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:missing-input")
    code, found = home.bridle_json("approve", waiting, "--as", "ana", "--input", "ticket=CHG-1")
    assert (code, found["approvals"][0]["approvers"]) == (6, ["person:ana"])

    shown = home.bridle("approvals").stdout
    assert ("given by   person:ana; 1 more" in shown, "--input ticket=CHG-[0-9]+" in shown) == (True, True)

    code, found = home.bridle_json("approve", waiting, "--as", "ben", "--input", "ticket=CHG-2")
    states = {step["path"]: step["state"] for step in found["stages"]["a"]}
    assert (code, states) == (0, {"a/ask": "succeeded", "a/after": "succeeded"})
    assert home.bridle("audit", "verify").returncode == 0
    assert home.bridle_json("approvals") == (0, [])


def test_two_processes_at_the_same_instant_are_two_words_and_the_execution_goes_on(home, waiting):
    def approve(name):
        return home.start("approve", waiting, "--as", name, "--input", "ticket=CHG-2", "-q")

    done = [home.finish(child) for child in [approve(name) for name in ("ana", "ben")]]
    assert all(item.returncode in (0, 5, 6) for item in done), [item.stderr for item in done]
    for name, item in zip(("ana", "ben"), done, strict=True):
        if (
            item.returncode == 5
        ):  # the other one had taken over; who is told so says it again, and counts once
            home.finish(approve(name))
    execution = home.bridle_json("executions")[1][0]["execution"]
    code, found = home.bridle_json("resume", execution)
    assert (code, found["state"]) == (0, "succeeded")
    assert sorted(found["approvals"][0]["approvers"]) == ["person:ana", "person:ben"]
    assert home.bridle("audit", "verify").returncode == 0


def test_a_word_is_taken_back_and_a_denial_ends_it(home, waiting):
    home.bridle("approve", waiting, "--as", "ana", "--input", "ticket=CHG-1")
    code, found = home.bridle_json("revoke", waiting, "--as", "ana")
    assert (code, found["given"], found["missing"]) == (0, [], 2)
    code, problem = home.bridle_json("revoke", waiting, "--as", "ana")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:nothing-to-revoke")
    code, found = home.bridle_json("deny", waiting, "--as", "ben", "--comment", "not today")
    assert (code, found["state"]) == (3, "denied")
    assert home.bridle("audit", "verify").returncode == 0


def test_people_are_listed_and_their_keys_are_their_owners_alone(home):
    home.bridle("people", "add", "ana", "--group", "release", "--account", "root")
    before = home.bridle_json("people", "list")[1][0]
    home.bridle("people", "add", "ana", "--attribute", "EU-compliance")
    (after,) = home.bridle_json("people", "list")[1]
    told = {name: after[name] for name in ("name", "account", "groups", "attributes")}
    assert told == {"name": "ana", "account": "root", "groups": [], "attributes": ["EU-compliance"]}
    assert after["key"] == before["key"]
    for path in ("people.yaml", "people/ana.key"):
        assert stat.S_IMODE((home.root / "config" / path).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("ana: {groups: [release]}", 2, "other keys"),
        ("ana: {key: %s, role: boss}", 2, "other keys"),
        ("Ana: {key: %s}", 2, "no name of a person"),
        ("ana: {key: %s}\nben: {key: %s}", 2, "two people have one key"),
        ("ana: {key: abc}", 2, "not an Ed25519 public key"),
        ("ana: {key: %s, groups: release}", 2, "must be lists"),
        ("[ana]", 2, "not a mapping"),
        ("ana: {", 2, "not YAML"),
    ],
)
def test_a_file_of_people_that_is_misshapen_is_refused(home, text, code, words):
    home.bridle("people", "add", "ana")
    key = home.bridle_json("people", "list")[1][0]["key"]
    (home.root / "config" / "people.yaml").write_text(text.replace("%s", key))
    done = home.bridle("people", "list")
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr


def test_a_file_of_people_that_others_may_write_is_refused(home):
    home.bridle("people", "add", "ana")
    (home.root / "config" / "people.yaml").chmod(0o622)
    done = home.bridle("people", "list")
    assert (done.returncode, "others may write to it" in done.stderr) == (3, True)


@pytest.mark.parametrize("name", ["Ana", "../ana", "", "a b"])
def test_a_name_that_could_be_a_path_or_another_spelling_is_refused(home, name):
    assert home.bridle("people", "add", name).returncode == 2
    assert not (home.root / "config" / "people.yaml").exists()
