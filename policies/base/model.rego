package bridle.gate

import rego.v1

# Calls of language models. What they may cost is the step's budget, which is reserved in code.

allow contains {
	"rule": "model.call",
	"reason": "This step may call a model.",
} if {
	active
	input.action.tool == "model.call"
	holds("model:call")
}
