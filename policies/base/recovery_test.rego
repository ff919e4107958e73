package bridle.gate_test

import rego.v1

refunding := object.union(doc("mcp.shop.pay", "consequential", {"order": "A-1"}, "mcp:shop.pay"), {"origins": []})

tried(state) := object.union(refunding, {"attempt": {
	"state": state,
	"tool": "mcp.shop.pay",
	"execution": "ses_a",
	"key": "ses_a/door#1",
	"at": "2026-01-01",
	"record": "rec_a",
}})

test_what_nobody_has_tried_is_not_denied if denied(refunding) == set()

test_what_is_under_way_or_unknown_is_denied if {
	denied(tried("begun")) == {"recovery.open"}
	denied(tried("unknown")) == {"recovery.open"}
}

test_what_is_done_once_is_denied if denied(tried("done")) == {"recovery.done"}

test_what_a_person_lets_be_sent_again_is_not_denied if denied(tried("again")) == set()

test_another_call_than_the_one_that_may_be_sent_again_is_denied if {
	denied(tried("another")) == {"recovery.another"}
}

test_what_is_not_known_is_denied if {
	denied(object.remove(refunding, ["attempt"])) == {"recovery.not-known"}
	denied(tried("perhaps")) == {"recovery.not-known"}
}

test_what_only_reads_is_not_counted if denied(object.remove(looking, ["attempt"])) == set()
