"""Files of evidence as other programs write them, small, and the keys to sign a provenance with."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

COMMIT = "3f786850e387550fdab836ed7e6dc881de23001b"
DIGEST = "0123456789abcdef" * 4
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
OTHER_PEM = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)


def sarif(*levels: str, commit: str = "", **run: Any) -> dict[str, Any]:
    provenance = (
        {"versionControlProvenance": [{"repositoryUri": "x", "revisionId": commit}]} if commit else {}
    )
    results = [{"ruleId": "r", "level": level, "message": {"text": "found"}} for level in levels]
    one = {"tool": {"driver": {"name": "semgrep"}}, "results": results, **provenance, **run}
    return {"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": [one]}


def cyclonedx(digest: str = DIGEST) -> dict[str, Any]:
    main = {"name": "app", "type": "container", "hashes": [{"alg": "SHA-256", "content": digest}]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": main},
        "components": [{"name": "a", "type": "library", "components": [{"name": "b", "type": "library"}]}],
        "vulnerabilities": [
            {"id": "CVE-1", "ratings": [{"severity": "medium"}, {"severity": "high"}]},
            {"id": "CVE-2", "ratings": [{"severity": "critical"}], "analysis": {"state": "not_affected"}},
        ],
    }


def spdx_2(digest: str = DIGEST) -> dict[str, Any]:
    package = {
        "SPDXID": "SPDXRef-app",
        "name": "app",
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
    }
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "app-sbom",
        "packages": [package, {"SPDXID": "SPDXRef-a", "name": "a"}],
        "files": [{"SPDXID": "SPDXRef-f", "fileName": "f"}],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": "SPDXRef-app",
            }
        ],
    }


def spdx_3(digest: str = DIGEST) -> dict[str, Any]:
    return {
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {"type": "SpdxDocument", "spdxId": "urn:d", "name": "app-sbom", "rootElement": ["urn:p"]},
            {
                "type": "software_Package",
                "spdxId": "urn:p",
                "name": "app",
                "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": digest}],
            },
        ],
    }


def openvex(digest: str = DIGEST, status: str = "not_affected", *, purl: bool = False) -> dict[str, Any]:
    name = f"pkg:oci/app@sha256%3A{digest}"
    statement = {
        "vulnerability": {"name": "CVE-2026-1"},
        "products": [{"identifiers": {"purl": name}} if purl else {"@id": name}],
        "status": status,
        "justification": "vulnerable_code_not_in_execute_path",
    }
    return {"@context": "https://openvex.dev/ns/v0.2.0", "author": "us", "statements": [statement]}


def provenance(digest: str = DIGEST, **changes: Any) -> dict[str, Any]:
    """A signed envelope; `changes` are made to the statement before it is signed."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {"sha256": digest}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://example.org/build",
                "resolvedDependencies": [{"uri": "git+x"}],
            },
            "runDetails": {"builder": {"id": "https://example.org/builder"}},
        },
        **changes,
    }
    payload, kind = json.dumps(statement).encode(), "application/vnd.in-toto+json"
    signed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    signature = KEY.sign(signed, ec.ECDSA(hashes.SHA256()))
    return {
        "payloadType": kind,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": "anything", "sig": base64.b64encode(signature).decode()}],
    }


def junit(failures: int = 0) -> bytes:
    bad = "".join(f'<testcase name="f{n}"><failure message="no"/></testcase>' for n in range(failures))
    return f'<testsuite><testcase name="a"/>{bad}</testsuite>'.encode()
