package bridle.gate

import rego.v1

# Who acts. Every allow rule of the base set asks `active`, so an unknown or sleeping principal is allowed nothing;
# the denials say why.

active if input.principal.state == "active"

by_agent if input.principal.kind == "agent"

# People and services. Named one by one: a kind that nobody has heard of is neither.
by_person_or_service if input.principal.kind in {"user", "service"}

holds(permission) if permission in input.scope

deny contains {
	"rule": "principal.not-active",
	"reason": "Whoever acts must be active: a draft, suspended or retired principal may do nothing.",
} if not active

deny contains {
	"rule": "network.off",
	"reason": "No step is given a network. Work with what is in the workspace.",
} if not network_off

network_off if input.boundary.network == "off"
