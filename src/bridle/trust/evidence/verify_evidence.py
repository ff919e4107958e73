"""Checks evidence of Bridle without Bridle: one file, Python 3.9 or newer, and the package `cryptography`.

    python verify.py evidence.json --key control-plane.pub [--requires sarif,junit] [--subject sha256:…]

The key comes from whom you trust, never from the file. It ends with 0 and says what was proved, or with 1 and the first check
that failed. What it checks, in this order
  form        fields, one value for each key, base64 and hexadecimal in their one spelling
  keys        the file was made with the key you gave, rotations lead to it; the delegates' keys are those of the log
  envelope    the statement's signature (DSSE)
  checkpoint  the log's head is signed with the same key (C2SP signed note)
  inclusion   every record is at its place under that head (RFC 6962), and they are just those that the statement names
  signatures  every permit, outcome, verdict, handed-in file and attested control is signed by whom it says
  words       the approvals are those of the people whom each request wanted, everybody counted once
  claims      a deployment: allowed, and it succeeded; the evidence is about the same digest, passed, and came before the decision
              a change: the push of the commit that the statement is about succeeded, by agent, policy and reports as named

Not shown: that there is no other log, nor that a deputy's dismissal was not left out of the file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bridle.trust.evidence.verify_words import (
    CONTROL_PLANE,
    Record,
    Refused,
    Words,
    canonical,
    digest,
    must,
    read_json,
    read_key,
    signed,
    signed_json,
    spell,
    unbase64,
)

CHANGE = "urn:bridle:predicate:change:v1"
DEPLOYMENT = "urn:bridle:predicate:deployment:v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
CLAIMS = {
    CHANGE: "agent approval branch commit cost execution policy records reports repository sandbox",
    DEPLOYMENT: "approval controls deployment evidence execution policy records requires subjects",
}
PARTS = {"format", "envelope", "records", "checkpoint", "keys"}
NOTE = re.compile(r"(([^\n]+)\n(0|[1-9][0-9]{0,18})\n([^\n]+)\n)\n— ([^ \n]+) ([^ \n]+)\n")
Records = dict[str, Record]  # by the names that the statement gives them


def read_statement(bundle: dict[str, Any], key: Ed25519PublicKey) -> dict[str, Any]:
    envelope = bundle["envelope"]
    (signature,) = envelope["signatures"]
    must(envelope["payloadType"] == PAYLOAD_TYPE, "envelope: it holds no statement")
    payload = unbase64(envelope["payload"])
    encoded = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload
    signed(key, encoded, unbase64(signature["sig"]), "envelope: the statement")
    statement: dict[str, Any] = read_json(payload)
    must(statement["_type"] == "https://in-toto.io/Statement/v1", "envelope: no in-toto Statement v1")
    must(statement["predicateType"] in (CHANGE, DEPLOYMENT), "envelope: the predicate is not known here")
    return statement


def read_checkpoint(text: str, key: Ed25519PublicKey) -> tuple[int, bytes]:
    form = NOTE.fullmatch(text)
    if form is None or form[2] != form[5]:
        raise Refused("checkpoint: not a signed checkpoint of this log")
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    code, root = unbase64(form[6]), unbase64(form[4])
    name = hashlib.sha256(form[2].encode() + b"\n\x01" + raw).digest()[:4]
    must(code[:4] == name and len(root) == 32, "checkpoint: it is of another key")
    signed(key, form[1].encode(), code[4:], "checkpoint: it")
    return int(form[3]), root


def check_inclusion(data: bytes, index: int, size: int, proof: list[Any], root: bytes) -> None:
    must(isinstance(index, int) and 0 <= index < size, "inclusion: a record is not in this log")
    node, place, last = hashlib.sha256(b"\0" + data).digest(), index, size - 1
    for text in proof:
        must(re.fullmatch("[0-9a-f]{64}", text) and last > 0, "inclusion: a proof is misshapen")
        step = bytes.fromhex(text)
        if place & 1 or place == last:
            node = hashlib.sha256(b"\1" + step + node).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + step).digest()
        place, last = place >> 1, last >> 1
    must(last == 0 and node == root, f"inclusion: record {index} is not under this root")


def read_records(bundle: dict[str, Any], size: int, root: bytes, named: dict[str, Any]) -> Records:
    """Return the records by name, once they are in the log and are just those that the statement names."""
    by_seq: dict[int, Record] = {}
    hashes: dict[int, str] = {}
    for item in bundle["records"]:
        data = unbase64(item["data"])
        record = read_json(data)
        must(canonical(record) == data, "form: a record is not in its one spelling")
        check_inclusion(data, record["seq"], size, item["inclusion"], root)
        must(not by_seq or record["seq"] > max(by_seq), "inclusion: the records do not stand in their order")
        by_seq[record["seq"]], hashes[record["seq"]] = record, hashlib.sha256(data).hexdigest()
    for name, claim in named.items():
        must(hashes.get(claim["seq"]) == claim["hash"], f"inclusion: the record {name} is another one")
    must(set(by_seq) == {claim["seq"] for claim in named.values()}, "inclusion: a record is not named")
    return {name: by_seq[claim["seq"]] for name, claim in named.items()}


class Signatures:
    """Follows each action from its decision to its outcome, and checks every signature on the way."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self.key = key
        self.delegates: dict[str, Ed25519PublicKey] = {}
        self.decided: dict[tuple[str, str], Record] = {}
        self.intended: dict[tuple[str, str], Record] = {}
        self.said: dict[tuple[str, str], list[str]] = {}
        self.words = Words()
        self.keys = [key]  # that the control plane has had so far

    def follow(self, record: Record) -> None:
        rule = getattr(self, "on_" + record["kind"].replace(".", "_"), None)
        if rule is not None:
            rule(record, record["body"], (record["execution"], record["subject"]))

    def on_key_rotated(self, record: Record, body: Any, place: Any) -> None:
        """The new key signs, and whoever vouches for it: the old key, or for a delegate the control plane."""
        said = {"type": "bridle/key-rotation/1", **body}
        signatures, new = said.pop("signatures"), read_key(body["new"])
        own = body["signer"] == CONTROL_PLANE
        signed_json(new, said, signatures["new"], "a rotation of keys")
        signed_json(self.key, said, signatures["old" if own else "control_plane"], "a rotation of keys")
        self.key = new if own else self.key
        self.keys += [new] if own else []
        self.delegates.update({} if own else {body["signer"]: new})

    def on_principal_registered(self, record: Record, body: Any, place: Any) -> None:
        self.delegates[body["id"]] = read_key(body["public_key"])

    def on_action_decided(self, record: Record, body: Any, place: Any) -> None:
        is_whole = digest(body["request"]) == body["action"] or "request" in record["raw"]  # else redacted
        must(is_whole, "claims: a decision is about another action")
        self.decided[place] = body

    def on_action_intended(self, record: Record, body: Any, place: Any) -> None:
        content, decision = body["permit"]["content"], self.decided[place]
        signed_json(self.key, content, body["permit"]["signature"], "a permit")
        allowed = decision["effect"] == "allow" and decision["policy"] == content["decision"]
        same = decision["action"] == content["action"] == body["action"]
        must(allowed and same, "claims: no decision allows a permit")
        self.intended[place] = content
        approval = decision["facts"].get("approval")
        if approval is not None:
            self.words.use(approval["id"], decision["action"])

    def on_action_outcome(self, record: Record, body: Any, place: Any) -> None:
        if body["report"] is None:
            must(body["status"] in ("failed", "unknown"), "claims: nobody reported an outcome")
            return
        content, by, permit = body["report"]["content"], body["report"]["delegate"], self.intended[place]
        signed_json(self.delegates[by], content, body["report"]["signature"], "an outcome")
        said = {name: content[name] for name in ("action", "delegate", "status", "value", "facts")}
        told = {"action": body["action"], "delegate": by, "status": body["status"]}
        told |= {"value": digest(body["value"]), "facts": body["facts"]}
        must(said == told, "claims: an outcome does not say what the delegate reported")
        must((permit["action"], permit["delegate"]) == (body["action"], by), "claims: it is of no permit")
        value = body["value"] if isinstance(body["value"], dict) else {}
        self.said[place] = [digest(item) for item in value.get("exhibits") or []]

    def on_approval_verdict(self, record: Record, body: Any, place: Any) -> None:
        form = 3 if "behalf" in body else 2 if "terms" in body else 1
        said = {name: value for name, value in body.items() if name != "signature"}
        content = {"type": f"bridle/verdict/{form}", **said}
        signed_json(self.key, content, body["signature"], "a verdict")
        self.words.take(record, self.keys)

    def on_approval_requested(self, record: Record, body: Any, place: Any) -> None:
        wanted = [
            one for one in self.decided.values() if (one["effect"], one["action"]) == ("ask", body["action"])
        ]
        must(wanted, "words: no decision asks for a request")
        self.words.ask(record, wanted[-1])

    def on_deputy_dismissed(self, record: Record, body: Any, place: Any) -> None:
        self.words.dismiss(record, self.key)

    def on_controls_attested(self, record: Record, body: Any, place: Any) -> None:
        signed_json(self.key, body["content"], body["signature"], "the attested controls")
        must(body["content"]["execution"] == place[0], "claims: the controls are of another execution")

    def on_evidence_added(self, record: Record, body: Any, place: Any) -> None:
        exhibit = body["exhibit"]
        must(exhibit["subject"] == place[1], "claims: evidence is recorded under another subject")
        if "key" not in body:
            content = {"type": "bridle/exhibit/1", "exhibit": exhibit, "signer": body["signer"]}
            signed_json(self.key, content, body["signature"], "a file that was handed in")
            return
        read = (place[0], body["key"])
        must(digest(exhibit) in self.said[read], "claims: no outcome says what the evidence says")
        must(self.intended[read]["delegate"] == body["signer"], "claims: another delegate read the evidence")


