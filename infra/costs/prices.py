"""List prices in US dollars, region us-east-1, as the services' pricing pages on aws.amazon.com state them.

Free tiers and volume discounts are left out, so every figure made of these is an upper bound.
"""

from __future__ import annotations

MILLION = 1_000_000

HTTP_API_REQUEST = 1.00 / MILLION
WEBSOCKET_MESSAGE = 1.00 / MILLION
WEBSOCKET_MINUTE = 0.25 / MILLION
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334  # arm64
DYNAMODB_READ_UNIT = 0.125 / MILLION  # on demand
DYNAMODB_WRITE_UNIT = 0.625 / MILLION
DYNAMODB_GB_MONTH = 0.25
EVENTBRIDGE_EVENT = 1.00 / MILLION
SCHEDULER_INVOCATION = 1.00 / MILLION
STATE_TRANSITION = 25.00 / MILLION  # standard workflows
EXPRESS_REQUEST = 1.00 / MILLION
EXPRESS_GB_SECOND = 0.00001667
S3_GB_MONTH = 0.023
S3_PUT = 5.00 / MILLION  # PUT, COPY, POST and LIST
S3_GET = 0.40 / MILLION
SQS_REQUEST = 0.40 / MILLION
COGNITO_ACTIVE_USER = 0.015  # Essentials, above the first ten thousand
KMS_KEY_MONTH = 1.00
SECRET_MONTH = 0.40
KMS_REQUEST = 3.00 / MILLION
SES_MAIL = 0.10 / 1000

CALLS = {
    "S3.GetObject": S3_GET,
    "S3.PutObject": S3_PUT,
    "S3.ListObjectsV2": S3_PUT,
    "KMS.Decrypt": KMS_REQUEST,
    "KMS.GenerateDataKeyWithoutPlaintext": KMS_REQUEST,
    "SESv2.SendEmail": SES_MAIL,
    "ApiGatewayManagementApi.PostToConnection": WEBSOCKET_MESSAGE,
}
"""What a call costs by itself. DynamoDB's cost units; the calls that are not named here are free."""
