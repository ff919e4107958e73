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
	input.principal.kind == "agent"
	not input.action.effect in {"read", "reversible"}
}

default tiers_of_agent := "community"

tiers_of_agent := input.account.agent_tiers[input.principal.digest] if {
	input.account.agent_tiers[input.principal.digest] in {"managed", "certified"}
}
