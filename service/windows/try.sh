#!/usr/bin/env bash
# The life of the service of Windows, tried under Wine: install, start, traffic by mTLS, a reload with a
# new certificate, the log, a stop with a request in flight, an upgrade, an uninstallation.
#
#   service/windows/try.sh [PROGRAM.EXE]     the debug build unless another one is named
#
# curl and openssl are Linux's, so both ends are not of one making. It takes a Wine prefix of its own and
# ends only what it has started.
set -euo pipefail
cd "$(dirname "$0")/../.."

lane=${CRMGATE_LANE:-${XDG_CACHE_HOME:-$HOME/.cache}/crmgate-windows}
built=${CARGO_TARGET_DIR:-target}/x86_64-pc-windows-gnu
program=${1:-$built/debug/crmgate.exe}
work=$(mktemp -d)
side=
slow=

# A copy of the lane's prefix, so that nothing of an earlier run is met.
export CRMGATE_LANE=$work
cp -a "$lane/prefix" "$work/prefix"
wine() { timeout 120 service/windows/lane.sh wine "$@" </dev/null; }

leave() {
    local code=$?
    [[ -z $slow ]] || kill "$slow" 2>/dev/null || true
    [[ -z $side ]] || kill "$side" 2>/dev/null || true
    if ((code)) && [[ -d ${data:-} ]]; then
        printf '\nwhat the service wrote:\n'
        tail -n 40 "$data"/logs/*.log 2>/dev/null || true
    fi
    service/windows/lane.sh down >/dev/null 2>&1 || true
    rm -rf "$work"
    exit "$code"
}
trap leave EXIT

step() { printf '%3d s  %s\n' "$SECONDS" "$*"; }
fail() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}
# Waits for a condition, for half a minute.
until_so() {
    local tries
    for tries in {1..300}; do
        if "${@:2}" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "$1 ($tries tries)"
}
gateway() { wine 'C:\Program Files\crmgate\crmgate.exe' "$@"; }
# A verb, what it has to end with, and nothing else.
verb() {
    local wanted=$1 said code=0
    shift
    said=$(gateway service "$@" 2>&1) || code=$?
    said=${said//$'\r'/}
    printf '       crmgate service %s: %s (exit code %s)\n' "$*" "${said//$'\n'/$'\n'         }" "$code"
    [[ $code == "$wanted" ]] || fail "service $* ended with $code, and not with $wanted"
}

read -r listen admin backend < <(python3 - <<'PY'
import socket
held = [socket.socket() for _ in range(3)]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))
PY
)

# The connector: an answer at once, or, of /slow, after four seconds.
python3 - "$backend" >/dev/null 2>&1 <<'PY' &
import http.server, sys, time

class Side(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/slow":
            time.sleep(4)
        body = b"<served/>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Side).serve_forever()
PY
side=$!

service/windows/lane.sh up
step 'install'
setup=$(service/windows/package.sh "$program")
wine "$setup" /S
programs="$work/prefix/drive_c/Program Files/crmgate"
data="$work/prefix/drive_c/ProgramData/crmgate"
[[ -f $programs/crmgate.exe ]] || fail 'the program is not there'
for folder in ssl logs state; do
    [[ -d $data/$folder ]] || fail "the folder $folder is not there"
done
verb 1 status
step 'a verb again, and one that has nothing to do'
verb 0 install
verb 0 stop
verb 69 reload

step 'a start without a configuration ends with the exit code of that'
verb 78 start
wine reg query 'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\crmgate' | tr -d '\r' | sed 's/^/       /'

step 'a configuration'
wine 'C:\Program Files\crmgate\crmgate.exe' certs init 'C:\ProgramData\crmgate\ssl' --layout pair >/dev/null
cat >"$data/ssl.ini" <<'INI'
[SSL_SERVER_CLIENT]
CA_FILE=.\ssl\company-ca.pem
CRT_FILE=.\ssl\gateway.crt
KEY_FILE=.\ssl\gateway.key
INI
cat >"$data/CRMConnectorSAP_SAP1.ini" <<INI
[Config]
TpiDllParameter=SSL
[Requests]
Listen=127.0.0.1:$listen
SideA=http://127.0.0.1:$backend
INI
# No watch: what is reloaded was asked for.
cat >"$data/crmgate.ini" <<INI
; edited
[Admin]
Listen=127.0.0.1:$admin
[Runtime]
Watch=no
Threads=2
INI

step 'start'
verb 0 start
verb 0 start
verb 0 status
gateway status | tr -d '\r' | sed 's/^/       /' || fail 'the admin listener does not answer'

step 'traffic by mTLS from Linux'
call() {
    curl --silent --show-error --fail --max-time 30 --cacert "$data/ssl/company-ca.pem" \
        --cert "$data/ssl/sap-crm.crt" --key "$data/ssl/sap-crm.key" \
        --data '<call/>' "https://127.0.0.1:$listen$1"
}
for _ in {1..20}; do
    [[ $(call /) == '<served/>' ]] || fail 'a request was not served'
done
if curl --silent --max-time 10 --cacert "$data/ssl/company-ca.pem" "https://127.0.0.1:$listen/" >/dev/null 2>&1; then
    fail 'a caller without a certificate was served'
fi
printf '       20 requests with a certificate were served, and one without was not\n'

step 'a change of parameters, with a new certificate'
shown() {
    openssl s_client -connect "127.0.0.1:$listen" -cert "$data/ssl/sap-crm.crt" -key "$data/ssl/sap-crm.key" \
        </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null
}
renew() {
    openssl req -new -key "$data/ssl/gateway.key" -subj '/CN=localhost' \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -out "$work/gateway.csr" 2>/dev/null
    openssl x509 -req -in "$work/gateway.csr" -CA "$data/ssl/company-ca.pem" -CAkey "$data/ssl/company-ca.key" \
        -copy_extensions copy -days 30 -set_serial "$1" -out "$work/gateway.crt" 2>/dev/null
    cp "$work/gateway.crt" "$data/ssl/gateway.crt"
}
x86_64-w64-mingw32-gcc-win32 -O2 -s -o "$work/control.exe" service/windows/control.c -ladvapi32
before=$(shown)
renew 4711
wine "$work/control.exe" crmgate 6 | tr -d '\r' | sed 's/^/       SERVICE_CONTROL_PARAMCHANGE: /'
until_so 'the new certificate is not shown' bash -c "$(declare -f shown); listen=$listen data='$data'; [[ \$(shown) != '$before' ]]"
[[ $(call /) == '<served/>' ]] || fail 'a request after the reload was not served'
printf '       shown before: %s, now: %s\n' "$before" "$(shown)"
before=$(shown)
renew 4712
verb 0 reload
until_so 'the second new certificate is not shown' bash -c "$(declare -f shown); listen=$listen data='$data'; [[ \$(shown) != '$before' ]]"
printf '       and after crmgate service reload: %s\n' "$(shown)"

step 'the log, opened again after it was moved away'
mv "$data/logs/crmgate.log" "$data/logs/moved.log"
wine "$work/control.exe" crmgate 128 >/dev/null
until_so 'the log was not opened again' test -f "$data/logs/crmgate.log"

step 'a stop with a request in flight'
call /slow >"$work/slow" 2>&1 &
slow=$!
until_so 'the request is not in flight' bash -c "ss -tn state established '( dport = :$backend )' | grep -q $backend"
verb 0 stop
wait "$slow" || fail "the request in flight was cut: $(cat "$work/slow")"
slow=
[[ $(cat "$work/slow") == '<served/>' ]] || fail 'the request in flight has no answer'
printf '       the request in flight got its answer\n'
verb 1 status
if call / >/dev/null 2>&1; then fail 'a request after the stop was served'; fi

step 'an upgrade keeps what was edited, and serves again'
verb 0 start
wine "$setup" /S
head -1 "$data/crmgate.ini" | grep -q edited || fail 'the edited crmgate.ini was replaced'
verb 0 status
[[ $(call /) == '<served/>' ]] || fail 'a request after the upgrade was not served'

step 'uninstall'
wine "$programs/uninstall.exe" /S _?='C:\Program Files\crmgate'
until_so 'the program is still there' test ! -e "$programs/crmgate.exe"
[[ -f $data/crmgate.ini && -f $data/ssl/gateway.key ]] || fail 'what belongs to the owner was removed'
if wine reg query 'HKLM\SYSTEM\CurrentControlSet\Services\crmgate' >/dev/null 2>&1; then
    fail 'the service is still registered'
fi
if wine reg query 'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\crmgate' >/dev/null 2>&1; then
    fail 'the source of the event log is still registered'
fi
step 'all as it should be'
