"""The life of a principal: which change is open from where, and which version of an agent may act."""

from dataclasses import replace

import pytest

from bridle.core.errors import InputError, TrustError
from bridle.trust.lifecycle import Change, admit_version, change_principal
from bridle.trust.principals import Lifecycle, Principal, PrincipalKind

OLD = Principal(
    PrincipalKind.AGENT, "fixer", "user:ana", frozenset({"file:read"}), version="1", digest="sha256:1"
)
NEW = replace(OLD, permissions=frozenset({"file:read", "git:push"}), version="2", digest="sha256:2")
STOPPED = (Lifecycle.SUSPENDED, Lifecycle.RETIRED)


@pytest.mark.parametrize("change", list(Change))
def test_nothing_brings_back_what_is_retired(change):
    with pytest.raises(InputError):
        change_principal(replace(OLD, state=Lifecycle.RETIRED), change)


def test_a_draft_is_not_activated_before_somebody_approves_it():
    draft = replace(OLD, state=Lifecycle.DRAFT)
    with pytest.raises(InputError):
        change_principal(draft, Change.ACTIVATE)
    approved = change_principal(draft, Change.APPROVE)
    assert approved.state is Lifecycle.APPROVED
    assert change_principal(approved, Change.ACTIVATE).state is Lifecycle.ACTIVE


def test_a_draft_is_not_led_round_its_approval_by_way_of_a_suspension():
    with pytest.raises(InputError):
        change_principal(replace(OLD, state=Lifecycle.DRAFT), Change.SUSPEND)


@pytest.mark.parametrize("state", [Lifecycle.ACTIVE, Lifecycle.SUSPENDED])
def test_approving_a_version_lets_nobody_act_who_may_not(state):
    changed = change_principal(replace(OLD, state=state), Change.APPROVE, version="sha256:2")
    assert (changed.state, changed.approved) == (state, {"sha256:2"})


@pytest.mark.parametrize("first_use", [True, False])
@pytest.mark.parametrize("state", STOPPED)
def test_a_new_version_changes_nothing_of_an_agent_that_somebody_stopped(state, first_use):
    stopped = replace(OLD, state=state, approved=frozenset({"sha256:2"}))
    assert admit_version(stopped, NEW, first_use=first_use) == stopped


def test_an_unknown_agent_is_active_on_first_use_where_that_is_allowed_and_else_a_draft():
    assert admit_version(None, NEW, first_use=True).state is Lifecycle.ACTIVE
    assert admit_version(None, NEW, first_use=False).state is Lifecycle.DRAFT


def test_a_draft_waits_for_its_approval_though_first_use_is_allowed_by_now():
    draft = replace(OLD, state=Lifecycle.DRAFT)
    assert admit_version(draft, NEW, first_use=True) == replace(NEW, state=Lifecycle.DRAFT)


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_version_that_nobody_approved_is_refused_where_versions_need_approval(version):
    with pytest.raises(TrustError, match="nobody has approved") as caught:
        admit_version(OLD, version, first_use=False)
    assert caught.value.reason == "version-not-approved"


def test_an_approved_version_is_active_from_its_first_use_and_stays_approved():
    known = replace(
        OLD,
        state=Lifecycle.APPROVED,
        approved=frozenset({"sha256:2"}),
    )
    admitted = admit_version(known, NEW, first_use=False)
    assert (admitted.state, admitted.digest) == (Lifecycle.ACTIVE, "sha256:2")
    assert admitted.approved == {"sha256:2"}


def test_what_a_new_version_gives_up_it_no_longer_has():
    assert admit_version(NEW, OLD, first_use=True).permissions == OLD.permissions