def check_signatures(records: list[Record], key: Ed25519PublicKey, delegate: str) -> None:
    """Check every signature, and that the keys by which they hold are the one you gave and the delegate's."""
    rotated = [one["body"]["old"] for one in records if one["subject"] == f"key:{CONTROL_PLANE}"]
    signatures = Signatures(read_key(rotated[0]) if rotated else key)
    for record in records:
        signatures.follow(record)
    must(spell(signatures.key) == spell(key), "keys: the rotations do not lead to the key you gave")
    fields = {"principal.registered": "public_key", "key.rotated": "new"}
    pems = [spell(read_key(one["body"][fields[one["kind"]]])) for one in records if one["kind"] in fields]
    must(delegate in pems, "keys: no record registers the delegate's key")


def subjects_of(decision: Record) -> list[str]:
    """What an action is about: the commit that it names, the tree that this was made of, digests among its arguments."""
    arguments = decision["body"]["request"]["arguments"]
    provenance = decision["body"]["facts"].get("provenance")
    found = set(_digests(list(arguments.values())))
    commit = str(arguments.get("commit"))
    if re.fullmatch("[0-9a-f]{40}(?:[0-9a-f]{24})?", commit):
        found.add(f"commit:{commit}")
    if isinstance(provenance, dict) and isinstance(provenance.get("tree"), str) and provenance["tree"]:
        found.add("tree:" + provenance["tree"])
    return sorted(found)


