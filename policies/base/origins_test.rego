package bridle.gate_test

import rego.v1

origin(argument, kind) := {
	"argument": argument, "value": "ORD-1", "type": "id", "kind": kind, "where": "request", "note": "",
}

calling(effect, origins) := object.union(
	doc("mcp.shop.refund", effect, {"order_id": "ORD-1"}, "mcp:shop.refund"),
	{"origins": origins, "loop": first_time},
)

refunding(origins) := calling("consequential", origins)

test_a_call_that_is_vouched_for_passes if {
	every kind in ["request", "input", "register", "record"] {
		asked(refunding([origin("order_id", kind)])) == set()
		count(allowed(refunding([origin("order_id", kind)]))) > 0
	}
}

test_one_value_without_a_trusted_origin_asks if {
	every kind in ["choice", "text", "none", "unheard of", null] {
		asked(refunding([origin("order_id", "request"), origin("amount", kind)])) == {"origin.unvouched"}
	}
}

test_the_value_and_where_it_is_from_are_named if {
	from_mail := object.union(origin("to", "text"), {"value": "eve@evil.org", "where": "mcp.mail.read: body"})
	some finding in gate.ask with input as refunding([origin("order_id", "request"), from_mail])
	finding.reason == "Nobody vouches for to \"eve@evil.org\": it is text of mcp.mail.read: body."
}

test_an_origin_that_says_too_little_asks if {
	every broken in [{}, "request", null, {"kind": "text"}, {"kind": "choice"}, {"kind": "none"}, {"argument": 1}] {
		"origin.unvouched" in asked(refunding([origin("order_id", "request"), broken]))
	}
}

test_what_only_the_manifest_vouches_for_is_unfounded if {
	asked(refunding([origin("size", "manifest")])) == {"origin.unfounded"}
	asked(refunding([])) == {"origin.unfounded"}
	asked(refunding([origin("size", "manifest"), origin("order_id", "request")])) == set()
}

test_origins_that_are_not_known_ask if {
	every unknown in [null, "request", {}, true] {
		"origin.not-known" in asked(refunding(unknown))
	}
	"origin.not-known" in asked(object.remove(refunding([]), ["origins"]))
}

test_a_destructive_call_asks_even_for_what_the_request_names if {
	asked(calling("destructive", [origin("order_id", "request")])) == {"effect.destructive"}
}

test_what_reads_or_can_be_put_back_is_not_judged if {
	every effect in ["read", "reversible"] {
		asked(calling(effect, [origin("order_id", "text")])) == set()
		count(allowed(calling(effect, null))) > 0
	}
}

test_nobody_is_asked_about_what_is_not_held if {
	asked(object.union(refunding([origin("to", "text")]), {"scope": []})) == set()
	allowed(object.union(refunding([]), {"scope": []})) == set()
}

test_tools_of_our_own_have_no_origins if {
	asked(object.union(editing, {"origins": null})) == set()
}

test_what_its_owner_calls_low_risk_runs if {
	low := object.union(refunding([origin("order_id", "text")]), {"risk": "low"})
	asked(low) == set()
}

test_a_risk_that_is_not_known_is_not_low if {
	every risk in ["medium", "high", "LOW", "", null, 0] {
		"origin.unvouched" in asked(object.union(refunding([origin("order_id", "text")]), {"risk": risk}))
	}
}

test_what_cannot_be_undone_is_never_low if {
	wiping := calling("destructive", [origin("order_id", "text")])
	"origin.unvouched" in asked(object.union(wiping, {"risk": "low"}))
}
