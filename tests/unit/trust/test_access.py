"""Access: bindings add up, and count where they were made for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridle.trust.access import ROLES, Access, Binding, GrantedPrincipals, ResourceGroup
from bridle.trust.permissions import holds
from bridle.trust.principals import ANYWHERE, Place, Principal, PrincipalKind
from support.roles import RolesInMemory

PRODUCTION = Place("shop", "eu-prod", "production")
STAGING = Place("shop", "eu-stage", "non-production")
BUILD = Place("shop")
PLACES = [ANYWHERE, BUILD, STAGING, PRODUCTION, Place("billing"), Place("billing", "us-prod", "production")]
ACCESS = Access(
    bindings=(),
    groups={"release": frozenset({"user:ana", "user:ben"})},
    organisations={"acme": frozenset({"shop"})},
    resource_groups={
        "production": ResourceGroup(types=("production",)),
        "elsewhere": ResourceGroup(types=("non-production", "none")),
        "eu": ResourceGroup(environments=("eu-*",)),
        "shop-production": ResourceGroup(projects=("shop",), types=("production",)),
    },
)
BINDINGS = st.builds(
    lambda role, who, where: Binding(role, **who, **where),
    st.sampled_from(sorted(ROLES)),
    st.sampled_from([{"principal": "user:ana"}, {"principal": "user:ben"}, {"group": "release"}]),
    st.sampled_from(
        [{}, {"organisation": "acme"}, {"project": "shop"}]
        + [{"resource_group": name} for name in ACCESS.resource_groups]
    ),
)


def permissions(binding, place):
    return replace(ACCESS, bindings=(binding,)).permissions_of("user:ana", place)


@pytest.mark.parametrize(
    ("where", "places"),
    [
        ({}, PLACES),
        ({"organisation": "acme"}, [BUILD, STAGING, PRODUCTION]),
        ({"project": "shop"}, [BUILD, STAGING, PRODUCTION]),
        ({"resource_group": "production"}, [PRODUCTION, PLACES[5]]),
        ({"resource_group": "elsewhere"}, [BUILD, STAGING, PLACES[4]]),
        ({"resource_group": "eu"}, [STAGING, PRODUCTION]),
        ({"resource_group": "shop-production"}, [PRODUCTION]),
    ],
)
def test_a_binding_counts_where_it_was_made_for_and_nowhere_else(where, places):
    binding = Binding("developer", principal="user:ana", **where)
    assert [place for place in PLACES if permissions(binding, place)] == places


def test_what_deploys_and_does_not_say_whereto_is_production():
    place = Place.of("shop", {"service": "web"})
    assert permissions(Binding("owner", "user:ana", resource_group="elsewhere"), place) == frozenset()
    assert permissions(Binding("owner", "user:ana", resource_group="production"), place) == {"*"}


@given(st.lists(BINDINGS, max_size=5), BINDINGS, st.sampled_from(PLACES))
def test_another_binding_takes_nothing_away(bindings, another, place):
    fewer = replace(ACCESS, bindings=tuple(bindings)).permissions_of("user:ana", place)
    more = replace(ACCESS, bindings=(*bindings, another)).permissions_of("user:ana", place)
    assert fewer <= more


@given(st.lists(BINDINGS, max_size=5), st.sampled_from(PLACES), st.sampled_from(["git:push", "file:edit"]))
def test_the_explanation_agrees_with_the_rights(bindings, place, permission):
    access = replace(ACCESS, bindings=tuple(bindings))
    explained = access.explain("user:ana", permission, place)
    assert bool(explained) == holds(access.permissions_of("user:ana", place), permission)


class Rows:
    def __init__(self, *principals):
        self._rows = {principal.id: principal for principal in principals}

    async def get(self, principal_id, place=ANYWHERE):
        return self._rows.get(principal_id)


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        (PrincipalKind.USER, {"approval:verdict"}),
        (PrincipalKind.SERVICE, {"file:read", "approval:verdict"}),
        (PrincipalKind.AGENT, {"file:read"}),
        (PrincipalKind.DELEGATE, {"file:read"}),
    ],
)
async def test_what_a_row_says_counts_for_all_but_users_and_roles_for_users_and_services(kind, held):
    row = Principal(kind, "x", "user:ana", frozenset({"file:read"}))
    access = replace(ACCESS, bindings=(Binding("approver", principal=f"{kind}:x"),))
    principals = GrantedPrincipals(Rows(row), RolesInMemory(access))
    assert (await principals.get(row.id)).permissions == held
