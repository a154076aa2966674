"""E-mail."""

from __future__ import annotations

from typing import Protocol

from kernel import aws


class Mailer(Protocol):
    """Sends plain e-mail."""

    def send(self, to: str, subject: str, body: str) -> None:
        """Send one message."""


class Ses:
    """Mailer on Amazon SES."""

    def send(self, to: str, subject: str, body: str) -> None:
        """Send one message from the stage's sender."""
        aws.client("sesv2").send_email(
            FromEmailAddress=aws.setting("MAIL_SENDER"),
            Destination={"ToAddresses": [to]},
            Content={
                "Simple": {
                    "Subject": {"Data": subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": body, "Charset": "UTF-8"}},
                }
            },
        )
