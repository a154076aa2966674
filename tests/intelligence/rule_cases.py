"""For every rule of the product, facts that it must hit and near ones that it must not.

A case is two lists of chains. `host a.example > ip 192.0.2.1` is a host and an address that was found from it;
`@module` says who found a fact, `{a.b=c, d=e|f}` its attributes (`|` makes a list). A weakness is written as
`misconfiguration check!asset`. Facts that two chains begin with are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from contracts.observations import WEAKNESS_TYPES, Observation
from tests.intelligence.scans import fact

_FACT: Final = re.compile(r"(\w+) (.+?)(?: @(\w+))?(?: \{(.*)\})?")

Chains = tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """What a rule hits, and what is near and no hit."""

    hit: Chains
    near: Chains


def facts_of(chains: Iterable[str]) -> list[Observation]:
    """The observations of chains, each once, sources before what they led to."""
    made: dict[str, Observation] = {}
    for chain in chains:
        above: Observation | None = None
        for text in chain.split(" > "):
            above = _fact(text, above)
            made.setdefault(above.id, above)
    return list(made.values())


def _fact(text: str, source: Observation | None) -> Observation:
    found = _FACT.fullmatch(text)
    assert found is not None, text
    type_, value, module, told = found.groups()
    attributes: dict[str, Any] = {}
    check, mark, asset = value.partition("!")
    if type_ in WEAKNESS_TYPES and mark:
        attributes = {"check": check, "asset": asset, "severity": "medium"}
        value = f"{check}:{asset}"
    for pair in (told or "").split(", ") if told else ():
        name, _, text = pair.partition("=")
        _put(attributes, name.split("."), text.split("|") if "|" in text else text)
    return fact(type_, value, source, module=module or "test", attributes=attributes)


def _put(attributes: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        attributes = attributes.setdefault(name, {})
    attributes[path[-1]] = value


def _many(chain: str, number: int) -> Chains:
    return tuple(chain.replace("#", str(each + 1)) for each in range(number))


SITE = "service https://www.a.example:443 > http_response https://www.a.example/ {status=200}"
LOGIN = f"{SITE} > web_form https://www.a.example/login#post:name,password"
SEARCH = f"{SITE} > web_form https://www.a.example/find#get:q"
ON_ADDRESS = "service http://192.0.2.1:80 > http_response http://192.0.2.1/ {status=200}"
ELSEWHERE = "service http://192.0.2.2:80 > http_response http://192.0.2.2/ {status=200}"
PORT = "ip 192.0.2.1 > port 192.0.2.1"
KEV = "vulnerability known-cve-1!https://www.a.example {evidence.known_exploited_since=2026-01-01, severity=high}"
NO_KEV = "vulnerability known-cve-1!https://www.a.example {severity=high}"
PHP = "software cpe:2.3:a:php:php:7.4.3:*:*:*:*:*:*:* {asset=https://www.a.example}"
NEW_PHP = "software cpe:2.3:a:php:php:8.4.1:*:*:*:*:*:*:* {asset=https://www.a.example}"
WAF = "service https://www.a.example:443 > technology A wall {category=web application firewall, asset=https://www.a.example}"
SNMP = "service snmp://192.0.2.1:161 > vulnerability snmp-default-community!192.0.2.1:161"
ACCOUNT = "misconfiguration aws-{}!arn:aws:iam::1:root"
XSS = "vulnerability reflected-xss!https://www.a.example"


def _aws(check: str, resource: str) -> str:
    return f"misconfiguration aws-{check}!arn:aws:{resource}"


CASES: Final[dict[str, Case]] = {
    "address_shared_by_many": Case(_many("host h#.a.example > ip 192.0.2.1", 10), _many("host h#.a > ip 192.0.2.1", 9)),
    "administration_in_clear": Case(
        ("http_response http://a.example/phpmyadmin/ {status=401}",),
        (
            "http_response https://a.example/phpmyadmin/ {status=401}",
            "http_response http://a.example/wp-admin/ {status=404}",
        ),
    ),
    "administration_page_public": Case(
        ("http_response https://a.example/grafana/ {status=200}",),
        ("http_response https://a.example/grafana/ {status=403}",),
    ),
    "alias_found_through_open_zone": Case(
        ("vulnerability dangling-alias!old.a.example", "misconfiguration zone-transfer!a.example"),
        ("vulnerability dangling-alias!old.a.example",),
    ),
    "announced_software_is_vulnerable": Case((f"{SITE} > {PHP} > {NO_KEV}",), (f"{SITE} > {PHP}", NO_KEV)),
    "anonymous_files_beside_web": Case(
        ("misconfiguration login-anonymous!192.0.2.1:21", ON_ADDRESS),
        ("misconfiguration login-anonymous!192.0.2.1:143", ON_ADDRESS),
    ),
    "breached_passwords_can_be_tried": Case(
        ("email jo@a.example > exposure password-in-breach!jo@a.example", LOGIN),
        ("email jo@a.example > exposure address-in-breach!jo@a.example", LOGIN),
    ),
    "certificate_cannot_be_trusted": Case(
        ("misconfiguration certificate-expired!a.example:443", "misconfiguration certificate-weak-key!a.example:443"),
        ("misconfiguration certificate-expired!a.example:443", "misconfiguration certificate-weak-key!b.example:443"),
    ),
    "certificate_expired_on_mail_server": Case(
        ("misconfiguration certificate-expired!mx.a.example:25",),
        (
            "misconfiguration certificate-expired!mx.a.example:443",
            "misconfiguration certificate-expires-soon!mx.a.example:25",
        ),
    ),
    "certificate_on_many_machines": Case(
        _many("service https://h#:443 > certificate aa11 {asset=h#:443}", 5),
        _many("service https://h#:443 > certificate aa11 {asset=h#:443}", 4),
    ),
    "certificates_name_internal_systems": Case(
        ("domain a.example > host vpn2.a.example @certificate_transparency",),
        ("domain a.example > host www.a.example @certificate_transparency", "host vpn.a.example @subdomains"),
    ),
    "clear_text_login_reachable": Case((f"{PORT}:23",), (f"{PORT}:22", f"{PORT}:2323")),
    "cloud_account_is_blind": Case(
        (_aws("trail-missing", "iam::1:root"), _aws("guardduty-off", "guardduty:x:1:detector")),
        (_aws("guardduty-off", "guardduty:x:1:detector"), _aws("guardduty-off", "guardduty:y:1:detector")),
    ),
    "cloud_administrator_without_second_factor": Case(
        (_aws("user-is-administrator", "iam::1:user/jo"), _aws("user-without-mfa", "iam::1:user/jo")),
        (_aws("user-is-administrator", "iam::1:user/jo"), _aws("user-without-mfa", "iam::1:user/al")),
    ),
    "cloud_bucket_open_in_clear": Case(
        (_aws("s3-public-acl", "s3:::b"), _aws("s3-unencrypted", "s3:::b")),
        (_aws("s3-public-acl", "s3:::b"), _aws("s3-unencrypted", "s3:::c")),
    ),
    "cloud_data_shared_with_everybody": Case(
        (_aws("ebs-snapshot-public", "ec2:x:1:snapshot/s"),), (_aws("ebs-unencrypted", "ec2:x:1:volume/v"),)
    ),
    "cloud_database_public_and_unprotected": Case(
        (_aws("rds-public", "rds:x:1:db:d"), _aws("rds-no-backups", "rds:x:1:db:d")),
        (_aws("rds-public", "rds:x:1:db:d"), _aws("rds-no-backups", "rds:x:1:db:e")),
    ),
    "cloud_key_published": Case(
        (f"{SITE} > secret aws-access-key:1 {{kind=aws-access-key, asset=https://www.a.example/}}",),
        (f"{SITE} > secret json-web-token:1 {{kind=json-web-token, asset=https://www.a.example/}}",),
    ),
    "cloud_root_unprotected": Case(
        (ACCOUNT.format("root-mfa-off"), ACCOUNT.format("root-access-key")), (ACCOUNT.format("root-mfa-off"),)
    ),
    "cloud_rule_confirmed_from_outside": Case(
        (_aws("sg-database-open", "ec2:x:1:security-group/g"), f"{PORT}:5432"),
        (_aws("sg-database-open", "ec2:x:1:security-group/g"), f"{PORT}:443"),
    ),
    "cluster_control_reachable": Case((f"{PORT}:2375",), (f"{PORT}:443",)),
    "database_beside_web_application": Case((f"{PORT}:5432", ON_ADDRESS), (f"{PORT}:5432", ELSEWHERE)),
    "database_reachable": Case((f"{PORT}:3306",), (f"{PORT}:13306",)),
    "development_system_leaks": Case(
        ("exposure exposed-env!https://test.a.example",), ("exposure exposed-env!https://contest.a.example",)
    ),
    "development_system_on_the_web": Case(
        ("host dev.a.example > service http://dev.a.example:80 > http_response http://dev.a.example/",),
        ("host device.a.example > service http://device.a.example:80 > http_response http://device.a.example/",),
    ),
    "devices_controllable_by_strangers": Case(
        ("exposure mqtt-anonymous!192.0.2.1:1883", f"{PORT}:1883"),
        ("exposure mqtt-anonymous!192.0.2.1:8883", f"{PORT}:8883"),
    ),
    "directory_helps_guess_passwords": Case(
        ("exposure ldap-anonymous-read!192.0.2.1:389", f"{PORT}:3389"),
        ("exposure ldap-anonymous-read!192.0.2.1:389", "port 192.0.2.2:3389"),
    ),
    "documents_help_guess_names": Case(
        ("exposure file-metadata!https://www.a.example/a.pdf", LOGIN),
        ("exposure file-metadata!https://www.a.example/a.pdf", SEARCH),
    ),
    "domain_may_be_lost": Case(
        ("misconfiguration domain-expires!a.example", "misconfiguration domain-transfer-unlocked!a.example"),
        ("misconfiguration domain-expires!a.example", "misconfiguration domain-transfer-unlocked!b.example"),
    ),
    "exploited_flaw": Case((KEV,), (NO_KEV,)),
    "exploited_flaw_without_firewall": Case((f"{SITE} > {PHP} > {KEV}",), (f"{SITE} > {PHP} > {KEV}", WAF)),
    "file_server_for_strangers": Case(
        ("exposure smb-null-session!192.0.2.1:445", "misconfiguration smb-signing-not-required!192.0.2.1:445"),
        ("exposure smb-null-session!192.0.2.1:445", "misconfiguration smb-old-dialect!192.0.2.1:445"),
    ),
    "file_server_with_old_encryption": Case(
        ("misconfiguration smb-old-dialect!192.0.2.1:445", "misconfiguration tls-old-protocol!192.0.2.1:443"),
        ("misconfiguration smb-old-dialect!192.0.2.1:445", "misconfiguration tls-old-protocol!192.0.2.2:443"),
    ),
    "file_sharing_reachable": Case((f"{PORT}:2049",), (f"{PORT}:22",)),
    "flaw_likely_to_be_exploited": Case(
        (NO_KEV.replace("{", "{evidence.epss=0.51, "),), (NO_KEV.replace("{", "{evidence.epss=0.49, "), NO_KEV)
    ),
    "foreign_sites_read_sessions": Case(
        ("misconfiguration cors-any-origin!https://www.a.example", LOGIN),
        ("misconfiguration cors-any-origin!https://www.a.example", SEARCH),
    ),
    "forgotten_name_still_answers": Case(
        ("host old.a.example @passive_dns > service http://old.a.example:80 > http_response http://old.a.example/",),
        ("host old.a.example @crawler > service http://old.a.example:80 > http_response http://old.a.example/",),
    ),
    "harmful_file_on_site": Case(
        ("exposure yara-php-webshell!https://www.a.example/x.php",), ("exposure exposed-backup!https://www.a.example",)
    ),
    "host_known_by_guessing_only": Case(
        ("domain a.example > host x.a.example @subdomains",),
        ("domain a.example > host x.a.example @subdomains", "url http://a.example/ > host x.a.example @crawler"),
    ),
    "industrial_control_reachable": Case((f"{PORT}:502",), (f"{PORT}:5020",)),
    "injection_reaches_database": Case(
        ("vulnerability sql-injection!http://192.0.2.1/?id", f"{PORT}:3306"),
        ("vulnerability sql-injection!http://192.0.2.2/?id", f"{PORT}:3306"),
    ),
    "internal_address_published": Case(("host a.example > ip 10.1.2.3",), ("host a.example > ip 100.1.2.3",)),
    "internal_files_published": Case(
        ("exposure exposed-git!https://a.example", "exposure exposed-env!https://a.example"),
        ("exposure exposed-git!https://a.example",),
    ),
    "login_on_software_without_support": Case((LOGIN, PHP), (LOGIN, NEW_PHP)),
    "login_page_unprotected": Case(
        (LOGIN, "misconfiguration csp-missing!https://www.a.example"),
        (SEARCH, "misconfiguration csp-missing!https://www.a.example"),
    ),
    "login_with_untrusted_certificate": Case(
        (LOGIN, "misconfiguration certificate-expired!www.a.example:443"),
        (LOGIN, "misconfiguration certificate-expires-soon!www.a.example:443"),
    ),
    "mail_domain_ends_soon": Case(
        ("domain a.example > mail_server mx.b.example", "domain a.example > misconfiguration domain-expires!a.example"),
        ("domain b.example > mail_server mx.b.example", "domain a.example > misconfiguration domain-expires!a.example"),
    ),
    "mail_fails_with_broken_dnssec": Case(
        (
            "domain a.example > mail_server mx.b.example",
            "domain a.example > metadata dnssec:a.example > misconfiguration dnssec-bogus!a.example",
        ),
        (
            "domain a.example > mail_server mx.b.example",
            "domain a.example > metadata dnssec:a.example > misconfiguration dnssec-missing!a.example",
        ),
    ),
    "mail_forgery_and_lookalike": Case(
        (
            "domain a.example > misconfiguration dmarc-missing!a.example",
            "domain a.example > exposure lookalike-takes-mail!a.examp1e",
        ),
        (
            "domain a.example > misconfiguration dmarc-missing!a.example",
            "domain a.example > exposure lookalike-registered!a.examp1e",
        ),
    ),
    "mail_server_leaks_passwords": Case(
        ("misconfiguration smtp-no-starttls!mx:25", "exposure smtp-vrfy!mx:25"),
        ("misconfiguration smtp-no-starttls!mx:25",),
    ),
    "mail_server_with_old_encryption": Case(
        ("misconfiguration tls-old-protocol!mx.a.example:993",), ("misconfiguration tls-old-protocol!mx.a.example:443",)
    ),
    "managed_device_tells_flaws": Case(
        (f"{SNMP} > software cpe:2.3:a:net:net:1 {{asset=192.0.2.1:161}} > vulnerability known-cve-2!192.0.2.1:161",),
        (f"{SNMP} > software cpe:2.3:a:net:net:1 {{asset=192.0.2.1:161}}",),
    ),
    "many_open_ports": Case(_many(f"{PORT}:80#", 20), _many(f"{PORT}:80#", 19)),
    "name_can_be_taken_over": Case(
        ("host old.a.example > vulnerability subdomain-takeover!old.a.example",),
        ("host old.a.example > vulnerability dangling-alias!old.a.example",),
    ),
    "names_left_behind": Case(
        _many("vulnerability dangling-alias!old#.a.example", 3), _many("vulnerability dangling-alias!old#.a.example", 2)
    ),
    "names_served_from_reported_address": Case(
        ("host www.a.example > ip 192.0.2.1 > metadata reputation > exposure address-reported!192.0.2.1",),
        ("ip 192.0.2.1 > metadata reputation > exposure address-reported!192.0.2.1",),
    ),
    "parts_list_shows_flaws": Case(
        (f"file https://www.a.example/bom.json {{kind=sbom}} > software pkg:npm/a@1 > {NO_KEV}",),
        (f"file https://www.a.example/bom.json {{kind=pdf}} > software pkg:npm/a@1 > {NO_KEV}",),
    ),
    "relay_and_forgeable_domain": Case(
        ("misconfiguration smtp-open-relay!mx:25", "misconfiguration spf-missing!a.example"),
        ("misconfiguration spf-missing!a.example",),
    ),
    "remote_administration_reachable": Case((f"{PORT}:3389",), (f"{PORT}:33890",)),
    "router_with_default_community": Case(
        (f"{SNMP} > metadata snmp-system:192.0.2.1:161 {{description=Cisco IOS Software, asset=192.0.2.1:161}}",),
        (f"{SNMP} > metadata snmp-system:192.0.2.1:161 {{description=A printer, asset=192.0.2.1:161}}",),
    ),
    "same_weakness_everywhere": Case(
        _many("misconfiguration csp-missing!https://h#", 5), _many("misconfiguration csp-missing!https://h#", 4)
    ),
    "script_injection_at_login": Case((XSS, LOGIN), (XSS, SEARCH)),
    "script_injection_unhindered": Case(
        (XSS, "misconfiguration csp-missing!https://www.a.example"),
        (XSS, "misconfiguration csp-missing!https://b.example"),
    ),
    "secret_in_published_repository": Case(
        (
            "exposure exposed-git!https://a.example > file https://a.example/.git/config > secret token:1 {asset=https://a.example/.git/config}",
        ),
        ("http_response https://a.example/ > secret token:1 {asset=https://a.example/}",),
    ),
    "secret_on_public_page": Case(
        (
            "http_response https://a.example/ > exposure secret-in-page!https://a.example/ > secret token:1 {asset=https://a.example/}",
        ),
        ("misconfiguration x!a > secret token:1 {asset=a}",),
    ),
    "server_describes_itself": Case(
        (
            "exposure exposed-diagnostics!https://a.example",
            "misconfiguration server-version-disclosed!https://a.example",
        ),
        ("misconfiguration server-version-disclosed!https://a.example",),
    ),
    "session_readable_on_the_way": Case(
        ("misconfiguration cookie-not-secure!https://a.example", "misconfiguration hsts-missing!https://a.example"),
        ("misconfiguration cookie-not-httponly!https://a.example", "misconfiguration hsts-missing!https://a.example"),
    ),
    "session_store_open": Case(
        ("exposure redis-without-password!192.0.2.1:6379", ON_ADDRESS),
        ("exposure redis-without-password!192.0.2.1:6379", ELSEWHERE),
    ),
    "site_served_but_not_published": Case(
        (f"{SITE} > host intra.a.example @vhosts",),
        (f"{SITE} > host intra.a.example @vhosts", "host intra.a.example @records"),
    ),
    "software_far_out_of_date": Case(
        _many("vulnerability known-cve-#!https://a.example", 10),
        _many("vulnerability known-cve-#!https://a.example", 9),
    ),
    "software_without_support": Case((PHP,), (NEW_PHP, "technology PHP 8.4.1")),
    "source_code_published_beside_login": Case(
        ("exposure exposed-git!https://www.a.example", LOGIN), ("exposure exposed-git!https://b.example", LOGIN)
    ),
    "spoofable_mail_domain": Case(
        ("misconfiguration spf-missing!a.example", "misconfiguration dmarc-missing!a.example"),
        ("misconfiguration spf-missing!a.example",),
    ),
    "ssh_offers_weak_cryptography": Case(
        ("misconfiguration ssh-weak-kex!a:22", "misconfiguration ssh-weak-mac!a:22"),
        ("misconfiguration ssh-weak-kex!a:22",),
    ),
    "tls_can_be_downgraded": Case(
        ("misconfiguration tls-old-protocol!a:443", "misconfiguration tls-weak-cipher!a:443"),
        ("misconfiguration tls-old-protocol!a:443",),
    ),
    "unusual_server_software": Case(
        (
            *_many("http_response http://h#/ {headers.server=nginx}", 9),
            "http_response http://odd/ {headers.server=thttpd}",
        ),
        _many("http_response http://h#/ {headers.server=nginx}", 9),
    ),
    "unusual_ssh_version": Case(
        (*_many("banner h#:22 {text=SSH-2.0-OpenSSH_9.9}", 9), "banner odd:22 {text=SSH-2.0-dropbear}"),
        (*_many("banner h#:22 {text=SSH-2.0-OpenSSH_9.9}", 8), "banner odd:22 {text=SSH-2.0-dropbear}"),
    ),
    "useful_for_amplification": Case(
        ("exposure ntp-control!192.0.2.1:123", "exposure memcached-udp!192.0.2.1:11211"),
        ("exposure ntp-control!192.0.2.1:123", "exposure memcached-udp!192.0.2.2:11211"),
    ),
    "weak_host_without_contact": Case(
        (
            "exposure exposed-env!https://a.example {severity=critical}",
            "misconfiguration security-txt-missing!https://a.example",
        ),
        (
            "exposure exposed-env!https://a.example {severity=low}",
            "misconfiguration security-txt-missing!https://a.example",
        ),
    ),
    "weaknesses_pile_up": Case(
        _many("misconfiguration check-#!https://a.example", 5), _many("misconfiguration check-#!https://a.example", 4)
    ),
    "web_without_encryption": Case(
        ("http_response http://a.example/",), ("http_response http://a.example/", "http_response https://a.example/")
    ),
    "windows_machine_exposed": Case((f"{PORT}:3389", f"{PORT}:445"), (f"{PORT}:3389", "port 192.0.2.2:445")),
    "zone_transfer_reveals_internal_names": Case(
        ("domain a.example > host backup.a.example @zone_transfer",),
        ("domain a.example > host www.a.example @zone_transfer",),
    ),
}
