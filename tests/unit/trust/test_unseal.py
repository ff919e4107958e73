"""What is not a record's bytes is refused, whatever a database hands out for them."""

import pytest

from bridle.trust.journal import JournalError, unseal


@pytest.mark.parametrize("data", ["{}", None, b"{}", b"\xff", b"[]", b'{"seq": 1}'])
def test_bytes_that_are_no_record_are_refused(data):
    with pytest.raises(JournalError):
        unseal(data, "0" * 64)
