"""Responses of other servers, and what can be told before there is one."""

from dataclasses import dataclass

LATE = "no response in time"
MAX_RESPONSE = 2 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A response over HTTP: its status, the whole of its body, and when it was, as it has it."""

    status: int
    body: bytes
    date: str = ""
