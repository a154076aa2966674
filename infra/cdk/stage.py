"""Stages: what differs between a laptop, a developer's account, staging and production."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from aws_cdk import RemovalPolicy

from infra.cdk.stage_names import resource

CLI_REDIRECT = "http://localhost:18976/callback"
"""Where `palisade login --sso` waits for the person to come back."""


@dataclass(frozen=True)
class Social:
    """A social provider that people may log in by: `Google` is the one there is."""

    client_id: str
    secret_arn: str
    """Where Secrets Manager keeps its client secret."""
    name: str = "Google"


@dataclass(frozen=True)
class Stage:
    """One deployment of the platform."""

    name: str
    is_local: bool = False
    keeps_data: bool = False
    """Whether tables, buckets and keys outlive their stack."""
    log_days: int = 30
    map_concurrency: int = 40
    """Batches of one scan that run at once."""
    mail_sender: str = "palisade@example.com"
    """The verified address that e-mail comes from; set it per stage before a deployment mails people."""
    sso_redirects: tuple[str, ...] = (CLI_REDIRECT,)
    """Where people may be sent back to from their identity provider: the web app's page, once its address is known,
    and the command line's."""
    social: Social | None = None
    """Log-in with a social account, for people who have an account with the same address here; none: there is none."""
    login_prefix: str = ""
    """Begins the name of Cognito's hosted pages, which nobody else in the region may have; empty: the account's."""
    hosted_url: str = ""
    """Where the hosted pages are, when they have no name of their own."""
    edge_proof: str = "edge"
    """The name of the secret that the edge proves itself with: with another name, a deployment makes a new secret."""
    environment: dict[str, str] = field(default_factory=dict)
    """Settings that every function of the stage gets."""

    @property
    def removal_policy(self) -> RemovalPolicy:
        """What happens to data when its stack goes."""
        return RemovalPolicy.RETAIN if self.keeps_data else RemovalPolicy.DESTROY

    def resource(self, name: str) -> str:
        """The physical name of a resource, so that stacks can name each other's without exports."""
        return resource(self.name, name)


def _ports() -> tuple[str, str]:
    """The laptop's front door and its emulator."""
    front, _, aws = os.environ.get("OWN_PORTS", "8080,14566").partition(",")
    return front, aws


def _laptop() -> dict[str, str]:
    """On a laptop the operator's own machine may be scanned, but not the platform itself, and the demo's DNS zone
    has a server of its own. The launcher states the ports when they are not the usual ones."""
    return {
        "POWERTOOLS_TRACE_DISABLED": "true",
        "SCAN_REALMS": "loopback,private",
        "OWN_PORTS": os.environ.get("OWN_PORTS", "8080,14566"),
        "NAMESERVERS": os.environ.get("NAMESERVERS", "demo.palisade.test=127.0.0.1:15353"),
    }


STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "local",
            is_local=True,
            log_days=7,
            map_concurrency=2,
            sso_redirects=(CLI_REDIRECT, f"http://localhost:{_ports()[0]}/sso/callback"),
            hosted_url=f"http://127.0.0.1:{_ports()[1]}",
            environment=_laptop(),
        ),
        Stage("dev"),
        Stage("staging", keeps_data=True, log_days=90),
        Stage("prod", keeps_data=True, log_days=365, map_concurrency=100),
    )
}
