#!/bin/sh
# Writes the lock files from their inputs: hashes, and no addresses of any registry. Run it after editing a *.in file.
set -eu
cd "$(dirname "$0")/.."
UV=.venv/bin/uv
COMPILE="$UV pip compile --quiet --generate-hashes --no-header --no-emit-index-url --no-emit-find-links"

for name in project emulator semgrep; do
  $COMPILE --universal --python-version 3.11 "requirements/$name.in" -o "requirements/$name.txt"
done

# The layers are for Lambda's Python on arm64. What Lambda itself brings with boto3 stays out of them.
LAMBDA="--python-version 3.13 --python-platform aarch64-manylinux_2_34"
BROUGHT="--no-emit-package botocore --no-emit-package boto3 --no-emit-package s3transfer --no-emit-package jmespath --no-emit-package urllib3"
for name in runtime documents policies scim protocols files; do
  $COMPILE $LAMBDA $BROUGHT "layers/$name/requirements.in" -o "layers/$name/requirements.txt"
done
# The workers' own protocols lie beside the runtime, which holds this much of them.
SHARED="--no-emit-package cryptography --no-emit-package cffi --no-emit-package pycparser"
$COMPILE $LAMBDA $BROUGHT $SHARED layers/protocols/requirements.in -o layers/protocols/requirements.txt
