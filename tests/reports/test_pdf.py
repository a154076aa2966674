"""The PDF: what it says, that nothing in the data can break it, and that it is a document and not only pages."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from contracts.reports import Evidence, LogEntry, ReportGraph
from functions.reports.model import ReportData
from functions.reports.render.pdf import graph, render_pdf
from functions.reports.render.pdf.text import cut, marked, visible
from tests.reports.samples import company, finding, many, report, scan
from tests.reports.samples import graph as drawn

pytestmark = pytest.mark.slow

HIDDEN = "\u202egnp.exe\u200b\x00\x1b[31m"


def read(data: ReportData) -> PdfReader:
    return PdfReader(io.BytesIO(render_pdf(data)))


def text_of(document: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in document.pages).split())


@pytest.fixture(scope="module")
def handed_over() -> PdfReader:
    return read(company())


def test_it_tells_everything_that_was_found(handed_over: PdfReader) -> None:
    text = text_of(handed_over)
    for finding_ in company().findings:
        assert finding_.title in text
        assert finding_.asset in text
        assert finding_.remedy in text
    for words in (
        "Example Trading Ltd",
        "Quarterly perimeter",
        "4 May 2026 (47 min 00 s)",
        "Executive summary",
        "13 findings were recorded, of 7 distinct kinds: 2 critical, 1 high, 8 medium, 1 low and 1 info.",
        "12 findings were not known before this scan; 1 was.",
        "has host: host old-shop.example.com",
        "target: shop-legacy.cloud.example.net",
        "dangling-alias:old-shop.example.com",
        "ISO/IEC 27001:2022 A.8.9, CIS Controls 4.9",
        "261 entities and 744 relations of lesser weight are left out",
        "zone_transfer 1.0.0",
        "no answer within 10 s, tried 3 times",
        "The scan was paused for 12 minutes.",
        "45.6%",
    ):
        assert words in text, words


def test_pages_are_numbered_and_marked(handed_over: PdfReader) -> None:
    last = len(handed_over.pages)
    for number, page in enumerate(handed_over.pages, 1):
        text = page.extract_text()
        assert "confidential" in text.lower()
        if number > 1:
            assert f"Page {number} of {last}" in text
            assert "Example Trading Ltd" in text


def test_contents_and_outline_lead_to_the_pages_they_name(handed_over: PdfReader) -> None:
    outline = [item for item in handed_over.outline if not isinstance(item, list)]
    assert [item.title for item in outline] == [
        "Executive summary",
        "Scope and method",
        "Findings",
        "Map of what was found",
        "Appendix",
    ]
    contents = " ".join(handed_over.pages[1].extract_text().split())
    for item in outline:
        page = handed_over.get_destination_page_number(item)
        assert page is not None
        assert item.title in handed_over.pages[page].extract_text()
        # The engine draws a line's number before or after its words.
        assert re.search(rf"{item.title}[ .]*{page + 1}\b|\b{page + 1} {item.title}", contents)
    assert "1. A file with credentials is published" in contents
    assert handed_over.pages[1].get("/Annots")


def test_metadata_name_the_report_and_its_date(handed_over: PdfReader) -> None:
    metadata = handed_over.metadata
    assert metadata is not None
    assert metadata.title == "Security assessment report: Example Trading Ltd"
    assert metadata.author == "Palisade"
    assert "scan_01JTEST" in str(metadata.subject)
    assert metadata.creation_date is not None
    assert metadata.creation_date.isoformat() == "2026-05-05T08:00:00+00:00"


def test_the_same_data_give_the_same_bytes() -> None:
    assert render_pdf(company()) == render_pdf(company())


def test_nothing_found_is_said_and_not_left_blank() -> None:
    text = text_of(read(report(scan=scan(targets=(), observations=0, entities=0, started_at="", finished_at=""))))
    for words in (
        "No findings were recorded",
        "OVERALL RATING",
        "Good",
        "The scan found no entities to draw.",
        "No module ran.",
        "Nothing was observed.",
        "No module reported an error.",
    ):
        assert words in text, words


def test_markup_in_the_data_is_text() -> None:
    nasty = '<b>bold</b> & <font color="red"> &lt; <img src="http://x/"/> ]]> <para>'
    data = report(
        client=nasty,
        findings=(
            finding(title=nasty, asset=nasty, description=nasty, remedy=nasty, chain=(nasty,), details={nasty: nasty}),
        ),
        log=(LogEntry(at="x", level="<i>", module="&amp;", message=nasty),),
        notes=(nasty,),
    )  # fmt: skip
    text = text_of(read(data))
    assert text.count("<b>bold</b>") >= 8
    assert "&lt;" in text


def test_what_would_be_invisible_is_written_out() -> None:
    text = text_of(read(report(findings=(finding(asset=f"host{HIDDEN}", title=f"A{HIDDEN}"),))))
    for name in ("[U+202E]gnp.exe", "[U+200B]", "[U+0000]", "[U+001B]"):
        assert name in text
    assert "\u202e" not in text


def test_scripts_of_the_world_are_legible() -> None:
    words = ("Grüße", "Ελληνικά", "Привет", "Việt", "ქართული", "≠ ✓", "žluťoučký")
    text = text_of(read(report(findings=(finding(description=" ".join(words)),))))
    for word in words:
        assert word in text, word
    east = text_of(read(report(client="株式会社テスト 한국어 🦊", findings=(finding(asset="日本語.jp"),))))
    for word in ("株式会社", "テスト", "한국어", "日本語"):
        assert word in east, word


def test_long_words_and_long_texts_stay_on_the_page() -> None:
    long = "a" * 3_000
    data = report(
        client=long,
        scan=scan(name=long, targets=tuple(f"{long}{n}" for n in range(9))),
        findings=(
            finding(title=long, asset=long, check=long, description="word " * 3_000, remedy="line\n" * 500,
                    evidence=(Evidence(observation_id="o", type=long, value=long, module=long),),
                    references=(f"https://example.com/{long}", "javascript:alert(1)", f"not a link {long}"),
                    chain=tuple(long for _ in range(40)), details={"body": long, "list": list(range(9000))}),
        ),
        graph=ReportGraph(),
    )  # fmt: skip
    document = read(data)
    text = text_of(document)
    assert "more characters" in text
    assert "more lines" in text
    width = float(document.pages[0].mediabox.width)
    seen: list[float] = []
    document.pages[4].extract_text(visitor_text=lambda words, cm, tm, *_: seen.append(tm[4]) if words.strip() else None)
    assert seen
    assert max(seen) < width


def test_only_web_addresses_become_links() -> None:
    references = (
        "https://good.example/a?b=c&d='e'",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "https://x y",
    )
    document = read(report(findings=(finding(references=references),)))
    targets = [
        annotation.get_object()["/A"]["/URI"]
        for page in document.pages
        for annotation in page.get("/Annots", ())
        if "/A" in annotation.get_object() and "/URI" in annotation.get_object()["/A"]
    ]
    assert targets == ["https://good.example/a?b=c&d='e'"]


def test_a_thousand_findings_are_a_document() -> None:
    document = read(many(1000))
    text = text_of(document)
    assert "Weakness number 0" in text
    assert "Weakness number 999" in text
    assert f"Page {len(document.pages)} of {len(document.pages)}" in document.pages[-1].extract_text()
    assert "1000." not in document.pages[1].extract_text()


def test_findings_of_one_check_are_told_once_with_all_their_assets() -> None:
    findings = tuple(finding(finding_id=f"f{n}", asset=f"host{n}.example.com") for n in range(200))
    text = text_of(read(report(findings=findings)))
    assert text.count(findings[0].description) == 1
    assert all(each.asset in text for each in findings)


def test_a_large_graph_is_capped_and_says_so() -> None:
    big = drawn(hosts=1500)
    kept = graph.capped(big)
    assert len(kept.nodes) == graph.MAX_NODES
    assert kept.nodes_left_out == big.nodes_left_out + len(big.nodes) - graph.MAX_NODES
    assert {node.id for node in big.nodes if node.risk == "critical"} <= {node.id for node in kept.nodes}
    assert "are left out of this picture" in text_of(read(report(graph=big)))


def test_a_picture_keeps_to_its_frame_and_is_the_same_every_time() -> None:
    small = drawn(hosts=30)
    places = graph.places(small, 400, 300, 20)
    assert places == graph.places(small, 400, 300, 20)
    assert all(20 <= x <= 380 and 20 <= y <= 280 for x, y in places.values())
    alone = graph.places(ReportGraph(nodes=small.nodes[:1]), 400, 300, 20)
    assert list(alone.values()) == [(200, 150)]


@settings(max_examples=30)
@given(st.text(), st.text(), st.dictionaries(st.text(max_size=20), st.one_of(st.text(), st.none(), st.integers())))
def test_any_text_makes_a_document(title: str, asset: str, details: dict[str, object]) -> None:
    data = report(client=title, findings=(finding(title=title, asset=asset, description=asset, details=details),))
    assert len(read(data).pages) >= 5


@given(st.text())
def test_visible_text_has_nothing_hidden(text: str) -> None:
    shown = visible(text)
    assert all(character == "\n" or character.isprintable() for character in shown if character.isascii())
    assert "\u202e" not in shown
    assert "<" not in marked("<" * 5, "Text").replace("&lt;", "")


def test_a_cut_text_says_what_is_missing() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcdef", 3) == "abc… (3 more characters)"


def test_unknown_severities_and_odd_times_do_no_harm() -> None:
    odd = finding(severity="terrible", first_seen="yesterday", last_seen="")
    data = msgspec.structs.replace(report(findings=(odd,)), generated_at="soon")
    assert "TERRIBLE" in text_of(read(data))
