"""Trace context in and out (W3C Trace Context, level 1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web.seen_calls import PARENT, TRACE

from cds_service.web.trace_context import read_trace_context

SOUND = f"00-{TRACE}-{PARENT}-01"
INVALID = {
    "nothing": "",
    "words": "trace me",
    "no version": f"{TRACE}-{PARENT}-01",
    "a forbidden version": f"ff-{TRACE}-{PARENT}-01",
    "capitals": f"00-{TRACE.upper()}-{PARENT}-01",
    "no trace": f"00-{'0' * 32}-{PARENT}-01",
    "no parent": f"00-{TRACE}-{'0' * 16}-01",
    "a short trace": f"00-{TRACE[1:]}-{PARENT}-01",
    "more in version 00": f"{SOUND}-more",
    "a space": f" {SOUND}",
    "a new line": f"{SOUND}\n",
    "digits of another script": f"00-{TRACE[:-1]}٣-{PARENT}-01",
}


def test_the_trace_of_a_client_goes_on_in_a_span_of_ours() -> None:
    """The id of the trace stays, that of what made the call becomes the parent."""
    context = read_trace_context(SOUND)

    assert (context.trace_id, context.parent_id, context.is_sampled) == (TRACE, PARENT, True)
    assert context.header.split("-")[1] == TRACE
    assert context.span_id not in (PARENT, "0" * 16)


def test_a_later_version_may_have_more_behind_what_we_know() -> None:
    """A version 01 is read as 00, and answered as 00."""
    context = read_trace_context(f"01-{TRACE}-{PARENT}-00-and-more")

    assert context.header == f"00-{TRACE}-{context.span_id}-00"


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_header_begins_a_new_trace(name: str) -> None:
    """Nothing of an invalid header is kept."""
    context = read_trace_context(INVALID[name])

    assert context.trace_id != TRACE
    assert (context.parent_id, context.is_sampled) == ("", True)
    assert read_trace_context(context.header).trace_id == context.trace_id


@given(st.text(max_size=80))
def test_whatever_comes_what_goes_out_is_valid(header: str) -> None:
    """The header that leaves can be read again."""
    context = read_trace_context(header)

    assert read_trace_context(context.header).parent_id == context.span_id
