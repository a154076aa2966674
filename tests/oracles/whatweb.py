"""WhatWeb beside the module that recognises technologies, on a page that bears the marks of several."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path

from functions.collection.modules.http_probe import HttpProbe
from functions.collection.modules.technology import TechnologyFingerprint, technologies
from tests.collection.servers import program
from tests.collection.sites import files, site
from tests.collection.world import MemoryBlobs, observed, run
from tests.oracles.comparison import Comparison

SITES: tuple[tuple[str, dict[str, str]], ...] = (
    (
        '<html><head><title>x</title><meta name="generator" content="WordPress 6.4.2">'
        '<script src="/js/jquery-3.6.0.min.js"></script></head><body></body></html>',
        {"Server": "Apache/2.4.57 (Debian)", "X-Powered-By": "PHP/8.2.7", "Set-Cookie": "PHPSESSID=1"},
    ),
    (
        '<html><head><meta name="generator" content="Joomla! - Open Source Content Management"></head>'
        '<body><script src="/media/bootstrap-5.3.0.min.js"></script></body></html>',
        {"Server": "LiteSpeed", "X-Powered-By": "PHP/8.1.2"},
    ),
    (
        '<html><head><script src="https://www.google-analytics.com/ga.js"></script>'
        "<script>_gaq.push(['_setAccount', 'UA-12345678-1']);</script></head>"
        '<body><input type="hidden" name="__VIEWSTATE" value="x"></body></html>',
        {"Server": "Microsoft-IIS/10.0", "X-Powered-By": "ASP.NET", "X-AspNet-Version": "4.0.30319"},
    ),
    (
        "<html><head><title>phpMyAdmin</title></head><body></body></html>",
        {"Server": "lighttpd/1.4.69", "Set-Cookie": "phpMyAdmin=1"},
    ),
    (
        '<html><head><meta name="generator" content="MediaWiki 1.39.1"></head><body></body></html>',
        {"Server": "nginx"},
    ),
    (
        '<html><head><meta name="generator" content="Drupal 10 (https://www.drupal.org)"></head><body></body></html>',
        {"Server": "nginx/1.24.0", "X-Generator": "Drupal 10 (https://www.drupal.org)", "X-Drupal-Cache": "HIT"},
    ),
)


def compare(folder: Path) -> Comparison:
    """`site: technology`, of those that both know at all, as far as they show themselves: WhatWeb does not conclude
    from Drupal that there is PHP, which we do and say so."""
    whatweb = program("whatweb", "whatweb")
    ours, theirs = asyncio.run(_both(whatweb))
    known = {name.lower() for name in technologies()}
    judged = {fact for fact in theirs if fact.partition(": ")[2] in known}
    return Comparison.of("whatweb", "technologies of six sites", ours, judged)


async def _both(whatweb: str) -> tuple[set[str], set[str]]:
    ours: set[str] = set()
    theirs: set[str] = set()
    for number, (page, headers) in enumerate(SITES):
        async with site(files({"/": ("text/html", page)}, headers)) as root:
            blobs = MemoryBlobs()
            probed = await run(HttpProbe(), observed("url", root), blobs=blobs)
            answers = [each for each in probed.observations if each.type == "http_response"]
            result = await run(TechnologyFingerprint(), *answers, blobs=blobs)
            said = await asyncio.to_thread(_ask, whatweb, root)
        shown = (each for each in result.observations if "implied_by" not in each.attributes)
        found = [each.value for each in shown if each.type == "technology"]
        ours |= {f"{number}: {_name(value)}" for value in found}
        theirs |= {f"{number}: {_alias(name)}" for name in said}
    return ours, theirs


def _name(value: str) -> str:
    """The technology's name without its version."""
    words = value.lower().split(" ")
    return " ".join(words[:-1]) if len(words) > 1 and words[-1][0].isdigit() else " ".join(words)


def _alias(name: str) -> str:
    aliases = {"microsoft-iis": "iis", "asp_net": "asp.net", "google-analytics": "google analytics"}
    return aliases.get(name.lower(), name.lower())


def _ask(whatweb: str, root: str) -> set[str]:
    command = [whatweb, "--quiet", "--log-json=-", "--no-errors", root]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    plugins = [entry["plugins"] for entry in json.loads(output)]
    # Of a generator that it has no plugin for, WhatWeb gives the words alone: `MediaWiki 1.39.1`.
    words = {word for each in plugins for word in each.get("MetaGenerator", {}).get("string", [])}
    return {name for each in plugins for name in each} | {re.split(r"[ !]", word)[0] for word in words}
