#!/usr/bin/env bash
# Builds and runs crmgate for Windows on a Debian machine.
#
#   service/windows/lane.sh setup            what is needed: packages, std for the target, a Wine prefix
#   service/windows/lane.sh lint             clippy, warnings as errors
#   service/windows/lane.sh test             unit tests and those of the command line and the configuration
#   service/windows/lane.sh all              all of these, and the life of the service from its installer on (try.sh)
#   service/windows/lane.sh cargo COMMAND    cargo for x86_64-pc-windows-gnu, such as `cargo clippy --all-targets`
#   service/windows/lane.sh wine COMMAND     a program of Windows, in the prefix of the lane
#   service/windows/lane.sh up | down        the services of the prefix, which have to be up for a service to live
#
# Debian's own rustc is used, since its package of sources is what std can be built from; it is a newer
# one than Cargo.toml promises. What is made lies in $CRMGATE_LANE and in rustc's own folder of targets.
set -euo pipefail

lane=${CRMGATE_LANE:-${XDG_CACHE_HOME:-$HOME/.cache}/crmgate-windows}
target=x86_64-pc-windows-gnu
# Where something wants to be asked before a compiler is started.
cargo=${CRMGATE_LANE_CARGO:-/usr/bin/cargo}

export WINEPREFIX=$lane/prefix WINEDEBUG=${WINEDEBUG:--all} WINEDLLOVERRIDES='mscoree,mshtml='
unset DISPLAY

say() { printf 'windows lane, %3d s: %s\n' "$SECONDS" "$*"; }

packages() {
    local needed=(rustc-web cargo-web rust-web-src rust-web-clippy gcc-mingw-w64-x86-64-win32 wine64 wine nsis curl openssl
        python3 iproute2)
    if ! dpkg -s "${needed[@]}" >/dev/null 2>&1; then
        local as_root=()
        if ((EUID != 0)); then as_root=(sudo); fi
        "${as_root[@]}" apt-get update -q
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get -o DPkg::Lock::Timeout=600 install -q -y --no-install-recommends "${needed[@]}"
    fi
    say "$(/usr/bin/rustc --version), $(dpkg-query -W -f='Wine ${Version}' wine64)"
}

# Once for each version of rustc, into its own folder: afterwards a plain `cargo` finds the target.
standard_library() {
    local sysroot version libs built
    sysroot=$(/usr/bin/rustc --print sysroot)
    version=$(/usr/bin/rustc --version)
    libs=$sysroot/lib/rustlib/$target/lib
    if [[ $(cat "$libs/.built-by" 2>/dev/null) != "$version" ]]; then
        built=$lane/std
        rm -rf "$built" "$libs"
        mkdir -p "$built/src" "$libs"
        : >"$built/src/lib.rs"
        printf '[package]\nname = "stub"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$built/Cargo.toml"
        (
            cd "$built"
            env -u RUSTFLAGS -u CARGO_BUILD_TARGET RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
                CARGO_TARGET_DIR="$built/target" PATH="/usr/bin:$PATH" \
                "$cargo" build --quiet --release --target "$target" \
                -Zbuild-std=std,panic_unwind,panic_abort,proc_macro,test
        )
        find "$built/target/$target/release/deps" -name '*.rlib' ! -name 'libstub-*' -exec cp {} "$libs/" \;
        printf '%s\n' "$version" >"$libs/.built-by"
        rm -rf "$built"
    fi
    say "std for $target: $(du -sh "$libs" | cut -f1)"
}

# Wine 8 has no bcryptprimitives.dll, which Rust's std takes its random numbers from: without it every
# program ends with exit code 53 and no word.
prefix() {
    local system=$WINEPREFIX/drive_c/windows/system32
    if [[ ! -f $system/bcryptprimitives.dll ]]; then
        timeout 300 wine wineboot -i >/dev/null 2>&1 </dev/null
        wineserver -w
        cat >"$lane/random.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) {
    while (count) {
        ULONG some = count > 0x10000000 ? 0x10000000 : (ULONG)count;
        if (!SystemFunction036(bytes, some)) return FALSE;
        bytes += some;
        count -= some;
    }
    return TRUE;
}
C
        x86_64-w64-mingw32-gcc-win32 -O2 -s -shared -o "$system/bcryptprimitives.dll" "$lane/random.c" -ladvapi32
    fi
    say "prefix: $(du -sh "$WINEPREFIX" | cut -f1)"
}

# cargo for the target, by Debian's compiler.
windows_cargo() {
    local command=$1
    shift
    RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc PATH=/usr/bin:$PATH \
        CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine \
        "$cargo" "$command" --target "$target" "$@"
}

up() {
    # Before anything that reads what a program prints: the server would keep that open.
    wineserver -p >/dev/null 2>&1 </dev/null || true # it is up already
    wine cmd /c exit >/dev/null 2>&1 </dev/null
}

down() {
    # Of this prefix alone; nobody else's Wine is touched.
    wineserver -k || true
    wineserver -w
}

case ${1:-} in
setup)
    mkdir -p "$lane"
    packages
    standard_library
    prefix
    ;;
lint)
    # What thread_local! makes of `const` for this target is taken for something that is not const.
    windows_cargo clippy --all-targets -- -D warnings -A clippy::missing-const-for-thread-local
    ;;
test)
    up
    trap down EXIT
    windows_cargo test --lib --test cli --test config
    ;;
all)
    "$0" setup
    "$0" lint
    "$0" test
    windows_cargo build --bin crmgate
    "${0%/*}/try.sh"
    say 'all is as it should be'
    ;;
cargo)
    shift
    windows_cargo "$@"
    ;;
wine)
    shift
    exec wine "$@"
    ;;
up | down)
    "$1"
    ;;
*)
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
