"""The health of the store, as `/readyz` and the metrics show it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHealth:
    """How the store is.

    `why` tells an operator why it is not `writable`. Sizes of the journal are in bytes.
    `unsequenced` records have no number in the hash tree yet, since `sequencer_lag_seconds`;
    `unpublished` checkpoints have not left the database; `chain_ok` is false once that is not what
    was signed.
    """

    writable: bool = True
    why: str = ""
    journal_bytes: int = 0
    journal_limit: int = 0
    unsequenced: int = 0
    sequencer_lag_seconds: float = 0.0
    last_checkpoint_size: int = 0
    unpublished: int = 0
    chain_ok: bool = True
