#!/usr/bin/env bash
# Brings axe-core (MPL-2.0; for tests only, never part of the product) to target/axe.min.js. It comes in a small wheel from
# PyPI, because pip is one package of Debian where npm is hundreds; version and content are pinned.
set -euo pipefail
cd "$(dirname "$0")/.."

wheel=axe-playwright-python==0.1.8
wheel_sum=fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8
# axe-core 4.12.1.
axe_sum=84494fec757e4710dc751c8d7a636e457f4532f08f85c86dc9070133fbff53bc
file=${CARGO_TARGET_DIR:-target}/axe.min.js

is_there() {
    [ -r "$file" ] && echo "$axe_sum  $file" | sha256sum --check --status
}

is_there && exit
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "$wheel --hash=sha256:$wheel_sum" >"$folder/wanted"
/usr/bin/pip3 download -q --disable-pip-version-check --no-deps --require-hashes -d "$folder" -r "$folder/wanted"
mkdir -p "$(dirname "$file")"
/usr/bin/python3 -m zipfile -e "$folder"/*.whl "$folder/wheel"
cp "$folder/wheel/axe_playwright_python/axe.min.js" "$file"
is_there || {
    echo "tests/axe.sh: $file is not the version it should be" >&2
    exit 1
}
