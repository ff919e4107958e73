package bridle.gate_test

import rego.v1

continuing := doc("pipeline.continue", "reversible", {"step": "a/ask"}, "pipeline:continue")

test_a_person_is_asked_whether_to_go_on if asked(by(continuing, "user")) == {"pipeline.continue"}

test_nothing_goes_on_without_being_asked if allowed(by(continuing, "user")) == set()

test_an_agent_does_not_ask_to_go_on if asked(continuing) == set()

test_going_on_without_the_permission_does_not_ask if {
	asked(object.union(by(continuing, "user"), {"scope": []})) == set()
}
