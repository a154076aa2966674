"""Scans that come from files, and scans that become files."""

from __future__ import annotations

from typing import Annotated

from functions.intelligence.api.app import app, store
from functions.intelligence.model.records import ScanImport
from functions.intelligence.schemas import Archive, CreateImport
from functions.intelligence.service import exports, imports
from kernel.actor import Actor
from kernel.http import List, ListParameters, Query, Response, page, reply, require


@app.post("/imports", status_code=201, response_model=ScanImport)
async def create_import(body: CreateImport, actor: Actor = require("scans:create")) -> Response:
    """Begin to take in a file of facts. Read the import for where to upload the file, then start it."""
    return reply(imports.create_import(store(), actor, body), 201)


@app.get("/imports", response_model=List[ScanImport])
async def list_imports(paging: Annotated[ListParameters, Query()], actor: Actor = require("scans:read")) -> Response:
    """The imports, newest first."""
    found = imports.list_imports(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/imports/{import_id}", response_model=ScanImport)
async def get_import(import_id: str, actor: Actor = require("scans:create")) -> Response:
    """How an import stands; while it awaits its file, where to put that."""
    return reply(imports.get_import(store(), actor, import_id))


@app.post("/imports/{import_id}/start", status_code=202, response_model=ScanImport)
async def start_import(import_id: str, actor: Actor = require("scans:create")) -> Response:
    """Take in the file that was uploaded. Follow the import until it is ready, or failed and says why: then nothing of
    the file was taken in."""
    return reply(imports.start_import(store(), actor, import_id), 202)


@app.get("/scans/{scan_id}/archive", response_model=Archive)
async def get_archive(scan_id: str, actor: Actor = require("scans:read")) -> Archive:
    """What a scan that has ended is archived as: a tar of `manifest.json` and then its members, in their order. The
    format `palisade` of an import takes it in again, here or elsewhere."""
    return exports.archive(store(), actor, scan_id)
