package bridle.gate_test

import rego.v1

first_time := {"times": 1, "limit": 3, "repeated": false, "undoes": false, "before": []}

third_time := {"times": 3, "limit": 3, "repeated": false, "undoes": false, "before": [
	{"execution": "exe_a", "same": true},
	{"execution": "exe_b", "same": false},
]}

putting_back(loop) := object.union(object.remove(by(restoring, "user"), ["loop"]), {"loop": loop})

rolling_out(loop) := object.union(object.remove(by(push_to("main"), "user"), ["loop"]), {"loop": loop})

test_a_first_time_is_no_loop if asked(rolling_out(first_time)) == {"git.push.needs-approval"}

test_the_third_time_asks if {
	asked(rolling_out(third_time)) == {"git.push.needs-approval", "loop.same-change"}
}

test_the_executions_that_did_the_same_are_named if {
	some finding in gate.ask with input as rolling_out(third_time)
	finding.rule == "loop.same-change"
	endswith(finding.reason, "by exe_a.")
}

test_what_undoes_is_not_held_up if {
	asked(putting_back(object.union(third_time, {"undoes": true}))) == set()
}

test_what_is_allowed_asks_from_the_third_time_on if {
	asked(putting_back(third_time)) == {"loop.same-change"}
	asked(putting_back(object.union(third_time, {"times": 4}))) == {"loop.same-change"}
}

test_a_history_that_is_not_known_asks if {
	every loop in [null, {}, "none", object.remove(first_time, ["times"]), object.remove(first_time, ["limit"])] {
		asked(putting_back(loop)) == {"loop.not-known"}
	}
	asked(object.remove(putting_back(first_time), ["loop"])) == {"loop.not-known"}
}

test_an_effect_that_is_not_known_counts if {
	restore := putting_back(third_time)
	asked(object.union(object.remove(restore, ["action"]), {"action": {"tool": "git.restore"}})) == {"loop.same-change"}
}

test_what_no_rule_speaks_for_is_not_asked_about if {
	asked(object.union(doc("mail.send", "consequential", {}, "mail:send"), {"loop": third_time})) == set()
	asked(object.union(putting_back(third_time), {"scope": []})) == set()
}

test_what_stays_inside_is_not_counted if asked(object.union(editing, {"loop": null})) == set()
