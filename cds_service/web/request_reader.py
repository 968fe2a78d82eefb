"""Requests as they come off the wire: read strictly, counted while they arrive.

Two readers who differ on where a request ends let one client's bytes pass for another's, so what
RFC 9112 lets a server refuse is refused: a length beside chunks, folded headers, bare line feeds.
"""

from time import monotonic

from waitress.parser import HTTPRequestParser, ParsingError

from cds_service.web.refusals import MALFORMED, Refusal, refusal_of

LARGEST_HEAD = 32 << 10  # bytes
_HEAD_END = b"\r\n\r\n"
_MOST_DIGITS = 15  # of a length: more than any number of bytes, less than int() minds
_LONGEST_CHUNK_LINE = 1024  # bytes
_VERSIONS = (b"HTTP/1.0", b"HTTP/1.1")


class RequestReader(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """One request; complete with `error` where it is refused.

    `whole_at` is when it was there, in seconds of the monotonic clock.
    """

    whole_at = 0.0
    command = path = ""  # until a head is read

    @property
    def size(self) -> int:
        """The bytes of its body so far."""
        return len(self.body_rcv) if self.body_rcv is not None else 0

    def received(self, data: bytes) -> int:
        """Take what has come, up to the end of the request; how many bytes that is."""
        if self.body_rcv is None and _is_flawed(self.header_plus + data):
            self.refuse(MALFORMED)
            return len(data)
        consumed: int = super().received(data)
        if len(getattr(self.body_rcv, "control_line", b"")) > _LONGEST_CHUNK_LINE:
            self.refuse(MALFORMED)
        if self.error is not None:
            self.refuse(refusal_of(self.error))
        if self.completed:
            self.whole_at = monotonic()
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head.

        Raises:
            ParsingError: it is refused.
        """
        _check_head(header_plus)
        super().parse_header(header_plus)

    def refuse(self, refusal: Refusal) -> None:
        """End the request here: what has come is answered with the refusal, the rest not read."""
        self.error = refusal
        # Or waitress would ask for the body, and wait for it.
        self.expect_continue = False
        self.completed = self.headers_finished = True
        self.whole_at = monotonic()


def _is_flawed(begun: bytes) -> bool:
    """Whether what has come of a head can become none, so that waiting for its end is in vain."""
    end = begun.find(_HEAD_END)
    head = begun if end < 0 else begun[:end]
    # Empty lines may stand before a request (RFC 9112, 2.2); blanks may not.
    return head.count(b"\n") != head.count(b"\r\n") or head.lstrip(b"\r\n")[:1].isspace()


def _check_head(head: bytes) -> None:
    first, *lines = head.split(b"\r\n")
    if not first.endswith(_VERSIONS):
        raise ParsingError("not HTTP/1.0 or HTTP/1.1")
    if any(line.startswith((b" ", b"\t")) for line in lines):
        raise ParsingError("a folded header")  # RFC 9112, 5.2
    hosts, lengths, codings = (
        _values(lines, name) for name in (b"host", b"content-length", b"transfer-encoding")
    )
    is_old = first.endswith(_VERSIONS[0])
    if len(hosts) > 1 or not (hosts or is_old):
        raise ParsingError("not one Host")  # RFC 9112, 3.2
    if len(lengths) > 1 or (lengths and codings):
        raise ParsingError("several lengths")  # RFC 9112, 6.3
    if codings and (is_old or codings != [b"chunked"]):
        raise ParsingError("not chunked once")  # RFC 9112, 6.1
    if any(len(length) > _MOST_DIGITS for length in lengths):
        raise ParsingError("a length that is none")


def _values(lines: list[bytes], name: bytes) -> list[bytes]:
    fields = (line.partition(b":") for line in lines)
    return [value.strip(b" \t").lower() for field, _, value in fields if field.lower() == name]
