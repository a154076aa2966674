"""What the platform costs: request units by DynamoDB's rules, list prices, and dollars per request, scan and tenant.

`python -m infra.costs` prints it. What is measured lies in measured.json; what is assumed is a named constant.
"""
