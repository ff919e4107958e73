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
	"rule": "workspace.verify",
	"reason": "The harness may recompute what has changed.",
} if {
	active
	input.action.tool == "workspace.verify"
	input.principal.id == "service:bridle"
}

ask contains {
	"rule": "effect.destructive",
	"reason": "What this does cannot be undone: a person has to say yes.",
} if input.action.effect == "destructive"
