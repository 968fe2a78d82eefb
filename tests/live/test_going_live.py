"""New policies go live in a running service while it answers: no torn set, no failed call."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from kept_records import records_in
from live.served_sets import Served, calling, mistaken, serving_set
from stores import wait_until
from two_sets import AUTUMN, SEASONS, SPRING, digests, turn, write_set, write_volume

CALLERS = 4
A_MINUTE = 100  # reloads


def recorded_seasons(served: Served, names: Mapping[str, str]) -> dict[str, str]:
    """By which set each call was answered, as its record has it, by its hookInstance."""
    seasons = {name: season for season, name in names.items()}
    return {
        record.hook_instance: seasons.get(record.whole["library"], "another set")
        for record in records_in(served.database)
        if record.hook
    }


def test_a_change_goes_live_by_itself_and_what_is_unsound_does_not(tmp_path: Path) -> None:
    """The probe, the metric, the log and the operator's own question all tell why."""
    library = write_set(tmp_path / "library", SPRING)
    file = library / "PlanDefinition-acme-3.json"
    with serving_set(tmp_path, library) as served:
        assert (served.season(), served.cause()) == (SPRING, "")

        sound = file.read_bytes()
        file.write_bytes(sound[:100])
        wait_until(lambda: bool(served.cause()))
        assert served.season() == SPRING
        assert "PlanDefinition-acme-3.json: $: not JSON" in served.cause()
        assert str(tmp_path) not in served.cause()
        assert served.events() == ["refused"]
        metrics = served.ask("GET", "/metrics")[1]
        assert "crd_policy_behind 1.0" in metrics
        assert 'crd_policy_reload_total{result="refused"} 1.0' in metrics

        write_set(library, AUTUMN)
        wait_until(lambda: served.season() == AUTUMN)
        assert served.cause() == ""
        assert "crd_policy_behind 0.0" in served.ask("GET", "/metrics")[1]


@pytest.mark.long
def test_an_operator_learns_every_fault_and_what_is_in_service(tmp_path: Path) -> None:
    """409 with an issue a fault, as FHIR says it; 200 with the name of the set."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, "--no-watch") as served:
        (library / "PlanDefinition-acme-2.json").write_text("{")
        (library / "PlanDefinition-acme-3.json").write_text("[]")
        status, outcome = served.reload()
        assert status == 409
        assert outcome["resourceType"] == "OperationOutcome"
        assert [issue["diagnostics"].split(":")[0] for issue in outcome["issue"]] == [
            "PlanDefinition-acme-2.json",
            "PlanDefinition-acme-3.json",
        ]
        assert served.season() == SPRING

        write_set(library, AUTUMN)
        status, reloaded = served.reload()
        assert (status, reloaded["changed"], reloaded["policies"]) == (200, True, 7)
        assert reloaded["revision"] in served.ask("GET", "/metrics")[1]
        assert served.season() == AUTUMN
        again = served.reload()
        assert again == (200, {**reloaded, "changed": False})
        assert served.ask("POST", "/admin/reload", token="another")[0] == 401  # noqa: S106


@pytest.mark.long
def test_a_set_that_fails_its_own_cases_does_not_go_live(tmp_path: Path) -> None:
    """As `crd check` would have said beforehand."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, "--no-watch") as served:
        tests = (library / "cases.json").read_bytes()
        write_set(library, AUTUMN)
        (library / "cases.json").write_bytes(tests)

        status, outcome = served.reload()

        assert status == 409
        assert "cases.json: as in spring" in outcome["issue"][0]["diagnostics"]
        assert served.season() == SPRING


@pytest.mark.long
def test_a_signal_has_the_directories_read(tmp_path: Path) -> None:
    """`systemctl reload`; without a change it says so, and the service goes on."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, "--no-watch") as served:
        served.hang_up()
        wait_until(lambda: served.events() == ["unchanged"])
        write_set(library, AUTUMN)
        served.hang_up()
        wait_until(lambda: served.events() == ["unchanged", "changed"])

        assert served.season() == AUTUMN


@pytest.mark.long
@pytest.mark.parametrize("gone", ["removed", "emptied"])
def test_a_directory_that_has_gone_takes_no_policy_out_of_service(
    tmp_path: Path, gone: str
) -> None:
    """A disk that is unmounted is no decision of a payer; once it is back, all is well."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library) as served:
        shutil.rmtree(library)
        if gone == "emptied":
            library.mkdir()
        wait_until(lambda: bool(served.cause()))
        assert served.season() == SPRING

        write_set(library, AUTUMN)
        wait_until(lambda: served.season() == AUTUMN)
        assert served.cause() == ""


