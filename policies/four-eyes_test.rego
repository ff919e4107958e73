package bridle.gate_four_eyes_test

import rego.v1

import data.bridle.gate

denied(document) if "four-eyes.not-satisfied" in {finding.rule | some finding in gate.deny with input as document}

approved_by(person, asserted) := {
	"action": {"tool": "git.push", "effect": "consequential", "arguments": {"branch": "bridle/fix"}},
	"principal": {"id": "agent:fixer", "kind": "agent", "owner": "cleo", "state": "active"},
	"initiator": {"id": "user:ana", "kind": "user", "asserted": false},
	"scope": ["git:push"],
	"boundary": {"network": "off"},
	"approval": {"id": "apr_1", "by": person, "asserted": asserted, "rests_on": {}},
}

test_a_second_person_satisfies if not denied(approved_by("user:ben", false))

test_an_asserted_name_does_not if denied(approved_by("user:ben", true))

test_the_initiator_does_not if denied(approved_by("user:ana", false))

test_the_agents_owner_does_not if denied(approved_by("user:cleo", false))

test_another_agent_does_not if denied(approved_by("agent:ben", false))

test_an_asserted_initiator_does_not if {
	denied(object.union(approved_by("user:ben", false), {"initiator": {"asserted": true}}))
}

test_an_initiator_that_is_not_known_does_not if {
	denied(object.remove(approved_by("user:ben", false), ["initiator"]))
}

test_an_owner_that_is_not_known_does_not if {
	document := approved_by("user:ben", false)
	denied(object.union(object.remove(document, ["principal"]), {"principal": {"id": "agent:fixer"}}))
}

test_what_only_reads_is_not_its_business if {
	not denied(object.union(approved_by("user:ana", true), {"action": {"effect": "read"}}))
}
