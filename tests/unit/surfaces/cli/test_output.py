"""What cannot be written is told apart, and what is shown cannot command a terminal."""

import io
import json
import os
import subprocess
import sys

import pytest

from bridle.surfaces.cli.options import print_json, printable, put, say
from bridle.surfaces.cli.output import LostOutput, WatchedOutput

PROGRAM = [sys.executable, "-c", "from bridle.surfaces.cli.main import run; run(['--help'])"]


class FakeFullDisk(io.StringIO):
    """A stream that takes nothing."""

    def write(self, text):
        raise OSError(28, "No space left on device")

    flush = write


def test_a_stream_that_fails_is_told_apart_from_other_errors():
    with pytest.raises(LostOutput) as lost:
        WatchedOutput(FakeFullDisk()).write("x")
    assert lost.value.why.errno == 28


def test_a_stream_that_works_is_passed_on_to():
    stream = io.StringIO()
    watched = WatchedOutput(stream)
    assert (watched.write("x"), watched.getvalue()) == (1, "x")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_away_is_no_failure(unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(PROGRAM, stdout=writing, stderr=subprocess.PIPE, env=environ, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_is_said_and_exits_with_unavailable():
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device, not a path of ours
        done = subprocess.run(PROGRAM, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 5
    assert done.stderr.startswith(b"bridle: the output cannot be written")


@pytest.mark.parametrize("text", ["\x1b[2J", "\u202egnp.exe", "\x00", "\x9b1A", "\u2028", "\udcff"])
def test_what_a_terminal_would_obey_is_written_out(text, capsys):
    put(text)
    say(text)
    out, err = capsys.readouterr()
    assert out == err == f"{printable(text)}\n"
    assert text[0] not in out
    assert out.startswith("\\u")


def test_ordinary_text_lines_and_tabs_are_left_alone():
    assert printable("café\n\t✓ ok") == "café\n\t✓ ok"


def test_json_is_ascii_and_reads_back_as_it_was(capsys):
    document = {"note": "\x1b[2J café \udcff"}
    print_json(document)
    out = capsys.readouterr().out
    assert (out.isascii(), json.loads(out)) == (True, document)
