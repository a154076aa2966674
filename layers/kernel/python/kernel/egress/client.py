"""The one door to the outside: everything that this platform sends to somebody else's machine goes through here.

A request is resolved once; if any of the answers is refused, so is the request; and the connection goes to one of
the addresses that were checked, never through a second look-up.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from kernel.egress import datagrams
from kernel.egress.addresses import Policy, is_address
from kernel.egress.dns import DnsClient, DnsSettings, Endpoint, addresses_in
from kernel.egress.errors import (
    EgressDenied,
    EgressError,
    EgressProtocolError,
    EgressTimeout,
    EgressTlsError,
    EgressTooLarge,
    EgressUnreachable,
)
from kernel.egress.limits import BodyReader, Limits, too_large
from kernel.egress.meter import Meter
from kernel.egress.streams import Connection, dial, tls_error
from kernel.egress.urls import Target, check_headers, parse_host, parse_url

if TYPE_CHECKING:
    import aiohttp
    from dns.message import Message

Headers = tuple[tuple[str, str], ...]
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TRAVELLING_HEADERS = frozenset({"accept", "accept-encoding", "accept-language", "content-type", "user-agent"})
"""What a redirect takes to another origin: services name the headers of their keys as they like."""
DEFAULT_HEADERS: Headers = (("User-Agent", "Palisade/1.0"), ("Accept-Encoding", "gzip, deflate"))
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `url` is where it came from after redirects; `truncated` says that the body was cut."""

    url: str
    status: int
    headers: Headers
    body: bytes
    truncated: bool = False

    def header(self, name: str, default: str = "") -> str:
        """The first header of that name, in any case."""
        return next(iter(self.all_headers(name)), default)

    def all_headers(self, name: str) -> list[str]:
        """Every header of that name, in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `verify=False` accepts any certificate (for scanners, which judge it themselves);
    `server_hostname` replaces the name in the TLS handshake, as a `Host` header does within HTTP."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = None
    verify: bool = True
    server_hostname: str | None = None


class Egress:
    """The outbound client. One instance serves one event loop; close it, or use it as a context manager."""

    def __init__(
        self,
        policy: Policy,
        *,
        limits: Limits | None = None,
        dns: DnsSettings | None = None,
        trust: ssl.SSLContext | None = None,
        concurrency: int = 100,
    ) -> None:
        """`dns` names the resolvers (default: the operating system's), `trust` a private authority."""
        self.policy = policy
        self.limits = limits or Limits()
        self.dns_settings = dns or DnsSettings()
        self.meter = Meter()
        self._trust = trust
        self._concurrency = concurrency
        self._dns: DnsClient | None = None
        self._http: aiohttp.ClientSession | None = None
        self._careless: ssl.SSLContext | None = None

    async def get(self, url: str, *, headers: Headers = (), limits: Limits | None = None) -> Response:
        """GET a URL with its certificate verified. Raises `EgressError`."""
        return await self.send(Request("GET", url, headers), limits)

    async def send(self, request: Request, limits: Limits | None = None) -> Response:
        """Send a request, following as many redirects as `limits` allows, each checked like the first.

        Raises `EgressDenied` before anything is sent, and `EgressTimeout`, `EgressTooLarge`, `EgressUnreachable`
        (`EgressTlsError`) or `EgressProtocolError` for what goes wrong after.
        """
        limits = limits or self.limits
        try:
            async with asyncio.timeout(limits.total_seconds):
                return await self._follow(request, limits)
        except TimeoutError as error:
            raise EgressTimeout(f"no complete answer within {limits.total_seconds:g} s") from error

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, IPv4 first. Raises `EgressDenied` if any one is refused for this port,
        `EgressUnreachable` when there are none."""
        host = parse_host(host)
        self.policy.check_host(host)
        addresses = [host] if is_address(host) else await self._look_up(host)
        if not addresses:
            raise EgressUnreachable(f"{host} has no address")
        for address in addresses:
            self.policy.check(address, port)
        return sorted(addresses, key=lambda address: ":" in address)

    async def open_connection(
        self,
        host: str,
        port: int,
        *,
        timeout_seconds: float | None = None,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Connection:
        """A TCP connection (with `tls`, a TLS one) to a checked address of the host. Raises `EgressError`."""
        allowed = self.limits.connect_seconds if timeout_seconds is None else timeout_seconds
        try:
            async with asyncio.timeout(allowed):
                addresses = await self.resolve(host, port)
                return await _dial_any(addresses, port, tls, server_hostname or host, self.meter)
        except TimeoutError as error:
            raise EgressTimeout(f"{host} port {port} does not answer within {allowed:g} s") from error

    async def ask(
        self,
        host: str,
        port: int,
        data: bytes,
        *,
        timeout_seconds: float = 2.0,
        tries: int = 2,
        accepts: Callable[[bytes], bool] = bool,
    ) -> bytes:
        """Send a datagram to a checked address of the host; the first answer that `accepts` takes.
        Raises `EgressError`."""
        address = (await self.resolve(host, port))[0]
        return await datagrams.ask(address, port, data, timeout_seconds=timeout_seconds, tries=tries, accepts=accepts)

    async def query(self, name: str, record_type: str, *, dnssec: bool = False) -> Message:
        """Ask the deployment's resolvers (or the stated servers of the name's zone). Raises `EgressError`."""
        servers = self.dns_settings.servers_for(name)
        return await self._dns_client().query(name, record_type, servers, dnssec=dnssec)

    async def query_at(
        self,
        server: Endpoint,
        name: str,
        record_type: str,
        *,
        recursive: bool = False,
        record_class: str = "IN",
    ) -> Message:
        """Ask one particular server, which must pass the policy. Raises `EgressError`."""
        self.policy.check(*server)
        return await self._dns_client().query(
            name, record_type, (server,), recursive=recursive, record_class=record_class
        )

    async def close(self) -> None:
        """Close all connections and sockets."""
        if self._dns is not None:
            self._dns.close()
            self._dns = None
        if self._http is not None:
            await self._http.close()
            self._http = None
        await asyncio.sleep(0)  # sockets close in the loop's next turn, and this may be the caller's last one

    async def __aenter__(self) -> Egress:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _follow(self, request: Request, limits: Limits) -> Response:
        for _ in range(limits.redirects + 1):
            target = parse_url(request.url)
            response = await self._exchange(request, target, limits)
            location = response.header("location")
            if limits.redirects == 0 or response.status not in REDIRECTS or not location:
                return response
            request = redirected(request, target, response.status, location)
        raise EgressProtocolError(f"more than {limits.redirects} redirects")

    async def _exchange(self, request: Request, target: Target, limits: Limits) -> Response:
        import aiohttp
        from yarl import URL

        self._check(request, target)
        try:
            async with self._session().request(
                request.method,
                URL(target.url, encoded=True),
                headers=_with_defaults(request.headers),
                data=request.body,
                ssl=self._tls_context(request.verify),
                server_hostname=request.server_hostname,
                allow_redirects=False,
                max_field_size=limits.headers,
            ) as answer:
                self.meter.stream(_size(request))
                return await _read(answer, target.url, limits, self.meter)
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise translate(error) from error

    def _check(self, request: Request, target: Target) -> None:
        check_headers(request.headers)
        self.policy.check_host(target.host)
        if is_address(target.host):
            self.policy.check(target.host, target.port)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            import aiohttp

            from kernel.egress.connector import CheckedResolver

            connector = aiohttp.TCPConnector(
                resolver=CheckedResolver(self.resolve),
                use_dns_cache=False,
                limit=self._concurrency,
                socket_factory=self._checked_socket,
            )
            self._http = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.limits.connect_seconds),
                read_bufsize=_CHUNK,
                trust_env=False,
            )
        return self._http

    def _checked_socket(self, address_info: Any) -> socket.socket:
        """The last look before a packet leaves: whatever led here, this is the address that is dialled."""
        family, kind, protocol, _, destination = address_info
        self.policy.check(destination[0], destination[1])
        self.meter.dialled()
        return socket.socket(family, kind, protocol)

    def _tls_context(self, verify: bool) -> ssl.SSLContext:
        if verify:
            self._trust = self._trust or ssl.create_default_context()
            return self._trust
        self._careless = self._careless or careless_context()
        return self._careless

    async def _look_up(self, host: str) -> list[str]:
        if self.dns_settings.nameservers or self.dns_settings.authoritative(host):
            answers = await asyncio.gather(*(self.query(host, record_type) for record_type in ("A", "AAAA")))
            return [address for answer in answers for address in addresses_in(answer)]
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise EgressUnreachable(f"{host} does not resolve: {error.strerror}") from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _dns_client(self) -> DnsClient:
        if self._dns is None:
            self._dns = DnsClient(meter=self.meter)
        return self._dns


def _size(request: Request) -> int:
    """Bytes of a request as it is sent, nearly."""
    headers = sum(len(name) + len(value) + 4 for name, value in _with_defaults(request.headers))
    return len(request.method) + len(request.url) + headers + len(request.body or b"")


async def _read(answer: aiohttp.ClientResponse, url: str, limits: Limits, meter: Meter) -> Response:
    headers = tuple((name, _printable(value)) for name, value in answer.headers.items())
    size = sum(len(name) + len(value) + 4 for name, value in headers)
    meter.stream(size)
    if size > limits.headers:
        raise EgressTooLarge(f"the headers are larger than {limits.headers} bytes")
    reader = BodyReader(answer.headers.get("Content-Encoding", "").strip().lower(), limits.body)
    async for chunk in answer.content.iter_any():
        meter.stream(len(chunk))
        reader.feed(chunk)
        if reader.is_full:
            break
    if reader.is_full and not limits.truncate:
        raise too_large(limits.body)
    if reader.is_full:
        answer.close()
    return Response(url, answer.status, headers, bytes(reader.body), reader.is_full)


def _with_defaults(headers: Headers) -> list[tuple[str, str]]:
    named = {name.lower() for name, _ in headers}
    return [*headers, *(pair for pair in DEFAULT_HEADERS if pair[0].lower() not in named)]


def _printable(value: str) -> str:
    """Bytes that are not UTF-8 arrive as lone surrogates, which no encoder downstream would take."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


