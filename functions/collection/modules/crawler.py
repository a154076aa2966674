"""Walks a web site, level by level and in sorted order, so that the same site always gives the same facts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from contracts.scope import host_of
from functions.collection.halt import Halted
from functions.collection.html import Form, Page, absolute, parameters, read_page
from functions.collection.module import TARGET_MODULE, Config, Context, Found, Walk, Walker
from functions.collection.session import OutOfScope
from functions.collection.weakness import misconfiguration
from functions.collection.web import Site, content_type, is_url, response_attributes
from kernel.egress import EgressError
from kernel.egress.addresses import is_address

SLICE = 64
"""Pages in flight before their bodies are put away: bounds the memory of a walk."""
MAX_VARIANTS = 30
"""Query strings followed per path: a calendar has no end."""
BINARY = re.compile(
    r"\.(?:7z|avi|bmp|bz2|css|deb|dmg|docx?|eot|exe|flac|gif|gz|ico|iso|jar|jpe?g|mov|mp[34]|mpeg|og[gt]|otf|pdf|png"
    r"|pptx?|rar|rpm|svg|tar|tgz|tiff?|ttf|wav|web[mp]|woff2?|xlsx?|xz|zip)$",
    re.IGNORECASE,
)
LOGIN_IN_CLEAR = misconfiguration(
    "login-over-http",
    Severity.HIGH,
    "Passwords travel in clear",
    "A form that asks for a password is delivered or sent over HTTP, so that anyone on the way can read it.",
    "Serve the form and its target over HTTPS only, redirect HTTP to it, and send Strict-Transport-Security.",
    "https://cwe.mitre.org/data/definitions/319.html",
)


class CrawlerConfig(Config):
    """How far a walk goes."""

    max_pages: Annotated[int, Field(ge=1, le=20_000, description="Pages of one task; the rest is left to others.")] = (
        2_000
    )
    max_depth: Annotated[int, Field(ge=0, le=100, description="Links followed from the first page.")] = 50


@dataclass(frozen=True, slots=True)
class Visit:
    """A fetched page; `parent` is the visit that led to it, None where the walk began."""

    url: str
    parent: Visit | None
    response: dict[str, Any]
    page: Page


@dataclass(slots=True)
class Tour:
    """What was seen from one observation on: pages, links left to others, and hosts outside."""

    visits: list[Visit] = field(default_factory=list)
    pending: list[tuple[str, Visit]] = field(default_factory=list)
    unread: list[tuple[str, Visit]] = field(default_factory=list)
    outside: list[tuple[str, Visit]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """A page to fetch."""

    url: str
    root: Observation
    parent: Visit | None = None


class Crawler(Walker[Tour]):
    """A URL that a scan was pointed at, or the root of a site, is walked from; any other URL is fetched alone,
    and the links on it become facts that the next wave takes up."""

    face = ModuleFace(
        name="crawler",
        version="1.0.0",
        summary="Crawls a web site: pages, links, forms and parameters",
        consumes=(ObservationType.URL,),
        produces=(
            ObservationType.HTTP_RESPONSE,
            ObservationType.URL,
            ObservationType.WEB_FORM,
            ObservationType.WEB_PARAM,
            ObservationType.HOST,
            ObservationType.IP,
            ObservationType.MISCONFIGURATION,
        ),
        invasiveness=Invasiveness.ACTIVE,
        cost_class=CostClass.HEAVY,
        rate_group="http",
        batch_size=500,
    )
    config = CrawlerConfig

    async def walk(self, observations: Sequence[Observation], context: Context) -> Walk[Tour]:
        """Fetch the batch's URLs, and from those that are walked from, everything on their sites."""
        for unreadable in (each for each in observations if not is_url(each.value)):
            context.log.warning("%s is no URL", unreadable.value[:200])
        observations = [each for each in observations if is_url(each.value)]
        expedition = _Expedition(context, observations)
        level = [Step(observation.value, observation) for observation in observations]
        depth = 0
        while level:
            level = await expedition.level(level, is_last=depth >= context.config.max_depth)
            depth += 1
        tours = [(observation, expedition.tours[observation.id]) for observation in expedition.begun()]
        return Walk(tours, expedition.leftovers)

    def transform(self, observation: Observation, raw: Tour) -> Iterable[Found]:
        """Pages, their forms and parameters, and links, each with the page that led to it."""
        return _facts(raw)