def _digests(value: Any) -> Iterator[str]:
    if isinstance(value, str) and (match := re.fullmatch("(?:.*@)?(sha256:[0-9a-f]{64})", value)):
        yield match[1]
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _digests(item)


def has_passed(type_: str, counts: dict[str, Any], highest: str) -> bool:
    if type_ == "junit":
        ran = counts.get("tests", 0) - counts.get("skipped", 0)
        return counts.get("failures") == 0 and counts.get("errors") == 0 and ran > 0
    if type_ == "openvex":
        return counts.get("affected") == 0 and counts.get("under_investigation") == 0
    ran = type_ != "sarif" or counts.get("failed_runs") == 0
    return ran and highest in ("medium", "low", "note", "")


def read_evidence(record: Record) -> tuple[str, str, str, bool]:
    body = record["body"]
    if record["kind"] == "evidence.added":
        exhibit, summary = body["exhibit"], body["exhibit"]["summary"]
        passed = has_passed(exhibit["type"], summary["counts"], summary["highest"])
        return exhibit["type"], exhibit["subject"], body["signer"], passed
    is_verification = (record["kind"], body.get("tool")) == ("action.outcome", "workspace.verify")
    must(is_verification, "claims: a record is no evidence")
    suite = body["value"]["suite"] or {}
    passed = body["status"] == "succeeded" and suite.get("exit_code") == 0 and has_passed("junit", suite, "")
    return "junit", "tree:" + body["value"]["tree"], body["report"]["delegate"], passed


