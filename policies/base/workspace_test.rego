package bridle.gate_test

import rego.v1

editing := doc("file.edit", "reversible", {"path": "a.py", "old": "", "new": ""}, "file:edit")

running := doc("command.run", "reversible", {"script": "true"}, "command:run")

verifying := doc("workspace.verify", "read", {"tree": "t"}, "workspace:verify")

test_every_reading_tool_is_allowed if {
	every tool in ["file.list", "file.read", "file.search"] {
		allowed(doc(tool, "read", {"path": "."}, "file:read")) == {"workspace.read"}
	}
}

test_reading_without_the_permission_is_not_allowed if {
	allowed(doc("file.read", "read", {"path": "."}, "file:edit")) == set()
}

test_editing_is_allowed if allowed(editing) == {"workspace.edit"}

test_editing_without_the_permission_is_not_allowed if {
	allowed(doc("file.edit", "reversible", {}, "file:read")) == set()
}

test_a_command_is_allowed if allowed(running) == {"workspace.command"}

test_a_command_that_cannot_be_undone_is_not_allowed if {
	allowed(doc("command.run", "consequential", {}, "command:run")) == set()
}

test_a_tool_that_no_rule_names_is_not_allowed if allowed(doc("file.shred", "read", {}, "file:read")) == set()

test_verifying_is_allowed_for_the_harness if {
	harness := object.union(verifying, {"principal": {"id": "service:bridle", "kind": "service"}})
	allowed(harness) == {"workspace.verify"}
}

test_verifying_is_not_allowed_for_others if {
	allowed(verifying) == set()
	allowed(by(verifying, "service")) == set()
}

test_forks_are_for_people_and_services if {
	every tool in ["workspace.fork", "workspace.merge", "workspace.drop"] {
		forking := doc(tool, "reversible", {}, "workspace:use")
		allowed(by(forking, "user")) == {"workspace.forks"}
		allowed(by(forking, "service")) == {"workspace.forks"}
		allowed(forking) == set()
		allowed(by(doc(tool, "reversible", {}, "workspace:verify"), "user")) == set()
		allowed(by(doc(tool, "consequential", {}, "workspace:use"), "user")) == set()
	}
}

test_services_are_for_people_and_services if {
	every tool in ["command.start", "command.stop"] {
		serving := doc(tool, "reversible", {}, "command:run")
		allowed(by(serving, "user")) == {"workspace.service"}
		allowed(by(serving, "service")) == {"workspace.service"}
		allowed(serving) == set()
		allowed(by(doc(tool, "reversible", {}, "workspace:use"), "user")) == set()
		allowed(by(doc(tool, "consequential", {}, "command:run"), "user")) == set()
	}
}

test_artifacts_are_for_people_and_services if {
	every verb in ["save", "load"] {
		tool := sprintf("artifact.%s", [verb])
		permission := sprintf("artifact:%s", [verb])
		keeping := doc(tool, "reversible", {}, permission)
		allowed(by(keeping, "user")) == {"workspace.artifacts"}
		allowed(by(keeping, "service")) == {"workspace.artifacts"}
		allowed(keeping) == set()
		allowed(by(doc(tool, "reversible", {}, "artifact:none"), "user")) == set()
	}
}

test_evidence_is_read_for_people_and_services if {
	reading := doc("evidence.read", "read", {}, "command:run")
	allowed(by(reading, "user")) == {"workspace.evidence"}
	allowed(by(reading, "service")) == {"workspace.evidence"}
	allowed(reading) == set()
	allowed(by(doc("evidence.read", "read", {}, "command:none"), "user")) == set()
	allowed(by(doc("evidence.read", "consequential", {}, "command:run"), "user")) == set()
}

test_a_destructive_effect_asks if {
	asked(doc("file.read", "destructive", {}, "file:read")) == {"effect.destructive"}
}

test_a_reversible_effect_does_not_ask if asked(editing) == set()
