"""Files as people publish them, and files made to harm who reads them."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import zipfile
import zlib
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from functions.collection.files import signatures
from functions.collection.files.apart import metadata_of, signatures_in
from functions.collection.files.metadata import Unreadable, kind_of, read_metadata
from functions.collection.files.signatures import RulesError, scan
from functions.collection.modules.files import Files
from tests.collection.sites import site
from tests.collection.world import observed, run, values

CORE = (
    '<cp:coreProperties xmlns:cp="x" xmlns:dc="y"><dc:creator>Ann Author</dc:creator>'
    "<cp:lastModifiedBy>Bob Editor</cp:lastModifiedBy></cp:coreProperties>"
)
APP = "<Properties><Application>Microsoft Office Word</Application><Company>Example Ltd</Company></Properties>"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    + "".join(f'<!ENTITY {chr(99 + n)} "{f"&{chr(98 + n)};" * 8}">' for n in range(12))
    + "]><x><creator>&n;</creator></x>"
)
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x><creator>&a;</creator></x>'


def archive(**entries: str | bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in entries.items():
            opened.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return made.getvalue()


def document(core: str | bytes = CORE, app: str = APP) -> bytes:
    return archive(docProps__core_xml=core, docProps__app_xml=app, word__document_xml="<x/>")


def pdf(author: str = "Ann Author") -> bytes:
    body = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    info = len(body)
    body += f"3 0 obj<</Author({author})/Producer(Tool 1.0)>>endobj\n".encode()
    start = len(body)
    table = f"xref\n0 4\n0000000000 65535 f \n{9:010} 00000 n \n{54:010} 00000 n \n{info:010} 00000 n \n"
    return body + f"{table}trailer<</Size 4/Root 1 0 R/Info 3 0 R>>\nstartxref\n{start}\n%%EOF".encode()


def picture() -> bytes:
    """A TIFF with an artist and a place: 48° 8' 0" N, 11° 34' 12" E."""

    def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
        return struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")

    artist, place = 8 + 2 + 2 * 12 + 4, 8 + 2 + 2 * 12 + 4 + 12
    rationals = place + 2 + 4 * 12 + 4
    main = entry(0x013B, 2, 11, struct.pack("<I", artist)) + entry(0x8825, 4, 1, struct.pack("<I", place))
    gps = (
        entry(1, 2, 2, b"N\0") + entry(2, 5, 3, struct.pack("<I", rationals))
        + entry(3, 2, 2, b"E\0") + entry(4, 5, 3, struct.pack("<I", rationals + 24))
    )  # fmt: skip
    values_ = struct.pack("<12I", 48, 1, 8, 1, 0, 1, 11, 1, 34, 1, 12, 1)
    return (
        b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + main + b"\0" * 4 + b"Ann Author\0\0"
        + struct.pack("<H", 4) + gps + b"\0" * 4 + values_
    )  # fmt: skip


async def looked_at(name: str, body: bytes, **config: Any) -> Any:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/octet-stream")

    async with site(handler) as root:
        return await run(Files(), observed("url", f"{root}{name}"), config=config)


async def test_a_document_tells_of_its_makers() -> None:
    result = await looked_at("report.docx", document())
    told = next(o for o in result.observations if o.type == "metadata").attributes
    assert (told["author"], told["last_author"], told["company"]) == ("Ann Author", "Bob Editor", "Example Ltd")
    assert told["software"] == "Microsoft Office Word"
    assert values(result, "person") == ["Ann Author", "Bob Editor"]
    assert [o.attributes["check"] for o in result.observations if o.type == "exposure"] == ["file-metadata"]
    assert result.stats.rejected == 0


async def test_a_pdf_and_a_picture_tell_too() -> None:
    assert (await metadata_of(pdf()))["fields"] == {"author": "Ann Author", "producer": "Tool 1.0"}
    fields = (await metadata_of(picture()))["fields"]
    assert fields == {"author": "Ann Author", "place": "48.1333, 11.5700"}


def test_the_reader_reads_without_its_process_too() -> None:
    assert read_metadata(document())["fields"]["author"] == "Ann Author"
    assert read_metadata(picture())["fields"]["place"] == "48.1333, 11.5700"
    opened = archive(meta_xml="<m><initial-creator>Ann</initial-creator><generator>Writer</generator></m>")
    assert read_metadata(opened)["fields"] == {"author": "Ann", "software": "Writer"}
    macros = archive(**{"word/vbaProject.bin": "x"})
    assert read_metadata(macros)["fields"] == {"macros": "yes"}
    assert read_metadata(b"plain text") == {"kind": "", "fields": {}, "users": [], "also": []}


