"""What is looked for in an AWS account: each weakness with its remedy and the controls that ask for it."""

from __future__ import annotations

from contracts.findings import Severity
from contracts.observations import ObservationType
from functions.collection.weakness import Check

CIS = "CIS AWS Foundations 3.0.0 {}"
NIST = "NIST SP 800-53 r5 {}"
DOCS = "https://docs.aws.amazon.com/{}"


def _check(id_: str, severity: Severity, title: str, description: str, remedy: str, cis: str, nist: str) -> Check:
    controls = tuple(
        form.format(number) for form, numbers in ((CIS, cis), (NIST, nist)) for number in numbers.split() if number
    )
    reference = "https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html"
    kind = ObservationType.MISCONFIGURATION
    return Check(f"aws-{id_}", kind, severity, title, description, remedy, (reference,), controls)


LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL
_ALL = (
    _check("root-mfa-off", CRITICAL, "The root user has no second factor",
           "Whoever has the root user's password owns the account.",
           "Give the root user a hardware or virtual MFA device.", "1.5", "IA-2(1)"),
    _check("root-access-key", CRITICAL, "The root user has an access key",
           "A key of the root user may do everything and cannot be limited.", "Delete the key.", "1.4", "AC-6(10)"),
    _check("password-policy-weak", MEDIUM, "The password policy is weak",
           "Passwords of the account's users may be short or used again.",
           "Ask for 14 characters and remember the last 24.", "1.8 1.9", "IA-5(1)"),
    _check("user-without-mfa", HIGH, "A user logs in without a second factor",
           "A user with a password for the console has no MFA device.",
           "Ask for one, or move people to IAM Identity Center.", "1.10", "IA-2(1)"),
    _check("access-key-old", MEDIUM, "An access key was not changed for 90 days",
           "The longer a key lives, the more places it has been copied to.",
           "Change it, or use roles instead.", "1.14", "AC-2(1)"),
    _check("access-key-unused", LOW, "An access key is not used",
           "A key that nobody misses is a key whose loss nobody notices.", "Delete it.", "1.12", "AC-2(3)"),
    _check("user-is-administrator", MEDIUM, "A user has administrator rights of its own",
           "Rights that hang on a user are overlooked when rights are reviewed.",
           "Give rights to groups or roles.", "1.15", "AC-6"),
    _check("policy-allows-everything", HIGH, "A policy allows everything",
           "A policy of the account allows every action on every resource.",
           "Name the actions and resources that are needed.", "1.16", "AC-6"),
    _check("role-trusts-everybody", CRITICAL, "A role can be taken by anybody",
           "The role's trust policy names any principal and no condition.",
           "Name the accounts or services that may take it.", "", "AC-3"),
    _check("s3-account-block-off", MEDIUM, "Public access to buckets is not blocked for the account",
           "A single mistake in a bucket's settings can make it public.",
           "Switch all four settings of S3 Block Public Access on for the account.", "2.1.4", "AC-3"),
    _check("s3-public-acl", HIGH, "A bucket is open to everybody by its access list",
           "The bucket's access list grants rights to everybody or to every AWS user.",
           "Remove the grant and switch access lists off.", "2.1.4", "AC-3"),
    _check("s3-public-policy", HIGH, "A bucket is open to everybody by its policy",
           "A statement of the bucket's policy allows any principal and has no condition.",
           "Name the principals that need it.", "2.1.4", "AC-3"),
    _check("s3-unencrypted", MEDIUM, "A bucket has no default encryption",
           "Objects may be stored in clear.", "Set a default encryption.", "", "SC-28"),
    _check("s3-plain-http", LOW, "A bucket answers without TLS",
           "The bucket's policy does not refuse requests over HTTP.",
           "Deny where aws:SecureTransport is false.", "2.1.1", "SC-8"),
    _check("s3-unversioned", LOW, "A bucket keeps no versions",
           "What is overwritten or removed by mistake is lost.", "Switch versioning on.", "", "CP-9"),
    _check("sg-admin-open", HIGH, "Remote administration is open to the internet",
           "A security group lets every address reach SSH or Remote Desktop.",
           "Limit it to your addresses, or use Session Manager.", "5.2 5.3", "AC-4 SC-7"),
    _check("sg-database-open", HIGH, "A database port is open to the internet",
           "A security group lets every address reach a port on which databases listen.",
           "Limit it to the security groups that need it.", "", "AC-4 SC-7"),
    _check("sg-all-open", HIGH, "All ports are open to the internet",
           "A security group lets every address reach every port.", "Open what is needed.", "", "AC-4 SC-7"),
    _check("sg-default-used", LOW, "The default security group lets traffic through",
           "What is started without a security group gets this one.", "Remove its rules.", "5.4", "AC-4"),
    _check("vpc-flow-logs-off", LOW, "A network keeps no flow logs",
           "After an incident nobody can say who talked to whom.", "Switch flow logs on.", "3.7", "AU-12"),
    _check("ec2-metadata-v1", MEDIUM, "An instance answers the old metadata protocol",
           "A forged request of an application on it can read the instance's credentials.",
           "Require IMDSv2 (HttpTokens=required).", "5.6", "AC-6"),
    _check("ebs-default-off", LOW, "New volumes are not encrypted by default",
           "Volumes may be made without encryption.", "Switch encryption by default on.", "2.2.1", "SC-28"),
    _check("ebs-unencrypted", MEDIUM, "A volume is not encrypted",
           "Who gets hold of a snapshot can read it.", "Copy it to an encrypted volume.", "2.2.1", "SC-28"),
    _check("ebs-snapshot-public", CRITICAL, "A snapshot is public",
           "Every AWS account can make a volume of it and read it.", "Make it private.", "", "AC-3"),
    _check("ami-public", HIGH, "A machine image is public",
           "Every AWS account can start it and read what is on it.", "Make it private.", "", "AC-3"),
    _check("rds-public", HIGH, "A database has a public address",
           "The database can be reached from the internet if its security group lets it.",
           "Set PubliclyAccessible to false.", "2.3.3", "SC-7"),
    _check("rds-unencrypted", MEDIUM, "A database is not encrypted",
           "Its storage and snapshots lie in clear.", "Restore an encrypted copy of a snapshot.", "2.3.1", "SC-28"),
    _check("rds-no-backups", MEDIUM, "A database keeps no backups",
           "Automatic backups are off.", "Keep them for at least seven days.", "", "CP-9"),
    _check("trail-missing", HIGH, "No trail records all regions",
           "What is done in the account is not recorded in full.",
           "Make a CloudTrail trail for all regions and start it.", "3.1", "AU-2 AU-12"),
    _check("trail-not-validated", LOW, "A trail's files can be changed unnoticed",
           "Log file validation is off.", "Switch it on.", "3.2", "AU-9"),
    _check("trail-not-encrypted", LOW, "A trail is not encrypted with a key of its own",
           "Whoever may read the bucket may read the trail.", "Give it a KMS key.", "3.5", "AU-9"),
    _check("kms-no-rotation", LOW, "A key is not changed every year",
           "Rotation of a symmetric key of yours is off.", "Switch it on.", "3.6", "SC-12"),
    _check("guardduty-off", MEDIUM, "Nobody watches the account for attacks",
           "GuardDuty is off in a region that is in use.", "Switch it on in every region.", "", "SI-4"),
    _check("config-off", LOW, "Changes of settings are not recorded",
           "AWS Config records nothing in a region that is in use.", "Switch it on.", "3.3", "CM-8"),
    _check("lambda-public", CRITICAL, "A function can be called by anybody",
           "A statement of the function's policy allows any principal and has no condition.",
           "Name who may call it.", "", "AC-3"),
)  # fmt: skip
CHECKS = {check.id: check for check in _ALL}
