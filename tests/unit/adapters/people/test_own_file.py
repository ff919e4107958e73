"""Whose word a file of the configuration folder is."""

import grp
import os
import pwd
from types import SimpleNamespace

import pytest

from bridle.adapters.people.own_file import read_own_text
from bridle.core.errors import TrustError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "limits.yaml"
    path.write_text("limits: []\n")
    path.chmod(0o664)
    return path


@pytest.fixture
def group(monkeypatch, file):
    """The group of the file, and the user whose first group it is."""
    gid = file.stat().st_gid
    found = SimpleNamespace(gr_name="sue", gr_mem=[])
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name="sue", pw_gid=gid))
    monkeypatch.setattr(grp, "getgrgid", lambda asked: found)
    return found


def test_what_the_users_own_group_may_write_is_the_users(file, group):
    assert read_own_text(file) == "limits: []\n"


@pytest.mark.parametrize(("named", "members"), [("staff", []), ("sue", ["bob"]), ("sue", ["sue", "bob"])])
def test_what_a_group_of_several_may_write_is_refused(file, group, named, members):
    group.gr_name, group.gr_mem = named, members
    with pytest.raises(TrustError, match="others may write to it"):
        read_own_text(file)


def test_what_the_own_group_of_another_user_may_write_is_refused(file, group, monkeypatch):
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name="sue", pw_gid=-1))
    with pytest.raises(TrustError, match="others may write to it"):
        read_own_text(file)


def test_a_group_that_nobody_knows_is_of_others(file, group, monkeypatch):
    monkeypatch.setattr(grp, "getgrgid", {}.__getitem__)
    with pytest.raises(TrustError, match="others may write to it"):
        read_own_text(file)


def test_what_everybody_may_write_is_refused(file, group):
    file.chmod(0o666)
    with pytest.raises(TrustError, match="others may write to it"):
        read_own_text(file)


def test_what_belongs_to_another_user_is_refused(file, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    with pytest.raises(TrustError, match="it belongs to another user"):
        read_own_text(file)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_plain_file_is_refused(tmp_path, make):
    make(tmp_path / "limits.yaml", 0o700)
    with pytest.raises(TrustError, match="it is no plain file"):
        read_own_text(tmp_path / "limits.yaml")
