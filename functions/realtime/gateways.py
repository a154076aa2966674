"""The connections themselves, behind API Gateway."""

from __future__ import annotations

from typing import Protocol

from kernel import aws


class Connections(Protocol):
    """Open WebSockets."""

    def push(self, connection_id: str, frame: bytes) -> bool:
        """Send a frame; False when the connection is gone."""


class ApiGateway:
    """Connections of the stage's WebSocket API."""

    def push(self, connection_id: str, frame: bytes) -> bool:
        """Send a text frame; API Gateway takes at most 128 KB."""
        client = aws.client("apigatewaymanagementapi", endpoint_url=aws.setting("SOCKET_ENDPOINT"))
        try:
            client.post_to_connection(ConnectionId=connection_id, Data=frame)
        except client.exceptions.GoneException:
            return False
        return True
