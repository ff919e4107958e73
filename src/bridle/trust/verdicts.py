"""Verdicts: a person's word on one request, signed by the control plane that took it, and by the person where they have a key.

Whoever can write to the store could otherwise write an approval into it. The signatures cover the request's id, the action's
digest, what the word rests on, the terms, the verdict, what was filled in, and who gave it; the gate verifies them before an
approval is used, and so does everybody who verifies the journal or a piece of evidence.

A verdict of the first form has no terms, inputs and person in it: it answers a request that wants one word of anybody. One of the
third form is given in somebody's place: `behalf` holds who that is now, the signed naming that it rests on (trust.deputies), and
who started what is asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import TrustError
from bridle.trust.deputies import read_deputy
from bridle.trust.keys import Signature, Signer, Verifier
from bridle.trust.people import Person
from bridle.trust.quorum import BEHALF, PERSON, Behalf, Terms, Word

FIRST_FIELDS = ("approval", "action", "rests_on", "verdict", "by", "name", "asserted", "comment")
FIELDS = (*FIRST_FIELDS, "terms", "inputs", "person")
OWN = ("approval", "action", "rests_on", "terms", "verdict", "comment", "inputs")
ON_BEHALF = (*FIELDS, "behalf")
BEHALF_FIELDS = {"person", "naming", "starter"}
PERSON_FIELDS = {"name", "account", "groups", "attributes", "key", "signature"}


def own_words(body: Mapping[str, Json], person: Person) -> dict[str, Json]:
    """Return what the person signs with their own key."""
    return {
        "type": "bridle/word/1",
        "person": person.name,
        "key": person.key,
        **{name: body[name] for name in (*OWN, "behalf") if name != "behalf" or name in body},
    }


def sign_verdict(signer: Signer, body: Mapping[str, Json]) -> dict[str, Json]:
    """Return the body of a verdict's record with its signature. `rests_on` and `terms` are digests."""
    signature = signer.sign_json(_content(body))
    return {**body, "signature": signature.to_json()}


def check_verdict(body: Mapping[str, Json], *, control_plane: Verifier) -> None:
    """Raise TrustError unless the control plane signed exactly this verdict, and so did the person it names."""
    signature = body.get("signature")
    fields = set(body) - {"signature"}
    if not isinstance(signature, Mapping) or fields not in (set(ON_BEHALF), set(FIELDS), set(FIRST_FIELDS)):
        raise TrustError("the verdict is not signed", reason="bad-signature")
    control_plane.verify_json(_content(body), Signature.from_json(signature))
    if body.get("person") is not None:
        check_person(body["person"], lambda person: own_words(body, person))


def read_word(
    body: Mapping[str, Json], *, control_plane: Verifier, earlier: Sequence[Verifier] = (), at: datetime
) -> Word:
    """Return what a verdict says, once its signatures hold; raise TrustError. `earlier` are the control plane's keys before: a
    deputy may have been named under one of them, and the verdict repeats that naming."""
    check_verdict(body, control_plane=control_plane)
    person, inputs = body.get("person"), body.get("inputs")
    return Word(
        verdict=str(body["verdict"]),
        by=str(body["by"]),
        asserted=body["asserted"] is not False,
        at=at,
        person=Person.from_json(person) if isinstance(person, Mapping) else None,
        inputs=inputs if isinstance(inputs, Mapping) else {},
        behalf=_read_behalf(body["behalf"], (control_plane, *earlier)) if "behalf" in body else None,
    )


def _read_behalf(content: Json, keys: Sequence[Verifier]) -> Behalf:
    if not isinstance(content, Mapping) or set(content) != BEHALF_FIELDS:
        raise TrustError("the verdict does not say in whose place it was given", reason="bad-signature")
    signatures = as_mapping(as_mapping(content["naming"]).get("signatures") or {})
    named_by = as_mapping(signatures.get("control_plane") or {}).get("keyid")
    key = next((one for one in keys if one.keyid == named_by), keys[0])
    naming = read_deputy(content["naming"], control_plane=key)
    return Behalf(Person.from_json(as_mapping(content["person"])), naming, str(content["starter"]))


def name_voter(body: Mapping[str, Json]) -> str:
    """Return whose word a verdict is: the person's, where one signed it, else that of the account it came from."""
    person, behalf = body.get("person"), body.get("behalf")
    own = f"{PERSON}{person['name']}" if isinstance(person, Mapping) else str(body["by"])
    return (
        f"{own}{BEHALF}{PERSON}{as_mapping(behalf['person'])['name']}" if isinstance(behalf, Mapping) else own
    )


def answered_terms(body: Mapping[str, Json]) -> Json:
    """Return the digest of the terms that a verdict answers."""
    return body.get("terms", Terms().digest)


def check_person(content: Json, words: Callable[[Person], Json]) -> None:
    """Raise TrustError unless the person whom a record names has signed `words` with the key that it names."""
    if not isinstance(content, Mapping) or set(content) != PERSON_FIELDS:
        raise TrustError("the record does not say who signed it", reason="bad-signature")
    signature = content["signature"]
    if not isinstance(signature, Mapping):
        raise TrustError("the person has not signed", reason="bad-signature")
    person = Person.from_json(content)
    key = Verifier.from_hex(person.key)
    if key.raw.hex() != person.key:
        raise TrustError("the person's key is not in its one spelling", reason="bad-signature")
    key.verify_json(words(person), Signature.from_json(signature))


def _content(body: Mapping[str, Json]) -> dict[str, Json]:
    if "behalf" in body:
        return {"type": "bridle/verdict/3", **{name: body[name] for name in ON_BEHALF}}
    fields, form = (FIELDS, "bridle/verdict/2") if "terms" in body else (FIRST_FIELDS, "bridle/verdict/1")
    return {"type": form, **{name: body[name] for name in fields}}
