"""Who may read a file with a secret in it."""

import os

import pytest

from cds_service.settings.key_file import is_exposed

ROOT, US, OTHERS = 0, 1000, 1001


@pytest.mark.parametrize(
    ("owner", "reader", "mode", "exposed"),
    [
        (US, US, 0o600, False),
        (US, US, 0o400, False),
        (US, US, 0o640, True),
        (US, US, 0o604, True),
        # A Secret of Kubernetes is root's, and is read by a group.
        (ROOT, US, 0o440, False),
        (ROOT, US, 0o640, False),
        (ROOT, US, 0o660, True),
        (ROOT, US, 0o444, True),
        (ROOT, ROOT, 0o640, True),
        (OTHERS, US, 0o640, True),
    ],
)
def test_a_group_may_read_only_what_is_roots_and_not_the_readers(
    owner: int, reader: int, mode: int, exposed: bool
) -> None:
    """As PostgreSQL has it for its own keys: the reader cannot change the file."""
    file = os.stat_result((0o100000 | mode, 0, 0, 1, owner, US, 32, 0, 0, 0))

    assert is_exposed(file, reader) is exposed
