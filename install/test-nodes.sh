#!/bin/sh
# Runs the unit tests on other Node versions, taken from the npm packages that carry the binary:
# install/test-nodes.sh 22 24
set -eu
cd "$(dirname "$0")/.."
machine=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
for major in "$@"; do
  home="build/node-$major"
  mkdir -p "$home"
  npm install --prefix "$home" --no-save --silent "node-linux-$machine@$major"
  node="$home/node_modules/node-linux-$machine/bin/node"
  echo "unit tests on Node $("$node" --version)"
  "$node" node_modules/ava/entrypoints/cli.mjs
done