@pytest.mark.long
def test_a_set_without_a_policy_never_takes_the_place_of_one_with(tmp_path: Path) -> None:
    """All instances would be taken out of service at once."""
    library = write_set(tmp_path / "library", SPRING)
    with serving_set(tmp_path, library, "--no-watch") as served:
        (library / "cases.json").unlink()
        for file in library.glob("PlanDefinition-*"):
            file.write_bytes(file.read_bytes().replace(b'"active"', b'"draft"'))

        status, outcome = served.reload()

        assert status == 409
        assert "no policy of the set is active" in outcome["issue"][0]["diagnostics"]
        assert served.season() == SPRING


@pytest.mark.long
def test_a_record_can_be_replayed_by_its_own_set_after_another_has_come(tmp_path: Path) -> None:
    """A set is in the store before it is in service."""
    library = write_set(tmp_path / "library", SPRING)
    names = digests(tmp_path / "sets")
    with serving_set(tmp_path, library, "--no-watch") as served:
        served.season()
        write_set(library, AUTUMN)
        served.reload()
        served.season()

        assert set(recorded_seasons(served, names).values()) == {SPRING, AUTUMN}
    kept = served.database.read_bytes()
    assert all(name.encode() in kept for name in names.values())


@pytest.mark.long
def test_a_volume_of_kubernetes_goes_live_at_every_update(tmp_path: Path) -> None:
    """Under calls, each of which is answered by one version."""
    volume, names = tmp_path / "volume", digests(tmp_path / "sets")
    volume.mkdir()
    write_volume(volume, 0, SPRING)
    with serving_set(tmp_path, volume) as served, calling(served.port, 2) as heard:
        for number, season in enumerate([AUTUMN, SPRING], start=1):
            write_volume(volume, number, season)
            wait_until(lambda number=number: served.events() == ["changed"] * number)  # type: ignore[misc]
            shutil.rmtree(volume / f"..2026_11_27_{number - 1}")

    assert heard.failures == []
    assert mistaken(heard.seasons, recorded_seasons(served, names)) == []


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.long)])
def test_reloads_under_load_change_no_answer_and_fail_no_call(tmp_path: Path, seconds: int) -> None:
    """A hundred a minute: each call is answered by one whole set, which its record names."""
    names = digests(tmp_path / "sets")
    link = tmp_path / "library"
    link.symlink_to(tmp_path / "sets" / SPRING)
    reloads = 0
    with serving_set(tmp_path, link) as served, calling(served.port, CALLERS) as heard:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.monotonic()
            reloads += 1
            season = SEASONS[reloads % 2]
            turn(link, tmp_path / "sets" / season)
            status, reloaded = served.reload()
            assert (status, reloaded["revision"]) == (200, names[season])
            time.sleep(max(0.0, 60 / A_MINUTE - (time.monotonic() - begun)))

    assert heard.failures == []
    assert mistaken(heard.seasons, recorded_seasons(served, names)) == []
    assert set(heard.seasons.values()) == {SPRING, AUTUMN}
    assert reloads > 2


LESS_THAN_A_POLICY = 80  # kB of memory: one that each set left behind would be seen


@pytest.mark.long
def test_memory_stays_flat_over_three_hundred_sets(tmp_path: Path) -> None:
    """The sets of a year do not add up; calls beside them fill the caches of a growing store."""
    names = digests(tmp_path / "sets")
    link = tmp_path / "library"
    link.symlink_to(tmp_path / "sets" / SPRING)
    sizes: list[int] = []
    with serving_set(tmp_path, link, "--no-watch") as served, calling(served.port, 1):
        for number in range(300):
            season = SEASONS[(number + 1) % 2]
            turn(link, tmp_path / "sets" / season)
            assert served.reload()[1]["revision"] == names[season]
            status = Path(f"/proc/{served.run.pid}/status").read_text()
            (resident,) = re.findall(r"VmRSS:\s+(\d+)", status)
            sizes.append(int(resident))

    print(json.dumps(sizes[::20]))
    # The first sixty fill what Python keeps for itself.
    grown = max(sizes[250:]) - max(sizes[:60])
    assert grown < (250 - 60) * LESS_THAN_A_POLICY


# Starts the command in a terminal of its own, closes that once it serves, and exits as it does.
IN_A_TERMINAL = """
import os, pty, sys
child, terminal = pty.fork()
if not child:
    os.execv(sys.executable, [sys.executable, "-m", "cds_service", *sys.argv[1:]])
printed = b""
while b"Look first" not in printed:
    printed += os.read(terminal, 1000)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.long
def test_a_service_whose_terminal_is_closed_stops(tmp_path: Path) -> None:
    """The same signal: nobody wants a service that goes on where no one sees it."""
    arguments = ["serve", "--port", "0", "--data-dir", str(tmp_path)]

    run = subprocess.run([sys.executable, "-c", IN_A_TERMINAL, *arguments], timeout=60, check=False)

    assert run.returncode == 0
