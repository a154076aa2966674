"""A third party's package adds a module: installed as packages are, found, checked, described and run."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, ObservationType
from functions.collection import catalogue, modules
from functions.collection.extensions import GROUP, ExtensionError, announced, checked, extensions
from functions.collection.module import Config, Module
from tests.collection.sites import files, site
from tests.collection.world import observed, run

EXAMPLE = Path(__file__).parent / "example_extension"


@pytest.fixture(name="installed", scope="module")
def installed_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built and installed into a folder of its own."""
    target = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run([*command, "--target", str(target), str(EXAMPLE)], check=True, capture_output=True, timeout=120)
    return target


@pytest.fixture(name="package")
def package_in_sight(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example can be found; afterwards nothing of it is left."""
    monkeypatch.syspath_prepend(str(installed))
    importlib.invalidate_caches()
    _forget()
    yield
    _forget()
    sys.modules.pop("acme_palisade", None)


def _forget() -> None:
    for cache in (modules.all_modules, checked):
        cache.cache_clear()


def test_without_packages_the_product_is_as_it_is_shipped() -> None:
    assert announced() == ()
    assert modules.all_modules() == modules.shipped_modules()


@pytest.mark.usefixtures("package")
def test_an_installed_package_is_found_and_described() -> None:
    assert [entry.name for entry in announced()] == ["acme_words"]
    assert modules.load("acme_words") is modules.all_modules()["acme_words"]
    face = modules.describe(modules.load("acme_words"))
    assert face.package == "acme-palisade 1.2.0"
    assert face.config_schema["properties"]["least_letters"]["default"] == 1
    assert '"name": "acme_words"' in catalogue.rendered()


@pytest.mark.usefixtures("package")
async def test_an_installed_module_runs_through_the_engine() -> None:
    async with site(files({"/": ("text/html", "one two three a")})) as root:
        module = modules.load("acme_words")
        result = await run(module(), observed("url", root), config={"least_letters": 2})
        outside = await run(module(), observed("url", "http://198.51.100.7/"))
    assert [o.attributes for o in result.observations] == [{"words": 3}]
    assert result.observations[0].module_version == "1.2.0"
    assert outside.observations == []


class Good(Module[None]):
    """A module as it should be."""

    face = ModuleFace(name="good_module", version="1.0.0", summary="A module as it should be",
                      consumes=(ObservationType.URL,), produces=(ObservationType.METADATA,),
                      invasiveness=Invasiveness.PASSIVE)  # fmt: skip

    async def get(self, observation: Any, context: Any) -> None:
        """Nothing."""

    def transform(self, observation: Any, raw: None) -> list[Any]:
        """Nothing."""
        return []


class Faceless(Good):
    face = "no face"  # type: ignore[assignment]


class Unfinished(Module[None]):
    face = Good.face


class OddConfig(Good):
    config = dict  # type: ignore[assignment]


class Demanding(Good):
    class Needs(Config):
        key: str

    config = Needs


class Mute(Good):
    face = Good.face.model_copy(update={"produces": ()})


class Unmatched(Good):
    face = Good.face.model_copy(update={"matching": "("})


class Renamed(Good):
    face = Good.face.model_copy(update={"name": "other_name"})


no_class = 7


def entry(attribute: str, name: str = "good_module") -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{attribute}", GROUP)


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ("Faceless", "shows no ModuleFace"),
        ("Unfinished", "lacks get, transform"),
        ("OddConfig", "config is no Config"),
        ("Demanding", "without a default"),
        ("Mute", "consumes and produces"),
        ("Unmatched", "no regular expression"),
        ("Renamed", "face says 'other_name'"),
        ("no_class", "no Module"),
        ("not_there", "cannot be imported"),
    ],
)
def test_a_faulty_module_is_refused_with_its_reason(attribute: str, reason: str) -> None:
    with pytest.raises(ExtensionError, match=reason):
        extensions((), [entry(attribute)])


def test_names_are_given_once() -> None:
    assert extensions((), [entry("Good")]) == {"good_module": Good}
    with pytest.raises(ExtensionError, match="the product has"):
        extensions({"good_module"}, [entry("Good")])
    with pytest.raises(ExtensionError, match="another package"):
        extensions((), [entry("Good"), entry("Good")])


def test_a_version_that_differs_from_its_package_is_refused(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(installed))
    source = (installed / "acme_palisade" / "__init__.py").read_text()
    (installed / "acme_palisade" / "__init__.py").write_text(source.replace('"1.2.0"', '"1.3.0"'))
    try:
        sys.modules.pop("acme_palisade", None)
        importlib.invalidate_caches()
        checked.cache_clear()
        with pytest.raises(ExtensionError, match=r"version 1\.3\.0, its package 1\.2\.0"):
            extensions((), announced())
    finally:
        (installed / "acme_palisade" / "__init__.py").write_text(source)
        sys.modules.pop("acme_palisade", None)
        checked.cache_clear()