class _Expedition:
    """One walk under way over the observations of a batch."""

    def __init__(self, context: Context, observations: Sequence[Observation]) -> None:
        self._context = context
        self._budget: int = context.config.max_pages
        self._observations = observations
        self._walked = {Site.of(o.value).origin for o in observations if walks_from(o)}
        self._seen = {o.value for o in observations}
        self._variants: dict[str, int] = {}
        self._outside: set[str] = set()
        self._begun: set[str] = set()
        self.tours = {o.id: Tour() for o in observations}
        self.leftovers: list[Observation] = []

    def begun(self) -> Iterator[Observation]:
        """The observations whose URL was fetched, in order."""
        return (o for o in self._observations if o.id in self._begun)

    async def level(self, steps: list[Step], *, is_last: bool) -> list[Step]:
        """Fetch one level, slice by slice; returns the next one."""
        following: list[Step] = []
        while steps:
            size = min(SLICE, self._budget, len(steps))
            if self._context.is_over or size <= 0:
                self._put_back(steps)
                break
            part, steps = steps[:size], steps[size:]
            self._budget -= size
            pages = await asyncio.gather(*(self._fetch(step) for step in part))
            for step, page in zip(part, pages, strict=True):
                if isinstance(page, Halted):
                    self._put_back([step])
                else:
                    following.extend(self._arrive(step, page, is_last=is_last))
        return sorted(following, key=lambda step: step.url)

    def _put_back(self, steps: list[Step]) -> None:
        for step in steps:
            if step.parent is None:
                self.leftovers.append(step.root)
            else:
                self.tours[step.root.id].pending.append((step.url, step.parent))

    async def _fetch(self, step: Step) -> tuple[Any, Page] | Halted | None:
        try:
            response = await self._context.session.fetch(step.url)
        except Halted as halted:
            return halted
        except (EgressError, OutOfScope) as error:
            self._context.log.debug("%s: %s", step.url, error)
            return None
        is_page = content_type(response) in ("text/html", "application/xhtml+xml")
        page = read_page(response.body, step.url) if is_page else Page()
        location = response.header("location")
        return response, _with_redirect(page, step.url, location) if location else page

    def _arrive(self, step: Step, fetched: tuple[Any, Page] | None, *, is_last: bool) -> Iterator[Step]:
        self._begun.add(step.root.id)
        if fetched is None:
            return
        response, page = fetched
        attributes = response_attributes(response, page.title, self._context.blobs)
        visit = Visit(step.url, step.parent, attributes, page)
        tour = self.tours[step.root.id]
        tour.visits.append(visit)
        for link in page.links:
            if self._is_new(link, tour, visit):
                if is_last or Site.of(link).origin not in self._walked:
                    tour.pending.append((link, visit))
                else:
                    yield Step(link, step.root, visit)

    def _is_new(self, link: str, tour: Tour, visit: Visit) -> bool:
        """Whether a link shall be fetched; notes it if it was not seen before."""
        if link in self._seen:
            return False
        self._seen.add(link)
        host = host_of(link)
        if self._context.session.prove(host) is None:
            if host not in self._outside:
                self._outside.add(host)
                tour.outside.append((host, visit))
            return False
        path, _, query = link.partition("?")
        if BINARY.search(path):
            tour.unread.append((link, visit))
            return False
        self._variants[path] = self._variants.get(path, 0) + bool(query)
        return self._variants[path] <= MAX_VARIANTS


def walks_from(observation: Observation) -> bool:
    """Whether a URL is where a walk begins: a target of the scan, or the first page of a site. As every site has
    one first page, no two tasks walk the same site from there."""
    parts = urlsplit(observation.value)
    return observation.module == TARGET_MODULE or (parts.path in ("", "/") and not parts.query)


def _with_redirect(page: Page, url: str, location: str) -> Page:
    target = absolute(url, location)
    return Page(page.title, tuple(sorted({*page.links, target})), page.forms) if target else page


def _facts(tour: Tour) -> Iterator[Found]:
    answers: dict[str, Found] = {}
    roots = {visit.url for visit in tour.visits}
    for visit in tour.visits:
        answer = _answer(visit, answers)
        yield answer
        yield from _page_facts(visit, answer)
        root = Site.of(visit.url).root
        if visit.parent is None and root not in roots:
            roots.add(root)
            yield Found(ObservationType.URL, root)
    for link, visit in tour.pending:
        yield Found(ObservationType.URL, link, parent=answers[visit.url])
    for link, visit in tour.unread:
        yield Found(ObservationType.URL, link, {"fetched": False}, consumed=True, parent=answers[visit.url])
    for host, visit in tour.outside:
        kind = ObservationType.IP if is_address(host) else ObservationType.HOST
        yield Found(kind, host, parent=answers[visit.url])


def _answer(visit: Visit, answers: dict[str, Found]) -> Found:
    """The answer's fact, below the URL's, below the answer of the page that links to it."""
    url = None
    if visit.parent is not None:
        url = Found(ObservationType.URL, visit.url, consumed=True, parent=answers[visit.parent.url])
    answers[visit.url] = Found(ObservationType.HTTP_RESPONSE, visit.url, visit.response, parent=url)
    return answers[visit.url]


def _page_facts(visit: Visit, answer: Found) -> Iterator[Found]:
    for name in parameters(visit.url):
        attributes = {"name": name, "url": visit.url}
        yield Found(ObservationType.WEB_PARAM, f"{visit.url.partition('?')[0]}?{name}", attributes, parent=answer)
    for form in visit.page.forms:
        yield _form_fact(form, visit, answer)
    if any(_is_in_clear(form, visit.url) for form in visit.page.forms):
        yield LOGIN_IN_CLEAR.at(Site.of(visit.url).origin, {"page": visit.url}, parent=answer)


def _form_fact(form: Form, visit: Visit, answer: Found) -> Found:
    names = sorted({item.name for item in form.fields})
    attributes = {
        "action": form.action,
        "method": form.method,
        "page": visit.url,
        "fields": [{"name": item.name, "type": item.kind} for item in form.fields],
    }
    value = f"{form.action or visit.url}#{form.method}:{','.join(names)}"[:4000]
    return Found(ObservationType.WEB_FORM, value, attributes, parent=answer)


def _is_in_clear(form: Form, url: str) -> bool:
    return form.takes_password and (url.startswith("http://") or form.action.startswith("http://"))
