"""Best practices as rules: cdk-nag over every stack, and why the few exceptions are meant."""

from __future__ import annotations

import aws_cdk
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from constructs import IConstruct

RUNTIME = "Python 3.13 is chosen: SnapStart and every wheel of the layers are there for it."
ACCEPTED = {
    "AwsSolutions-L1": RUNTIME,
    "Serverless-LambdaLatestVersion": RUNTIME,
    "Serverless-LambdaDLQ": "No door is invoked asynchronously: queues, streams and machines have their own.",
    "Serverless-LambdaEventSourceMappingDestination": "A queue's failures go to its dead-letter queue.",
    "Serverless-SQSRedrivePolicy": "The queue is itself a dead-letter queue.",
    "AwsSolutions-CFR1": "Customers sit in every country.",
    "AwsSolutions-CFR4": "The default certificate of CloudFront is used until a stage has a domain of its own.",
}
"""Rules that do not apply to this product as a whole, with the reason."""


def accept(construct: IConstruct, reason: str, *rules: str) -> None:
    """Accept findings of one construct, and of nothing else."""
    for rule in rules:
        aws_cdk.Validations.of(construct).acknowledge(aws_cdk.Acknowledgment(id=rule, reason=reason))


def check(app: aws_cdk.App) -> None:
    """Run the rules at synthesis; a violation fails it."""
    validations = aws_cdk.Validations.of(app)
    validations.add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    for rule, reason in ACCEPTED.items():
        accept(app, reason, rule)