async def _dial_any(
    addresses: Iterable[str], port: int, tls: ssl.SSLContext | None, server_hostname: str, meter: Meter
) -> Connection:
    failure: EgressError = EgressUnreachable("there is no address to dial")
    for address in addresses:
        meter.dialled()
        try:
            connection = await dial(address, port, tls, server_hostname)
            connection.meter = meter
            return connection
        except ssl.SSLError as error:
            failure = tls_error(error)
        except OSError as error:
            failure = EgressUnreachable(f"{address} port {port}: {error.strerror or error}")
    raise failure


def redirected(request: Request, target: Target, status: int, location: str) -> Request:
    """The request that a redirect asks for (RFC 9110 section 15.4); credentials stay with their origin."""
    url = urljoin(target.url, location).partition("#")[0]
    keep_body = status in (307, 308) or (status in (301, 302) and request.method != "POST")
    if status == 303 and request.method == "HEAD":
        keep_body = True
    headers = request.headers
    if parse_url(url).origin != target.origin:
        headers = tuple(pair for pair in headers if pair[0].lower() in TRAVELLING_HEADERS)
    method, body = (request.method, request.body) if keep_body else ("GET", None)
    return Request(method, url, headers, body, request.verify)


def careless_context() -> ssl.SSLContext:
    """A TLS context for looking at servers as they are: any certificate, every protocol and cipher that is left."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def translate(error: Exception) -> EgressError:
    """A failure of the HTTP library as one of ours."""
    import aiohttp
    from aiohttp.http_exceptions import LineTooLong

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return EgressTlsError(f"the certificate is refused: {error.certificate_error}")
    if isinstance(error, aiohttp.ClientSSLError):
        return EgressTlsError(f"the TLS handshake failed: {error}")
    if any(isinstance(cause, LineTooLong) or "Too many headers" in str(cause) for cause in _causes(error)):
        return EgressTooLarge("the headers are larger than allowed")
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return EgressUnreachable(str(error) or "the connection broke")
    return EgressProtocolError(f"the answer is not HTTP: {str(error)[:120]}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


__all__ = ["Egress", "EgressDenied", "Request", "Response", "careless_context"]
