"""The main job on PostgreSQL, in several processes: begun in one that is killed, approved in one that dies, ended by a third."""

import json
import signal
from dataclasses import dataclass

import pytest

from integration.durable.conftest import until
from integration.postgres.jobs import DIED
from support.room import git, opened_room


@dataclass
class House:
    """A room whose store is on PostgreSQL."""

    forks: object
    room: object
    url: str

    def start(self, job, argument):
        return self.forks.start(job, argument, environment=self.room.environment, folder=self.room.path)

    def bridle(self, *arguments):
        """Run a command; return its exit code and what it printed."""
        child = self.start("support.forks:command_line", [*arguments, "--store", self.url])
        return child.wait(), child.stdout

    def shipped(self):
        """Return how many commits main of the origin has beyond the one it began with."""
        return int(git(self.room.origin, "rev-list", "--count", "refs/heads/main")) - 1


@pytest.fixture
def house(forks, postgres, begun_database):
    name = postgres.create(template=begun_database)
    with opened_room() as room:
        yield House(forks, room, postgres.url(name))
    postgres.drop(name)


@pytest.fixture
def waiting(house):
    """An execution that waits for a person, in a process that was killed while it did."""
    holder = house.start("integration.postgres.jobs:wait_for_a_person", house.url)
    until(lambda: (holder.out.exists() and holder.stdout.strip()) or holder.poll() is not None, within_s=60)
    execution = holder.stdout.strip()
    assert execution, holder.stderr
    holder.kill(signal.SIGKILL)
    holder.wait()
    return execution


def test_the_demo_ships_exactly_one_commit_and_proves_it(house):
    code, printed = house.bridle("demo", "--approve-as", "ana", "--json")
    ended = json.loads(printed)
    assert (code, ended["state"]) == (0, "succeeded")
    assert "inclusion" in ended["verified"]["checks"]
    assert house.shipped() == 1


def test_an_execution_is_carried_on_after_its_process_was_killed_while_waiting(house, waiting):
    code, _ = house.bridle("approve", "--as", "ana")
    verified, complaint = house.bridle("audit", "verify")
    assert (code, house.shipped()) == (0, 1)
    assert verified == 0, complaint


def test_a_verdict_whose_message_was_lost_is_made_good_by_resuming(house, waiting):
    assert house.start("integration.postgres.jobs:say_yes_and_die", house.url).wait() == DIED
    assert house.shipped() == 0
    code, _ = house.bridle("resume", waiting)
    assert code == 0
    assert house.shipped() == 1
