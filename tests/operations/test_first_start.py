"""The first start of the operator's guide, line by line, in a root file system of its own."""

import os
import re
from pathlib import Path

import pytest
from author_guide import read_blocks, snippets
from docker.container import free_port
from operating import BASE_URL, ROOT, printed
from operations.scratch_root import ScratchRoot
from operations.units import ENVIRONMENT, UNIT, environment_of, only, read_unit
from operator_guide import FLAT

pytestmark = [
    pytest.mark.operations,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a root file system"),
]

BLOCKS = {block.about: block.text for block in snippets(read_blocks(FLAT), "run")}
(ONE_HOST,) = re.findall(r'`(database_url = "sqlite:[^`]+")`', FLAT)
(TURN,) = re.findall(r"`(ln -s crd-2 [^`]+)`", FLAT)
# No systemd is there: what it is asked is written down instead.
STAND_IN = """
printf '#!/bin/sh\\necho "$@" >> /asked\\n' > /usr/local/sbin/systemctl
chmod 755 /usr/local/sbin/systemctl
"""
# What the unit starts, as its user and with its variables, until it can be sent calls.
STARTED = """
asked() {
  python3 -c 'import sys, urllib.request as http
print(http.urlopen(sys.argv[1], timeout=20).read().decode())' "http://127.0.0.1:$PORT$1"
}
until_it() {
  for _ in $(seq 300); do ! "$@" 2>/dev/null || return 0; sleep 0.2; done
  cat /log
  return 1
}
runuser -u "$USER" -- env -C / $VARIABLES $START > /log 2>&1 &
until_it asked /readyz
"""
# The next release is this one under another version; the printed line turns the link to it.
RENEWED = """
cp -a /opt/crd-1 /opt/crd-2
sed -i 's/^VERSION = .*/VERSION = "9.9.9"/' /opt/crd-2/lib/python3*/*/cds_service/version.py
is_new() { asked /fhir/metadata | grep -q 9.9.9; }
sed -i '1s/crd-1/crd-2/' /opt/crd-2/bin/crd  # as if it had been installed there
UPGRADE
crd --version
unset RELEASE
! is_new
TURN
kill -USR2 "$(pgrep -u "$USER" -o -f 'cds_service serve')"
until_it is_new
"""
LEFT = """
pkill -TERM -u "$USER" -o -f 'cds_service serve'
wait
stat -c '%U:%G %a %n' /etc/crd /etc/crd/* /var/lib/crd /var/lib/crd/*
cat /asked
"""


@pytest.fixture
def root(tmp_path: Path) -> ScratchRoot:
    """This machine, with the checkout where it is."""
    return ScratchRoot(mounted=tmp_path, here=ROOT)


def settings(port: int) -> str:
    """The printed settings for one host, on a port that nobody has."""
    text = re.sub(r'database_url = ".*"', ONE_HOST, printed("crd.toml"))
    return text.replace("port = 8000", f"port = {port}").replace(
        'log_format = "json"', 'log_format = "json"\nworkers = 2'
    )


def test_what_is_printed_makes_a_service_that_answers_and_takes_up_new_code(
    root: ScratchRoot,
) -> None:
    """From a machine without it: user, places, keys, tables, an operator, the unit; an upgrade."""
    unit, port = read_unit(UNIT), free_port()
    steps = [
        STAND_IN,
        BLOCKS["install"],
        'printf %s "$SETTINGS" > /etc/crd/crd.toml\n',
        BLOCKS["keys"],
        BLOCKS["owners"],
        BLOCKS["start"],
        BLOCKS["unit"],
        STARTED,
        RENEWED.replace("UPGRADE", BLOCKS["upgrade"]).replace("TURN", TURN),
        LEFT,
    ]
    ran = root.run(
        "".join(steps),
        SETTINGS=settings(port),
        PORT=str(port),
        USER=only(unit, "User"),
        VARIABLES=" ".join(
            f"{name}={value}" for name, value in environment_of(unit, ENVIRONMENT).items()
        ),
        START=only(unit, "ExecStart"),
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f'base_url = "{BASE_URL}"' in ran.stdout
    assert "daemon-reload\nenable --now crd\n" in ran.stdout
    assert "crd, version 9.9.9" in ran.stdout.splitlines()
    assert {
        "root:crd 750 /etc/crd",
        "root:crd 640 /etc/crd/audit.key",
        "root:crd 640 /etc/crd/crd.toml",
        "crd:root 600 /etc/crd/clients.toml",
        "crd:root 600 /etc/crd/passfile",
        "crd:crd 600 /var/lib/crd/crd.sqlite3",
    } <= set(ran.stdout.splitlines())
    written = [line for line in ran.stdout.splitlines() if " /var/lib/crd/" in line]
    assert [line for line in written if not line.startswith("crd:crd ")] == []
