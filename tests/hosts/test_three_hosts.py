"""The long proof in short (tests/prove_hosts.py): a host killed, one cut off, one clock wrong.

It needs HAProxy and a C compiler, which `.ci/operations` installs.
"""

from pathlib import Path

import pytest
from hosts.report import ledger_tables
from hosts.site import host_site
from hosts.trial import Trial

pytestmark = [pytest.mark.long, pytest.mark.postgresql, pytest.mark.operations]


def test_three_hosts_give_no_wrong_answer_whatever_happens_to_them(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Nothing wrong, nothing unaudited, nothing doubled; limits and replays hold over all hosts."""
    server = request.config.getoption("--postgresql")
    with host_site(server, tmp_path, workers=1, rate=10) as site:
        ledger = Trial(site=site, seconds=3.0, show=lambda _line: None).run()

    assert ledger.is_sound, ledger_tables(ledger)
    assert ledger.answers > 0
