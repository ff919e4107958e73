package bridle.gate

import rego.v1

# What is under way, or may have been done, is tried by nobody else; what its owner says is done once is not done again.

lasting_external if {
	external
	input.action.effect in {"consequential", "destructive"}
}

standing := input.attempt.state

deny contains {
	"rule": "recovery.open",
	"reason": sprintf(
		"The same piece of business is %s: %s of %s, since %s. Do not repeat it: bridle work list shows who looks at it.",
		[standing, input.attempt.tool, input.attempt.execution, input.attempt.at],
	),
} if {
	lasting_external
	standing in {"begun", "unknown"}
}

deny contains {
	"rule": "recovery.done",
	"reason": sprintf(
		"This was done already, in %s at %s, and is done once: see record %s.",
		[input.attempt.execution, input.attempt.at, input.attempt.record],
	),
} if {
	lasting_external
	standing == "done"
}

deny contains {
	"rule": "recovery.another",
	"reason": sprintf(
		"A person lets the very call of %s be sent once more, as %s asked for it; this is another one of the same business.",
		[input.attempt.at, input.attempt.execution],
	),
} if {
	lasting_external
	standing == "another"
}

deny contains {
	"rule": "recovery.not-known",
	"reason": "Whether the same was tried before is not known, so nothing is done.",
} if {
	lasting_external
	not attempt_known
}

attempt_known if input.attempt == null

attempt_known if standing in {"begun", "unknown", "done", "again", "another"}
