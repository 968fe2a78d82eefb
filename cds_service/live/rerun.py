"""A recorded call run again by the pipelines of one set of policies; nothing is recorded."""

from collections.abc import Mapping
from dataclasses import replace

from cds_service.audit.trail import Trail
from cds_service.authoring.recorded_call import RecordedCall
from cds_service.authoring.replay import Evaluate
from cds_service.pipeline import Pipeline


def rerun_by(pipelines: Mapping[str, Pipeline]) -> Evaluate:
    """What answers recorded calls by these pipelines, which are by the ids of services.

    The EHR, the authorizations and the clock are those of the record.
    """

    def evaluate(call: RecordedCall) -> Trail:
        pipeline = replace(
            pipelines[f"{call.hook}-crd"],
            ehr=call.ehr,
            authorizations=call.authorizations,
            now=lambda: call.at,
            clock=lambda: 0.0,
        )
        return pipeline.evaluate(call.body, Trail(caller=call.caller))

    return evaluate
