package bridle.gate

import rego.v1

# Work inside the workspace. Paths, arguments and branches were checked in code before this set is asked, and the
# sandbox holds a command to the same boundary while it runs.

allow contains {
	"rule": "workspace.read",
	"reason": "Files of the workspace may be read.",
} if {
	active
	input.action.tool in {"file.list", "file.read", "file.search"}
	input.action.effect == "read"
	holds("file:read")
}

allow contains {
	"rule": "workspace.edit",
	"reason": "Files that the step may write may be edited.",
} if {
	active
	input.action.tool == "file.edit"
	input.action.effect == "reversible"
	holds("file:edit")
}

allow contains {
	"rule": "workspace.command",
	"reason": "Commands may run in the sandbox; what they change can be put back.",
} if {
	active
	input.action.tool == "command.run"
	input.action.effect == "reversible"
	holds("command:run")
}

allow contains {
	"rule": "workspace.service",
	"reason": "A person or service may have a command run in the background of a stage, in the sandbox and a copy of the workspace.",
} if {
	active
	input.action.tool in {"command.start", "command.stop"}
	input.action.effect == "reversible"
	by_person_or_service
	holds("command:run")
}

allow contains {
	"rule": "workspace.evidence",
	"reason": "A person or service may have a file of the workspace read as evidence.",
} if {
	active
	input.action.tool == "evidence.read"
	input.action.effect == "read"
	by_person_or_service
	holds("command:run")
}

allow contains {
	"rule": "workspace.verify",
	"reason": "The harness may recompute what has changed.",
} if {
	active
	input.action.tool == "workspace.verify"
	input.principal.id == "service:bridle"
}

allow contains {
	"rule": "workspace.forks",
	"reason": "A person or service may fork the workspace for parallel branches, merge what they made, and begin a rerun with it.",
} if {
	active
	input.action.tool in {"workspace.fork", "workspace.merge", "workspace.drop", "workspace.restore"}
	input.action.effect == "reversible"
	by_person_or_service
	holds("workspace:use")
}

allow contains {
	"rule": "workspace.artifacts",
	"reason": "A person or service may keep files of the workspace and put them into it again.",
} if {
	active
	input.action.tool in {"artifact.save", "artifact.load"}
	input.action.effect == "reversible"
	by_person_or_service
	holds(concat(":", split(input.action.tool, ".")))
}

ask contains {
	"rule": "effect.destructive",
	"reason": "What this does cannot be undone: a person has to say yes.",
} if input.action.effect == "destructive"
