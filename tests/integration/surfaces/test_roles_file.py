"""`roles.yaml`: read at every question, and refused whole when anything in it is not as it should be."""

import pytest

from bridle.adapters.people import own_file
from bridle.adapters.people.roles import RolesFile
from bridle.core.errors import BridleError, InputError, TrustError
from bridle.trust.principals import Place

GOOD = """
roles: {deployer: [git:push, "mcp:k8s.*"]}
groups: {release: [user:ana, service:ci]}
organisations: {acme: [shop]}
resource_groups: {production: {types: [production]}}
boundaries: {shop: ["file:*", git:push]}
bindings:
  - {group: release, role: deployer, resource_group: production}
  - {principal: user:ben, role: auditor, organisation: acme}
"""
PRODUCTION = Place("shop", "eu", "production")


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "roles.yaml"
        path.write_text(text)
        path.chmod(0o600)
        return RolesFile(tmp_path, user="user:root")

    return write


def test_without_a_file_the_user_of_the_machine_is_the_owner_and_nobody_else_holds_anything(tmp_path):
    access = RolesFile(tmp_path, user="user:root").read()
    assert access.permissions_of("user:root") == {"*"}
    assert access.permissions_of("user:ana") == frozenset()


def test_bindings_in_the_file_are_all_there_are(write):
    access = write(GOOD).read()
    assert access.permissions_of("user:root", PRODUCTION) == frozenset()
    assert access.permissions_of("service:ci", PRODUCTION) == {"git:push", "mcp:k8s.*"}
    assert access.permissions_of("user:ben", Place("shop")) == {"audit:read"}


def test_a_boundary_holds_in_its_project_and_where_nobody_says_which_project_it_is(write):
    access = write(GOOD).read()
    assert access.boundary_of(Place("shop")) == access.boundary_of(Place()) == {"file:*", "git:push"}
    assert access.boundary_of(Place("billing")) == {"*"}


def test_what_is_not_utf_8_is_refused_with_its_place(write, tmp_path):
    roles = write(GOOD)
    (tmp_path / "roles.yaml").write_bytes(b"roles: {}\n# \xff")
    with pytest.raises(InputError, match=r"roles\.yaml:2:3: not UTF-8"):
        roles.read()


def test_a_change_counts_at_the_next_question(write):
    roles = write(GOOD)
    assert roles.read().permissions_of("user:ana", PRODUCTION)
    write(GOOD.replace("user:ana, ", ""))
    assert not roles.read().permissions_of("user:ana", PRODUCTION)


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("roles:", "rolls:"),
        ("deployer:", "owner:"),
        ("git:push,", "git*:push,"),
        ("role: deployer", "role: unknown"),
        ("role: deployer", "roll: deployer"),
        ("group: release", "group: nobody"),
        ("group: release", "group: release, principal: user:ana"),
        ("group: release,", ""),
        ("user:ana", "agent:ana"),
        ("user:ana", "ana"),
        ("resource_group: production", "resource_group: staging"),
        ("resource_group: production", "resource_group: production, project: shop"),
        ("types: [production]", "types: [prod]"),
        ("types: [production]", ""),
        ("types: [production]", "environments: []"),
        ("[shop]", "shop"),
        ("bindings:", "bindings: {}\nmore:"),
        ("organisation: acme", "organisation: [acme]"),
        ("roles:", "{"),
        ("boundaries: {shop: [", "boundaries: {shop: [file, "),
        ("boundaries: {shop:", "boundaries: {shop: {}, more:"),
    ],
)
def test_what_is_not_as_it_should_be_gives_nobody_anything(write, part, instead):
    assert part in GOOD
    with pytest.raises(InputError):
        write(GOOD.replace(part, instead, 1)).read()


def test_a_file_that_others_may_write_is_refused(write, tmp_path):
    roles = write(GOOD)
    (tmp_path / "roles.yaml").chmod(0o666)
    with pytest.raises(TrustError):
        roles.read()


def test_a_link_in_its_place_is_refused(tmp_path):
    (tmp_path / "elsewhere.yaml").write_text(GOOD)
    (tmp_path / "roles.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(BridleError):
        RolesFile(tmp_path, user="user:root").read()


def test_a_file_that_has_not_changed_is_not_read_again_and_one_that_has_is(write, monkeypatch):
    roles, reads, read = write(GOOD), [], own_file.read_own_text

    def read_and_count(path):
        reads.append(path)
        return read(path)

    monkeypatch.setattr(own_file, "read_own_text", read_and_count)
    assert roles.read().permissions_of("user:ben", Place("shop"))
    assert roles.read().permissions_of("user:ben", Place("shop"))
    assert len(reads) == 2  # it was written just now, and might be again within one tick of the clock
    monkeypatch.setattr(own_file, "SETTLED_S", -1)
    for _ in range(3):
        roles.read()
    assert len(reads) == 3
    write(GOOD.replace("user:ben", "user:eva"))
    assert roles.read().permissions_of("user:ben", Place("shop")) == frozenset()


def test_a_file_that_others_may_write_to_now_is_refused_although_it_was_read_before(
    write, tmp_path, monkeypatch
):
    monkeypatch.setattr(own_file, "SETTLED_S", -1)
    roles = write(GOOD)
    roles.read()
    (tmp_path / "roles.yaml").chmod(0o666)
    with pytest.raises(TrustError):
        roles.read()
