"""Gauges: the metrics that are read when they are asked for, of store, EHRs, keys and policies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cds_service.audit.health import StoreHealth
from cds_service.web.tally import Labels, Values


def _none() -> Mapping[str, float]:
    return {}


def _no_revision() -> tuple[str, float]:
    return "", 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where gauges are read: each function is called when /metrics is.

    `circuits` counts EHRs by the state of their circuit breaker, `key_ages` are seconds by client.
    `revision` is the digest of the library in service, and since when, in Unix time; `is_behind`
    tells whether a newer one could not be put in service. `clock_offset` is the seconds that this
    host's clock is ahead of the store's.
    """

    store: Callable[[], StoreHealth]
    circuits: Callable[[], Mapping[str, float]] = _none
    key_ages: Callable[[], Mapping[str, float]] = _none
    revision: Callable[[], tuple[str, float]] = _no_revision
    is_behind: Callable[[], bool] = bool
    clock_offset: Callable[[], float] = float


class Gauges:
    """Reads the gauges of one process; they are not added up over several."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def read(self) -> Values:
        """Each gauge as it is now."""
        return {**self._of_store(), **self._of_others()}

    def _of_store(self) -> Values:
        state = self._sources.store()
        read = {
            "writable": state.writable,
            "spool_depth": state.journal_bytes,
            "spool_limit": state.journal_limit,
            "unsequenced": state.unsequenced,
            "sequencer_lag_seconds": state.sequencer_lag_seconds,
            "checkpoint_size": state.last_checkpoint_size,
            "unpublished": state.unpublished,
            "chain_ok": state.chain_ok,
        }
        return {f"crd_audit_{name}": {(): float(value)} for name, value in read.items()}

    def _of_others(self) -> Values:
        sources = self._sources
        revision, since = sources.revision()
        return {
            "crd_fhir_circuit_state": _by_name(sources.circuits()),
            "crd_jwks_age_seconds": _by_name(sources.key_ages()),
            "crd_policy_revision_info": {(revision,): 1.0},
            "crd_policy_active_timestamp_seconds": {(): since},
            "crd_policy_behind": {(): float(sources.is_behind())},
            "crd_clock_offset_seconds": {(): sources.clock_offset()},
        }


def _by_name(values: Mapping[str, float]) -> dict[Labels, float]:
    return {(name,): value for name, value in values.items()}
