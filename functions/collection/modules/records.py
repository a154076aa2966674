"""What a zone says about itself."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dns_facts import records_of
from functions.collection.module import Context, Found, Module
from functions.collection.session import Answer
from functions.collection.weakness import misconfiguration

RECORD_TYPES = ("MX", "NS", "TXT", "SOA", "CAA")
CAA_MISSING = misconfiguration(
    "caa-missing",
    Severity.INFO,
    "Any authority may issue certificates for the domain",
    "The domain has no CAA record, so that every public certificate authority may issue certificates for it.",
    "Publish CAA records that name the certificate authorities in use.",
    "https://www.rfc-editor.org/rfc/rfc8659",
)


class Records(Module[dict[str, Answer]]):
    """Asks for a domain's mail, name server, text, authority and certificate records."""

    face = ModuleFace(
        name="records",
        version="1.0.0",
        summary="Reads a domain's MX, NS, TXT, SOA and CAA records",
        consumes=(ObservationType.DOMAIN,),
        produces=(
            ObservationType.DNS_RECORD,
            ObservationType.MAIL_SERVER,
            ObservationType.HOST,
            ObservationType.MISCONFIGURATION,
        ),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="dns",
        data_source="DNS",
        oracle="dig",
    )

    async def get(self, observation: Observation, context: Context) -> dict[str, Answer]:
        """One answer per record type."""
        return {kind: await context.session.query(observation.value, kind) for kind in RECORD_TYPES}

    def transform(self, observation: Observation, raw: dict[str, Answer]) -> Iterable[Found]:
        """The records, and the hosts that they name."""
        for kind, answer in raw.items():
            yield from records_of(answer, kind)
        for entry in raw["MX"].records("MX"):
            preference, _, exchange = entry.partition(" ")
            if exchange != ".":
                yield Found(ObservationType.MAIL_SERVER, exchange, {"preference": int(preference)})
        for name in raw["NS"].records("NS"):
            yield Found(ObservationType.HOST, name, {"role": "name server"})
        if raw["SOA"].records("SOA") and not raw["CAA"].records("CAA"):
            yield CAA_MISSING.at(observation.value, {"question": f"{observation.value} CAA"})
