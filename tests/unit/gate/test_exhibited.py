"""The fact `evidence`: what an action is about, and what was said of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridle.core.clock import iso
from bridle.gate.exhibited import describe_evidence
from bridle.gate.manifest import find_manifest
from bridle.trust.evidence.exhibits import find_subjects, handed_in, reported_exhibits
from bridle.trust.journal import Entry, seal
from support.exhibits import COMMIT, DIGEST
from unit.trust.story import CONTROL_PLANE

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SUMMARY = {"name": "lint", "counts": {"high": 1}, "highest": "high", "signers": []}


def exhibit(subject: str) -> dict[str, object]:
    return {"type": "sarif", "subject": subject, "file": {}, "summary": SUMMARY}


class FakeJournal:
    """Holds evidence about some subjects, an hour old."""

    def __init__(self, *entries: Entry) -> None:
        self.records = [
            seal(
                seq=seq,
                record_id=f"rec_{seq}",
                at=iso(NOW.replace(hour=11)),
                entry=entry,
                raw={},
                previous="",
            )
            for seq, entry in enumerate(entries)
        ]

    async def read(self, *, subject, kinds):
        return [record for record in self.records if (record.subject, record.kind) == (subject, kinds[0])]


@pytest.mark.parametrize(
    ("arguments", "provenance", "subjects"),
    [
        ({"commit": COMMIT}, {"tree": f"sha256:{DIGEST}"}, [f"commit:{COMMIT}", f"tree:sha256:{DIGEST}"]),
        ({"image": f"registry/app@sha256:{DIGEST}"}, None, [f"sha256:{DIGEST}"]),
        ({"parts": [{"digest": f"sha256:{DIGEST}"}], "commit": "main"}, None, [f"sha256:{DIGEST}"]),
        ({"text": f"see sha256:{DIGEST} please", "n": 1}, None, []),
    ],
)
def test_an_action_is_about_the_commit_its_tree_and_the_digests_it_names(arguments, provenance, subjects):
    assert find_subjects(arguments, provenance) == subjects


async def test_all_that_was_said_is_told_with_its_signer_and_age():
    mine, other = f"commit:{COMMIT}", f"sha256:{DIGEST}"
    journal = FakeJournal(
        handed_in(exhibit(mine), by="user:ana", signer=CONTROL_PLANE),
        handed_in(exhibit(other), by="user:ana", signer=CONTROL_PLANE),
        *reported_exhibits(
            {"exhibits": [exhibit(mine)]},
            execution="exe_1",
            key="k",
            action="sha256:a",
            delegate="delegate:local",
        ),
    )
    told = await describe_evidence(journal, find_manifest("git.push"), {"commit": COMMIT}, None, now=NOW)
    assert [(item["signer"], item["age_s"], item["highest"]) for item in told] == [
        ("user:ana", 3600, "high"),
        ("delegate:local", 3600, "high"),
    ]


async def test_what_does_not_last_is_told_nothing():
    journal = FakeJournal(handed_in(exhibit(f"commit:{COMMIT}"), by="user:ana", signer=CONTROL_PLANE))
    assert (
        await describe_evidence(journal, find_manifest("file.read"), {"commit": COMMIT}, None, now=NOW) == []
    )
