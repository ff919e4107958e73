package bridle.gate

import rego.v1

# The same change made to the same target again and again, with another state in between. Told by what is harmless: an effect
# that is not known counts, and a history that is not known asks.

ask contains {
	"rule": "loop.same-change",
	"reason": sprintf(
		"It would be time %d that this is done to the same target, and every time it was undone or replaced: by %s.",
		[input.loop.times, concat(", ", {deed.execution | some deed in input.loop.before; deed.same})],
	),
} if {
	wanted
	known
	input.loop.times >= input.loop.limit
	not input.loop.undoes == true
}

ask contains {
	"rule": "loop.not-known",
	"reason": "What was done to this target before is not known, so nobody can tell whether this goes in circles.",
} if {
	wanted
	not known
}

known if {
	is_number(input.loop.times)
	is_number(input.loop.limit)
	is_array(input.loop.before)
}

# What something else allows or asks about: a question here must not make possible what no rule speaks for.
wanted if {
	not input.action.effect in {"read", "reversible"}
	count(allow) > 0
}

wanted if {
	active
	pushing
	holds("git:push")
}
