"""Correlation rules: the product's, the organisation's own, and what one would find."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from functions.intelligence.api.app import after_of, app, cursors_of, store
from functions.intelligence.model.correlation.own import MAX_OWN_BYTES, RuleTrial, RuleVersionView, RuleView
from functions.intelligence.service import rules
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, page, reply, require

RuleText = Annotated[
    str, Field(min_length=1, max_length=MAX_OWN_BYTES, description="The rule as YAML; SpiderFoot 4.0's format is read.")
]


class WriteRule(BaseModel):
    """A rule."""

    model_config = ConfigDict(extra="forbid")

    rule: RuleText


class RollBackRule(BaseModel):
    """The version to go back to."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, description="Its number.")]


class TryRule(WriteRule):
    """A rule, and the scan to try it on."""

    scan_id: Annotated[str, Field(max_length=64)]


@app.get("/rules", response_model=List[RuleView])
async def list_rules(paging: Annotated[ListParameters, Query()], actor: Actor = require("modules:read")) -> Response:
    """The correlation rules by name: the product's and the organisation's own."""
    cursors = cursors_of(actor, "rules", paging)
    after = after_of(cursors, paging)
    items = [item for item in rules.list_rules(store(), actor) if not after or item.name > after[0]]
    more = len(items) > paging.limit
    items = items[: paging.limit]
    return page(items, cursors.write({"after": [items[-1].name]}) if more else None)


@app.post("/rules", status_code=201, response_model=RuleView)
async def add_rule(body: WriteRule, actor: Actor = require("modules:update")) -> Response:
    """Add a rule of the organisation's own, named by its id. Scans that begin from now on use it."""
    return reply(rules.add_rule(store(), actor, body.rule), 201)


@app.post("/rules/dry-run", response_model=RuleTrial)
async def dry_run_rule(body: TryRule, actor: Actor = require("scans:read")) -> Response:
    """Try a rule on the facts of a scan: what it would report, and why. Nothing is stored."""
    return reply(rules.dry_run(store(), actor, body.rule, body.scan_id))


@app.get("/rules/{name}", response_model=RuleView)
async def get_rule(
    name: str,
    version: Annotated[int | None, Query(ge=1, description="The number of a text that it has had.")] = None,
    actor: Actor = require("modules:read"),
) -> Response:
    """One rule with its text; a rule of the organisation's own also with one that it has had."""
    found = rules.get_version(store(), actor, name, version) if version else rules.get_rule(store(), actor, name)
    return reply(found)


@app.get("/rules/{name}/versions", response_model=List[RuleVersionView])
async def list_rule_versions(name: str, actor: Actor = require("modules:read")) -> Response:
    """The texts that a rule of the organisation's own has had, newest first: who wrote each, when, and what changed."""
    return page(rules.list_versions(store(), actor, name), None)


@app.post("/rules/{name}/rollback", response_model=RuleView)
async def roll_back_rule(
    name: str, body: RollBackRule, if_match: IfMatch, actor: Actor = require("modules:update")
) -> Response:
    """Give a rule of the organisation's own a text that it has had. Scans that begin from now on use it."""
    return reply(rules.roll_back(store(), actor, name, body.version, if_match))


@app.put("/rules/{name}", response_model=RuleView)
async def change_rule(
    name: str, body: WriteRule, if_match: IfMatch, actor: Actor = require("modules:update")
) -> Response:
    """Give a rule of the organisation's own another text; its id stays."""
    return reply(rules.change_rule(store(), actor, name, body.rule, if_match))


@app.delete("/rules/{name}", status_code=204)
async def remove_rule(name: str, if_match: IfMatch, actor: Actor = require("modules:update")) -> Response:
    """Remove a rule of the organisation's own. What it found stays."""
    rules.remove_rule(store(), actor, name, if_match)
    return Response(status_code=204)


@app.post("/rules/{name}/enable", response_model=RuleView)
async def enable_rule(name: str, actor: Actor = require("modules:update")) -> Response:
    """Have scans that begin from now on use a rule."""
    return reply(rules.switch_rule(store(), actor, name, on=True))


@app.post("/rules/{name}/disable", response_model=RuleView)
async def disable_rule(name: str, actor: Actor = require("modules:update")) -> Response:
    """Have scans that begin from now on do without a rule, be it the product's or the organisation's own."""
    return reply(rules.switch_rule(store(), actor, name, on=False))
