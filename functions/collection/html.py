"""Reading an HTML page: its title, where it leads, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from contracts.observations import canonical_url

MAX_LINKS = 2_000
MAX_FORMS = 50
MAX_FIELDS = 50
MAX_URL = 2_000
MAX_TITLE = 300
_LINKING = "a[href],area[href],link[href],iframe[src],frame[src],form[action],script[src]"
_FETCHABLE_RELATIONS = frozenset({"alternate", "canonical", "next", "prev", "index", "contents"})


@dataclass(frozen=True, slots=True)
class Field:
    """An input of a form."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form: where it is sent (an absolute URL), how, and its fields."""

    action: str
    method: str
    fields: tuple[Field, ...]

    @property
    def takes_password(self) -> bool:
        """Whether it asks for a password."""
        return any(field.kind == "password" for field in self.fields)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page holds. `links` are canonical absolute http(s) URLs, sorted."""

    title: str = ""
    links: tuple[str, ...] = ()
    forms: tuple[Form, ...] = ()


def read_page(body: bytes, url: str) -> Page:
    """Parse a page; anything that is not HTML gives an empty one."""
    tree = LexborHTMLParser(body.decode("utf-8", "replace"))
    base = _base(tree, url)
    links = {link for node in tree.css(_LINKING) if (link := _link(node, base))}
    forms = tuple(_form(node, base) for node in tree.css("form")[:MAX_FORMS])
    return Page(_title(tree), tuple(sorted(links)[:MAX_LINKS]), forms)


@lru_cache(maxsize=65_536)
def absolute(base: str, reference: str) -> str:
    """A reference on a page as a canonical http(s) URL, or empty when it is none."""
    try:
        url = canonical_url(urljoin(base, reference.strip()))
    except ValueError:
        return ""
    return url if url.startswith(("http://", "https://")) and len(url) <= MAX_URL else ""


def parameters(url: str) -> list[str]:
    """The names of a URL's query parameters, sorted."""
    query = urlsplit(url).query
    return sorted({name for name, _ in parse_qsl(query, keep_blank_values=True)})


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return urljoin(url, _attribute(node, "href")) if node else url


def _title(tree: LexborHTMLParser) -> str:
    node = tree.css_first("title")
    return " ".join(node.text().split())[:MAX_TITLE] if node else ""


def _link(node: LexborNode, base: str) -> str:
    if node.tag == "link" and not _FETCHABLE_RELATIONS & set(_attribute(node, "rel").lower().split()):
        return ""
    reference = _attribute(node, "href") or _attribute(node, "src") or _attribute(node, "action")
    if not reference or reference.startswith("#"):
        return ""
    # A path from the root leads to the same place from every page of the site, which makes it worth remembering.
    if reference.startswith("/") and not reference.startswith("//"):
        parts = base.split("/", 3)
        base = "/".join(parts[:3]) + "/"
    return absolute(base, reference)


def _form(node: LexborNode, base: str) -> Form:
    method = _attribute(node, "method").lower()
    fields = [
        Field(_attribute(item, "name")[:100], (_attribute(item, "type") or item.tag or "text").lower()[:20])
        for item in node.css("input,select,textarea")[:MAX_FIELDS]
    ]
    action = absolute(base, _attribute(node, "action") or base)
    return Form(action, "post" if method == "post" else "get", tuple(field for field in fields if field.name))


def _attribute(node: LexborNode, name: str) -> str:
    return node.attributes.get(name) or ""
