"""Scaffolds a bounded context: `python -m infra.new_context NAME` makes its room, contract, stack and tests.

What it makes works as it stands: a context with one entity that can be created, read and listed, an event, and tests
that pass. Replace the entity with yours.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"^[a-z][a-z0-9]{2,30}s$")
CONTEXT_IMPORT = re.compile(r"from infra\.cdk\.contexts\.\w+ import \w+\n")
TEMPLATES = Path(__file__).parent / "scaffold"


class ScaffoldError(Exception):
    """The context cannot be made; the message says why."""


def scaffold(name: str, root: Path = ROOT) -> list[Path]:
    """Make the files of a context, or none of them; where they are. Raises ScaffoldError."""
    if not NAME.match(name):
        raise ScaffoldError(f"{name!r} is no name for a context: write a plural in lower case, such as `invoices`.")
    if (root / "functions" / name).exists():
        raise ScaffoldError(f"The context {name} is there already: functions/{name}.")
    words = {"context": name, "Context": name.title(), "entity": name[:-1], "Entity": name[:-1].title()}
    words["CONTEXT"] = name.upper()
    files = {root / _place(template, name): _filled(template, words) for template in sorted(TEMPLATES.rglob("*.txt"))}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _register(root, name)
    return list(files)


def _place(template: Path, name: str) -> Path:
    relative = template.relative_to(TEMPLATES).as_posix().removesuffix(".txt")
    return Path(relative.replace("_context_", name))


def _filled(template: Path, words: dict[str, str]) -> str:
    return Template(template.read_text()).substitute(words)


def _register(root: Path, name: str) -> None:
    """Give the stack to the app, and the permissions' area to the roles."""
    app = root / "infra" / "cdk" / "app.py"
    text = app.read_text()
    imports = sorted({*CONTEXT_IMPORT.findall(text), f"from infra.cdk.contexts.{name} import {name.title()}\n"})
    first = CONTEXT_IMPORT.search(text)
    assert first is not None
    text = CONTEXT_IMPORT.sub("", text)
    text = text[: first.start()] + "".join(imports) + text[first.start() :]
    text = text.replace("    Monitoring,\n)", f"    Monitoring,\n    {name.title()},\n)")
    app.write_text(text)
    access = root / "layers" / "kernel" / "python" / "contracts" / "access.py"
    access.write_text(access.read_text().replace('    "webhooks",\n)', f'    "webhooks",\n    "{name}",\n)', 1))


def main() -> None:
    """The command line."""
    if len(sys.argv) != 2:
        sys.exit("Say which context: make new-context NAME=invoices")
    try:
        made = scaffold(sys.argv[1])
    except ScaffoldError as error:
        sys.exit(str(error))
    for path in made:
        print(path.relative_to(ROOT))  # noqa: T201
    print(f"\nThe context {sys.argv[1]} is registered in infra/cdk/app.py. Run `make generated` and `make check`.")  # noqa: T201


if __name__ == "__main__":
    main()
