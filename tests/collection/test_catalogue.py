"""The catalogue of modules: complete, fresh and consistent."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from contracts.modules import catalogue
from contracts.observations import Invasiveness
from functions.collection.catalogue import PATH, rendered
from functions.collection.modules import all_modules, describe, load


def test_the_written_catalogue_is_fresh() -> None:
    assert PATH.read_text() == rendered(), "run `python -m functions.collection.catalogue`"


def test_at_least_twenty_modules_are_shipped() -> None:
    assert len(all_modules()) >= 20
    assert list(catalogue()) == list(all_modules())


@pytest.mark.parametrize("name", sorted(all_modules()))
def test_a_module_shows_an_honest_face(name: str) -> None:
    module = all_modules()[name]
    face = describe(module)
    assert load(name) is module
    assert face.name == name
    assert face.consumes
    assert face.produces
    re.compile(face.matching)
    assert face.config_schema["type"] == "object"
    module.config.model_validate({})
    with pytest.raises(ValidationError):
        module.config.model_validate({"no_such_setting": 1})


def test_passive_modules_send_nothing_to_a_target() -> None:
    """Those that are passive ask resolvers, or nobody."""
    passive = {name for name, face in catalogue().items() if face.invasiveness is Invasiveness.PASSIVE}
    assert passive == {
        "aws_posture",
        "breach",
        "certificate_transparency",
        "dnssec_chain",
        "extraction",
        "known_vulnerabilities",
        "mail_policy",
        "passive_dns",
        "rdap",
        "records",
        "reputation",
        "resolve",
        "reverse_dns",
        "srv_records",
        "technology",
        "typosquats",
        "web_headers",
    }


def test_an_unknown_module_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load("no_such_module")
