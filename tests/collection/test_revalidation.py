"""A rescan asks nginx for pages on condition: one that has not changed costs its headers and tells what it told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.observations import UNCHANGED, Observation
from functions.collection.revalidation import pages
from functions.collection.store import Store
from kernel.actor import Actor
from kernel.facts import Facts
from tests.collection.servers import free_port, nginx
from tests.collection.test_model import fact
from tests.collection.test_rescan import carry_out, facts_of, rows
from tests.collection.test_service import Scan
from tests.kit import actor
from tests.loopback import Page, serving

pytestmark = pytest.mark.usefixtures("cloud")

MODULES = {"crawler": "1.0.0", "extraction": "1.0.0"}
PAGES = 40
POLICIES = [("content-security-policy", "default-src 'self'"), ("content-security-policy", "img-src 'none'")]
FILLING = "<p>What a page says at length.</p>" * 400


def write_site(folder: Path) -> None:
    for number in range(PAGES):
        links = "".join(f'<a href="/{other}.html">on</a>' for other in range(1, PAGES) if number == 0)
        name = "index" if number == 0 else str(number)
        (folder / f"{name}.html").write_text(f"<html><body>{links} m{number}@example.test {FILLING}</body></html>")


@pytest.fixture
def site(tmp_path: Path) -> Any:
    port = free_port()
    (tmp_path / "www").mkdir()
    write_site(tmp_path / "www")
    server = f"server {{ listen 127.0.0.1:{port}; root {{root}}; access_log {tmp_path}/access.log combined; }}"
    with nginx(tmp_path, server):
        yield f"http://127.0.0.1:{port}/", tmp_path


def asked(folder: Path) -> tuple[list[int], int]:
    """The statuses of all answers to pages since the last look, and the bytes of their bodies."""
    log = folder / "access.log"
    lines = [line.split('"')[2].split() for line in log.read_text().splitlines() if "favicon" not in line]
    log.write_text("")
    return [int(status) for status, _ in lines], sum(int(size) for _, size in lines)


def answers(scan: Scan) -> dict[str, Observation]:
    found: dict[str, Observation] = {}
    for key in scan.objects("segments/"):
        wave, number = key.removesuffix(".mpk.gz").rsplit("/", 2)[1:]
        found |= {row.value: row for row in rows(scan, int(number), int(wave)) if row.type == "http_response"}
    return found


def sent(scan: Scan) -> int:
    return sum(entry.run.bytes for entry in Store().entries(scan.who, scan.id) if entry.run)


def test_an_unchanged_site_costs_its_headers_alone(site: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    root, folder = site
    who = actor()
    first = Scan(who, root, modules=MODULES)
    carry_out(first)
    statuses, size = asked(folder)
    again = Scan(who, root, modules=MODULES, baseline_id=first.id)
    carry_out(again)
    statuses_again, size_again = asked(folder)
    assert (set(statuses), set(statuses_again)) == ({200}, {304})
    assert len(statuses) == len(statuses_again) == PAGES
    assert size > PAGES * len(FILLING)
    assert size_again == 0
    assert facts_of(again) == facts_of(first)
    assert sent(again) < sent(first) / 10
    before, after = answers(first), answers(again)
    assert {row.attributes[UNCHANGED] for row in after.values()} == {row.observed_at for row in before.values()}
    for url, row in after.items():
        told = {name: value for name, value in row.attributes.items() if name not in (UNCHANGED, "body")}
        assert told == {name: value for name, value in before[url].attributes.items() if name != "body"}
    with capsys.disabled():
        print(f"\n{PAGES} pages: {sent(first):,} bytes, {sent(again):,} when unchanged")


def test_what_changed_is_fetched_and_a_rescan_of_a_rescan_still_knows_the_rest(site: tuple[str, Path]) -> None:
    root, folder = site
    who = actor()
    first = Scan(who, root, modules=MODULES)
    carry_out(first)
    second = Scan(who, root, modules=MODULES, baseline_id=first.id)
    carry_out(second)
    (folder / "www" / "7.html").write_text('<html><body><a href="/8.html">on</a> new@example.test</body></html>')
    asked(folder)
    third = Scan(who, root, modules=MODULES, baseline_id=second.id)
    carry_out(third)
    statuses, _ = asked(folder)
    assert sorted(statuses) == [200] + [304] * (PAGES - 1)
    emails = {value for type_, value in facts_of(third) if type_ == "email"}
    assert "new@example.test" in emails
    assert "m7@example.test" not in emails
    assert len(emails) == PAGES
    kept = answers(third)
    assert UNCHANGED not in kept[f"{root}7.html"].attributes
    fetched = answers(first)[f"{root}8.html"].observed_at
    assert kept[f"{root}8.html"].attributes[UNCHANGED] == fetched


def lose(who: Actor, key: str) -> None:
    Facts().delete(who, key)


def alter(who: Actor, key: str) -> None:
    Facts().put(who, key, Facts().get(who, key).replace(b"example", b"another"))


@pytest.mark.parametrize("spoil", [lose, alter])
def test_a_body_that_is_gone_or_is_not_what_was_fetched_is_fetched_again(
    site: tuple[str, Path], spoil: Callable[[Actor, str], None]
) -> None:
    root, folder = site
    who = actor()
    first = Scan(who, root, modules=MODULES)
    carry_out(first)
    for key in first.objects("blobs/"):
        spoil(who, key)
    asked(folder)
    again = Scan(who, root, modules=MODULES, baseline_id=first.id)
    carry_out(again)
    statuses, _ = asked(folder)
    assert sorted(set(statuses)) == [200, 304]
    assert statuses.count(200) == PAGES
    assert facts_of(again) == facts_of(first)


@contextmanager
def shop(changed: dict[str, list[tuple[str, str]]]) -> Iterator[str]:
    """A site of one page that has not changed since, whatever it says beside that: `changed` are the headers of its
    first and of its later answers."""

    class Handler(Page):
        def do_GET(self) -> None:
            known = self.headers.get("if-none-match")
            self.send_response(304 if known else 200)
            for name, value in changed["again" if known else "first"]:
                self.send_header(name, value)
            body = b"" if known else b"<html><body>a@example.test</body></html>"
            if not known:
                self.send_header("content-type", "text/html")
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as address:
        yield f"{address}/"


def test_of_what_a_batch_fetched_only_the_body_of_a_page_is_read(
    site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, _ = site
    who = actor()
    first = Scan(who, root, modules=MODULES)
    carry_out(first)
    read: list[int] = []
    get = Facts.get

    def noting(facts: Facts, who: Actor, key: str, start: int = 0, size: int = 0) -> bytes:
        body = get(facts, who, key, start, size)
        read.extend([len(body)] if f"{first.id}/blobs/" in key else [])
        return body

    monkeypatch.setattr(Facts, "get", noting)
    carry_out(Scan(who, root, modules=MODULES, baseline_id=first.id))
    assert sorted(read) == sorted(row.attributes["length"] for row in answers(first).values())


@pytest.mark.parametrize("reference", ["0:9:0:5", "0:1:900000000:5", "", "a:b"])
def test_a_reference_to_nothing_is_none(site: tuple[str, Path], reference: str) -> None:
    root, _ = site
    first = Scan(actor(), root, modules=MODULES)
    carry_out(first)
    with pytest.raises(KeyError):
        Store().read_body(first.who, first.id, reference)


def test_headers_that_come_more_than_once_are_all_heard_when_a_page_is_unchanged() -> None:
    said = [("etag", '"1"'), ("set-cookie", "a=1; Secure"), ("set-cookie", "b=2"), *POLICIES]
    with shop({"first": said, "again": said}) as root:
        who = actor()
        first = Scan(who, root, modules=MODULES)
        carry_out(first)
        again = Scan(who, root, modules=MODULES, baseline_id=first.id)
        carry_out(again)
    before, after = answers(first)[root].attributes, answers(again)[root].attributes
    assert UNCHANGED in after
    assert (after["cookies"], after["headers"]) == (before["cookies"], before["headers"])
    assert len(after["cookies"]) == 2


def test_a_validator_that_no_request_can_bear_is_none() -> None:
    said = [("etag", '"a\x01b"')]
    with shop({"first": said, "again": said}) as root:
        who = actor()
        first = Scan(who, root, modules=MODULES)
        carry_out(first)
        again = Scan(who, root, modules=MODULES, baseline_id=first.id)
        carry_out(again)
    assert facts_of(again) == facts_of(first)
    assert ("email", "a@example.test") in facts_of(again)


def test_a_page_that_says_too_much_of_itself_is_fetched() -> None:
    """Each worker of a rescan holds all pages: a server that answers with long headers must not fill its memory."""
    policy = {"content-security-policy": "x" * 2048}
    many = {f"x-{number}": "y" * 2048 for number in range(4)}
    told = {"validators": {"etag": "1"}, "body": "0:1:0:7", "length": 7, "status": 200}
    answers = [{**told, "headers": headers} for headers in (policy, many)]
    found = [fact("http_response", f"http://{n}.example/", attributes=each) for n, each in enumerate(answers)]
    assert [page.url for page in pages(found)] == ["http://0.example/"]