def check_deployment(statement: Any, named: Records, records: list[Record], requires: list[str]) -> None:
    claim = statement["predicate"]
    outcome = named[claim["deployment"]["record"]]
    decision = check_done(claim, outcome, records, named)
    about = subjects_of(decision)
    kinds = {"commit:": "gitCommit", "tree:sha256:": "bridleTree", "sha256:": "sha256"}
    digests = [{kinds[p]: s[len(p) :]} for s in about for p in kinds if s.startswith(p)]
    effect, deployed = decision["body"]["facts"]["action"]["effect"], claim["deployment"]
    must(outcome["body"]["tool"] == deployed["tool"], "claims: it was deployed by another tool")
    must(outcome["seq"] == deployed["leaf"], "claims: it is another deployment")
    must(effect in ("consequential", "destructive"), "claims: it deployed nothing")
    must(about and claim["subjects"] == about, "claims: it is about something else")
    must([item["digest"] for item in statement["subject"]] == digests, "claims: the subject is another one")
    for item in claim["evidence"]:
        record = named[item["record"]]
        type_, subject, signer, passed = read_evidence(record)
        told = (item["type"], item["subject"], item["signer"], item["leaf"])
        must((type_, subject, signer, record["seq"]) == told, "claims: evidence says something else")
        must(subject in about, "claims: evidence is about another digest")
        must(record["seq"] < decision["seq"], "claims: evidence came after the decision")
        must(passed, f"claims: the {type_} did not pass")
    there = [item["type"] for item in claim["evidence"]]
    for type_ in [*claim["requires"], *requires]:
        must(type_ in there, f"claims: there is no evidence of type {type_}")
    if claim["controls"] is not None:
        controls = named[claim["controls"]]
        is_own = (controls["kind"], controls["execution"]) == ("controls.attested", claim["execution"])
        must(is_own and controls["seq"] < decision["seq"], "claims: the controls are others")


def check_change(statement: Any, named: Records, records: list[Record]) -> None:
    claim = statement["predicate"]
    decision = check_done(claim, named["push"], records, named)
    arguments = decision["body"]["request"]["arguments"]
    digests = [item["digest"].get("gitCommit") for item in statement["subject"]]
    must(named["push"]["body"]["tool"] == "git.push", "claims: it is no push")
    must(arguments["commit"] == claim["commit"] in digests, "claims: it is about another commit")
    must(arguments["branch"] == claim["branch"], "claims: it was pushed to another branch")
    intended = [
        one for one in records if (one["kind"], one["subject"]) == ("action.intended", decision["subject"])
    ]
    expected = intended[-1]["body"]["permit"]["content"]["expect"].get("repository")
    must(expected == claim["repository"], "claims: it was pushed to another repository")
    decided = [one["body"]["facts"] for one in records if one["kind"] == "action.decided"]
    acted = [facts["principal"] for facts in decided if isinstance(facts.get("principal"), dict)]
    agent = {name: claim["agent"][name] for name in ("name", "version", "digest")}.items()
    must(any(agent <= who.items() for who in acted), "claims: no action of this agent's version is here")
    for report in claim["reports"].values():
        if isinstance(report, dict) and "record" in report:
            record, told = named[report["record"]], {**report, "record": None}
            same = told.items() <= {**record["body"]["value"], "record": None}.items()
            must(same and record["kind"] == "action.outcome", "claims: a report says otherwise")


