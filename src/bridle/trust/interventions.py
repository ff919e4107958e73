"""A person's decision about a failed step, signed by the control plane that took it, and by the person where they have a key.

Whoever can write to the store could otherwise decide in somebody's name. The signatures cover the execution, the step's path, the
request that is answered, the answer, and who gave it; the engine verifies them before it acts on it, and so does the audit.
An answer of the first form has no name and no person in it. A request may name who decides: then nobody else's answer counts, at
the desk, in the engine and in the audit alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import TrustError
from bridle.trust.keys import Signature, Signer, Verifier
from bridle.trust.people import Person
from bridle.trust.quorum import Terms, Word, find_complaint
from bridle.trust.verdicts import check_person

FIRST_FIELDS = ("request", "answer", "by", "asserted", "comment")
FIELDS = (*FIRST_FIELDS, "name", "person")


def decided_words(body: Mapping[str, Json], person: Person, *, execution: str, path: str) -> dict[str, Json]:
    """Return what the person signs with their own key."""
    named = {name: body[name] for name in ("request", "answer", "comment")}
    about = {"type": "bridle/decision/1", "execution": execution, "path": path}
    return {**about, "person": person.name, "key": person.key, **named}


def sign_answer(signer: Signer, body: Mapping[str, Json], *, execution: str, path: str) -> dict[str, Json]:
    """Return the body of an answer's record with its signature; `request` is the id of the request's record."""
    signature = signer.sign_json(_content(body, execution, path))
    return {**body, "signature": signature.to_json()}


def check_answer(body: Mapping[str, Json], *, execution: str, path: str, control_plane: Verifier) -> None:
    """Raise TrustError unless the control plane signed exactly this answer for this step, and so did the person it names."""
    signature, fields = body.get("signature"), set(body) - {"signature"}
    if not isinstance(signature, Mapping) or fields not in (set(FIELDS), set(FIRST_FIELDS)):
        raise TrustError("the answer is not signed", where=path, reason="bad-signature")
    signed = Signature.from_json(signature)
    control_plane.verify_json(_content(body, execution, path), signed)
    if body.get("person") is not None:
        check_person(
            body["person"], lambda person: decided_words(body, person, execution=execution, path=path)
        )


def check_decider(asked: Mapping[str, Json], answer: Mapping[str, Json], *, at: datetime) -> None:
    """Raise TrustError unless who answers at that time is somebody that the request wants; both are bodies of records.

    A request that names nobody is answered by any person. One that does wants a person with a key, as an approval would.
    """
    named = asked.get("approvers")
    if not named:
        return
    users, groups, attributes = (
        _texts(as_mapping(named).get(name) or ()) for name in ("users", "groups", "attributes")
    )
    if not (users or groups or attributes):
        raise TrustError("the request wants somebody, and names nobody", reason="may-not-decide")
    person, by = answer.get("person"), str(answer.get("by"))
    speaks = Person.from_json(person) if isinstance(person, Mapping) else None
    word = Word("approved", by, asserted=bool(answer.get("asserted")), at=at, person=speaks)
    complaint = find_complaint(word, Terms(users=users, groups=groups, attributes=attributes), expires_at=at)
    if complaint:
        raise TrustError(f"{word.voter}: {complaint}", reason="may-not-decide")


def _texts(names: Json) -> tuple[str, ...]:
    assert isinstance(names, (list, tuple))
    return tuple(map(str, names))


def _content(body: Mapping[str, Json], execution: str, path: str) -> dict[str, Json]:
    fields, form = (
        (FIELDS, "bridle/intervention/2") if "person" in body else (FIRST_FIELDS, "bridle/intervention/1")
    )
    named = {name: body[name] for name in fields}
    return {"type": form, "execution": execution, "path": path, **named}
