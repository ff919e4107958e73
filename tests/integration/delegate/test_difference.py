"""What a person is shown of a difference, on a real store: nothing that changed may be left out."""

from __future__ import annotations

import pytest

from bridle.delegate.difference import write_difference
from bridle.delegate.snapshot import Entry
from bridle.delegate.tree import Kind
from bridle.delegate.workspace import Workspaces

HEAD = "diff --git a/p b/p\n"


def differ(workspaces: Workspaces, old: Entry | None, new: Entry | None) -> str:
    base, other = ({"p": entry} if entry else {} for entry in (old, new))
    return write_difference(workspaces.snapshots, base, other, ["p"])


def file(workspaces: Workspaces, content: bytes = b"", *, executable: bool = False) -> Entry:
    return Entry(Kind.FILE, workspaces.snapshots.put_blob(content), executable)


def link(target: str) -> Entry:
    return Entry(Kind.LINK, target=target)


def test_an_ordinary_edit_is_its_unified_difference_and_nothing_else(workspaces: Workspaces) -> None:
    old, new = file(workspaces, b"one\ntwo\n"), file(workspaces, b"one\n2\n")
    assert differ(workspaces, old, new) == "--- a/p\n+++ b/p\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"


@pytest.mark.parametrize(("executable", "mode"), [(False, "100644"), (True, "100755")])
def test_a_new_empty_file_is_seen(workspaces: Workspaces, executable: bool, mode: str) -> None:
    made = file(workspaces, executable=executable)
    assert differ(workspaces, None, made) == f"{HEAD}new file mode {mode}\n"


def test_a_deleted_empty_file_is_seen(workspaces: Workspaces) -> None:
    assert differ(workspaces, file(workspaces), None) == f"{HEAD}deleted file mode 100644\n"


def test_a_new_program_shows_its_mode_and_its_text(workspaces: Workspaces) -> None:
    made = file(workspaces, b"run\n", executable=True)
    assert differ(workspaces, None, made) == f"{HEAD}new file mode 100755\n--- /dev/null\n+++ b/p\n+run\n"


@pytest.mark.parametrize("content", [b"text\n", b"", b"\0binary"])
@pytest.mark.parametrize("was", [False, True])
def test_a_change_of_the_mode_alone_is_seen(workspaces: Workspaces, content: bytes, was: bool) -> None:
    old, new = file(workspaces, content, executable=was), file(workspaces, content, executable=not was)
    modes = ("100755", "100644") if was else ("100644", "100755")
    assert differ(workspaces, old, new).startswith(f"{HEAD}old mode {modes[0]}\nnew mode {modes[1]}\n")


def test_a_new_link_shows_that_it_is_one_and_where_it_leads(workspaces: Workspaces) -> None:
    text = differ(workspaces, None, link("src"))
    assert text.startswith(f"{HEAD}new file mode 120000\np: is a symbolic link\n")
    assert "+src\n" in text


def test_a_deleted_link_shows_that_it_was_one(workspaces: Workspaces) -> None:
    text = differ(workspaces, link("src"), None)
    assert text.startswith(f"{HEAD}deleted file mode 120000\n")
    assert "-src\n" in text


def test_a_link_that_leads_elsewhere_is_called_a_link(workspaces: Workspaces) -> None:
    text = differ(workspaces, link("src"), link("doc"))
    assert text.startswith("p: is a symbolic link\n")
    assert ("-src\n" in text, "+doc\n" in text) == (True, True)


def test_a_file_that_became_a_link_to_its_own_text_is_seen(workspaces: Workspaces) -> None:
    text = differ(workspaces, file(workspaces, b"src"), link("src"))
    assert text == f"{HEAD}old mode 100644\nnew mode 120000\np: is a symbolic link\n"


def test_an_empty_folder_that_became_an_empty_file_is_a_new_file(workspaces: Workspaces) -> None:
    text = differ(workspaces, Entry(Kind.FOLDER), file(workspaces))
    assert text == f"{HEAD}new file mode 100644\n"


HOSTILE = "a\n+++ b/innocent.py\u202e\x1b[2J"
SHOWN = "a\\u000a+++ b/innocent.py\\u202e\\u001b[2J"


@pytest.mark.parametrize("content", [b"text\n", b"", b"\0binary"])
def test_a_name_cannot_pass_for_a_line_of_the_difference(workspaces: Workspaces, content: bytes) -> None:
    made = file(workspaces, content)
    text = write_difference(workspaces.snapshots, {}, {HOSTILE: made}, [HOSTILE])
    assert (SHOWN in text, HOSTILE in text, "\u202e" in text, "\x1b" in text) == (True, False, False, False)
    assert [line for line in text.splitlines() if line.startswith("+++ b/innocent")] == []


def test_a_line_of_a_file_cannot_pass_for_two(workspaces: Workspaces) -> None:
    old, new = file(workspaces, b"one\n"), file(workspaces, "one\r-gone\u2028-too\u202e\n".encode())
    for text in (differ(workspaces, old, new), differ(workspaces, None, new)):
        assert "+one\\u000d-gone\\u2028-too\\u202e\n" in text


def test_a_target_of_a_link_is_one_line(workspaces: Workspaces) -> None:
    assert "+src\\u000d+x\n" in differ(workspaces, None, link("src\r+x"))


def test_a_line_ending_that_changed_shows(workspaces: Workspaces) -> None:
    assert "-one\n+one\\u000d\n" in differ(
        workspaces, file(workspaces, b"one\n"), file(workspaces, b"one\r\n")
    )
