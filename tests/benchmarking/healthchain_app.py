"""HealthChain's CDS Hooks service, which answers each order-sign call with the same words."""
# mypy: ignore-errors

from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models import CDSResponse

app = HealthChainAPI(title="beside the benchmark")
service = CDSHooksService()
REASON = "ext-coverage-information: a constant, for no policy is applied here. " * 96
CARD = {"summary": "Not covered", "indicator": "warning", "source": {"label": "A payer"}}


@service.hook("order-sign", id="order-sign-crd")
def sign(_request: object) -> CDSResponse:
    """A card as long as ours, and no record."""
    return CDSResponse(cards=[{**CARD, "detail": REASON}], systemActions=[])


app.register_service(service)
