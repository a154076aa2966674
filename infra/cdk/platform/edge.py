"""The edge: CloudFront and WAF before the web app, the API and the WebSocket API. Not on a laptop, where a front door
plays CloudFront."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from aws_cdk import (
    CfnElement,
    CfnOutput,
    Duration,
    Environment,
    Fn,
    SecretValue,
    Stack,
    aws_cloudfront,
    aws_cloudfront_origins,
    aws_s3,
    aws_s3_deployment,
    aws_wafv2,
)
from constructs import Construct

from infra.cdk import nag
from infra.cdk.contexts.realtime import STAGE, Realtime
from infra.cdk.packaging import web_app
from infra.cdk.platform.data import EDGE_REGION, private_bucket
from infra.cdk.platform.stack import Platform
from infra.cdk.stage import Stage
from kernel.viewer import PROOF

REQUESTS_PER_FIVE_MINUTES = 3000
"""Of one address; WAF's own count, over a sliding window."""
MANAGED_RULES = (
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesAmazonIpReputationList",
)
BODY_SIZE_RULE = "SizeRestrictions_BODY"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


class Edge(Stack):
    """One address for everything. WAF for CloudFront lives in us-east-1, and so does this stack."""

    def __init__(self, scope: Construct, platform: Platform, realtime: Realtime) -> None:
        stage = platform.stage
        super().__init__(
            scope,
            "Edge",
            stack_name=stage.resource("edge"),
            env=Environment(account=platform.account, region=EDGE_REGION),
            cross_region_references=True,
        )
        self.firewall = self._firewall(stage.resource("edge"))
        access_logs = private_bucket(self, "AccessLogs", stage)
        web = private_bucket(self, "Web", stage, access_logs)
        proof = {PROOF: SecretValue.secrets_manager(stage.resource(stage.edge_proof)).unsafe_unwrap()}
        domain = Fn.select(2, Fn.split("/", platform.http_api.api_endpoint))
        api = aws_cloudfront_origins.HttpOrigin(domain, custom_headers=proof)
        socket = aws_cloudfront_origins.HttpOrigin(realtime.domain, origin_path=f"/{STAGE}", custom_headers=proof)
        self._viewer = self._tell_viewer()
        logs = self._log_bucket(stage, access_logs)
        self.distribution = aws_cloudfront.Distribution(
            self,
            "Distribution",
            comment=stage.resource("edge"),
            default_root_object="index.html",
            default_behavior=self._behaviour(
                aws_cloudfront_origins.S3BucketOrigin.with_origin_access_control(web),
                aws_cloudfront.CachePolicy.CACHING_OPTIMIZED,
                None,
                aws_cloudfront.AllowedMethods.ALLOW_GET_HEAD,
            ),
            additional_behaviors={
                "/api/*": self._pass_through(api),
                "/scim/*": self._pass_through(api),
                "/ws": self._pass_through(socket),
            },
            minimum_protocol_version=aws_cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            http_version=aws_cloudfront.HttpVersion.HTTP2_AND_3,
            log_bucket=logs,
            web_acl_id=self.firewall.attr_arn,
        )
        self._publish(web)
        CfnOutput(self, "Url", value=f"https://{self.distribution.distribution_domain_name}")

    def _tell_viewer(self) -> aws_cloudfront.Function:
        return aws_cloudfront.Function(
            self,
            "Viewer",
            code=aws_cloudfront.FunctionCode.from_file(file_path=str(Path(__file__).with_name("viewer.js"))),
            runtime=aws_cloudfront.FunctionRuntime.JS_2_0,
            comment="Tells the API who asks.",
        )

    def _log_bucket(self, stage: Stage, access_logs: aws_s3.Bucket) -> aws_s3.Bucket:
        return aws_s3.Bucket(
            self,
            "Logs",
            encryption=aws_s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=aws_s3.ObjectOwnership.OBJECT_WRITER,  # CloudFront's log delivery needs it
            server_access_logs_bucket=access_logs,
            lifecycle_rules=[aws_s3.LifecycleRule(expiration=Duration.days(stage.log_days))],
            removal_policy=stage.removal_policy,
        )

    def _publish(self, web: aws_s3.Bucket) -> None:
        """Copy the web app to its bucket, with the CDK's own helper function."""
        aws_s3_deployment.BucketDeployment(
            self,
            "WebApp",
            sources=[aws_s3_deployment.Source.asset(str(web_app()))],
            destination_bucket=web,
            distribution=self.distribution,
        )
        helper = next(child for child in self.node.children if child.node.id.startswith("Custom::CDKBucketDeployment"))
        bucket = self.get_logical_id(cast(CfnElement, web.node.default_child))
        assets = f"cdk-hnb659fds-assets-{self.account}-{self.region}"
        nag.accept(
            helper,
            "The helper is the CDK's; it runs while deploying and never after.",
            "Serverless-LambdaTracing",
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
            *(f"AwsSolutions-IAM5[Action::s3:{verb}*]" for verb in ("GetBucket", "GetObject", "List", "Abort")),
            "AwsSolutions-IAM5[Action::s3:DeleteObject*]",
            f"AwsSolutions-IAM5[Resource::arn:aws:s3:::{assets}/*]",
            f"AwsSolutions-IAM5[Resource::<{bucket}.Arn>/*]",
            "AwsSolutions-IAM5[Resource::*]",
        )

    def _pass_through(self, origin: aws_cloudfront.IOrigin) -> aws_cloudfront.BehaviorOptions:
        return self._behaviour(
            origin,
            aws_cloudfront.CachePolicy.CACHING_DISABLED,
            aws_cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            aws_cloudfront.AllowedMethods.ALLOW_ALL,
            [
                aws_cloudfront.FunctionAssociation(
                    function=self._viewer, event_type=aws_cloudfront.FunctionEventType.VIEWER_REQUEST
                )
            ],
        )

    def _behaviour(
        self,
        origin: aws_cloudfront.IOrigin,
        cache: aws_cloudfront.ICachePolicy,
        request: aws_cloudfront.IOriginRequestPolicy | None,
        methods: aws_cloudfront.AllowedMethods,
        functions: list[aws_cloudfront.FunctionAssociation] | None = None,
    ) -> aws_cloudfront.BehaviorOptions:
        return aws_cloudfront.BehaviorOptions(
            origin=origin,
            cache_policy=cache,
            origin_request_policy=request,
            allowed_methods=methods,
            viewer_protocol_policy=aws_cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            response_headers_policy=self._headers(),
            function_associations=functions,
        )

    def _headers(self) -> aws_cloudfront.ResponseHeadersPolicy:
        known = self.node.try_find_child("Headers")
        if isinstance(known, aws_cloudfront.ResponseHeadersPolicy):
            return known
        return aws_cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            security_headers_behavior=aws_cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=aws_cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=CONTENT_SECURITY_POLICY, override=True
                ),
                content_type_options=aws_cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=aws_cloudfront.ResponseHeadersFrameOptions(
                    frame_option=aws_cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=aws_cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=aws_cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=aws_cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(365), include_subdomains=True, override=True
                ),
            ),
        )

    def _firewall(self, name: str) -> aws_wafv2.CfnWebACL:
        managed = [self._managed(rule, priority) for priority, rule in enumerate(MANAGED_RULES, 1)]
        return aws_wafv2.CfnWebACL(
            self,
            "Firewall",
            name=name,
            scope="CLOUDFRONT",
            default_action=aws_wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible("Firewall"),
            rules=[
                aws_wafv2.CfnWebACL.RuleProperty(
                    name="RatePerAddress",
                    priority=0,
                    action=aws_wafv2.CfnWebACL.RuleActionProperty(block={}),
                    statement=aws_wafv2.CfnWebACL.StatementProperty(
                        rate_based_statement=aws_wafv2.CfnWebACL.RateBasedStatementProperty(
                            limit=REQUESTS_PER_FIVE_MINUTES, aggregate_key_type="IP"
                        )
                    ),
                    visibility_config=_visible("RatePerAddress"),
                ),
                *managed,
            ],
        )

    @staticmethod
    def _managed(name: str, priority: int) -> aws_wafv2.CfnWebACL.RuleProperty:
        """A managed rule group. The common one refuses bodies over 8 KB, which our own limit of 1 MB replaces."""
        relaxed = [
            aws_wafv2.CfnWebACL.RuleActionOverrideProperty(
                name=BODY_SIZE_RULE, action_to_use=aws_wafv2.CfnWebACL.RuleActionProperty(count={})
            )
        ]
        return aws_wafv2.CfnWebACL.RuleProperty(
            name=name,
            priority=priority,
            override_action=aws_wafv2.CfnWebACL.OverrideActionProperty(none={}),
            statement=aws_wafv2.CfnWebACL.StatementProperty(
                managed_rule_group_statement=aws_wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                    vendor_name="AWS",
                    name=name,
                    rule_action_overrides=relaxed if name == "AWSManagedRulesCommonRuleSet" else None,
                )
            ),
            visibility_config=_visible(name),
        )


def _visible(name: str) -> aws_wafv2.CfnWebACL.VisibilityConfigProperty:
    return aws_wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
