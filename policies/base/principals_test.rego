package bridle.gate_test

import rego.v1

import data.bridle.gate

denied(document) := {finding.rule | some finding in gate.deny with input as document}

asked(document) := {finding.rule | some finding in gate.ask with input as document}

allowed(document) := {finding.rule | some finding in gate.allow with input as document}

# One agent's action, complete; the tests change one thing of it.
doc(tool, effect, arguments, permission) := {
	"action": {"tool": tool, "effect": effect, "arguments": arguments},
	"principal": {"id": "agent:fixer", "kind": "agent", "owner": "ana", "state": "active", "asserted": false},
	"initiator": {"id": "user:ana", "kind": "user", "asserted": false},
	"scope": [permission],
	"boundary": {"network": "off"},
	"approval": null,
	"verification": null,
	"attempt": null,
}

by(document, kind) := object.union(document, {"principal": {"id": concat(":", [kind, "x"]), "kind": kind}})

in_state(document, state) := object.union(document, {"principal": {"state": state}})

reading := doc("file.read", "read", {"path": "a.py"}, "file:read")

test_an_active_principal_is_not_denied if denied(reading) == set()

test_a_suspended_principal_is_denied if denied(in_state(reading, "suspended")) == {"principal.not-active"}

test_a_retired_principal_is_denied if denied(in_state(reading, "retired")) == {"principal.not-active"}

test_a_suspended_principal_is_allowed_nothing if allowed(in_state(reading, "suspended")) == set()

test_an_unknown_principal_is_denied if {
	denied(object.union(reading, {"principal": null})) == {"principal.not-active"}
	allowed(object.union(reading, {"principal": null})) == set()
}

test_a_network_is_denied if denied(object.union(reading, {"boundary": {"network": "on"}})) == {"network.off"}

test_a_boundary_that_is_not_known_is_denied if denied(object.remove(reading, ["boundary"])) == {"network.off"}
