package bridle.gate_test

import rego.v1

looking := doc("mcp.shop.find", "read", {"order": "A-1"}, "mcp:shop.find")

paying := object.union(doc("mcp.shop.pay", "consequential", {"order": "A-1"}, "mcp:shop.pay"), {"origins": []})

describing := doc("server.describe", "read", {"server": "shop"}, "server:describe")

test_what_only_reads_is_allowed_to_who_holds_it if {
	allowed(looking) == {"external.harmless"}
	allowed(doc("mcp.shop.find", "read", {}, "mcp:shop.pay")) == set()
}

test_what_can_be_put_back_is_allowed if {
	allowed(doc("mcp.shop.draft", "reversible", {}, "mcp:shop.draft")) == {"external.harmless"}
}

test_what_lasts_is_allowed_to_who_holds_it if {
	allowed(paying) == {"external.held"}
	allowed(doc("mcp.shop.pay", "consequential", {}, "mcp:shop.find")) == set()
}

repeated(told) := object.union(paying, {"loop": object.union(first_time, {"repeated": told})})

test_the_very_same_call_again_asks if {
	"external.repeated" in asked(repeated(true))
	"external.repeated" in asked(repeated(null))
	"external.repeated" in asked(object.union(paying, {"loop": object.remove(first_time, ["repeated"])}))
	not "external.repeated" in asked(repeated(false))
	not "external.repeated" in asked(object.union(repeated(true), {"risk": "low"}))
}

test_only_the_control_plane_asks_a_server if {
	harness := object.union(describing, {"principal": {"id": "service:bridle", "kind": "service"}})
	allowed(harness) == {"server.describe"}
	allowed(by(describing, "service")) == set()
	allowed(describing) == set()
}
