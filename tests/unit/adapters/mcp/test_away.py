"""What is said of a server that is away: the failure itself, not the group of tasks that it came in."""

from types import SimpleNamespace

from bridle.adapters.mcp.clients import _Connection


def test_the_failure_inside_a_group_is_told_and_where_the_server_s_log_is():
    group = ExceptionGroup("unhandled errors", [ExceptionGroup("inside", [OSError("no such program")])])
    told = _Connection._away(SimpleNamespace(_server=SimpleNamespace(name="notes")), group)
    assert told.what == "the server 'notes' does not answer: no such program"
    assert "servers/notes.log" in told.hint
