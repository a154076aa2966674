"""Products and versions in what servers say about themselves, named as CPE 2.3 (NIST IR 7695)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from contracts.observations import ObservationType
from functions.collection.module import Found

_VERSION = r"(\d+(?:\.\d+)*(?:[a-z]\d*|p\d+)?)"


@dataclass(frozen=True, slots=True)
class Product:
    """A product: how it is named in a CPE, and how it names itself. The first group of the pattern, if any, is the
    version; `services` are the services whose words are read for it, empty for all."""

    vendor: str
    name: str
    pattern: re.Pattern[str]
    services: frozenset[str] = frozenset()


def _product(vendor: str, name: str, pattern: str, *services: str) -> Product:
    return Product(vendor, name, re.compile(pattern.replace("VERSION", _VERSION), re.I), frozenset(services))


PRODUCTS = (
    _product("openbsd", "openssh", r"OpenSSH[_ ]VERSION", "ssh"),
    _product("dropbear_ssh_project", "dropbear_ssh", r"dropbear_?VERSION?", "ssh"),
    _product("libssh", "libssh", r"libssh[_-]VERSION", "ssh"),
    _product("asyncssh_project", "asyncssh", r"AsyncSSH_VERSION", "ssh"),
    _product("exim", "exim", r"\bExim VERSION", "smtp"),
    _product("postfix", "postfix", r"\bPostfix\b", "smtp"),
    _product("sendmail", "sendmail", r"\bSendmail VERSION", "smtp"),
    _product("microsoft", "exchange_server", r"Microsoft ESMTP MAIL Service", "smtp"),
    _product("aio-libs", "aiosmtpd", r"Python SMTP VERSION", "smtp"),
    _product("proftpd", "proftpd", r"ProFTPD VERSION", "ftp"),
    _product("vsftpd_project", "vsftpd", r"vsFTPd VERSION", "ftp"),
    _product("pureftpd", "pure-ftpd", r"Pure-FTPd", "ftp"),
    _product("filezilla-project", "filezilla_server", r"FileZilla Server (?:version )?VERSION", "ftp"),
    _product("eclipse", "mosquitto", r"mosquitto version VERSION", "mqtt"),
    _product("net-snmp", "net-snmp", r"\bNET-SNMP VERSION", "snmp"),
    _product("dovecot", "dovecot", r"\bDovecot\b", "imap", "pop3"),
    _product("cyrus", "imap", r"Cyrus IMAP VERSION", "imap"),
    _product("mariadb", "mariadb", r"VERSION-MariaDB", "mysql"),
    _product("oracle", "mysql", r"^VERSION(?!.*MariaDB)", "mysql"),
    _product("isc", "bind", r"^(?:BIND )?(9\.\d+(?:\.\d+)*)", "dns"),
    _product("nlnetlabs", "unbound", r"unbound VERSION", "dns"),
    _product("thekelleys", "dnsmasq", r"dnsmasq-VERSION", "dns"),
    _product("powerdns", "authoritative_server", r"PowerDNS Authoritative Server VERSION", "dns"),
    _product("f5", "nginx", r"\bnginx/VERSION", "http"),
    _product("apache", "http_server", r"\bApache/VERSION", "http"),
    _product("microsoft", "internet_information_services", r"Microsoft-IIS/VERSION", "http"),
    _product("lighttpd", "lighttpd", r"lighttpd/VERSION", "http"),
    _product("php", "php", r"\bPHP/VERSION", "http"),
    _product("openssl", "openssl", r"OpenSSL/VERSION", "http"),
    _product("python", "python", r"\bPython/VERSION", "http"),
    _product("apache", "tomcat", r"Apache[- ]Tomcat/VERSION", "http"),
    _product("eclipse", "jetty", r"Jetty\(?VERSION", "http"),
)


def software_in(words: str, asset: str, service: str, *, parent: Found | None = None) -> Iterator[Found]:
    """The products that a server names in its banner or headers. `asset` is where it listens."""
    for product in PRODUCTS:
        match = product.pattern.search(words) if not product.services or service in product.services else None
        if match:
            version = (match.group(1) if match.groups() else "") or ""
            yield software(product.vendor, product.name, version, asset, parent=parent)


def software(vendor: str, name: str, version: str, asset: str, *, parent: Found | None = None) -> Found:
    """A `software` fact."""
    attributes = {"vendor": vendor, "product": name, "version": version, "asset": asset}
    return Found(ObservationType.SOFTWARE, cpe(vendor, name, version), attributes, 0.8, parent=parent)


def cpe(vendor: str, name: str, version: str) -> str:
    """The CPE 2.3 name of an application; an unknown version is `*`."""
    parts = [re.sub(r"([^\w.])", r"\\\1", part.lower()) for part in (vendor, name)]
    return f"cpe:2.3:a:{parts[0]}:{parts[1]}:{version or '*'}:*:*:*:*:*:*:*"
