"""Sets of policies on their way into a site: what refuses them, and what becomes of the old one."""

import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from stores import locked
from two_sets import AUTUMN, SPRING, write_set

from cds_service.app.memory import open_memory
from cds_service.app.reloads import Workplace
from cds_service.app.service import build_service, keep_library
from cds_service.app.site import Site, open_site
from cds_service.errors import Stopping
from cds_service.live.reading import LibraryDirectories
from cds_service.settings import Settings
from cds_service.warm_up import warm_up
from cds_service.web.admin import Reloaded

CLIENT = """
[clients.north]
iss = "https://ehr.north.example"
jku = "https://ehr.north.example/jwks.json"
payers = ["acme"]
"""


@contextmanager
def site_over(library: Path, **more: str) -> Iterator[Site]:
    """A site of the policies in a directory alone, which takes in others when it is asked to."""
    settings = Settings(
        library=(library,),
        builtin_library=False,
        watch=False,
        data_dir=str(library.parent / "data"),
        **more,  # type: ignore[arg-type]
    )
    with closing(open_memory(settings)) as memory:
        directories = LibraryDirectories(settings.library)
        service = build_service(settings, ehr=None, log=memory.log, audit_key=memory.audit_key)
        keep_library(service, memory.log)
        workplace = Workplace(
            settings=settings,
            memory=memory,
            ehr=None,
            directories=directories,
            known=directories.fingerprint(),
            warm_up=warm_up,
        )
        with closing(open_site(service, settings, memory, workplace=workplace)) as site:
            del service
            site.start()
            yield site


def reload(site: Site) -> Reloaded:
    """What comes of it when an operator has the directories read again."""
    assert site.reloads
    return site.reloads.reload()


def test_a_set_that_drops_a_payer_of_a_registered_client_is_refused(tmp_path: Path) -> None:
    """A start would be refused too; the client would be told that its own payer is not hosted."""
    clients = tmp_path / "clients.toml"
    clients.write_text(CLIENT)
    clients.chmod(0o600)
    library = write_set(tmp_path / "library", SPRING)
    with site_over(library, clients=str(clients)) as site:
        for file in library.iterdir():
            file.write_bytes(file.read_bytes().replace(b'"acme"', b'"other"'))
            file.rename(file.with_name(file.name.replace("-acme.", "-other.")))
        (library / "cases.json").unlink()

        (fault,) = reload(site).faults

        assert "[clients.north] payers: no such payer in the library: acme" in fault.words


def test_a_set_that_cannot_be_kept_is_not_in_service_until_it_can(tmp_path: Path) -> None:
    """What it answers could not be given again by anybody; it goes live once the store is back."""
    library = write_set(tmp_path / "library", SPRING)
    with site_over(library) as site:
        before = site.current().digest
        write_set(library, AUTUMN)
        with locked(f"sqlite:///{tmp_path / 'data' / 'crd.sqlite3'}"):
            refused = reload(site)
        after = reload(site)

    assert (refused.issue_code, refused.revision) == ("transient", before)
    assert "the policies cannot be kept" in refused.faults[0].words
    assert after.faults == ()
    assert after.revision != before


def test_all_that_is_shown_of_a_set_is_of_the_instant_it_went_live(tmp_path: Path) -> None:
    """Not of the time it was read: it may wait long for its instant."""
    library = write_set(tmp_path / "library", SPRING)
    with site_over(library) as site:
        write_set(library, AUTUMN)
        assert reload(site).changed
        revision = site.current()

    assert revision.shown.coverage_list.since == revision.shown.rest.since == revision.since


def test_an_old_set_goes_without_a_search_for_garbage(tmp_path: Path) -> None:
    """It holds no cycles, so that it may be left out of every search without adding up."""
    library = write_set(tmp_path / "library", SPRING)
    with site_over(library) as site:
        write_set(library, AUTUMN)
        reload(site)
        old = weakref.ref(site.current().service.index.rules[0].conditions[0].expression.step)
        write_set(library, SPRING)

        assert reload(site).changed
        assert old() is None


def test_whoever_asks_while_the_service_stops_gets_no_promise(tmp_path: Path) -> None:
    """503, and what is in service stays until then."""
    with site_over(write_set(tmp_path / "library", SPRING)) as site:
        site.stopping()

        with pytest.raises(Stopping, match="the service stops"):
            reload(site)
