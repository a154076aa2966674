"""HTTP door of monitoring: health, and the description of the API itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from functions.monitoring import service
from functions.monitoring.gateways import AwsNeeds
from functions.monitoring.model import Health, Readiness
from kernel.http import PREFIX, Response, Room, lambda_handler, reply

app = Room("monitoring")
FOLDER = Path(__file__).parent
DOCS_CACHE = {"Cache-Control": "public, max-age=300"}


@cache
def _openapi() -> bytes:
    return (FOLDER / "openapi.json").read_bytes()


@cache
def _docs() -> str:
    return (FOLDER / "docs.html").read_text().replace("{openapi}", f"{PREFIX}/openapi.json")


@app.get("/health", response_model=Health)
async def get_health() -> Response:
    """The API answers."""
    return reply(Health())


@app.get("/ready", response_model=Readiness)
async def get_readiness() -> Response:
    """Whether what the API needs answers, and how fast."""
    found = service.readiness(AwsNeeds())
    return reply(found, 200 if found.ready else 503)


@app.get("/openapi.json", include_in_schema=False)
async def get_openapi() -> Response:
    """The description of the whole API, OpenAPI 3.1."""
    return Response(_openapi(), media_type="application/json", headers=DOCS_CACHE)


@app.get("/docs", include_in_schema=False)
async def get_docs() -> Response:
    """The same for people."""
    return Response(_docs(), media_type="text/html", headers=DOCS_CACHE)


handler = lambda_handler(app, prime=["/health"])
