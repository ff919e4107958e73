package bridle.gate

import rego.v1

# Tiers: how far an agent is trusted in production. Managed is what the house answers for, certified what it has looked at, community all
# else. The account says which version is what, by its digest, since a name is what its file says: facts {agent_tiers:
# {"sha256:…": managed, "sha256:…": certified}}. A tier that is none of the three is community.

deny contains {
	"rule": "tiers.community-production",
	"reason": "An agent of the tier community changes nothing in production: have this version certified.",
} if {
	tiers_concerned
	tiers_of_agent == "community"
}

ask contains {
	"rule": "tiers.certified-production",
	"reason": "A certified agent changes production with a person's word for each change.",
	"alone": true,
} if {
	tiers_concerned
	tiers_of_agent == "certified"
}

ask contains {
	"rule": "tiers.community-lasting",
	"reason": "What an agent of the tier community does for good, a person has to say yes to.",
} if {
	tiers_lasting
	tiers_of_agent == "community"
	not tiers_concerned
}

tiers_concerned if {
	tiers_lasting
	input.deployment.type == "production"
}

tiers_lasting if {
	tiers_acting_agent
	not input.action.effect in {"read", "reversible"}
}

# Whoever acts, and all who acted before with the token: one is trusted no more for what another was told to do.
tiers_before := input.actors if is_array(input.actors)

tiers_acting := array.concat([input.principal], tiers_before)

tiers_acting_agent if input.principal.kind == "agent"

tiers_acting_agent if {
	some actor in tiers_before
	tiers_counts(actor)
}

# The least of them all; where it is not known who acted before, community.
default tiers_of_agent := "community"

tiers_of_agent := "managed" if {
	tiers_of_all == {"managed"}
}

tiers_of_agent := "certified" if {
	"certified" in tiers_of_all
	not "community" in tiers_of_all
}

tiers_of_all := {tiers_of(actor) | some actor in tiers_acting; tiers_counts(actor)}

tiers_counts(actor) if not tiers_is_no_agent(actor)

tiers_is_no_agent(actor) if actor.kind in {"user", "service"}

tiers_of(actor) := tier if {
	tier := input.account.agent_tiers[actor.digest]
	tier in {"managed", "certified"}
} else := "community"
