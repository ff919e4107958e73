"""Recovery: what to do with an action whose intent is recorded and whose outcome is not.

    read       do it again
    workspace  put the tree back that was there before it, do it again
    keyed      send it again with the same key: the target knows it
    lookup     ask the target; only when it knows nothing of it, do it again
    none       nobody can tell: unknown, to a person

Nothing else is ever tried a second time. An action that has an outcome is answered from the journal, not from here.
"""

from __future__ import annotations

from enum import StrEnum

from bridle.gate.manifest import Recovery


class Recourse(StrEnum):
    """What recovery does."""

    AGAIN = "again"
    RESTORE_AND_AGAIN = "restore-and-again"
    ASK_TARGET = "ask-target"
    GIVE_UP = "give-up"


RECOURSE = {
    Recovery.READ: Recourse.AGAIN,
    Recovery.WORKSPACE: Recourse.RESTORE_AND_AGAIN,
    Recovery.KEYED: Recourse.AGAIN,
    Recovery.LOOKUP: Recourse.ASK_TARGET,
    Recovery.NONE: Recourse.GIVE_UP,
}
