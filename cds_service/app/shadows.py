"""The shadow of a service: the set to come answers silently what the one in service answers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cds_service.app.garbage import set_aside
from cds_service.app.memory import Memory
from cds_service.app.revision import Revision
from cds_service.app.service import assemble_service
from cds_service.audit.log import NoLog
from cds_service.authoring.replay import Evaluate
from cds_service.live.current import Current
from cds_service.live.kept_sets import read_kept
from cds_service.live.rerun import rerun_by
from cds_service.live.shadow import Shadow
from cds_service.live.shadow_set import ShadowSet
from cds_service.live.shadow_store import count_effects, read_shadow
from cds_service.settings import Settings


@dataclass(frozen=True, slots=True)
class Shadows:
    """The set to come, and the comparison of what it answers."""

    coming: ShadowSet
    shadow: Shadow

    def start(self) -> None:
        """Look which set is to come from now on."""
        self.coming.start()

    def close(self) -> None:
        """Compare no more."""
        self.coming.close()
        self.shadow.close()


def open_shadows(
    memory: Memory,
    settings: Settings,
    current: Current[Revision],
    count: Callable[[str], None],
) -> Shadows:
    """The shadow of what is in service in `current`; `count` is told the verdict on each call."""
    engine = memory.log.engine

    def prepare(digest: str) -> Evaluate:
        policies = read_kept(engine, digest)
        with set_aside():
            service = assemble_service(policies.library, settings, ehr=None, log=NoLog())
        return rerun_by(service.pipelines)

    def serving() -> tuple[str, Evaluate]:
        revision = current()
        return revision.digest, rerun_by(revision.service.pipelines)

    coming = ShadowSet(named=partial(read_shadow, engine), prepare=prepare, serving=serving)
    shadow = Shadow(shadowing=coming.shadowing, keep=partial(count_effects, engine), count=count)
    memory.answers.watch(shadow.observe)
    return Shadows(coming, shadow)
