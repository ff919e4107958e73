"""Permissions and patterns of them: meeting never gives more than either side has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridle.core.errors import InputError
from bridle.trust.permissions import check_permission, holds, meet

WORDS = st.frozensets(
    st.sampled_from(
        ["*", "mcp:*", "mcp:crm.*", "mcp:crm.get", "mcp:crm.get_order", "mcp:crmx.get", "file:edit"]
    )
)
EXACT = ["mcp:crm.get", "mcp:crm.get_order", "mcp:crmx.get", "mcp:", "file:edit", "git:push"]


@given(WORDS, WORDS, st.sampled_from(EXACT))
def test_what_meets_allows_exactly_what_both_allow(one, other, word):
    assert holds(meet(one, other), word) == (holds(one, word) and holds(other, word))


@pytest.mark.parametrize("word", ["mcp:*.get", "file", "", "a b:c", "file:edit\n", "**", "File:edit"])
def test_what_is_no_permission_is_refused(word):
    with pytest.raises(InputError):
        check_permission(word)


@pytest.mark.parametrize("word", ["*", "file:edit", "mcp:crm.*", "mcp:crm.get_order"])
def test_words_and_patterns_are_permissions(word):
    assert check_permission(word) == word
