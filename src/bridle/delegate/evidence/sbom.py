"""Bills of materials: CycloneDX 1.2 to 1.7 in JSON, SPDX 2.2 and 2.3 in JSON, SPDX 3.0 in JSON-LD. Counted, never resolved.

A bill is about what its main component or its own subject says by digest; one that names none contradicts nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from bridle.delegate.evidence.documents import Reading, as_severity, must, objects, read_object, tally, text
from bridle.delegate.evidence.provenance import Keys

_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_cyclonedx(data: bytes, keys: Keys) -> Reading:
    """Count components, those inside components too, and vulnerabilities with their worst rating."""
    del keys  # it carries no signature that is read here
    document = read_object(data)
    must(document.get("bomFormat") == "CycloneDX", "its bomFormat is not CycloneDX")
    must(
        re.fullmatch(r"1\.[2-7]", text(document.get("specVersion"))) is not None,
        "its specVersion is not 1.2 to 1.7",
    )
    metadata = document.get("metadata", {})
    must(isinstance(metadata, dict), "metadata is not an object")
    main = metadata.get("component", {})
    must(isinstance(main, dict), "the main component is not an object")
    severities: Counter[str] = Counter()
    vulnerabilities = list(objects(document.get("vulnerabilities"), what="vulnerabilities"))
    for item in vulnerabilities:
        state = (
            item.get("analysis", {}).get("state", "") if isinstance(item.get("analysis", {}), dict) else ""
        )
        if state not in ("not_affected", "false_positive", "resolved", "resolved_with_pedigree"):
            severities[_worst(item)] += 1
    counts = {"components": _components(document), "vulnerabilities": len(vulnerabilities)}
    return Reading(text(main.get("name")), counts, frozenset(_hashes(main)), severities=tally(severities))


def _components(holder: dict[str, Any]) -> int:
    listed = list(objects(holder.get("components"), what="components"))
    must(all(text(item.get("name")) for item in listed), "a component has no name")
    return len(listed) + sum(map(_components, listed))


def _worst(item: dict[str, Any]) -> str:
    order = ("critical", "high", "medium", "low", "note")
    found = [as_severity(rating.get("severity")) for rating in objects(item.get("ratings"), what="ratings")]
    return min(found, key=order.index, default="high")  # what nobody rated is not taken for harmless


def _hashes(component: dict[str, Any]) -> set[str]:
    listed = objects(component.get("hashes"), what="hashes")
    return {f"sha256:{_digest(item.get('content'))}" for item in listed if item.get("alg") == "SHA-256"}


def read_spdx(data: bytes, keys: Keys) -> Reading:
    """Count packages and files of a document of version 2, or of the elements of one of version 3."""
    del keys  # it carries no signature that is read here
    document = read_object(data)
    return _read_spdx_3(document) if "@graph" in document else _read_spdx_2(document)


def _read_spdx_2(document: dict[str, Any]) -> Reading:
    must(
        text(document.get("spdxVersion")) in ("SPDX-2.2", "SPDX-2.3"),
        "its spdxVersion is not SPDX-2.2 or SPDX-2.3",
    )
    must(document.get("SPDXID") == "SPDXRef-DOCUMENT", "it is not named SPDXRef-DOCUMENT")
    packages = list(objects(document.get("packages"), what="packages"))
    must(
        all(text(item.get("name")) and text(item.get("SPDXID")) for item in packages),
        "a package has no name or id",
    )
    described = document.get("documentDescribes", [])
    must(isinstance(described, list), "documentDescribes is not a list")
    named = set(map(str, described))
    for item in objects(document.get("relationships"), what="relationships"):
        if item.get("relationshipType") == "DESCRIBES" and item.get("spdxElementId") == "SPDXRef-DOCUMENT":
            named.add(text(item.get("relatedSpdxElement")))
    about = {
        f"sha256:{_digest(item.get('checksumValue'))}"
        for package in packages
        if package["SPDXID"] in named
        for item in objects(package.get("checksums"), what="checksums")
        if item.get("algorithm") == "SHA256"
    }
    files = len(list(objects(document.get("files"), what="files")))
    return Reading(text(document.get("name")), {"packages": len(packages), "files": files}, frozenset(about))


def _read_spdx_3(document: dict[str, Any]) -> Reading:
    must("spdx.org/rdf/3." in str(document.get("@context")), "its context is not that of SPDX 3")
    elements = list(objects(document["@graph"], what="@graph"))
    documents = [item for item in elements if _type_of(item) == "SpdxDocument"]
    must(len(documents) == 1, "it does not hold exactly one SpdxDocument")
    roots = documents[0].get("rootElement", [])
    must(isinstance(roots, list), "rootElement is not a list")
    about = {
        f"sha256:{_digest(proof.get('hashValue'))}"
        for item in elements
        if item.get("spdxId") in roots
        for proof in objects(item.get("verifiedUsing"), what="verifiedUsing")
        if proof.get("algorithm") == "sha256"
    }
    kinds = Counter(_type_of(item) for item in elements)
    counts = {"packages": kinds["software_Package"], "files": kinds["software_File"]}
    return Reading(text(documents[0].get("name")), counts, frozenset(about))


def _type_of(item: dict[str, Any]) -> str:
    return text(item.get("type") or item.get("@type"))


def _digest(value: Any) -> str:
    found = text(value).lower()
    must(_SHA256.fullmatch(found) is not None, "a SHA-256 is not 64 hexadecimal digits")
    return found
