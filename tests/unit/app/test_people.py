"""Who may add people who sign: what the roles of the folder say, and nobody on doubt."""

import getpass

import pytest

from bridle.app import add_person
from bridle.core.errors import BridleError
from bridle.core.settings import load_settings


def add(folder, roles):
    if roles:
        (folder / "roles.yaml").write_text(roles.replace("ME", getpass.getuser()))
        (folder / "roles.yaml").chmod(0o600)
    settings = load_settings({"BRIDLE_CONFIG_DIR": str(folder), "BRIDLE_DATA_DIR": str(folder / "data")})
    return add_person(settings, "eve", account="", groups=["release"], attributes=[])


@pytest.mark.parametrize("roles", ["", "bindings: [{principal: 'user:ME', role: owner}]"])
def test_who_manages_principals_adds_people(tmp_path, roles):
    assert add(tmp_path, roles).groups == ("release",)


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        ("bindings: [{principal: 'user:ME', role: operator}]", "permission-missing"),
        ("bindings: [{principal: 'user:somebody', role: owner}]", "permission-missing"),
        ("bindings: {", "bad-input"),
    ],
)
def test_nobody_else_does_nor_anybody_while_the_roles_cannot_be_read(tmp_path, roles, reason):
    with pytest.raises(BridleError) as refused:
        add(tmp_path, roles)
    assert refused.value.reason == reason
    assert not (tmp_path / "people.yaml").exists()
