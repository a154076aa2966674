"""Two web sites: a shop in clear with all that people forget on servers, and a portal whose certificate has expired."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.local.targets.zone import ZONE

HTML = "text/html; charset=utf-8"
FAKE_KEY = "AKIA" + "DEMODEMODEMODEMO"
FAKE_PASSWORD = "-".join(("Xk2", "dEm0", "9vQz", "only"))
"""Both have the form of the real thing and open nothing."""


@dataclass(frozen=True, slots=True)
class Site:
    """Files by path with their type, the headers of every answer, and what the first page adds."""

    files: dict[str, tuple[str, str]]
    headers: dict[str, str]
    cookies: tuple[str, ...] = ()
    error_page: str = field(default="<!doctype html><title>Not found</title><p>There is no such page.</p>")


def _page(title: str, body: str) -> tuple[str, str]:
    text = f"<!doctype html><html lang=en><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"
    return HTML, text


SHOP = Site(
    files={
        "/": _page(
            "Demo shop",
            "<a href='/about.html'>About</a> <a href='/login.html'>Log in</a> <a href='/products?page=1'>Products</a>"
            "<script src='/static/jquery-1.12.4.min.js'></script>",
        ),
        "/about.html": _page("About us", f"<p>Write to <a href='mailto:sales@{ZONE}'>sales@{ZONE}</a>.</p>"),
        "/login.html": _page(
            "Log in",
            "<form method=post action=/login.html><input name=user><input name=password type=password></form>",
        ),
        "/products": _page("Products", "<a href='/products?page=2'>Next</a> <a href='/config.js'>Settings</a>"),
        "/config.js": ("text/javascript", f"const upload = {{key: '{FAKE_KEY}', bucket: 'demo-uploads'}};\n"),
        "/static/jquery-1.12.4.min.js": ("text/javascript", "/* stands for a library with known flaws */\n"),
        "/robots.txt": ("text/plain", "User-agent: *\nDisallow: /admin/\n"),
        "/.env": ("text/plain", f"APP_ENV=production\nDB_HOST=localhost\nDB_PASSWORD={FAKE_PASSWORD}\n"),
        "/.git/HEAD": ("text/plain", "ref: refs/heads/main\n"),
        "/.git/config": ("text/plain", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"),
        "/backup.sql": ("text/plain", "-- MySQL dump 10.13\nCREATE TABLE customers (id int, name text);\n"),
    },
    headers={"Server": "Apache/2.4.29 (Ubuntu)", "X-Powered-By": "PHP/7.2.1"},
    cookies=("PHPSESSID=demo; Path=/",),
)
PORTAL = Site(
    files={
        "/": _page("Demo portal", "<p>Nothing to see but the certificate.</p><a href='/contact.html'>Contact</a>"),
        "/contact.html": _page("Contact", f"<p>hostmaster@{ZONE}</p>"),
        "/.well-known/security.txt": (
            "text/plain",
            f"Contact: mailto:security@{ZONE}\nExpires: 2030-01-01T00:00:00Z\n",
        ),
    },
    headers={
        "Server": "nginx",
        "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    },
)


def application(site: Site) -> web.Application:
    """A web application that serves a site."""

    async def serve(request: web.Request) -> web.Response:
        found = site.files.get(request.path)
        kind, text = found or (HTML, site.error_page)
        headers = {**site.headers, "Content-Type": kind}
        response = web.Response(text=text, status=200 if found else 404, headers=headers)
        for cookie in site.cookies if request.path == "/" else ():
            response.headers.add("Set-Cookie", cookie)
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    return app


def expired_certificate(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that ended last year. It is made once, so that it keeps its fingerprint."""
    path = folder / "portal.pem"
    if not path.exists():
        path.write_bytes(_expired_pem())
        path.chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(path)
    return context


def _expired_pem() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"portal.{ZONE}")])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Demo authority")])
    end = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=200)
    names = [x509.DNSName(f"portal.{ZONE}"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(
            issuer, subject, key.public_key(), x509.random_serial_number(), end - datetime.timedelta(days=365), end
        )
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + certificate.public_bytes(encoding)
