package bridle.gate

import rego.v1

# Tools of MCP servers. What their owners say of them, and whether the arguments fit, was checked in code before this set is asked.

external if startswith(input.action.tool, "mcp.")

external_held if {
	active
	external
	holds(concat(":", ["mcp", trim_prefix(input.action.tool, "mcp.")]))
}

allow contains {
	"rule": "external.harmless",
	"reason": "What a server's tool only reads, or what can be put back, may be done by who holds it.",
} if {
	external_held
	input.action.effect in {"read", "reversible"}
}

allow contains {
	"rule": "external.held",
	"reason": "Who holds a server's tool may use it on what the task was given for: origins.rego asks about the rest.",
} if {
	external_held
	input.action.effect in {"consequential", "destructive"}
}

# The owner of the tool says that a wrong call of it is no harm. It runs, and is listed in the digest.
low_risk if {
	input.risk == "low"
	input.action.effect == "consequential"
}

ask contains {
	"rule": "external.repeated",
	"reason": "The same was asked for before within a day or in this session, or stands before in the same plan: one wish is not two.",
} if {
	external_held
	not low_risk
	is_object(input.loop)
	not input.loop.repeated == false
}

allow contains {
	"rule": "server.describe",
	"reason": "The control plane may ask a server what tools it has.",
} if {
	active
	input.action.tool == "server.describe"
	input.principal.id == "service:bridle"
	holds("server:describe")
}
