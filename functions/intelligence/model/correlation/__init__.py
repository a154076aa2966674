"""Correlation: rules that read a scan's facts together and say what they mean.

`rule` is the format, `spiderfoot` the names that rules written for SpiderFoot use, `kinds` and `patterns` what a
condition matches, `view` the columns that rules read, `compiled` a rule made ready, `paths` and `analysis` its steps,
`detect` what a hit becomes, `engine` all rules together.
"""
