"""The door that speaks SCIM: its routes, and the layer that it alone has."""

from __future__ import annotations

import json

import pytest

from tests.infra.cdk.conftest import Templates

pytestmark = pytest.mark.slow


def test_scim_has_a_guarded_route_to_a_door_of_its_own(production: Templates) -> None:
    routes = [each for each in production.of_type("AWS::ApiGatewayV2::Route").values() if "/scim/" in each["RouteKey"]]
    outside = [each for each in routes if not each["RouteKey"].startswith("ANY /api/")]
    assert [(each["RouteKey"], each["AuthorizationType"]) for each in outside] == [("ANY /scim/v2/{proxy+}", "CUSTOM")]


def test_no_other_door_carries_its_library(production: Templates) -> None:
    carrying = {
        each["Handler"]
        for each in production.of_type("AWS::Lambda::Function").values()
        if "ScimLayer" in json.dumps(each.get("Layers", []))
    }
    assert carrying == {"functions.identity.scim.handler"}
