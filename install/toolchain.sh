#!/bin/sh
# Installs what building, running or testing Twill needs on Debian 12, and nothing that is already
# there. Run as root from the repository: install/toolchain.sh build|demo|test [more sets].
#
#   build  compiler, JSON headers for the CNI binary, Node 20.19 or newer with headers
#   demo   etcd, iproute2, iptables, FRR: three hosts and two switches on one machine
#   test   containerd, runc, Go with libcni, the reference CNI plugins; the BGP routers that ours talks to
#
# Services that come with them are neither started nor enabled: tests run their own.
# A Node that is too old (Debian's own is 18) is joined by one from npm in build/node.
set -eu
cd "$(dirname "$0")/.."

packages_build='g++ make python3 nlohmann-json3-dev musl-dev'
packages_demo='etcd-server etcd-client iproute2 iptables ipset busybox-static procps util-linux frr'
packages_test='containerd runc containernetworking-plugins golang-go golang-github-appc-cni-dev
  strace openssl bird2 gobgpd exabgp openbgpd'

wanted=''
for set in "$@"; do
  case "$set" in
    build) wanted="$wanted $packages_build" ;;
    demo) wanted="$wanted $packages_demo" ;;
    test) wanted="$wanted $packages_test" ;;
    *) echo "toolchain: unknown set '$set': expected build, demo or test" >&2; exit 2 ;;
  esac
done

node_is_new_enough() {
  command -v "$1" >/dev/null 2>&1 &&
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
             process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

bootstrap_node=no
if ! node_is_new_enough node && ! node_is_new_enough build/node/bin/node; then
  bootstrap_node=yes
  wanted="$wanted nodejs npm"
fi

# Node's headers: beside the binary, or where npm was told; else Debian's. N-API 8 is the same in all.
prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node || echo /usr/bin/node)")")")
if [ ! -e "$prefix/include/node/node_api.h" ] && [ ! -e /usr/include/node/node_api.h ]; then
  wanted="$wanted libnode-dev"
fi

missing=''
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done

# A machine that has a policy keeps it (Debian policy 9.3.3.1; 101: action forbidden).
policy=/usr/sbin/policy-rc.d
forbid_services() {
  if [ -e "$policy" ] && ! grep -q 'twill toolchain' "$policy"; then return; fi
  printf '#!/bin/sh\n# twill toolchain: it is installing; this file goes when it is done\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
}

disable_services() {
  command -v systemctl >/dev/null 2>&1 || return 0
  for package in "$@"; do
    for unit in $(dpkg-query -L "$package" | grep -E '/systemd/system/[^/@]+\.service$'); do
      systemctl disable "$(basename "$unit")" >/dev/null 2>&1 || true
    done
  done
}

if [ -n "$missing" ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "toolchain: these Debian packages are missing and only root can install them:$missing" >&2
    exit 1
  fi
  echo "toolchain: installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  forbid_services
  # shellcheck disable=SC2086 # the list is words on purpose
  if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    exit 1
  fi
  rm -f "$log"
  # shellcheck disable=SC2086
  disable_services $missing
fi

if [ "$bootstrap_node" = yes ]; then
  echo 'toolchain: the Node on this machine is older than 20.19; putting one from npm in build/node'
  machine=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
  mkdir -p build/node
  npm install --prefix build/node --no-save --silent "node-linux-$machine@20"
  mkdir -p build/node/bin
  ln -sf "../node_modules/node-linux-$machine/bin/node" build/node/bin/node
fi
