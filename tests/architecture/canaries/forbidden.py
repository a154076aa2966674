"""Code that our own rules must catch; a run that misses one of these has gone blind. Never imported."""

import boto3  # clients-are-made-in-one-place
import httpx  # outbound-calls-go-through-egress
import pickle
from datetime import datetime

log = None


def steal(table, tenant, password, body):
    table.scan(TableName=tenant)  # no-table-scans
    key = f"TENANT#{tenant}#SCANS"  # keys-are-templates
    log.info("logged in", password)  # secrets-are-not-logged
    pickle.loads(body)  # no-unsafe-loading
    return key, datetime.now()  # no-naive-time
