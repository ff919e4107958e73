"""An agent's card: what it says, and that a library which is not ours verifies its signature over canonical JSON."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bridle.agent.card import EXTENSION, build_card, read_interface, sign_card
from bridle.agent.forms import parse_agent
from bridle.core.errors import InputError
from bridle.trust.keys import Signer

AGENT = """---
name: acme.clerk
version: 1.2.0
description: Répond aux clients.
owner: ana
purpose: repair
tools: [file.read]
operating: {unit_of_work: one letter, context_sources: [the letter]}
---
The prompt is nobody else's business.
"""
REQUIRED = {  # A2A 1.0, AgentCard: the fields that have to be there
    "name", "description", "supportedInterfaces", "version", "capabilities",
    "defaultInputModes", "defaultOutputModes", "skills",
}  # fmt: skip
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(b"c" * 32))


@pytest.fixture
def card():
    definition = parse_agent(AGENT, file="a.md")
    interfaces = [read_interface("JSONRPC=https://agents.example.com/a2a")]
    return build_card(definition, gaps=["boundary.push is not declared"], interfaces=interfaces)


def verify(card, key):
    """As RFC 7515 and RFC 8785 say, with PyJWT and the standard library: none of our own code."""
    (signature,) = card["signatures"]
    content = {name: value for name, value in card.items() if name != "signatures"}
    spelled = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    payload = base64.urlsafe_b64encode(spelled).rstrip(b"=").decode()
    compact = f"{signature['protected']}.{payload}.{signature['signature']}"
    return jwt.api_jws.PyJWS().decode_complete(compact, key, algorithms=["EdDSA"])


def test_the_card_has_what_the_protocol_requires_and_says_how_the_agent_works(card):
    assert set(card) >= REQUIRED
    (extension,) = card["capabilities"]["extensions"]
    said = extension["params"]
    assert (extension["uri"], said["owner"], said["tools"]) == (EXTENSION, "ana", ["file.read"])
    assert said["operating"] == {"unit_of_work": "one letter", "context_sources": ["the letter"]}
    assert said["undeclared"] == ["boundary.push is not declared"]
    assert "nobody else" not in json.dumps(card)


def test_a_foreign_library_verifies_the_signature(card):
    found = verify(json.loads(json.dumps(sign_card(card, SIGNER))), SIGNER.verifier.key)
    assert found["header"] == {"alg": "EdDSA", "kid": SIGNER.verifier.keyid, "typ": "JOSE"}


@pytest.mark.parametrize("field", sorted(REQUIRED))
def test_a_card_that_was_changed_does_not_verify(card, field):
    signed = sign_card(card, SIGNER)
    signed[field] = "other"
    with pytest.raises(jwt.InvalidSignatureError):
        verify(signed, SIGNER.verifier.key)


def test_another_key_does_not_verify_it(card):
    stranger: Ed25519PublicKey = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(jwt.InvalidSignatureError):
        verify(sign_card(card, SIGNER), stranger)


@pytest.mark.parametrize("text", ["https://x", "JSONRPC", "SOAP=https://x", "JSONRPC=ftp://x", "JSONRPC="])
def test_what_is_no_interface_is_refused(text):
    with pytest.raises(InputError):
        read_interface(text)
