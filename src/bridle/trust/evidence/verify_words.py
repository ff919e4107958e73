"""The other half of verify_evidence.py: bytes in their one spelling, signatures, and the count of people's words.

`bridle evidence verifier` prints both halves as one file. How words are counted is written down in trust.quorum; here it is said
once more, by itself: whose word the terms want, one for each person, key and account, a denial ends it, and what was taken back
is none.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CONTROL_PLANE = "service:bridle"
SIGNED = ("approval", "action", "rests_on", "terms", "verdict", "comment", "inputs")  # by a person
NAMED = ("id", "person", "deputy", "deputy_key", "scope", "reason", "begins_at", "ends_at")  # of a deputy
SCOPE = {  # of a deputy: what each key is matched with in the decision that asked
    "principal": ("facts", "principal", "id"),
    "agent": ("facts", "principal", "name"),
    "organisation": ("facts", "place", "organisations"),
    "project": ("facts", "place", "project"),
    "pipeline": ("facts", "place", "pipeline"),
    "tool": ("request", "tool"),
    "purpose": ("request", "purpose"),
    "environment": ("facts", "deployment", "environment"),
}
NO_TERMS: dict[str, Any] = {
    **{name: [] for name in ("users", "groups", "attributes")},
    "minimum": 1,
    "excluded": "",
    "inputs": {},
    "auto_approve": False,
    "auto_reject": False,
    "comment": "",
}
Record = dict[str, Any]


class Refused(Exception):
    """The evidence does not hold; the text names the check and why."""


def must(holds: Any, why: str) -> None:
    if not holds:
        raise Refused(why)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    must(len(dict(pairs)) == len(pairs), "form: a key stands twice")
    return dict(pairs)


def read_json(data: bytes) -> Any:
    return json.loads(data.decode("utf-8"), object_pairs_hook=once)


def unbase64(code: Any) -> bytes:
    data = base64.b64decode(code, validate=True)
    must(base64.b64encode(data).decode() == code, "form: base64 is not in its one spelling")
    return data


def canonical(value: Any) -> bytes:
    return json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":")).encode()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def digest(value: Any) -> str:
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def read_key(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))


def spell(key: Ed25519PublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def signed(key: Ed25519PublicKey, data: bytes, signature: bytes, what: str) -> None:
    try:
        key.verify(signature, data)
    except InvalidSignature as error:
        raise Refused(f"signatures: {what} is not signed by whom it says") from error


def signed_json(key: Ed25519PublicKey, content: Any, signature: Any, what: str) -> None:
    signed(key, canonical(content), bytes.fromhex(signature["sig"]), what)


class Words:
    """The requests for people's words, and the words that stand on each."""

    def __init__(self) -> None:
        self.asked: dict[str, Record] = {}
        self.standing: dict[str, list[dict[str, Any]]] = {}
        self.denied: set[str] = set()
        self.used: set[str] = set()
        self.dismissed: set[str] = set()

    def ask(self, record: Record, decision: Any) -> None:
        """Take a request in; `decision` is the one that asked."""
        must(record["subject"] not in self.asked, "words: it was requested before")
        self.asked[record["subject"]] = {**record, "decision": decision}

    def dismiss(self, record: Record, key: Ed25519PublicKey) -> None:
        """Take a deputy's dismissal in; one that nobody signed was made before they were, and counts all the same."""
        said, name = dict(record["body"]), record["subject"]
        if signatures := said.pop("signatures", None):
            content = {"type": "bridle/deputy-dismissed/1", **said}
            signed_json(key, content, signatures["control_plane"], "the dismissal of a deputy")
            if said["person"]:
                by = read_key(said["person"]["key"])
                signed_json(by, content, signatures["person"], "the dismissal of a deputy")
            must(said["id"] == name, "words: another deputy was dismissed")
        self.dismissed.add(name)

    def take(self, record: Record, keys: list[Ed25519PublicKey]) -> None:
        """Count a verdict that the control plane has signed; `keys` are those that it has had by then."""
        body, name = record["body"], record["subject"]
        asked = self.asked.get(name)
        if asked is None or body["approval"] != name:
            raise Refused("words: nobody asked for a verdict")
        terms = asked["body"].get("terms") or NO_TERMS
        answered = (body["action"], body["rests_on"], body.get("terms", digest(NO_TERMS)))
        wanted = (asked["body"]["action"], digest(asked["body"]["rests_on"]), digest(terms))
        must(answered == wanted, "words: a verdict answers another request")
        must(name not in self.denied and name not in self.used, "words: it was decided already")
        naming = (body.get("behalf") or {}).get("naming") or {}
        must(naming.get("id") not in self.dismissed, "words: a deputy was dismissed before")
        complaint = complain(body, asked, terms, moment(record["at"]), keys)
        must(not complaint, f"words: a verdict does not count: {complaint}")
        given, words = describe(body), self.standing.setdefault(name, [])
        if body["verdict"] == "revoked":
            kept = [one for one in words if one["voters"] != given["voters"]]
            must(len(kept) < len(words), "words: nothing was there to take back")
            self.standing[name] = kept
        elif body["verdict"] == "denied":
            self.denied.add(name)
        else:
            twice = [one for one in words if any(one[part] & given[part] for part in given)]
            must(body["verdict"] == "approved" and not twice, "words: somebody was counted twice")
            words.append(given)

    def use(self, name: str, action: str) -> None:
        """Use an approval up for an action: it was asked about just that, and there are enough words."""
        asked, words = self.asked.get(name), self.standing.get(name, [])
        must(asked is not None and asked["body"]["action"] == action, "words: something else was approved")
        must(name not in self.denied and name not in self.used, "words: it was denied, or used before")
        least = asked["body"].get("terms", NO_TERMS).get("minimum", 1) if asked else 1
        by_default = any(CONTROL_PLANE in one["voters"] for one in words)
        must(by_default or len(words) >= least, f"words: {len(words)} of the {least} that it takes")
        self.used.add(name)


