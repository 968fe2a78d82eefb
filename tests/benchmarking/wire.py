"""As much HTTP as a load generator needs."""

import re

READ = 1 << 17  # bytes at once: more than any message here
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


def post(host: str, body: bytes, token: str = "") -> bytes:
    """A whole order-sign call, with a bearer token if there is one."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        "POST /cds-services/order-sign-crd HTTP/1.1\r\n"
        f"Host: {host}\r\n"
        "User-Agent: crd-benchmark\r\n"
        "Accept: application/json\r\n"
        "Content-Type: application/json\r\n"
        "Connection: keep-alive\r\n"
        f"{authorization}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answer(body: bytes) -> bytes:
    """A whole answer."""
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def is_whole(message: bytearray) -> bool:
    """Whether all of a request or an answer is there."""
    end = message.find(_HEAD_END)
    return end >= 0 and len(message) >= end + len(_HEAD_END) + _body_length(message[:end])


def _body_length(head: bytearray) -> int:
    found = _LENGTH.search(head)
    if found is None:
        raise ValueError("no Content-Length")
    return int(found.group(1))
