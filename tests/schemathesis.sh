#!/usr/bin/env bash
# Brings schemathesis, in the versions of tests/schemathesis.txt, to a Python environment of its own in target/schemathesis.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=tests/schemathesis.txt
folder=${CARGO_TARGET_DIR:-target}/schemathesis

# The list is copied last: an installation that was cut off is begun again.
cmp -s "$wanted" "$folder/installed.txt" && [ -x "$folder/bin/schemathesis" ] && exit
/usr/bin/python3 -m venv --clear "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: -r "$wanted"
"$folder/bin/schemathesis" --version >/dev/null
cp "$wanted" "$folder/installed.txt"
