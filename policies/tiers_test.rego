package bridle.gate_tiers_test

import rego.v1

import data.bridle.gate

one := "sha256:1"

tiers := {one: "managed", "sha256:2": "certified", "sha256:3": "community", "sha256:4": "trusted"}

acting(digest, type) := {
	"action": {"tool": "mcp.shop.pay", "effect": "consequential", "arguments": {}},
	"principal": {"id": "agent:acme.clerk", "kind": "agent", "name": "acme.clerk", "digest": digest, "state": "active"},
	"actors": [],
	"account": {"agent_tiers": tiers},
	"deployment": {"type": type, "environment": "eu-1", "service": "shop"},
}

denied(document) := {finding.rule | some finding in gate.deny with input as document; startswith(finding.rule, "tiers.")}

asked(document) := {finding.rule | some finding in gate.ask with input as document; startswith(finding.rule, "tiers.")}

test_a_community_agent_changes_nothing_in_production if {
	denied(acting("sha256:3", "production")) == {"tiers.community-production"}
	denied(acting("sha256:4", "production")) == {"tiers.community-production"}
	denied(acting("sha256:9", "production")) == {"tiers.community-production"}
}

test_a_certified_agent_asks_in_production if {
	denied(acting("sha256:2", "production")) == set()
	asked(acting("sha256:2", "production")) == {"tiers.certified-production"}
}

test_a_managed_agent_is_not_concerned if {
	denied(acting(one, "production")) == set()
	asked(acting(one, "production")) == set()
}

test_elsewhere_a_community_agent_asks if {
	denied(acting("sha256:3", "non-production")) == set()
	asked(acting("sha256:3", "non-production")) == {"tiers.community-lasting"}
	asked(object.union(acting("sha256:3", "x"), {"deployment": null})) == {"tiers.community-lasting"}
	asked(acting("sha256:2", "non-production")) == set()
}

test_what_only_reads_is_not_concerned if {
	reading := object.union(acting("sha256:3", "production"), {"action": {"effect": "read"}})
	denied(reading) == set()
	asked(reading) == set()
}

test_a_person_is_not_concerned if {
	person := object.union(acting("sha256:3", "production"), {"principal": {"kind": "user"}})
	denied(person) == set()
}

after(actors, type) := object.union(acting(one, type), {"actors": actors})

agent(digest) := {"id": "agent:acme.helper", "kind": "agent", "digest": digest}

test_a_chain_is_judged_by_the_least_of_it if {
	denied(after([agent("sha256:3")], "production")) == {"tiers.community-production"}
	denied(after([agent("sha256:2"), agent("sha256:9")], "production")) == {"tiers.community-production"}
	denied(after([agent("sha256:2"), agent(one)], "production")) == set()
	asked(after([agent("sha256:2"), agent(one)], "production")) == {"tiers.certified-production"}
	asked(after([agent(one), {"kind": "user"}], "production")) == set()
	asked(after([agent("sha256:3")], "non-production")) == {"tiers.community-lasting"}
}

test_who_is_not_there_any_more_is_community if {
	denied(after([null], "production")) == {"tiers.community-production"}
	denied(object.remove(acting(one, "production"), ["actors"])) == {"tiers.community-production"}
	denied(after("nobody", "production")) == {"tiers.community-production"}
}
