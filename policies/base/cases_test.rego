package bridle.gate_test

import rego.v1

standing := {
	"id": "cas_1", "state": "intake", "covered": true, "otherwise": "ask", "holds": [], "exceptions": [],
}

in_case(changes) := object.union(
	object.union(object.remove(paying, ["action"]), {
		"action": {
			"tool": "mcp.shop.pay", "effect": "consequential", "arguments": {"order": "A-1"}, "case": "cas_1",
		},
		"origins": [{"argument": "order", "value": "A-1", "type": "id", "kind": "request", "where": "", "note": ""}],
		"loop": first_time,
	}),
	{"case": object.union(standing, changes)},
)

moving(changes) := object.union(
	object.union(doc("case.move", "reversible", {"case": "cas_1", "to": "review"}, "case:move"), {"case": standing}),
	{"change": object.union({"refused": [], "doubtful": [], "asks": false}, changes)},
)

test_what_the_state_covers_is_as_it_is_without_a_case if {
	allowed(in_case({})) == {"external.held"}
	asked(in_case({})) == set()
	denied(in_case({})) == set()
}

test_what_the_state_does_not_cover_asks if {
	asked(in_case({"covered": false})) == {"case.not-covered"}
	denied(in_case({"covered": false})) == set()
}

test_what_the_type_does_not_want_asked_about_is_denied if {
	denied(in_case({"covered": false, "otherwise": "deny"})) == {"case.not-covered"}
	denied(in_case({"covered": false, "otherwise": "never heard of"})) == {"case.not-covered"}
}

test_a_state_of_which_nothing_is_known_covers_nothing if {
	without := object.union(in_case({}), {"case": null})
	denied(without) == {"case.not-known"}
	denied(object.union(object.remove(in_case({}), ["case"]), {"case": {"otherwise": "ask"}})) == set()
	"case.not-covered" in asked(object.union(object.remove(in_case({}), ["case"]), {"case": {"otherwise": "ask"}}))
}

test_a_case_is_opened_before_it_is_known if {
	opening := object.union(
		object.remove(moving({}), ["action", "case", "scope"]),
		{
			"action": {"tool": "case.open", "effect": "reversible", "arguments": {}, "case": "cas_1"},
			"case": null, "scope": ["case:open"],
		},
	)
	denied(opening) == set()
	allowed(opening) == {"case.change"}
}

test_what_lasts_asks_while_the_case_is_on_hold if {
	held := {"holds": [{"id": "hld_1", "kind": "hold", "reason": "counsel looks at it"}]}
	asked(in_case(held)) == {"case.held"}
	"case.held" in asked(in_case({"holds": "none"}))
}

test_what_lasts_asks_while_an_exception_is_open if {
	asked(in_case({"exceptions": [{"id": "exc_1", "kind": "overdue", "reason": "late"}]})) == {"case.exception"}
}

parked := {"exceptions": [{"id": "exc_1", "kind": "parked", "reason": "the ledger does not answer"}]}

test_no_agent_goes_on_where_work_is_parked if {
	denied(in_case(parked)) == {"case.parked"}
	denied(by(in_case(parked), "robot")) == {"case.parked"}
}

test_a_person_is_asked_where_work_is_parked if {
	denied(by(in_case(parked), "user")) == set()
	asked(by(in_case(parked), "user")) == {"case.exception"}
}

test_what_only_reads_is_not_held if {
	reading := object.union(in_case(parked), {"action": {"effect": "read"}})
	asked(reading) == set()
	denied(reading) == set()
}

test_what_no_rule_speaks_for_is_not_asked_about_in_a_case if {
	asked(object.union(in_case({"covered": false}), {"scope": []})) == set()
}

test_who_may_moves_a_case if {
	allowed(moving({})) == {"case.change"}
	allowed(object.union(moving({}), {"scope": ["case:note"]})) == set()
}

test_what_is_refused_in_code_is_not_allowed_here_either if {
	allowed(moving({"refused": [{"rule": "case.held", "reason": "a hold"}]})) == set()
	allowed(moving({"refused": null})) == set()
}

test_a_move_that_could_widen_asks if {
	asked(moving({"doubtful": ["mcp.shop.give"]})) == {"case.could-widen"}
	asked(moving({"doubtful": "none"})) == {"case.could-widen"}
	asked(object.remove(moving({}), ["change"])) == set()
}

test_a_move_that_takes_an_approval_asks if {
	asked(moving({"asks": true})) == {"case.approval"}
	allowed(moving({"asks": true})) == set()
	asked(moving({"asks": null})) == {"case.approval"}
}
