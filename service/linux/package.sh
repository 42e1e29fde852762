#!/usr/bin/env bash
# Makes crmgate_<version>_<arch>.deb and crmgate-<version>-1.<arch>.rpm from one tree of files.
#
#   service/linux/package.sh [--binary FILE] [--version VERSION] [--out DIR] [--quick] [deb] [rpm]
#
# Without --binary the release build is made. Without deb or rpm both are. --quick packs loosely, to try. On Debian, what is missing of
# the tools is installed.
set -euo pipefail
umask 022
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
export LC_ALL=C SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct)}

binary=
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$top/Cargo.toml" | head -1)
out=${CARGO_TARGET_DIR:-$top/target}/package
deb_packing=(-Zxz)
rpm_packing=w19.zstdio
kinds=()
while (($#)); do
    case $1 in
    --binary) binary=$2; shift ;;
    --version) version=$2; shift ;;
    --out) out=$2; shift ;;
    --quick) deb_packing=(-Zgzip -z1) rpm_packing=w1.gzdio ;;
    deb | rpm) kinds+=("$1") ;;
    *) echo "package.sh: what is \"$1\"?" >&2; exit 2 ;;
    esac
    shift
done
((${#kinds[@]})) || kinds=(deb rpm)
packager=${CRMGATE_PACKAGER:-The crmgate authors <crmgate@example.com>}

need() { # command, package
    command -v "$1" >/dev/null && return
    local as_root=()
    if ((EUID != 0)); then as_root=(sudo); fi
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "$2"
}

if [[ -z $binary ]]; then
    (cd "$top" && cargo build --release --locked)
    binary=${CARGO_TARGET_DIR:-$top/target}/release/crmgate
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# Everything as it will lie on the machine. What differs between the two kinds is added below.
stage() {
    local root=$1
    local put=(install -D -m 644)
    install -D -m 755 "$binary" "$root/usr/bin/crmgate"
    strip --strip-unneeded "$root/usr/bin/crmgate"
    "${put[@]}" "$here/crmgate.service" "$root/lib/systemd/system/crmgate.service"
    "${put[@]}" "$here/crmgate.socket" "$root/lib/systemd/system/crmgate.socket"
    "${put[@]}" "$here/sysusers.conf" "$root/usr/lib/sysusers.d/crmgate.conf"
    "${put[@]}" "$here/tmpfiles.conf" "$root/usr/lib/tmpfiles.d/crmgate.conf"
    "${put[@]}" "$here/logrotate.conf" "$root/etc/logrotate.d/crmgate"
    "${put[@]}" "$here/apparmor.profile" "$root/etc/apparmor.d/crmgate-daemon"
    "${put[@]}" "$top/config/direct/crmgate.ini" "$root/etc/crmgate/crmgate.ini"
    install -d -m 755 "$root/etc/crmgate/ssl" "$root/etc/crmgate/credentials"
    "$binary" man "$root/usr/share/man" >/dev/null
    find "$root/usr/share/man" -type f -exec chmod 644 {} + -exec gzip -9n {} +
    install -d -m 755 "$root/usr/share/bash-completion/completions" \
        "$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d"
    "$binary" completions bash >"$root/usr/share/bash-completion/completions/crmgate"
    "$binary" completions zsh >"$root/usr/share/zsh/vendor-completions/_crmgate"
    "$binary" completions fish >"$root/usr/share/fish/vendor_completions.d/crmgate.fish"
    local docs=$root/usr/share/doc/crmgate
    for text in README.md SECURITY.md config/README.md; do
        "${put[@]}" "$top/$text" "$docs/${text//\//-}"
    done
    "${put[@]}" "$here/README.md" "$docs/service-README.md"
    for deployment in "$top"/config/*/; do
        for file in "$deployment"*.ini; do
            "${put[@]}" "$file" "$docs/examples/$(basename "$deployment")/$(basename "$file")"
        done
    done
}

make_deb() {
    need dpkg-deb dpkg
    need dpkg-shlibdeps dpkg-dev
    local root=$work/deb arch
    arch=$(dpkg --print-architecture)
    stage "$root"
    install -D -m 644 "$here/debian/copyright" "$root/usr/share/doc/crmgate/copyright"
    install -D -m 644 "$here/debian/lintian-overrides" "$root/usr/share/lintian/overrides/crmgate"
    printf 'crmgate (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md of the project.\n\n -- %s  %s\n' \
        "$version" "$packager" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" >"$work/changelog"
    gzip -9n <"$work/changelog" >"$root/usr/share/doc/crmgate/changelog.gz"
    mkdir -p "$work/debian" "$root/DEBIAN"
    printf 'Source: crmgate\nPackage: crmgate\n' >"$work/debian/control"
    local libraries
    libraries=$(cd "$work" && dpkg-shlibdeps -O -e"$root/usr/bin/crmgate" | sed -n 's/^shlibs:Depends=//p')
    cat >"$root/DEBIAN/control" <<CONTROL
Package: crmgate
Version: $version
Architecture: $arch
Maintainer: $packager
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $libraries, init-system-helpers (>= 1.54), procps, systemd (>= 247)
Suggests: apparmor, logrotate
Section: net
Priority: optional
Description: gateway between SAP CRM and a contact-centre connector
 A daemon that ends mutual TLS in front of a contact-centre connector, keeps the
 requests of SAP CRM on whichever side of it is alive, and brings its events
 back to SAP CRM. No request of which a byte has been sent is sent again.
CONTROL
    (cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
    (cd "$root" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
    for script in postinst prerm postrm; do
        install -m 755 "$here/debian/$script" "$root/DEBIAN/$script"
    done
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group "${deb_packing[@]}" --build "$root" "$out/crmgate_${version}_$arch.deb"
}

make_rpm() {
    need rpmbuild rpm
    local root=$work/rpm
    stage "$root"
    # Where these systems look for them.
    mkdir -p "$root/usr/lib/systemd" "$root/usr/share/zsh/site-functions"
    mv "$root/lib/systemd/system" "$root/usr/lib/systemd/system"
    mv "$root/usr/share/zsh/vendor-completions/_crmgate" "$root/usr/share/zsh/site-functions/"
    rm -r "$root/lib" "$root/usr/share/zsh/vendor-completions" "$root/etc/apparmor.d"
    rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" --define "_rpmdir $out" \
        --define "_rpmfilename crmgate-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
        --define "stage $root" --define "package_version ${version//[-+]/.}" \
        --define "packager $packager" --define "_binary_payload $rpm_packing" \
        --define "use_source_date_epoch_as_buildtime 1" \
        --define "clamp_mtime_to_source_date_epoch 1" "$here/rpm/crmgate.spec"
    ls "$out"/crmgate-"${version//[-+]/.}"-1.*.rpm
}

for kind in "${kinds[@]}"; do
    "make_$kind"
done
