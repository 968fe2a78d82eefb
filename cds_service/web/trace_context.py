"""Trace context: by which id one call is found, here and at those before and behind us (W3C).

Of what a client sends, only the two ids and the flag of sampling are taken: `tracestate` may hold
anything, so it is neither kept nor handed on, as the recommendation allows.
"""

import re
import secrets
from dataclasses import dataclass

# Trace Context, 3.2: version 00 has exactly four fields; a later one may have more behind them.
_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-"
    r"(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?",
    re.ASCII,
)
_SAMPLED = 0x01
_NO_TRACE, _NO_PARENT = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """The ids of one call, in lower case hexadecimal.

    `trace_id`, 32 digits, is the client's if it sent one; `span_id`, 16 digits, is ours of this
    call; `parent_id` is the client's of what made the call, empty if it sent none.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    is_sampled: bool = True

    @property
    def header(self) -> str:
        """The call as a `traceparent` or `traceresponse` has it."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.is_sampled):02x}"


def read_trace_context(traceparent: str) -> TraceContext:
    """The context of a call that came with this header; a new one if it is empty or invalid."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or not _is_valid(found):
        return TraceContext(trace_id=_new_id(16), span_id=_new_id(8))
    return TraceContext(
        trace_id=found["trace"],
        span_id=_new_id(8),
        parent_id=found["parent"],
        is_sampled=bool(int(found["flags"], 16) & _SAMPLED),
    )


def _is_valid(found: re.Match[str]) -> bool:
    is_exact = found["version"] != "00" or not found["more"]
    is_known = found["version"] != "ff" and is_exact
    return is_known and found["trace"] != _NO_TRACE and found["parent"] != _NO_PARENT


def _new_id(size: int) -> str:
    """So many random bytes; all of them zero would be no id, and does not happen."""
    return secrets.token_hex(size)
