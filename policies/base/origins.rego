package bridle.gate

import rego.v1

# Where the values of a call come from (gate.origins). The model is taken to obey an attacker completely, so what changes the
# world outside passes without a person only when a trusted origin vouches for every value. Told by what is harmless and by who
# vouches: an effect, an origin or a kind that is not known asks.

ask contains {
	"rule": "origin.unvouched",
	"reason": sprintf("Nobody vouches for %s: %s.", [named(origin), found(origin)]),
} if {
	judged
	is_array(input.origins)
	some origin in input.origins
	not vouched(origin)
}

ask contains {
	"rule": "origin.unfounded",
	"reason": "Nothing in this call comes from what the person asked for, or was led to by it.",
} if {
	judged
	is_array(input.origins)
	not founded
}

ask contains {
	"rule": "origin.not-known",
	"reason": "Where the values of this call come from is not known, so a person has to look at them.",
} if {
	judged
	not is_array(input.origins)
}

# What something else allows: a question here must not make possible what no rule speaks for.
judged if {
	startswith(input.action.tool, "mcp.")
	not input.action.effect in {"read", "reversible"}
	not low_risk
	count(allow) > 0
}

founding := {"request", "input", "register", "record"}

vouched(origin) if origin.kind in founding

vouched(origin) if origin.kind == "manifest"

founded if {
	is_array(input.origins)
	some origin in input.origins
	origin.kind in founding
}

# Total: a reason that cannot be given must not take the question with it.
named(origin) := sprintf("%s %q", [origin.argument, substring(origin.value, 0, 80)]) if {
	is_string(origin.argument)
	is_string(origin.value)
} else := "a value"

found(origin) := sprintf("it is text of %s", [origin.where]) if {
	origin.kind == "text"
	is_string(origin.where)
} else := sprintf("%s (%s)", [origin.note, origin.where]) if {
	origin.kind == "choice"
	is_string(origin.note)
	is_string(origin.where)
} else := origin.note if {
	origin.kind == "none"
	is_string(origin.note)
	origin.note != ""
} else := "nothing that the person gave and no register holds it" if {
	origin.kind == "none"
} else := "its origin is not known"
