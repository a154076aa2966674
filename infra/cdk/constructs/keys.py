"""What a role may do in the table: named actions on named partitions, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aws_cdk import Stack, aws_dynamodb, aws_kms

INDEXES = ("gsi1", "gsi2")


@dataclass(frozen=True)
class KeyBounds:
    """The table, and the key that it is encrypted with."""

    table: aws_dynamodb.ITableV2
    key: aws_kms.IKey

    def allow(self, grant: Callable[..., None], keys: Sequence[str], actions: Sequence[str]) -> None:
        """Grant actions on the items whose leading keys match. `Null: false` matters: without it a request that names
        no key, such as a Scan, would pass."""
        arn, stack = self.table.table_arn, Stack.of(self.table)
        grant(
            actions,
            [arn, *(f"{arn}/index/{index}" for index in INDEXES)],
            {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(keys)},
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
        )
        through_table = {"StringEquals": {"kms:ViaService": f"dynamodb.{stack.region}.{stack.url_suffix}"}}
        grant(["kms:Decrypt", "kms:GenerateDataKey"], [self.key.key_arn], through_table)
