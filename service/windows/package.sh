#!/usr/bin/env bash
# Makes the installer for Windows, on Linux:
#
#   service/windows/package.sh               builds the release and packs it
#   service/windows/package.sh PROGRAM.EXE   packs a program that was built already
set -euo pipefail
cd "$(dirname "$0")/../.."

built=${CARGO_TARGET_DIR:-target}/x86_64-pc-windows-gnu
program=${1:-}
# What is only tried is packed in a moment, and what is given away is packed well.
speed=()
[[ -z $program ]] || speed=(-DFAST)
if [[ -z $program ]]; then
    service/windows/lane.sh setup
    service/windows/lane.sh cargo build --release --bin crmgate
    program=$built/release/crmgate.exe
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
setup=$built/crmgate-$version-setup.exe
mkdir -p "$built"
# NSIS reads paths from the folder of the script.
makensis -V2 -NOCD "${speed[@]}" \
    -DVERSION="$version" \
    -DPROGRAM="$(realpath "$program")" \
    -DROOT="$PWD" \
    -DOUTPUT="$(realpath -m "$setup")" \
    -DREGISTRATION='Software\Microsoft\Windows\CurrentVersion\Uninstall\crmgate' \
    service/windows/crmgate.nsi
printf '%s\n' "$setup"
