"""Checkpoints: one exact text, bound to one key and one log."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.errors import InputError
from bridle.trust.keys import Signer
from bridle.trust.log.checkpoint import (
    Checkpoint,
    CheckpointError,
    key_hash,
    read_checkpoint,
    sign_checkpoint,
    verifier_key,
)

SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(b"c" * 32))
OTHER = Signer(Ed25519PrivateKey.from_private_bytes(b"d" * 32))
ORIGIN = "example.org/journal"
ROOT = bytes(range(32))
TEXT = sign_checkpoint(SIGNER, ORIGIN, 42, ROOT)


def resign(text: str, *, name: str = ORIGIN) -> str:
    """Put our own good signature under a text of another form."""
    code = key_hash(SIGNER.verifier, name) + SIGNER.sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(code).decode()}\n"


def test_a_checkpoint_reads_as_it_was_signed() -> None:
    assert read_checkpoint(TEXT, SIGNER.verifier, ORIGIN) == Checkpoint(ORIGIN, 42, ROOT)


def test_the_text_has_the_five_lines_of_the_specification() -> None:
    lines = TEXT.split("\n")
    assert lines[:4] == [ORIGIN, "42", base64.b64encode(ROOT).decode(), ""]
    assert lines[4].startswith(f"— {ORIGIN} ")
    assert lines[5:] == [""]


def test_the_verifier_key_names_origin_hash_and_key() -> None:
    name, short, key = verifier_key(SIGNER.verifier, ORIGIN).split("+", 2)
    assert (name, short) == (ORIGIN, key_hash(SIGNER.verifier, ORIGIN).hex())
    assert base64.b64decode(key) == b"\x01" + SIGNER.verifier.raw


def test_every_changed_byte_is_refused() -> None:
    data = TEXT.encode()
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(CheckpointError):
            read_checkpoint(changed.decode("utf-8", "replace"), SIGNER.verifier, ORIGIN)


def test_another_key_is_refused() -> None:
    with pytest.raises(CheckpointError, match="not signed by key"):
        read_checkpoint(TEXT, OTHER.verifier, ORIGIN)


def test_another_log_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"expected 'other\.org"):
        read_checkpoint(TEXT, SIGNER.verifier, "other.org/journal")


def test_the_name_that_differs_is_told_with_every_odd_byte_of_it_visible() -> None:
    changed = "example.org/j\N{CYRILLIC SMALL LETTER O}urnal"
    with pytest.raises(CheckpointError, match=r"of log 'example\.org/j\\u043eurnal', expected 'example\.org"):
        read_checkpoint(TEXT.replace(f"— {ORIGIN}", f"— {changed}"), SIGNER.verifier, ORIGIN)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n042\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n+42\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n٤٢\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n42\n{base64.b64encode(ROOT[:31]).decode()}\n",
        f"{ORIGIN}\n42\n{ROOT.hex()}\n",
        f"{ORIGIN}\n42\n{base64.b64encode(ROOT).decode()}\nextension\n",
        f"{ORIGIN}\n42\n",
        "",
    ],
)
def test_a_well_signed_text_of_another_form_is_refused(text) -> None:
    with pytest.raises(CheckpointError):
        read_checkpoint(resign(text), SIGNER.verifier, ORIGIN)


def test_base64_with_stray_bits_is_refused() -> None:
    root = base64.b64encode(ROOT).decode()
    assert root.endswith("8=")
    with pytest.raises(CheckpointError, match="one spelling"):
        read_checkpoint(resign(f"{ORIGIN}\n42\n{root[:-2]}9=\n"), SIGNER.verifier, ORIGIN)


@pytest.mark.parametrize(
    ("origin", "size", "root"), [("a b", 1, ROOT), ("a+b", 1, ROOT), ("a", -1, ROOT), ("a", 1, b"")]
)
def test_what_is_no_state_of_a_log_is_not_signed(origin, size, root) -> None:
    with pytest.raises(InputError):
        sign_checkpoint(SIGNER, origin, size, root)
