#!/usr/bin/env bash
# Installs the packages under a real systemd and tries what a package promises: install, start, traffic
# end to end, reload, watchdog, upgrade, remove, purge. Needs root and Debian; installs what is missing.
#
#   service/linux/try.sh [--binary FILE] [deb] [rpm]
#
# The debug build unless another one is named, and both kinds unless one is.
# The root image is made once and kept in CRMGATE_BOOT (default ~/.cache/crmgate-boot).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# The program is linked with the C library of this machine, so the image is of the same release.
release=$(. /etc/os-release && if [[ $ID == debian ]]; then echo "$VERSION_CODENAME"; else echo bookworm; fi)
cache=${CRMGATE_BOOT:-${XDG_CACHE_HOME:-$HOME/.cache}/crmgate-boot}
packages=systemd-sysv,dbus,ca-certificates,curl,openssl,python3,adduser,logrotate,iproute2,procps,rpm

binary=${CARGO_TARGET_DIR:-$top/target}/debug/crmgate
if [[ ${1-} == --binary ]]; then
    binary=$2
    shift 2
elif [[ ! -x $binary ]]; then
    (cd "$top" && cargo build --locked)
fi

kinds=("$@")
if (($# == 0)); then kinds=(deb rpm); fi

missing=()
for tool in debootstrap lintian rpm; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
if ((${#missing[@]})); then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

step() { printf '\n== %s\n' "$*"; }

step 'the root image'
mkdir -p "$cache"
if [[ $(cat "$cache/made-of" 2>/dev/null) != "$release $packages" ]]; then
    rm -rf "$cache/debian" "$cache/made-of"
    debootstrap --variant=minbase --include="$packages" "$release" "$cache/debian" >"$cache/log" 2>&1 ||
        { tail -20 "$cache/log"; exit 1; }
    echo "$release $packages" >"$cache/made-of"
fi

step 'the packages, in two versions'
work=$(mktemp -d -p "$cache")
trap 'rm -rf "$work" "$work".console' EXIT
for version in 0.1.0 0.1.1; do
    "$here/package.sh" --binary "$binary" --version $version --out "$work/packages" --quick
done

step 'what Debian says of its package'
lintian --allow-root --fail-on error,warning "$work"/packages/crmgate_0.1.0_*.deb

for kind in "${kinds[@]}"; do
    step "$kind, under systemd"
    cp -a --reflink=auto "$cache/debian" "$work/$kind"
    mkdir "$work/$kind/try"
    cp "$here"/try/* "$work/packages"/*."$kind" "$binary" "$work/$kind/try/"
    "$here/boot.sh" "$work/$kind" "bash /try/inside.sh $kind"
done
