"""`crd audit sequence`: what waits for a number gets one without a service."""

import urllib.request
from pathlib import Path

import pytest
from crd_command import EXAMPLE, crd, serving, url_of

pytestmark = pytest.mark.long


def test_what_a_command_recorded_is_numbered_and_signed_without_a_service(tmp_path: Path) -> None:
    """A reading after the stop waits; one round later every record is under a checkpoint."""
    with serving("--data-dir", tmp_path) as (_, lines):
        url = f"{url_of(lines)}/cds-services/order-sign-crd"
        with urllib.request.urlopen(url, data=EXAMPLE.read_bytes(), timeout=10) as reply:
            assert reply.status == 200
    assert "ServiceRequest" in crd("audit", "find", "--data-dir", tmp_path).stdout

    run = crd("audit", "sequence", "--data-dir", tmp_path)

    assert (run.returncode, run.stdout) == (
        0,
        "2 records numbered and signed; all checkpoints published\n",
    )
    verified = crd("audit", "verify", "--data-dir", tmp_path).stdout
    assert "records without a number yet     0" in verified
    assert "All records are as they were signed." in verified
