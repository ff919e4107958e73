"""What varies by nature is taken out of a text; what one change differs from another by is not."""

import pytest

from bridle.core.ids import new_id
from bridle.core.likeness import mask_json, mask_text

VARYING = {
    "an id of ours": (f"by {new_id('exe')}", "by <id>"),
    "a uuid": ("job 0b9d3b1e-8f0a-4f7e-9d55-1c2d3e4f5a6b!", "job <id>!"),
    "a ulid": ("run 01ARZ3NDEKTSV4RRFFQ69G5FAV.", "run <id>."),
    "a time of day": ("built 2026-11-21T13:45:07.123Z", "built <time>"),
    "a time with a zone": ("built 2026-11-21 13:45+01:00", "built <time>"),
    "a date": ("on 2026-11-21", "on <time>"),
    "a tag made of a time": ("app:20261121-134507", "app:<time>"),
    "seconds since 1970": ("at 1795268707", "at <time>"),
    "milliseconds since 1970": ("at 1795268707123", "at <time>"),
    "how long it took": ("3 passed in 0.12s", "3 passed in <time>"),
    "a git commit": ("rev 1f3870be274f6c49b3e31a0c6728957f1f3870be", "rev <digest>"),
    "a short commit": ("rev 1f3870b", "rev <digest>"),
    "an image digest": (f"app@sha256:{'0a' * 32}", "app@<digest>"),
}
STAYS = (
    "app 1.2.3 of 17",
    "replicas: 12345678",
    "defaced facade",
    "port 8080",
    "timeout: 30s",
    "10.0.0.1",
    "release-2026",
    "",
)


@pytest.mark.parametrize(("text", "masked"), VARYING.values(), ids=VARYING)
def test_what_varies_by_nature_is_masked(text, masked):
    assert mask_text(text) == masked


@pytest.mark.parametrize("text", STAYS)
def test_what_changes_differ_by_stays(text):
    assert mask_text(text) == text


def test_the_texts_and_times_of_a_document_are_masked_and_its_names_stay():
    document = {"2026-11-21": ["2026-11-21", 1795268707, 3, True, None]}
    assert mask_json(document) == {"2026-11-21": ["<time>", "<time>", 3, True, None]}
