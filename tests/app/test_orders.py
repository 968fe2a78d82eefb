"""What a service begins with: the activation in force, else its directories, if they may."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from live_sets import activate, keep_set, operator
from small_library import organization, policy, write_library

from cds_service.access.approvals import sign_approval
from cds_service.app.memory import Memory, open_memory
from cds_service.app.orders import Orders, begin_service, open_permits, read_orders
from cds_service.errors import SettingError, StartError
from cds_service.live.approvals_store import save_approval
from cds_service.live.candidate import Source
from cds_service.live.permits import Permits
from cds_service.settings import Settings

ADA = Ed25519PrivateKey.generate()
NOW = datetime(2026, 11, 27, tzinfo=UTC)


@contextmanager
def opened(settings: Settings) -> Iterator[Memory]:
    """The memory of these settings."""
    with closing(open_memory(settings)) as memory:
        yield memory


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A directory with one policy, and a store that is new."""
    library = write_library(tmp_path / "library", organization(), policy(title="Here"))
    return Settings(data_dir=str(tmp_path), library=(library,), builtin_library=False)


def guarded(orders: Orders) -> Orders:
    """The same where Ada has to approve."""
    return replace(orders, permits=Permits(needed=1, operators=(operator("ada", ADA),)))


def begun(orders: Orders, settings: Settings, memory: Memory) -> str:
    """The digest of the set that a service begins with."""
    return begin_service(orders, settings, memory, ehr=None).recorder.library


def test_without_an_activation_it_is_the_directories(settings: Settings) -> None:
    """As ever."""
    with opened(settings) as memory:
        orders = read_orders(settings, memory)
        service = begin_service(orders, settings, memory, ehr=None)

    assert (orders.number, orders.source) == (0, Source.DIRECTORIES)
    assert service.index.policies[0].citation.policy_title == "Here"


def test_with_an_activation_it_is_that_set_whatever_the_directories_have(
    settings: Settings, tmp_path: Path
) -> None:
    """A process that starts serves what the others do."""
    with opened(settings) as memory:
        name = keep_set(memory.log.engine, tmp_path / "other", "There")
        activate(memory.log.engine, name)
        orders = read_orders(settings, memory)
        service = begin_service(orders, settings, memory, ehr=None)

    assert (orders.number, orders.source) == (1, Source.ACTIVATION)
    assert service.recorder.library == name
    assert service.index.policies[0].citation.policy_title == "There"


def test_a_set_that_cannot_be_served_stops_the_start(settings: Settings) -> None:
    """No other takes its place: what is answered would hang on which process is asked."""
    with opened(settings) as memory:
        activate(memory.log.engine, "sha256:0")
        orders = read_orders(settings, memory)
        with pytest.raises(StartError, match=r"activation 1 demands a set.*not kept"):
            begin_service(orders, settings, memory, ehr=None)


def test_directories_that_nobody_approved_stop_the_start_and_can_then_be_approved(
    settings: Settings,
) -> None:
    """Their set is kept, so that the command in the message works."""
    with opened(settings) as memory:
        orders = guarded(read_orders(settings, memory))
        with pytest.raises(SettingError, match=r"0 of 1 approvals.*crd policy approve") as caught:
            begin_service(orders, settings, memory, ehr=None)
        name = begun(read_orders(settings, memory), settings, memory)
        approval = sign_approval(ADA, digest=name, approver="ada", starts=None)
        save_approval(memory.log.engine, approval, NOW)

        assert begun(orders, settings, memory) == name
    assert caught.value.key == "approvals"


def test_approvals_need_operators_who_can_give_them(tmp_path: Path) -> None:
    """Found at the start, not when the first set is to go live."""
    with pytest.raises(SettingError, match="2 operators with an approval_key"):
        open_permits(Settings(approvals=2))
    (tmp_path / "clients.toml").write_text(f'[operators.ada]\ntoken_sha256 = "{"0" * 64}"\n')
    with pytest.raises(SettingError, match="there are 0"):
        open_permits(Settings(approvals=1, clients=str(tmp_path / "clients.toml")))
