"""OpenVEX 0.2.0: which vulnerabilities of a product matter, as its maker says. Each statement counts once for its status."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from bridle.delegate.evidence.documents import Reading, must, objects, read_object, text
from bridle.delegate.evidence.provenance import Keys

STATUSES = ("not_affected", "affected", "fixed", "under_investigation")
_IN_PURL = re.compile(r"sha256(?::|%3A)([0-9a-f]{64})", re.IGNORECASE)


def read_openvex(data: bytes, keys: Keys) -> Reading:
    """Count statements by status; a claim that a product is not affected has to say why."""
    del keys  # it carries no signature
    document = read_object(data)
    context = text(document.get("@context"))
    must(context.startswith("https://openvex.dev/ns"), "its context is not that of OpenVEX")
    must(bool(text(document.get("author"))), "it names no author")
    statements = list(objects(document.get("statements"), what="statements"))
    must(bool(statements), "it has no statement")
    counts: Counter[str] = Counter()
    about: set[str] = set()
    for item in statements:
        status = text(item.get("status"))
        must(status in STATUSES, f"a statement's status is not one of {', '.join(STATUSES)}")
        why = item.get("justification") or item.get("impact_statement")
        must(status != "not_affected" or bool(why), "a statement says not_affected and not why")
        must(bool(item.get("vulnerability")), "a statement names no vulnerability")
        counts[status] += 1
        for product in objects(item.get("products"), what="products"):
            about |= _digests(product)
    return Reading(
        text(document["author"]), {status: counts[status] for status in STATUSES}, frozenset(about)
    )


def _digests(product: dict[str, Any]) -> set[str]:
    hashes = product.get("hashes", {})
    must(isinstance(hashes, dict), "a product's hashes are not an object")
    found = {f"sha256:{text(hashes['sha-256']).lower()}"} if text(hashes.get("sha-256")) else set()
    identifiers = product.get("identifiers", {})
    must(isinstance(identifiers, dict), "a product's identifiers are not an object")
    spelled = f"{text(product.get('@id'))} {text(identifiers.get('purl'))}"
    return found | {f"sha256:{match.lower()}" for match in _IN_PURL.findall(spelled)}
