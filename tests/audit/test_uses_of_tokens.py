"""Uses of tokens that no record comes with: noted once over all processes on a store (E4)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from faults.hindrances import locked
from faults.site import Site
from stores import opened, token_use, wait_until

from cds_service.errors import Replayed

IN_AN_HOUR = datetime.now(UTC) + timedelta(hours=1)


def test_a_use_without_a_record_is_refused_by_every_process(database_url: str) -> None:
    """Discovery leaves no record: its token is of no use again, here or elsewhere."""
    use = token_use("discovery", IN_AN_HOUR)
    with opened(database_url) as here, opened(database_url) as elsewhere:
        here.write_use(use)
        for log in (here, elsewhere):
            with pytest.raises(Replayed):
                log.write_use(use)


def test_a_use_without_a_record_outlives_an_outage(database_url: str, tmp_path: Path) -> None:
    """While the store is locked the journal takes it; once it is there, it is refused elsewhere."""
    use, journal = token_use("discovery", IN_AN_HOUR), tmp_path / "journal"
    journal.mkdir()
    site = Site(directory=tmp_path, database=database_url)
    with opened(database_url, journal) as log, locked(site):
        log.write_use(use)
    with opened(database_url, journal) as log, opened(database_url) as elsewhere:
        wait_until(lambda: log.health().journal_bytes == 0)
        with pytest.raises(Replayed):
            elsewhere.write_use(use)
