"""The names that rules written for SpiderFoot 4.0 use, and what they are called here.

A name that has no counterpart is in `FOREIGN`, or nowhere: a rule that uses it is loaded, says so, and finds by it at
most what was imported from SpiderFoot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """Some facts of one type: all, or those whose value or attribute a regular expression finds, or those that lie
    outside the scan's scope (`outside`).

    `data` names the attribute that SpiderFoot would call the fact's data, `source` the field that it would call its
    source's data, and `weight` the attribute that says how many such elements it would have. `name` is SpiderFoot's
    word: a fact that was imported from there is of this kind if that is what it was called.
    """

    type: str
    value: str | None = None
    attribute: tuple[str, str] | None = None
    outside: bool | None = None
    data: str | None = None
    source: str | None = None
    weight: str | None = None
    name: str = ""

    @property
    def plain(self) -> bool:
        """Whether every fact of the type is meant."""
        return self.value is None and self.attribute is None and self.outside is None


ORIGIN: Final = "spiderfoot_type"
"""The attribute in which an imported fact keeps what SpiderFoot called it."""


def _check(type_: str, pattern: str, *, outside: bool | None = None, weight: str | None = None) -> Kind:
    """Weaknesses of one check. What SpiderFoot found such an element from is what it is about."""
    return Kind(type_, attribute=("check", pattern), outside=outside, data="asset", source="asset", weight=weight)


def _severity(pattern: str) -> Kind:
    return Kind("vulnerability", attribute=("severity", pattern))


_V4: Final = r"^\d+\.\d+\.\d+\.\d+"
_BREACHED: Final = "^(address|password)-in-breach$"
_REPORTED: Final = "^address-reported$"
_REPORTS: Final = "evidence.reporters"
_BREACHES: Final = "evidence.count"
_REGISTRATION: Final = "^registration$"
_DOMAIN_WHOIS: Final = r"^registration of [^/:]*[a-z][^/:]*$"
_NETWORK_WHOIS: Final = r"^registration of ([0-9.]+|[0-9a-f:]*:[0-9a-f:]*)(/|$)"
_PRIVATE: Final = r"^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd][0-9a-f]{2}:|fe80:|::1$)"

TYPES: Final[Mapping[str, tuple[Kind, ...]]] = {
    "INTERNET_NAME": (Kind("host", outside=False), Kind("domain", outside=False)),
    "DOMAIN_NAME": (Kind("domain", outside=False),),
    "DOMAIN_NAME_PARENT": (Kind("domain"),),
    "INTERNET_NAME_UNRESOLVED": (_check("vulnerability", "^dangling-alias$", outside=False),),
    "AFFILIATE_INTERNET_NAME_UNRESOLVED": (_check("vulnerability", "^dangling-alias$", outside=True),),
    "AFFILIATE_INTERNET_NAME": (Kind("host", outside=True), Kind("domain", outside=True)),
    "AFFILIATE_DOMAIN_NAME": (Kind("domain", outside=True),),
    "AFFILIATE_IPADDR": (Kind("ip", _V4, outside=True),),
    "AFFILIATE_IPV6_ADDRESS": (Kind("ip", ":", outside=True),),
    "AFFILIATE_EMAILADDR": (Kind("email", outside=True),),
    "AFFILIATE_INTERNET_NAME_HIJACKABLE": (_check("vulnerability", "^(subdomain-takeover|dangling-alias)$"),),
    "AFFILIATE_WEB_CONTENT": (Kind("http_response", outside=True),),
    "AFFILIATE_DOMAIN_WHOIS": (Kind("metadata", _DOMAIN_WHOIS, ("kind", _REGISTRATION), outside=True),),
    "CO_HOSTED_SITE": (Kind("host", outside=True),),
    "CO_HOSTED_SITE_DOMAIN": (Kind("domain", outside=True),),
    "IP_ADDRESS": (Kind("ip", _V4),),
    "IPV6_ADDRESS": (Kind("ip", ":"),),
    "INTERNAL_IP_ADDRESS": (Kind("ip", _PRIVATE),),
    "NETBLOCK_OWNER": (Kind("cidr", _V4),),
    "NETBLOCKV6_OWNER": (Kind("cidr", ":"),),
    "NETBLOCK_MEMBER": (Kind("cidr", _V4),),
    "NETBLOCKV6_MEMBER": (Kind("cidr", ":"),),
    "BGP_AS_OWNER": (Kind("asn"),),
    "BGP_AS_MEMBER": (Kind("asn"),),
    "TCP_PORT_OPEN": (Kind("port", attribute=("protocol", "^tcp$")),),
    "TCP_PORT_OPEN_BANNER": (Kind("banner", data="text"),),
    "UDP_PORT_OPEN": (Kind("port", attribute=("protocol", "udp")),),
    "UDP_PORT_OPEN_INFO": (Kind("banner", attribute=("protocol", "udp"), data="text"),),
    "WEBSERVER_BANNER": (Kind("http_response", attribute=("headers.server", "."), data="headers.server"),),
    "HTTP_CODE": (Kind("http_response", attribute=("status", "."), data="status", source="value"),),
    "WEBSERVER_TECHNOLOGY": (Kind("technology"),),
    "WEBSERVER_HTTPHEADERS": (Kind("http_response", attribute=("headers", "."), data="headers"),),
    "URL_WEB_FRAMEWORK": (Kind("technology"),),
    "SOFTWARE_USED": (Kind("software"),),
    "OPERATING_SYSTEM": (Kind("software", attribute=("cpe", "^cpe:2.3:o")),),
    "LINKED_URL_INTERNAL": (Kind("url", outside=False),),
    "LINKED_URL_EXTERNAL": (Kind("url", outside=True),),
    "URL_FORM": (Kind("web_form"),),
    "URL_PASSWORD": (Kind("web_form", "pass"),),
    "URL_UPLOAD": (Kind("web_form", "file|upload"),),
    "TARGET_WEB_CONTENT": (Kind("http_response", outside=False),),
    "TARGET_WEB_CONTENT_TYPE": (Kind("http_response", attribute=("content_type", "."), data="content_type"),),
    "TARGET_WEB_COOKIE": (Kind("http_response", attribute=("cookies", "."), data="cookies"),),
    "INTERESTING_FILE": (Kind("file"),),
    "ERROR_MESSAGE": (_check("misconfiguration", "^error-in-page$"),),
    "JUNK_FILE": (_check("exposure", "^exposed-(backup|source)$"),),
    "RAW_FILE_META_DATA": (Kind("metadata", "^https?://"),),
    "SSL_CERTIFICATE_RAW": (Kind("certificate"),),
    "SSL_CERTIFICATE_ISSUED": (Kind("certificate", data="subject"),),
    "SSL_CERTIFICATE_ISSUER": (Kind("certificate", data="issuer"),),
    "SSL_CERTIFICATE_EXPIRED": (_check("misconfiguration", "^certificate-expired$"),),
    "SSL_CERTIFICATE_EXPIRING": (_check("misconfiguration", "^certificate-expires-soon$"),),
    "SSL_CERTIFICATE_MISMATCH": (_check("misconfiguration", "^certificate-wrong-host$"),),
    "DNS_TEXT": (Kind("dns_record", attribute=("type", "^TXT$")),),
    "DNS_SRV": (Kind("dns_record", attribute=("type", "^SRV$")),),
    "DNS_SPF": (Kind("dns_record", "v=spf1"),),
    "RAW_DNS_RECORDS": (Kind("dns_record"),),
    "PROVIDER_DNS": (Kind("dns_record", attribute=("type", "^NS$")),),
    "PROVIDER_MAIL": (Kind("mail_server"),),
    "EMAILADDR": (Kind("email", outside=False),),
    "EMAILADDR_GENERIC": (
        Kind("email", "^(abuse|admin|contact|help|hostmaster|info|postmaster|sales|security|support|webmaster)@"),
    ),
    "USERNAME": (Kind("username"),),
    "ACCOUNT_EXTERNAL_OWNED": (Kind("username"),),
    "HUMAN_NAME": (Kind("person"),),
    "PHONE_NUMBER": (Kind("phone"),),
    "COMPANY_NAME": (Kind("organisation"),),
    "CLOUD_STORAGE_BUCKET": (Kind("cloud_resource", "^arn:aws[a-z-]*:s3:"),),
    "CLOUD_STORAGE_BUCKET_OPEN": (_check("misconfiguration", "^aws-s3-public-(acl|policy)$"),),
    "PASSWORD_COMPROMISED": (_check("exposure", "^password-in-breach$", weight=_BREACHES),),
    "EMAILADDR_COMPROMISED": (_check("exposure", _BREACHED, weight=_BREACHES),),
    "ACCOUNT_EXTERNAL_OWNED_COMPROMISED": (_check("exposure", _BREACHED, weight=_BREACHES),),
    "MALICIOUS_IPADDR": (_check("exposure", _REPORTED, outside=False, weight=_REPORTS),),
    "MALICIOUS_AFFILIATE_IPADDR": (_check("exposure", _REPORTED, outside=True, weight=_REPORTS),),
    "BLACKLISTED_IPADDR": (_check("exposure", _REPORTED, outside=False, weight=_REPORTS),),
    "BLACKLISTED_AFFILIATE_IPADDR": (_check("exposure", _REPORTED, outside=True, weight=_REPORTS),),
    "PROVIDER_HOSTING": (Kind("organisation", attribute=("role", "^provider$")),),
    "DOMAIN_REGISTRAR": (Kind("organisation", attribute=("roles", "^registrar$")),),
    "DOMAIN_WHOIS": (Kind("metadata", _DOMAIN_WHOIS, ("kind", _REGISTRATION)),),
    "NETBLOCK_WHOIS": (Kind("metadata", _NETWORK_WHOIS, ("kind", _REGISTRATION)),),
    "GEOINFO": (Kind("cidr", attribute=("country", "."), data="country"),),
    "COUNTRY_NAME": (Kind("cidr", attribute=("country", "."), data="country"),),
    "VULNERABILITY_GENERAL": (Kind("vulnerability"),),
    "VULNERABILITY_CVE_CRITICAL": (_severity("^critical$"),),
    "VULNERABILITY_CVE_HIGH": (_severity("^high$"),),
    "VULNERABILITY_CVE_MEDIUM": (_severity("^medium$"),),
    "VULNERABILITY_CVE_LOW": (_severity("^low$"),),
    "VULNERABILITY_DISCLOSURE": (Kind("vulnerability"),),
    "SIMILARDOMAIN": (_check("exposure", "^lookalike-"),),
}

FOREIGN: Final = frozenset(
    {
        "ACCOUNT_EXTERNAL_USER_SHARED_COMPROMISED", "AFFILIATE_COMPANY_NAME", "AFFILIATE_DESCRIPTION_ABSTRACT",
        "AFFILIATE_DESCRIPTION_CATEGORY", "AFFILIATE_DOMAIN_UNREGISTERED", "APPSTORE_ENTRY", "BASE64_DATA",
        "BITCOIN_ADDRESS", "BITCOIN_BALANCE", "BLACKLISTED_AFFILIATE_INTERNET_NAME", "BLACKLISTED_COHOST",
        "BLACKLISTED_INTERNET_NAME", "BLACKLISTED_NETBLOCK", "BLACKLISTED_SUBNET", "CO_HOSTED_SITE_DOMAIN_WHOIS",
        "CREDIT_CARD_NUMBER", "DARKNET_MENTION_CONTENT", "DARKNET_MENTION_URL", "DATE_HUMAN_DOB",
        "DEFACED_AFFILIATE_INTERNET_NAME", "DEFACED_AFFILIATE_IPADDR", "DEFACED_COHOST", "DEFACED_INTERNET_NAME",
        "DEFACED_IPADDR", "DESCRIPTION_ABSTRACT", "DESCRIPTION_CATEGORY", "DEVICE_TYPE", "EMAILADDR_DELIVERABLE",
        "EMAILADDR_DISPOSABLE", "EMAILADDR_UNDELIVERABLE", "ETHEREUM_ADDRESS", "ETHEREUM_BALANCE",
        "HASH", "HASH_COMPROMISED", "IBAN_NUMBER", "INTERESTING_FILE_HISTORIC", "JOB_TITLE", "LEAKSITE_CONTENT",
        "LEAKSITE_URL", "LEI", "MALICIOUS_AFFILIATE_INTERNET_NAME", "MALICIOUS_ASN", "MALICIOUS_BITCOIN_ADDRESS",
        "MALICIOUS_COHOST", "MALICIOUS_EMAILADDR", "MALICIOUS_INTERNET_NAME", "MALICIOUS_NETBLOCK",
        "MALICIOUS_PHONE_NUMBER", "MALICIOUS_SUBNET", "PGP_KEY", "PHONE_NUMBER_COMPROMISED", "PHONE_NUMBER_TYPE",
        "PHYSICAL_ADDRESS", "PHYSICAL_COORDINATES", "PROVIDER_JAVASCRIPT", "PROVIDER_TELCO", "PROXY_HOST",
        "PUBLIC_CODE_REPO", "RAW_RIR_DATA", "SEARCH_ENGINE_WEB_CONTENT", "SIMILAR_ACCOUNT_EXTERNAL",
        "SIMILARDOMAIN_WHOIS", "SOCIAL_MEDIA", "TOR_EXIT_NODE", "URL_ADBLOCKED_EXTERNAL", "URL_ADBLOCKED_INTERNAL",
        "URL_FLASH", "URL_FLASH_HISTORIC", "URL_FORM_HISTORIC", "URL_JAVA_APPLET", "URL_JAVA_APPLET_HISTORIC",
        "URL_JAVASCRIPT", "URL_JAVASCRIPT_HISTORIC", "URL_PASSWORD_HISTORIC", "URL_STATIC", "URL_STATIC_HISTORIC",
        "URL_UPLOAD_HISTORIC", "URL_WEB_FRAMEWORK_HISTORIC", "VPN_HOST", "WEB_ANALYTICS_ID",
        "WEBSERVER_STRANGEHEADER", "WIFI_ACCESS_POINT", "WIKIPEDIA_PAGE_EDIT",
    }
)  # fmt: skip
"""SpiderFoot's other types: nothing here finds such things, but a scan that was imported from there may hold them, as
facts of the type `metadata`."""

MODULES: Final[Mapping[str, str]] = {
    "sfp_abuseipdb": "reputation",
    "sfp_alienvault": "passive_dns",
    "sfp_binaryedge": "passive_dns",
    "sfp_certspotter": "certificate_transparency",
    "sfp_crt": "certificate_transparency",
    "sfp_dnsbrute": "subdomains",
    "sfp_dnscommonsrv": "srv_records",
    "sfp_dnsneighbor": "reverse_dns",
    "sfp_dnsraw": "records",
    "sfp_dnsresolve": "resolve",
    "sfp_dnszonexfer": "zone_transfer",
    "sfp_email": "extraction",
    "sfp_filemeta": "files",
    "sfp_haveibeenpwned": "breach",
    "sfp_intfiles": "exposed_files",
    "sfp_junkfiles": "exposed_files",
    "sfp_portscan_tcp": "tcp_connect",
    "sfp_similar": "typosquats",
    "sfp_spider": "crawler",
    "sfp_sslcert": "certificate",
    "sfp_subdomain_takeover": "dangling_alias",
    "sfp_tool_dnstwist": "typosquats",
    "sfp_tool_nmap": "nmap_services",
    "sfp_tool_nuclei": "templates",
    "sfp_tool_onesixtyone": "snmp_communities",
    "sfp_tool_snallygaster": "exposed_files",
    "sfp_tool_testsslsh": "tls_config",
    "sfp_tool_wafw00f": "firewall",
    "sfp_tool_whatweb": "technology",
    "sfp_webframework": "technology",
    "sfp_webserver": "technology",
    "sfp_whois": "rdap",
}
"""SpiderFoot's modules and the module here that does the same, or asks for the same."""

ENTITY_TYPES: Final = frozenset(
    {
        "asn",
        "cidr",
        "cloud_resource",
        "domain",
        "email",
        "host",
        "ip",
        "mail_server",
        "organisation",
        "person",
        "phone",
        "username",
    }
)
"""Types that are things of their own, not descriptions of one: what `entity.` leads to."""
