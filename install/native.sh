#!/bin/sh
# Compiles build/Release/{netlink.node,twill}. Uses Node's headers from beside the binary, else the
# system's: nothing is downloaded. N-API 8 makes the addon fit every Node from 20 on.
set -eu
cd "$(dirname "$0")/.."
prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
[ -e "$prefix/include/node/node_api.h" ] || prefix=/usr
node_modules/.bin/node-gyp configure build --silent --jobs max --nodedir="$prefix" >/dev/null
