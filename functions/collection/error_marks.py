"""The marks that a failing program leaves in a page: what it is written in, where it lies, what it asked its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

MARKS: Final = (
    (
        "PHP",
        r"\b(?:Fatal error|Parse error|Warning|Notice)(?:</b>)?:\s.{1,300}? in (?:<b>)?/\S{1,300}\.php(?:</b>)?"
        r" on line ",
    ),
    ("PHP", r"\bUncaught (?:\w+\\)*\w*(?:Error|Exception): .{1,200}? in /\S{1,300}\.php:\d+"),
    ("Python", r"\bTraceback \(most recent call last\):\s+File "),
    ("Django", r"You're seeing this error because you have <code>DEBUG = True</code>"),
    (
        "Java",
        r"\b(?:java|javax|org|com)(?:\.\w+){1,8}(?:Exception|Error)\b[^\n]{0,300}\s{1,60}at [\w.$]+\([\w.]+:\d+\)",
    ),
    ("ASP.NET", r"<h1>Server Error in '[^']{0,80}' Application\."),
    ("ASP.NET", r"\bSystem(?:\.\w+){1,6}Exception: [^\n]{1,300}\s{1,60}at [\w.]+\("),
    ("Ruby", r"\b(?:ActionController|ActiveRecord)::\w+(?:Error)?\b[^\n]{0,200}\s{1,60}\S{1,300}\.rb:\d+:in "),
    ("Node.js", r"\b\w*Error: [^\n]{1,200}\s{1,60}at (?:[\w.<>]+ )?\(?(?:/|file:///)\S{1,300}\.[cm]?js:\d+:\d+\)?"),
    ("MySQL", r"You have an error in your SQL syntax; check the manual"),
    (
        "PostgreSQL",
        r"\b(?:pg_query\(\)|PG::\w+|ERROR):\s{1,9}"
        r"(?:syntax error at or near|relation \"[^\"]{1,80}\" does not exist)",
    ),
    ("SQL", r"\bSQLSTATE\[\w{5}\]"),
    ("Oracle", r"\bORA-\d{5}: "),
    ("SQL Server", r"\bUnclosed quotation mark after the character string\b|\bMicrosoft OLE DB Provider for "),
    ("SQLite", r"\bSQLite3?::(?:SQL)?Exception\b|\bsqlite3\.OperationalError: "),
)
"""What wrote the error, and how it reads. Every repetition is bounded."""
MAX_EXCERPT: Final = 160
_PATTERNS: Final = tuple((name, re.compile(pattern, re.DOTALL)) for name, pattern in MARKS)


def errors_in(text: str) -> Iterator[tuple[str, str]]:
    """What wrote errors into a text, each once, with the words by which it shows."""
    seen: set[str] = set()
    for name, pattern in _PATTERNS:
        match = pattern.search(text) if name not in seen else None
        if match:
            seen.add(name)
            yield name, " ".join(match[0].split())[:MAX_EXCERPT]
