package bridle.gate

import rego.v1

# Two persons for what leaves the house. Not part of the base set: name this file beside it.
#
# A name that only the operating system vouches for is `asserted`, and one person can assert two of them; so
# both names must be authenticated, and they must differ.

# Each comparison stands alone: one whose other side is not known fails, and with it the rule.
four_eyes if {
	is_object(input.approval)
	input.approval.asserted == false
	input.initiator.asserted == false
	is_string(input.approval.by)
	startswith(input.approval.by, "user:")
	input.approval.by != input.initiator.id
	input.approval.by != input.principal.id
	input.approval.by != input.principal.owner
	input.approval.by != concat("", ["user:", input.principal.owner])
}

deny contains {
	"rule": "four-eyes.not-satisfied",
	"reason": concat(" ", [
		"This needs the approval of a second person who has signed in.",
		"Neither the one who started it, nor the agent's owner, nor an asserted name counts.",
	]),
} if {
	input.action.effect in {"consequential", "destructive"}
	is_object(input.approval)
	not four_eyes
}
