"""As much HTTP as a load generator needs."""

import re

READ = 1 << 17  # bytes at once: more than any message here
CALL_PATH = "/cds-services/order-sign-crd"
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


def post(host: str, path: str, body: bytes) -> tuple[bytes, bytes]:
    """A whole call in two parts, between which more header fields may come."""
    head = (
        f"Host: {host}\r\n"
        "User-Agent: crd-benchmark\r\n"
        "Accept: application/json\r\n"
        "Content-Type: application/json\r\n"
        "Connection: keep-alive\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return f"POST {path} HTTP/1.1\r\n".encode(), head.encode() + body


def bearer(token: str) -> bytes:
    """The header field that carries a token."""
    return f"Authorization: Bearer {token}\r\n".encode()


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """A whole answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def is_whole(message: bytearray) -> bool:
    """Whether all of a request or an answer is there; a request without a length has no body."""
    end = message.find(_HEAD_END)
    return end >= 0 and len(message) >= end + len(_HEAD_END) + _body_length(message[:end])


def _body_length(head: bytearray) -> int:
    stated = _LENGTH.search(head)
    if stated is None and not head.startswith(b"GET "):
        raise ValueError("no Content-Length")
    return int(stated.group(1)) if stated else 0
