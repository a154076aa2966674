"""Answers as the values that matchers and expressions know, by the names of the format."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from contracts.observations import DEFAULT_PORTS
from contracts.scope import host_of
from functions.collection.templates.patterns import decoded
from kernel.egress import Response

if TYPE_CHECKING:
    from dns.message import Message


def target_values(target: str) -> dict[str, Any]:
    """What a template may say about its target: a URL (`BaseURL`, `Hostname` …) or a name (`FQDN` …)."""
    host = host_of(target)
    labels = host.split(".")
    values: dict[str, Any] = {
        "FQDN": host,
        "RDN": ".".join(labels[-2:]),
        "DN": labels[-2] if len(labels) > 1 else host,
        "TLD": labels[-1],
        "SD": ".".join(labels[:-2]),
        "Input": target,
    }
    if "://" not in target:
        return {**values, "Host": host, "Hostname": host}
    parts = urlsplit(target)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    shown = f"[{host}]" if ":" in host else host
    hostname = shown if DEFAULT_PORTS.get(parts.scheme) == port else f"{shown}:{port}"
    root = f"{parts.scheme}://{hostname}"
    path = parts.path.rstrip("/")
    return {
        **values,
        "BaseURL": root + path,
        "RootURL": root,
        "Hostname": hostname,
        "Host": shown,
        "Port": str(port),
        "Path": path,
        "File": path.rpartition("/")[2],
        "Scheme": parts.scheme,
    }


def http_values(response: Response, request: str, seconds: float) -> dict[str, Any]:
    """An answer of a web server; each header under its name in lower case with underscores."""
    head = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    body = decoded(response.body)
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = ""
    raw = f"HTTP/1.1 {response.status} {phrase}\r\n{head}\r\n{body}"
    values: dict[str, Any] = {}
    for name, value in response.headers:
        key = name.lower().replace("-", "_")
        values[key] = f"{values[key]}, {value}" if key in values else value
    values |= _cookies(response)
    return {
        **values,
        "status_code": response.status,
        "content_length": len(response.body),
        "body": body,
        "all_headers": head,
        "header": head,
        "raw": raw,
        "response": raw,
        "all": raw,
        "request": request,
        "duration": seconds,
        "host": response.url,
        "matched": response.url,
    }


def _cookies(response: Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for cookie in response.all_headers("set-cookie"):
        name, separator, value = cookie.partition(";")[0].partition("=")
        if separator and name.strip():
            found[name.strip().lower()] = value.strip()
    return found


def numbered(values: dict[str, Any], number: int) -> dict[str, Any]:
    """The same values under names that say which request of the block they answer (`body_2`)."""
    return {f"{name}_{number}": value for name, value in values.items()}


def dns_values(message: Message, seconds: float) -> dict[str, Any]:
    """An answer of a name server; records as lines whose fields are parted by tabs."""
    import dns.rcode

    question = "\n".join(f";{item.name.to_text()}\tIN\t {_type(item.rdtype)}" for item in message.question)
    answer, ns, extra = ("\n".join(_records(part)) for part in (message.answer, message.authority, message.additional))
    status = dns.rcode.to_text(message.rcode())
    raw = (
        f";; opcode: QUERY, status: {status}\n\n;; QUESTION SECTION:\n{question}\n\n;; ANSWER SECTION:\n{answer}\n\n"
        f";; AUTHORITY SECTION:\n{ns}\n\n;; ADDITIONAL SECTION:\n{extra}\n"
    )
    return {
        **_by_type(message),
        "rcode": int(message.rcode()),
        "status": status,
        "question": question,
        "answer": answer,
        "ns": ns,
        "extra": extra,
        "raw": raw,
        "body": raw,
        "all": raw,
        "duration": seconds,
    }


def _by_type(message: Message) -> dict[str, Any]:
    """The data of the answer's records under their type in lower case (`cname`, `txt`): one as text, several as a
    list."""
    found: dict[str, list[str]] = {}
    for rrset in message.answer:
        for item in rrset:
            found.setdefault(_type(rrset.rdtype).lower(), []).append(item.to_text().strip('"').rstrip("."))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _records(section: Any) -> Iterator[str]:
    for rrset in section:
        for item in rrset:
            yield f"{rrset.name.to_text()}\t{rrset.ttl}\tIN\t{_type(rrset.rdtype)}\t{item.to_text()}"


def _type(number: int) -> str:
    import dns.rdatatype

    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))