def name_key(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def describe(body: Any) -> dict[str, set[str]]:
    """Whose word it is: a deputy's is of two people, and neither of them has another."""
    people = [one for one in (body.get("person"), (body.get("behalf") or {}).get("person")) if one]
    voters = {f"person:{one['name']}" for one in people} or {body["by"]}
    keys = {one["key"] for one in people} or {body["by"]}
    return {"voters": voters, "keys": keys, "accounts": {one["account"] for one in people if one["account"]}}


def complain(body: Any, asked: Record, terms: Any, at: datetime, keys: list[Ed25519PublicKey]) -> str:
    """Say why a word does not count, or return an empty text."""
    person, behalf = body.get("person"), body.get("behalf")
    expires_at = moment(asked["body"]["expires_at"])
    if at >= expires_at + timedelta(minutes=1):
        return "the request had expired"
    if body["by"] == CONTROL_PLANE and person is None:
        by_default = terms["auto_approve"] and at >= expires_at - timedelta(days=1)
        return "" if body["verdict"] == "denied" or by_default else "nobody wrote that default"
    if not body["by"].startswith("user:"):
        return "only a person can approve"
    names = ("users", "groups", "attributes", "excluded", "keys")
    if person is None:
        wants_key = terms["minimum"] > 1 or any(terms.get(name) for name in names) or behalf
        return "the terms want a person with a key" if wants_key else ""
    said = {"type": "bridle/word/1", "person": person["name"], "key": person["key"]}
    said |= {name: body[name] for name in (*SIGNED, *(["behalf"] if behalf else []))}
    signed_json(read_key(person["key"]), said, person["signature"], "a person's word")
    spoken_for = check_deputy(body, asked["decision"], at, keys) if behalf else person
    if terms["excluded"] in [f"user:{one['account']}" for one in (person, spoken_for) if terms["excluded"]]:
        return "who started it may not answer"
    later = terms.get("escalation") or {}
    if later and at < moment(asked["body"]["escalates_at"]):
        later = {}
    users = [*terms["users"], *later.get("users", [])]
    groups = [*terms["groups"], *later.get("groups", [])]
    is_named = spoken_for["name"] in users or set(spoken_for["groups"]) & set(groups)
    if (terms["users"] or terms["groups"]) and not is_named:
        return "it has to be somebody else"
    return "" if set(terms["attributes"]) <= set(spoken_for["attributes"]) else "an attribute is not held"


def find_in(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def lies_in(scope: Any, decision: Any) -> bool:
    """Whether what was asked about lies in a deputy's scope for certain: what is not known matches nothing."""
    for key, pattern in scope.items():
        must(key in SCOPE, "words: the scope of a deputy is not known here")
        found = find_in(decision, SCOPE[key])
        values = [str(one) for one in found] if isinstance(found, list) else [found]
        if not any(isinstance(one, str) and fnmatchcase(one, pattern) for one in values):
            return False
    return bool(scope)


def check_deputy(body: Any, decision: Any, at: datetime, keys: list[Ed25519PublicKey]) -> Any:
    """Return the person in whose place a word was given, once their signed naming holds for it."""
    starter = (decision["facts"].get("initiator") or {}).get("id", "")
    person, naming, behalf = body["person"], body["behalf"]["naming"], body["behalf"]["person"]
    said = {"type": "bridle/deputy/1", **{name: naming[name] for name in NAMED}}
    by = naming["signatures"]["control_plane"]
    named_by = [key for key in keys if name_key(key) == by["keyid"]]
    must(named_by, "words: a deputy was named under a key that was none")
    signed_json(named_by[0], said, by, "the naming of a deputy")
    named = naming["person"]
    signed_json(read_key(named["key"]), said, naming["signatures"]["person"], "the naming of a deputy")
    is_deputy = (naming["deputy"], naming["deputy_key"]) == (person["name"], person["key"])
    is_same = (named["name"], named["key"]) == (behalf["name"], behalf["key"])
    must(is_deputy and is_same, "words: another deputy was named")
    begins_at, ends_at = moment(naming["begins_at"]), moment(naming["ends_at"])
    must(begins_at <= at < ends_at, "words: it was no deputy by then")
    must(ends_at - begins_at <= timedelta(days=90), "words: a deputy was named for too long")
    must(lies_in(naming["scope"], decision), "words: a deputy was named for something else")
    must(starter and starter != f"user:{person['account']}", "words: who started it answered as a deputy")
    must(body["behalf"]["starter"] == starter, "words: somebody else started it")
    return behalf
