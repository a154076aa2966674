"""CSV, XLSX and JSON: every finding, read back as it was, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.reports.render import RENDERERS
from functions.reports.render.columns import COLUMNS
from functions.reports.render.csv import neutral, render_csv
from functions.reports.render.json import render_json
from functions.reports.render.xlsx import MAX_CELL, render_xlsx
from tests.reports.samples import company, finding, report

FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "|x", "%x")
NAMES = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def rows_of(document: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(document.decode("utf-8-sig"), newline="")))


def sheet(document: bytes, number: int) -> Element:
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        return fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))


def cells(document: bytes, number: int) -> list[str]:
    return [element.text or "" for element in sheet(document, number).iterfind(".//m:is/m:t", NAMES)]


def test_csv_has_a_line_per_finding_the_gravest_first() -> None:
    head, *rows = rows_of(render_csv(company()))
    assert tuple(head) == COLUMNS
    assert len(rows) == len(company().findings)
    assert [row[1] for row in rows][:3] == ["critical", "critical", "high"]
    assert "has host: host old-shop.example.com" in rows[1][13]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_csv_cell_is_a_formula(formula: str) -> None:
    (_, row) = rows_of(render_csv(report(findings=(finding(title=formula, asset=formula),))))
    assert row[3] == f"'{formula}"
    assert row[4] == f"'{formula}"


@given(st.text())
def test_neutral_text_never_starts_a_formula_and_loses_nothing(text: str) -> None:
    safe = neutral(text)
    assert not re.match(r"\s*[=+\-@]", safe)
    assert safe.lstrip("'").replace("\x00", "") == text.replace("\x00", "").lstrip("'")


@given(st.text(), st.text())
def test_any_text_survives_csv(title: str, asset: str) -> None:
    (_, row) = rows_of(render_csv(report(findings=(finding(title=title, asset=asset),))))
    assert len(row) == len(COLUMNS)


def test_xlsx_cells_are_texts_and_never_formulas_or_links() -> None:
    findings = tuple(finding(finding_id=f"f{n}", title=text, asset="https://x") for n, text in enumerate(FORMULAS))
    document = render_xlsx(report(findings=findings))
    for number in (1, 2, 3):
        assert sheet(document, number).find(".//m:f", NAMES) is None
        assert sheet(document, number).find(".//m:hyperlink", NAMES) is None
    assert set(cells(document, 2)) >= {text for text in FORMULAS if "\r" not in text}


def test_xlsx_tells_summary_findings_and_modules() -> None:
    document = render_xlsx(company())
    summary, findings, modules = (cells(document, number) for number in (1, 2, 3))
    assert "Example Trading Ltd" in summary
    assert any("13 findings were recorded" in cell for cell in summary)
    assert {each.title for each in company().findings} <= set(findings)
    assert {run.name for run in company().modules} <= set(modules)


@given(st.text())
def test_any_text_makes_a_workbook(text: str) -> None:
    render_xlsx(report(client=text, findings=(finding(title=text, asset=text * 10),)))


def test_a_cell_holds_what_a_cell_can_hold() -> None:
    document = render_xlsx(report(findings=(finding(description="x" * 50_000),)))
    assert max(map(len, cells(document, 2))) == MAX_CELL


def test_json_is_the_whole_report_with_its_counts() -> None:
    document = json.loads(render_json(company()))
    assert document["rating"] == "Critical"
    assert document["findings_by_severity"] == {"critical": 2, "high": 1, "medium": 8, "low": 1, "info": 1}
    assert len(document["findings"]) == 13
    assert document["findings"][0]["chain"]
    assert document["graph"]["nodes_left_out"] == 261
    assert document["summary"]


@pytest.mark.parametrize("format_", sorted(RENDERERS))
def test_every_format_renders_full_and_empty_reports(format_: str) -> None:
    render, media_type = RENDERERS[format_]
    assert "/" in media_type
    assert render(company())
    assert render(report())
