package bridle.gate

import rego.v1

# What is done for a case, and what is done to one. Whether a change of a case can be at all was checked in code before this set is
# asked (operating.cases.rules); here is who may, and what the state of a case takes from a call that would be allowed elsewhere.
# Told by what is harmless: a state that covers, no hold, no exception.

on_a_case if startswith(input.action.tool, "case.")

changing if {
	active
	on_a_case
	holds(replace(input.action.tool, ".", ":"))
	is_array(input.change.refused)
	count(input.change.refused) == 0
}

allow contains {
	"rule": "case.change",
	"reason": "Who may, by the case's type, does this to the case.",
} if {
	changing
	input.change.asks == false
}

ask contains {
	"rule": "case.approval",
	"alone": true,
	"reason": "The case's type wants people to approve this move.",
} if {
	changing
	not input.change.asks == false
}

ask contains {
	"rule": "case.could-widen",
	"alone": true,
	"reason": sprintf("It may be an agent's wish, and an agent could do more after it, or what rests on it: %v", [could_widen]),
} if {
	changing
	not widens_nothing
}

widens_nothing if {
	is_array(input.change.doubtful)
	count(input.change.doubtful) == 0
}

default could_widen := "what, is not known" # total: a reason that cannot be given must not take the question with it

could_widen := concat(", ", [sprintf("%v", [tool]) | some tool in input.change.doubtful]) if is_array(input.change.doubtful)

deny contains {
	"rule": "case.not-known",
	"reason": "The case that this is done for is not known, so nothing is done for it.",
} if {
	is_string(input.action.case)
	input.action.case != ""
	input.action.tool != "case.open"
	not is_object(input.case)
}

for_a_case if {
	is_object(input.case)
	not on_a_case
}

deny contains {
	"rule": "case.not-covered",
	"reason": sprintf("The case is in %s, which does not cover this, and its type says that it is not asked about.", [state]),
} if {
	for_a_case
	not input.case.covered == true
	not input.case.otherwise == "ask"
}

ask contains {
	"rule": "case.not-covered",
	"reason": sprintf("The case is in %s, which does not cover this tool for this purpose.", [state]),
} if {
	for_a_case
	not input.case.covered == true
	input.case.otherwise == "ask"
	count(allow) > 0
}

ask contains {
	"rule": "case.held",
	"reason": concat(" ", ["The case is on hold:", told(input.case.holds)]),
} if {
	lasting_for_a_case
	not is_empty(input.case.holds)
}

ask contains {
	"rule": "case.exception",
	"reason": concat(" ", ["The case has an open exception:", told(input.case.exceptions)]),
} if {
	lasting_for_a_case
	not is_empty(input.case.exceptions)
}

deny contains {
	"rule": "case.parked",
	"reason": "Work is parked in this case. No agent goes on with it before a person has settled it.",
} if {
	for_a_case
	not input.action.effect in {"read", "reversible"}
	not by_person_or_service
	some exception in input.case.exceptions
	exception.kind == "parked"
}

# What something else allows: a question here must not make possible what no rule speaks for.
lasting_for_a_case if {
	for_a_case
	not input.action.effect in {"read", "reversible"}
	count(allow) > 0
}

is_empty(marks) if {
	is_array(marks)
	count(marks) == 0
}

# Total: a reason that cannot be given must not take the question with it.
told(marks) := concat("; ", [sprintf("%v says %v (%v)", [mark.by, json.marshal(mark.reason), mark.kind]) | some mark in marks]) if {
	is_array(marks)
} else := "what holds it is not known"

default state := "a state that is not known"

state := input.case.state if is_string(input.case.state)
