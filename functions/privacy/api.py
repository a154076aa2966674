"""HTTP door of privacy."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from functions.privacy.model import Erasure, PersonExport
from functions.privacy.schemas import ErasePerson, ExportPerson
from functions.privacy.service import erasures, exports
from functions.privacy.store import Store
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("privacy")
store = cache(Store)


@app.post("/privacy/exports", status_code=202, response_model=PersonExport)
async def export_person(body: ExportPerson, actor: Actor = require(None)) -> Response:
    """Order a copy of everything about oneself; about somebody else, it needs `privacy:export`. Follow it at `Location`
    until it is ready."""
    return reply(exports.order(store(), actor, body), 202)


@app.get("/privacy/exports", response_model=List[PersonExport])
async def list_person_exports(paging: Annotated[ListParameters, Query()], actor: Actor = require(None)) -> Response:
    """One's own exports, newest first; with `privacy:export`, everybody's."""
    found = exports.list_exports(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/privacy/exports/{export_id}", response_model=PersonExport)
async def get_person_export(export_id: str, actor: Actor = require(None)) -> Response:
    """One export: which contexts have handed in their part, and a download link when all have."""
    return reply(exports.get_export(store(), actor, export_id))


@app.delete("/privacy/exports/{export_id}", status_code=204)
async def discard_person_export(export_id: str, if_match: IfMatch, actor: Actor = require(None)) -> Response:
    """Remove an export and its file."""
    exports.discard(store(), actor, export_id, if_match)
    return Response(status_code=204)


@app.post("/privacy/erasures", status_code=202, response_model=Erasure)
async def erase_person(body: ErasePerson, actor: Actor = require("privacy:erase")) -> Response:
    """Have a person forgotten after some days of grace: the membership, the account where it is the last one, and every
    trace of name, address and devices. The audit trail keeps what was done, under an id that means nothing any more."""
    return reply(erasures.ask(store(), actor, body), 202)


@app.get("/privacy/erasures", response_model=List[Erasure])
async def list_person_erasures(
    paging: Annotated[ListParameters, Query()], actor: Actor = require("privacy:read")
) -> Response:
    """The organisation's erasures, newest first."""
    found = erasures.list_erasures(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/privacy/erasures/{erasure_id}", response_model=Erasure)
async def get_person_erasure(erasure_id: str, actor: Actor = require("privacy:read")) -> Response:
    """One erasure, with the contexts that are not done."""
    return reply(erasures.get_erasure(store(), actor, erasure_id))


@app.post("/privacy/erasures/{erasure_id}/cancel", response_model=Erasure)
async def cancel_person_erasure(erasure_id: str, actor: Actor = require("privacy:erase")) -> Response:
    """Take an erasure back while its days of grace last."""
    return reply(erasures.cancel(store(), actor, erasure_id))


@app.post("/privacy/erasures/{erasure_id}/retry", status_code=202, response_model=Erasure)
async def retry_person_erasure(erasure_id: str, actor: Actor = require("privacy:erase")) -> Response:
    """Try an incomplete erasure again, at once."""
    return reply(erasures.retry(store(), actor, erasure_id), 202)


handler = lambda_handler(app)