async def test_users_are_read_out_of_paths() -> None:
    result = await looked_at("app.js", rb"// C:\Users\ann.smith\src\app.ts and /home/deploy/build/x.js")
    assert values(result, "username") == ["ann.smith", "deploy"]


async def test_a_document_that_tells_nothing_is_no_finding() -> None:
    result = await looked_at("clean.docx", document("<x/>", "<x/>"))
    assert values(result, "exposure") == []
    assert len(values(result, "file")) == 1


def overlapping() -> bytes:
    """Two entries of the directory that share one body, and claim a small size for it."""
    body = archive(docProps__core_xml=b"<x>" + b" " * 30_000_000 + b"</x>")
    place = body.rindex(b"PK\x01\x02")
    directory = body[place : body.rindex(b"PK\x05\x06")]
    twice = directory + directory.replace(b"core.xml", b"app.xml\0")
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 2, 2, len(twice), place, 0)
    return body[:place] + twice + end


HOSTILE = {
    "billion laughs": document(LAUGHS),
    "external entity": document(EXTERNAL),
    "utf-16 DTD": document(EXTERNAL.encode("utf-16")),
    "utf-7 DTD": document(b'<?xml version="1.0" encoding="utf-7"?>' + EXTERNAL.encode("utf-7")),
    "quadratic": document(
        '<!DOCTYPE x [<!ENTITY a "' + "a" * 60_000 + '">]><x><creator>' + "&a;" * 60_000 + "</creator></x>"
    ),
    "deep": document("<x>" * 100_000 + "</x>" * 100_000),
    "bomb": document("<x>" + " " * 200_000_000 + "</x>"),
    "overlapping": overlapping(),
    "many entries": archive(**{f"n{n}": "" for n in range(5_001)}),
    "truncated": document()[:200],
    "lying sizes": document().replace(struct.pack("<I", len(CORE)), struct.pack("<I", 5)),
    "pdf that loops": pdf().replace(b"/Info 3 0 R", b"/Info 3 0 R/Prev 0"),
    "pdf without end": b"%PDF-1.7\n" + b"1 0 obj<<" * 50_000,
    "picture without end": b"II*\0\x08\0\0\0" + b"\xff\xff" + b"\xff" * 200_000,
    "picture in a circle": b"II*\0\x08\0\0\0" + struct.pack("<H", 0) + struct.pack("<I", 8),
    "png bomb": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**31 - 1) + b"eXIf" + zlib.compress(b"0" * 10**6),
}


@pytest.mark.parametrize("name", list(HOSTILE))
async def test_hostile_files_are_bounded_and_tell_nothing_of_this_machine(name: str) -> None:
    began = time.monotonic()
    told: dict[str, Any] = {"fields": {}}
    with contextlib.suppress(Unreadable):
        told = await metadata_of(HOSTILE[name], seconds=10)
    assert "root:" not in str(told)
    assert all(len(value) <= 500 for value in told["fields"].values())
    assert time.monotonic() - began < 15


async def test_a_reader_that_hangs_is_ended() -> None:
    began = time.monotonic()
    with pytest.raises(Unreadable):
        await metadata_of(document("<x>" + " " * 900_000 + "</x>") * 1, seconds=0)
    assert time.monotonic() - began < 5


async def test_a_hostile_file_is_named_in_the_log_and_the_scan_goes_on() -> None:
    result = await looked_at("x.docx", HOSTILE["external entity"])
    assert any("cannot be read" in entry.message for entry in result.log)
    assert len(values(result, "file")) == 1
    assert result.stats.failed == 0


async def test_names_in_an_archive_lead_nowhere() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("../../../../tmp/palisade-was-here", "x")
        opened.writestr("/etc/palisade-was-here", "x")
        link = zipfile.ZipInfo("docProps/core.xml")
        link.external_attr = 0o120777 << 16
        opened.writestr(link, "/etc/passwd")
    with pytest.raises(Unreadable):
        await metadata_of(made.getvalue())


def test_polyglots_are_told() -> None:
    both = pdf() + document()
    assert kind_of(both) == "pdf"
    assert read_metadata(both)["also"] == ["zip"]
    assert read_metadata(b"\x89PNG\r\n\x1a\n" + b"<?php system($_GET['c']);")["also"] == ["script"]


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"%PDF-1.4\n", b"PK\x03\x04", b"\xff\xd8\xff\xe1", b"II*\0", b"RIFF0000WEBP"]),
)
def test_any_bytes_are_read_or_refused(data: bytes, head: bytes) -> None:
    try:
        told = read_metadata(head + data)
    except Unreadable:
        return
    assert set(told) == {"kind", "fields", "users", "also"}


EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (EICAR, "eicar_test_file"),
        (b"<?php @eval(base64_decode($_POST['x'])); ?>", "php_web_shell"),
        (b'<% Runtime.getRuntime().exec(request.getParameter("c")); %>', "jsp_web_shell"),
        (b'<script src="https://x.test/coinhive.min.js"></script>', "browser_miner"),
        (b"var cvv; f.addEventListener('submit', () => new Image().src = u + btoa(cvv))", "card_skimmer"),
        (b"%PDF-1.4 /OpenAction << /S /JavaScript /JS (x) >>", "pdf_runs_script_when_opened"),
        (b"PK\x03\x04 word/vbaProject.bin", "office_document_with_macros"),
        (b"-----BEGIN RSA PRIVATE" + b" KEY-----\nx", "private_key_in_a_file"),
        (b"MZ" + b"\0" * 100 + b"UPX!", "packed_program"),
    ],
)
def test_each_rule_finds_what_it_looks_for(body: bytes, rule: str) -> None:
    assert [hit.rule for hit in scan(body)] == [rule]


@pytest.mark.parametrize(
    "body", [b"", b"<?php echo $_GET['name'];", b"%PDF-1.4 plain", document(), pdf(), b"addEventListener('submit', f)"]
)
def test_ordinary_files_match_nothing(body: bytes) -> None:
    assert scan(body) == []


async def test_a_match_becomes_a_finding_in_the_words_of_its_rule() -> None:
    result = await looked_at("test.exe", EICAR)
    found = next(o for o in result.observations if o.type == "exposure")
    assert found.attributes["check"] == "yara-eicar-test-file"
    assert (found.attributes["title"], found.attributes["severity"]) == ("The EICAR test file", "low")


OWN = 'rule mine { meta: severity = "high" strings: $a = "secret sauce" condition: $a }'


async def test_own_rules_run_beside_the_shipped_ones() -> None:
    result = await looked_at("x.zip", b"PK secret sauce", own_rules=OWN)
    assert [o.attributes["check"] for o in result.observations if o.type == "exposure"] == ["yara-mine"]


@pytest.mark.parametrize(
    "rules", ["rule {", 'include "/etc/passwd"', "rule a { condition: nothing }", "rule a { condition: true } " * 2]
)
async def test_rules_that_cannot_be_used_are_explained(rules: str) -> None:
    result = await looked_at("x.zip", b"PK", own_rules=rules)
    assert any("YARA rules cannot be used" in entry.message for entry in result.log)
    assert result.stats.failed == 0


def test_rules_that_take_for_ever_are_stopped() -> None:
    slow = (
        "rule slow { condition: for all i in (0..100000000000) : (for any j in (0..1000000) : (j + i == -1) or true) }"
    )
    began = time.monotonic()
    with pytest.raises((TimeoutError, RulesError)):
        scan(b"x" * 1000, slow)
    assert time.monotonic() - began < 30


SLOW = "rule slow { condition: for all i in (0..100000000000) : (for any j in (0..1000000) : (j + i == -1) or true) }"


async def test_rules_are_tried_in_a_process_that_is_ended_when_they_take_too_long() -> None:
    with pytest.raises((TimeoutError, RulesError), match="took"):
        await signatures_in(b"x" * 1000, SLOW, seconds=1)
    with pytest.raises(TimeoutError, match="longer than"):
        await signatures_in(b"x" * 1000, SLOW, seconds=signatures.SECONDS + 10)


async def test_rules_that_take_too_much_memory_are_explained() -> None:
    body = b"ab" * (30 * 1024 * 1024)
    greedy = "".join(
        f"rule r{n} {{ strings: $a = /(a|b){{1,{n + 2}}}/ $b = /[ab]+.{{0,9}}/ condition: #a > 9999999 and #b > 1 }}\n"
        for n in range(40)
    )
    with pytest.raises((TimeoutError, RulesError)):
        await signatures_in(body, greedy)


async def test_what_the_process_finds_is_what_is_found_without_it() -> None:
    for body in (EICAR, b"MZ" + b"\0" * 100 + b"UPX!", b"", b"plain"):
        assert await signatures_in(body) == scan(body)
    assert [hit.rule for hit in await signatures_in(b"secret sauce", OWN, shipped=False)] == ["mine"]
    with pytest.raises(RulesError, match="own"):
        await signatures_in(b"", "rule {")


async def test_what_is_too_large_is_left_alone() -> None:
    result = await looked_at("big.zip", b"x" * (1024 * 1024 + 1), max_mib=1)
    assert result.observations == []
    assert any("larger than 1 MiB" in entry.message for entry in result.log)
