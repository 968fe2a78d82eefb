"""The unit of systemd: what it promises, and its very commands run by another user."""

import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from operating import ROOT, Installation, call, install
from operations.units import ENVIRONMENT, UNIT, environment_of, only, read_unit
from stores import wait_until

from cds_service.settings import Settings, all_settings

UNIT_LINES = read_unit()
USER = "nobody"  # who is not root, and on every machine
MOST_EXPOSED = 2.0  # of 10, as `systemd-analyze security` counts
SECONDS = 60


def test_its_variables_are_settings() -> None:
    """Of the unit, and of the environment file, also those that are commented out."""
    known = {setting.variable for setting in all_settings()} | {"CRD_CONFIG", "PYTHONUNBUFFERED"}
    text = ENVIRONMENT.read_text("utf-8")

    assert set(environment_of(UNIT_LINES, ENVIRONMENT)) <= known
    assert set(re.findall(r"^#?(CRD_\w+)=", text, re.MULTILINE)) <= known


def test_its_environment_file_sets_nothing_that_the_settings_file_may() -> None:
    """A variable comes before a key: an operator's own line there would have no effect."""
    assert environment_of(UNIT_LINES, ENVIRONMENT).keys() == {"CRD_CONFIG", "PYTHONUNBUFFERED"}


def test_it_claims_nothing_that_the_program_does_not_do() -> None:
    """No notice is sent to systemd, so that neither readiness nor a watchdog may wait for one."""
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "cds_service").rglob("*.py"))

    assert only(UNIT_LINES, "Type") == "exec"
    assert "NOTIFY_SOCKET" not in code
    assert not {"WatchdogSec", "NotifyAccess"} & set(UNIT_LINES)


def test_a_stop_is_left_the_time_it_takes() -> None:
    """Calls under way, and what is to be written after them; the first process tells the others."""
    assert int(only(UNIT_LINES, "TimeoutStopSec")) >= Settings().stop_seconds + 10
    assert only(UNIT_LINES, "KillMode") == "mixed"


def test_one_worker_without_memory_ends_no_other() -> None:
    """The kernel ends a process; systemd would end the unit."""
    assert only(UNIT_LINES, "OOMPolicy") == "continue"


def test_no_memory_of_a_call_is_written_to_a_disk() -> None:
    """Tokens and charts are in it (review of CDS Hooks, R5)."""
    assert only(UNIT_LINES, "LimitCORE") == "0"


@pytest.fixture
def installed_unit(tmp_path: Path) -> Path:
    """The unit as it is, but for the place of the program, which is this one."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/crd/bin/python3", sys.executable))
    return unit


@pytest.mark.operations
def test_systemd_finds_no_fault_in_it(installed_unit: Path) -> None:
    """No key that it does not know, no value that it does not take."""
    ran = subprocess.run(
        ["systemd-analyze", "verify", installed_unit], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.operations
def test_it_is_hardly_exposed(installed_unit: Path) -> None:
    """By the count of systemd itself, where 10 is a service that may do everything."""
    command = ["systemd-analyze", "security", "--offline=true", str(installed_unit)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    (level,) = re.findall(r"exposure level for crd\.service: ([\d.]+)", ran.stdout)

    assert float(level) <= MOST_EXPOSED


def given_to(user: str, here: Installation) -> None:
    """Let a user own an installation; the way there may be passed."""
    found = pwd.getpwnam(user)
    for path in (here.directory, *here.directory.rglob("*")):
        os.chown(path, found.pw_uid, found.pw_gid)
    for parent in here.directory.parents[:-1]:
        parent.chmod(parent.stat().st_mode | 0o011)


def confinement(user: str) -> list[str]:
    """What takes all rights of root from a command, which then runs as this user."""
    group = f"--regid={pwd.getpwnam(user).pw_gid}"
    confined = ["setpriv", f"--reuid={user}", group, "--clear-groups", "--no-new-privs"]
    interpreter = Path(sys.executable).resolve()
    if all(parent.stat().st_mode & 0o001 for parent in interpreter.parents):
        return [*confined, "--inh-caps=-all", "--bounding-set=-all"]
    # An interpreter in a home that is shut to others: it may be read all the same, and no more.
    rights = ("inh-caps", "ambient-caps", "bounding-set")
    return [*confined, *(f"--{right}=-all,+dac_read_search" for right in rights)]


@contextmanager
def started(here: Installation) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """ExecStart of the unit under its user, in its environment; its lines, as they come."""
    environment = environment_of(UNIT_LINES, ENVIRONMENT) | {"CRD_CONFIG": str(here.config)}
    line = only(UNIT_LINES, "ExecStart").replace("/opt/crd/bin/python3", sys.executable)
    limited = ["prlimit", f"--core={only(UNIT_LINES, 'LimitCORE')}"]
    log = here.directory / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*limited, *confinement(USER), *shlex.split(line)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={"PATH": os.environ["PATH"], "CRD_WORKERS": "2", **environment},
            umask=int(only(UNIT_LINES, "UMask"), 8),
            cwd="/",
        ) as run,
    ):
        assert run.stdout
        try:
            yield run, [run.stdout.readline()]
        finally:
            run.kill()


def reloaded(run: subprocess.Popen[str]) -> None:
    """ExecReload of the unit."""
    line = only(UNIT_LINES, "ExecReload").replace("$MAINPID", str(run.pid))
    subprocess.run(shlex.split(line), check=True)


@pytest.mark.operations
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a command as another user")
def test_its_command_serves_reloads_and_stops(tmp_path: Path) -> None:
    """As another user without any right, with two workers; keys are root's, and its group's."""
    here = install(tmp_path / "production")
    assert here.run("crd audit migrate").exit_code == 0
    given_to(USER, here)
    group = pwd.getpwnam(USER).pw_gid
    for key in here.place("/etc/crd").glob("*.key"):
        os.chown(key, 0, group)
        key.chmod(0o640)
    shutil.chown(here.place("/etc/crd"), "root")
    here.place("/etc/crd").chmod(0o755)

    with started(here) as (run, lines):
        base = lines[0].split()[3]
        assert call(here, base)[0] == 200
        with urllib.request.urlopen(f"{base}/readyz", timeout=SECONDS) as ready:
            assert ready.status == 200

        reloaded(run)
        log = here.directory / "log"
        wait_until(lambda: "policies-unchanged" in log.read_text("utf-8"), SECONDS)
        assert call(here, base)[0] == 200

        run.terminate()
        before = time.monotonic()
        assert run.wait(timeout=SECONDS) == 0
        assert time.monotonic() - before < int(only(UNIT_LINES, "TimeoutStopSec"))
    database = here.place("/var/lib/crd/crd.sqlite3").stat()
    assert (database.st_mode & 0o077, database.st_uid) == (0, pwd.getpwnam(USER).pw_uid)