def check_done(claim: Any, outcome: Record, records: list[Record], named: Records) -> Record:
    """Return the decision of an outcome that succeeded, allowed by the policy named, with the approval named."""
    place = (outcome["execution"], outcome["subject"])
    decided = [one for one in records if one["kind"] == "action.decided" and one["seq"] < outcome["seq"]]
    decision = [one for one in decided if (one["execution"], one["subject"]) == place][-1]
    done = (outcome["kind"], outcome["body"]["status"], outcome["execution"])
    must(done == ("action.outcome", "succeeded", claim["execution"]), "claims: it did not succeed here")
    body = decision["body"]
    must((body["effect"], body["policy"]) == ("allow", claim["policy"]), "claims: it was decided otherwise")
    used = body["facts"].get("approval")
    must((used is None) == (claim["approval"] is None), "claims: the approval is not as it was decided")
    if used is not None:
        verdict = named[claim["approval"]["record"]]
        word = verdict["body"]
        given = (verdict["kind"], word["verdict"], verdict["subject"], word["action"])
        wanted = ("approval.verdict", "approved", used["id"], body["action"])
        must(given == wanted, "claims: something else was approved")
        said = (claim["approval"]["by"], claim["approval"]["asserted"])
        must((word["by"], word["asserted"]) == said, "claims: somebody else approved it")
    return decision


def verify(data: bytes, pem: bytes, requires: list[str], subject: str = "") -> dict[str, Any]:
    """Return the statement once every check holds; raise Refused at the first that does not."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise Refused("keys: the key you gave is not an Ed25519 key")
    try:
        bundle = read_json(data)
        must(set(bundle) == PARTS and bundle["format"] == "bridle/evidence/1", "form: no evidence of ours")
        must(bundle["keys"]["control_plane"] == spell(key), "keys: not made with the key you gave")
        statement = read_statement(bundle, key)
        size, root = read_checkpoint(bundle["checkpoint"], key)
        named = read_records(bundle, size, root, statement["predicate"]["records"])
        by_seq = {one["seq"]: one for one in named.values()}
        records = [by_seq[seq] for seq in sorted(by_seq)]
        check_signatures(records, key, bundle["keys"]["delegate"])
        kind = statement["predicateType"]
        must(
            set(statement["predicate"]) == set(CLAIMS[kind].split()),
            "claims: they are not those checked here",
        )
        if kind == DEPLOYMENT:
            check_deployment(statement, named, records, requires)
        else:
            must(not requires, "claims: this is evidence of a change, and names no evidence of others")
            check_change(statement, named, records)
        hexes = [value for item in statement["subject"] for value in item["digest"].values()]
        must(subject.rpartition(":")[2] in ["", *hexes], "claims: it is not about the subject you named")
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise Refused(f"form: something is missing or misshapen: {error!r}") from error
    return statement


def main() -> int:
    parser = argparse.ArgumentParser(description="Check evidence of Bridle without Bridle.")
    parser.add_argument("file")
    parser.add_argument("--key", required=True, help="the control plane's public key (PEM)")
    parser.add_argument("--requires", default="", help="types of evidence that must be there: sarif,junit")
    parser.add_argument("--subject", default="", help="the digest or commit that it has to be about")
    given = parser.parse_args()
    try:
        data, pem = Path(given.file).read_bytes(), Path(given.key).read_bytes()
        statement = verify(data, pem, [*filter(None, given.requires.split(","))], given.subject)
    except (Refused, OSError) as refused:
        print(f"REFUSED {refused}")
        return 1
    print("verified\n" + json.dumps({name: statement[name] for name in ("subject", "predicate")}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
