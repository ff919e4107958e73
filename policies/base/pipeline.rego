package bridle.gate

import rego.v1

# Approvals that are for no step's action: whether the execution goes on is itself an action, and only people say so.

ask contains {
	"rule": "pipeline.continue",
	"reason": "The pipeline wants people to say whether it goes on.",
} if {
	active
	input.action.tool == "pipeline.continue"
	by_person_or_service
	holds("pipeline:continue")
}

allow contains {
	"rule": "pipeline.event",
	"reason": "Who started the execution may have it taken in, and begin it and its steps; sets that are bound to that say otherwise.",
} if {
	active
	input.action.tool in {"pipeline.save", "pipeline.begin", "pipeline.step"}
	by_person_or_service
	holds("execution:start")
}

allow contains {
	"rule": "session.event",
	"reason": "Who opened the session may begin it; sets that are bound to that say otherwise.",
} if {
	active
	input.action.tool == "session.begin"
	by_person_or_service
	holds("session:open")
}
