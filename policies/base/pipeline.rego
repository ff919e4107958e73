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
