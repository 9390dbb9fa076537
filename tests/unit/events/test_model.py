"""The order of the events of one key."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.events.model import UNKNOWN_SEQUENCER, sequencer

HEX = st.text("0123456789ABCDEFabcdef", min_size=1, max_size=24)


def s3_order(a: str, b: str) -> int:
    """S3's own words: right-pad the shorter with zeros, then compare as strings. Below zero if `a` came first."""
    length = max(len(a), len(b))
    left, right = a.upper().ljust(length, "0"), b.upper().ljust(length, "0")
    return (left > right) - (left < right)


@given(HEX, HEX)
def test_sequencers_compare_as_s3_defines_it(a: str, b: str) -> None:
    left, right = sequencer(a), sequencer(b)
    assert (left > right) - (left < right) == s3_order(a, b)


@given(HEX)
def test_a_canonical_sequencer_is_its_own_canonical_form(raw: str) -> None:
    assert sequencer(sequencer(raw)) == sequencer(raw)


@given(HEX)
def test_no_event_is_older_than_what_only_a_listing_found(raw: str) -> None:
    assert sequencer(raw) >= UNKNOWN_SEQUENCER


def test_trailing_zeros_and_case_make_no_difference() -> None:
    assert sequencer("0055aed6dcd9028000") == sequencer("0055AED6DCD9028")
