"""Who sends an answer: the thread that made it, and the main loop only what is left over."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from waitress.adjustments import Adjustments

from cds_service.web.channels import Channel


@contextmanager
def channel_at_work(unsent: int, *, under_way: int) -> Iterator[Channel]:
    """A channel with so many bytes to send, and so many requests that are being answered."""
    ours, theirs = socket.socketpair()
    server: Any = SimpleNamespace(active_channels={})
    with ours, theirs:
        channel = Channel(server, ours, ("127.0.0.1", 1), Adjustments(), map={})
        channel.requests = [SimpleNamespace(size=0)] * under_way
        channel.total_outbufs_len = unsent
        yield channel


@pytest.mark.parametrize(
    ("unsent", "under_way", "is_writable"),
    [
        (0, 0, False),
        (1, 0, True),
        (1, 1, False),
        (Adjustments().outbuf_high_watermark + 1, 1, True),
    ],
    ids=["nothing", "left over", "the thread sends", "the thread waits"],
)
def test_the_main_loop_does_not_try_to_send_what_a_thread_sends(
    unsent: int, under_way: int, is_writable: bool
) -> None:
    """It would spin until the thread has sent, and keep the interpreter from it."""
    with channel_at_work(unsent, under_way=under_way) as channel:
        assert channel.writable() is is_writable


def test_a_connection_that_is_to_end_needs_the_main_loop_at_once() -> None:
    """Whatever is under way on it."""
    with channel_at_work(0, under_way=1) as channel:
        channel.will_close = True

        assert channel.writable()
