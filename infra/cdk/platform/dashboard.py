"""One page that shows how the platform is, and the alarms of what all contexts share."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Stack, aws_apigatewayv2, aws_cloudwatch, aws_dynamodb
from constructs import Construct

from infra.cdk.stage import Stage

PERIOD = Duration.minutes(5)
OWN_NAMESPACE = "Palisade"
MACHINES = ("scan", "report", "delivery")


class Dashboard(Construct):
    """Requests, latency, errors, the table, the machines, and the platform's own metrics."""

    def __init__(
        self, scope: Construct, stage: Stage, api: aws_apigatewayv2.HttpApi, table: aws_dynamodb.TableV2
    ) -> None:
        super().__init__(scope, "Dashboard")
        requests, latency, failures = self._api_metrics(api)
        throttles = table.metric("WriteThrottleEvents", period=PERIOD, statistic="Sum")
        page = aws_cloudwatch.Dashboard(self, "Page", dashboard_name=stage.resource("overview"))
        page.add_widgets(
            self._graph("Requests", [requests]),
            self._graph("Latency, p95", [latency]),
            self._graph("Answers of 5xx", [failures]),
        )
        page.add_widgets(
            self._graph(
                "Table: capacity read and written",
                [
                    table.metric_consumed_read_capacity_units(period=PERIOD),
                    table.metric_consumed_write_capacity_units(period=PERIOD),
                ],
            ),
            self._graph("Executions that failed", [self._failed(stage, name) for name in MACHINES]),
            self._graph("Events", [self._own("EventsTaken"), self._own("EventsFailed"), self._own("EventsPublished")]),
        )
        self._alarm("ApiFailures", failures, 5, "The API answers with 5xx.")
        self._alarm("TableThrottles", throttles, 1, "The table refuses writes.")

    def _api_metrics(self, api: aws_apigatewayv2.HttpApi) -> tuple[aws_cloudwatch.Metric, ...]:
        return (
            api.metric_count(period=PERIOD),
            api.metric_latency(period=PERIOD, statistic="p95"),
            api.metric_server_error(period=PERIOD, statistic="Sum"),
        )

    def _failed(self, stage: Stage, machine: str) -> aws_cloudwatch.Metric:
        arn = Stack.of(self).format_arn(
            service="states",
            resource="stateMachine",
            resource_name=stage.resource(machine),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return aws_cloudwatch.Metric(
            namespace="AWS/States",
            metric_name="ExecutionsFailed",
            dimensions_map={"StateMachineArn": arn},
            statistic="Sum",
            period=PERIOD,
            label=machine,
        )

    @staticmethod
    def _own(name: str) -> aws_cloudwatch.MathExpression:
        """One of the platform's own metrics, summed over the contexts that emit it."""
        search = f"SEARCH('{{{OWN_NAMESPACE},service}} MetricName=\"{name}\"', 'Sum', {PERIOD.to_seconds():.0f})"
        return aws_cloudwatch.MathExpression(expression=f"SUM({search})", label=name, period=PERIOD)

    def _graph(self, title: str, metrics: list[aws_cloudwatch.IMetric]) -> aws_cloudwatch.GraphWidget:
        return aws_cloudwatch.GraphWidget(title=title, left=metrics, width=8)

    def _alarm(self, name: str, metric: aws_cloudwatch.IMetric, threshold: float, description: str) -> None:
        aws_cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
