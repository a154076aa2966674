"""What share of a collection of templates can be used, and why the rest cannot:
`python -m functions.collection.templates.corpus DIRECTORY`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from functions.collection.templates.errors import TemplateError, Unsupported
from functions.collection.templates.parser import parse_template

EXAMPLES = 3


@dataclass(slots=True)
class Report:
    """How a collection fared. `others` are YAML files that are no templates (no `id` and `info`)."""

    parsed: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    faulty: Counter[str] = field(default_factory=Counter)
    others: int = 0
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The templates that were read."""
        return self.parsed + self.unsupported.total() + self.faulty.total()

    @property
    def share(self) -> float:
        """Those that can be used, from 0 to 1."""
        return self.parsed / self.total if self.total else 0.0

    def lines(self) -> Iterable[str]:
        """The report in words."""
        yield f"{self.parsed} of {self.total} templates can be used ({self.share:.1%}); {self.others} other files"
        for title, counts in (("left out", self.unsupported), ("faulty", self.faulty)):
            for reason, count in counts.most_common():
                yield f"{count:6}  {title}: {reason}  ({', '.join(self.examples[reason])})"


def survey(directory: Path) -> Report:
    """Read every YAML file below a directory."""
    report = Report()
    for path in sorted((*directory.rglob("*.yaml"), *directory.rglob("*.yml"))):
        text = path.read_text("utf-8", "replace")
        if "\ninfo:" not in f"\n{text}":
            report.others += 1
            continue
        _count(report, path, text)
    return report


def _count(report: Report, path: Path, text: str) -> None:
    try:
        parse_template(text)
    except Unsupported as error:
        reason = f"{error.construct}: {error.reason.partition(': ')[2]}"
        report.unsupported[reason] += 1
    except TemplateError as error:
        reason = error.reason
        report.faulty[reason] += 1
    else:
        report.parsed += 1
        return
    shown = report.examples.setdefault(reason, [])
    if len(shown) < EXAMPLES:
        shown.append(path.name)


def main(arguments: list[str] | None = None) -> int:
    """Print the report; 1 when there is no template at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    report = survey(parser.parse_args(arguments).directory)
    sys.stdout.write("\n".join(report.lines()) + "\n")
    return 0 if report.total else 1


if __name__ == "__main__":
    sys.exit(main())
