"""SAML metadata: read without any of what makes XML dangerous. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat  # nosec B407 - it is told below to refuse what could do harm

from functions.identity.errors import BadProvider

MAX_DEPTH = 40
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURES = "http://www.w3.org/2000/09/xmldsig#"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


@dataclass
class Metadata:
    """What a SAML identity provider says of itself."""

    entity_ids: list[str] = field(default_factory=list)
    log_in_urls: list[str] = field(default_factory=list)
    certificates: int = 0


def read_metadata(text: str) -> str:
    """The entity id of the one identity provider that metadata describe. Raises BadProvider for anything else: a
    document type (entities, bombs, other files), a deep nest, no place to log in at, no certificate."""
    found = _parse(text)
    if len(found.entity_ids) != 1:
        raise BadProvider("The metadata must describe one entity.")
    if not found.log_in_urls:
        raise BadProvider("The metadata name no log-in page for the HTTP-Redirect binding.")
    if not found.certificates:
        raise BadProvider("The metadata hold no signing certificate.")
    return found.entity_ids[0]


def _parse(text: str) -> Metadata:
    found, path = Metadata(), list[str]()

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if len(path) > MAX_DEPTH:
            raise BadProvider("The metadata are nested too deeply.")
        _note(found, path, attributes)

    def end(_name: str) -> None:
        path.pop()

    parser = expat.ParserCreate("utf-8", "|")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(text.encode("utf-8", "strict"), True)
    except (expat.ExpatError, UnicodeError):
        raise BadProvider("The metadata are no well-formed XML.") from None
    return found


def _note(found: Metadata, path: list[str], attributes: dict[str, str]) -> None:
    name = path[-1]
    inside = any(each == f"{METADATA}|IDPSSODescriptor" for each in path)
    if name == f"{METADATA}|EntityDescriptor":
        found.entity_ids.append(attributes.get("entityID", "")[:1024])
    elif inside and name == f"{METADATA}|SingleSignOnService" and attributes.get("Binding") == REDIRECT:
        found.log_in_urls.append(attributes.get("Location", ""))
    elif inside and name == f"{SIGNATURES}|X509Certificate":
        found.certificates += 1


def _refuse(*_what: object) -> NoReturn:
    raise BadProvider("The metadata hold a document type, which is refused.")
