# Runs under the systemd of a root image: the life of a package, from its installation to its purge. Ends
# with the first thing that is not as promised.
#
#   inside.sh deb|rpm
set -euo pipefail

kind=$1
config=/etc/crmgate
pki=/try/pki

fail() {
    echo "NOT AS PROMISED: $*"
    systemctl --no-pager --lines=0 status crmgate || true
    journalctl --no-pager -u crmgate -n 30 || true
    exit 1
}
trap 'echo "line $LINENO ends with $?"' ERR
step() { printf -- '-- %s\n' "$*"; }
# A condition, given as a command, that has to hold soon.
soon() {
    local patience=200
    until "$@" >/dev/null 2>&1; do
        ((patience-- > 0)) || fail "waited in vain for: $*"
        sleep 0.1
    done
}
never() { ! "$@" >/dev/null 2>&1 || fail "this should not work: $*"; }
property() { systemctl show --property "$1" --value crmgate; }
status_has() { [[ $(property StatusText) == *"$1"* ]]; }
journal_has() { journalctl --no-pager -u crmgate | grep -q -- "$1"; }
install_version() {
    case $kind in
    deb) dpkg -i /try/crmgate_"$1"_*.deb ;;
    rpm) rpm -U --nodeps /try/crmgate-"$1"-1.*.rpm ;;
    esac
}

# As SAP CRM: with its certificate, to the address that it knows.
as_sap() {
    curl --silent --show-error --fail --max-time 15 --cacert "$pki/company-ca.pem" --cert "$pki/sap-crm.pem" \
        --header 'Content-Type: text/xml' --data "${2:-<request/>}" "https://localhost:${1:-8443}/ici"
}
# As the connector: an event for SAP CRM.
as_connector() {
    curl --silent --show-error --fail --max-time 10 --header 'Content-Type: text/xml' \
        --data '<event/>' http://127.0.0.1:8081/sap/bc
}
end_to_end() {
    local answer
    answer=$(as_sap) || fail 'the request is not answered'
    [[ $answer == 'the connector had <request/>' ]] || fail "the request came to: $answer"
    answer=$(as_connector) || fail 'the event is not answered'
    [[ $answer == 'SAP CRM had <event/>' ]] || fail "the event came to: $answer"
}

step 'a fresh package is enabled, waits for a configuration and has failed in nothing'
install_version 0.1.0
if [[ $kind == rpm ]]; then systemctl enable crmgate; fi
systemctl is-enabled --quiet crmgate || fail 'it is not enabled'
systemctl start crmgate || fail 'a start without configuration fails'
[[ $(property ActiveState) == inactive && $(property ConditionResult) == no ]] || fail 'it was started'
[[ -z $(systemctl --failed --plain --no-legend) ]] || fail "failed: $(systemctl --failed)"
[[ $(stat -c '%a %U %G' $config) == '750 root crmgate' ]] || fail "$config: $(stat -c '%a %U %G' $config)"
[[ $(stat -c '%a %U' $config/credentials) == '700 root' ]] || fail 'credentials can be looked at'
[[ -s /usr/share/man/man8/crmgate.8.gz && -s /usr/share/man/man1/crmgate.1.gz ]] || fail 'no manual'
bash -n /usr/share/bash-completion/completions/crmgate || fail 'completions that bash does not read'
logrotate --debug /etc/logrotate.d/crmgate 2>&1 | grep -q -i 'error' && fail 'logrotate has objections'

step 'the direct deployment is put in place'
crmgate certs init "$pki" --key ec --layout pem --crm crm.example.com,localhost >/dev/null
echo '127.0.0.1 crm.example.com' >>/etc/hosts
cp /usr/share/doc/crmgate/examples/direct/{ssl,CRMConnectorSAP_SAP1}.ini $config/
cp "$pki/company-ca.pem" "$config/ssl/(Company CA Certificate).pem"
cp "$pki/gateway.pem" "$config/ssl/(Connects for SAP Certificate).pem"
chgrp crmgate $config/ssl/*
chmod 640 $config/ssl/*
sed -i 's/^Listen=0.0.0.0:8443/Listen=0.0.0.0:8443,0.0.0.0:443/' $config/CRMConnectorSAP_SAP1.ini
printf '[Admin]\nListen=127.0.0.1:9443\n' >>$config/crmgate.ini
python3 /try/peers.py 8080 44300 "$pki/sap-crm.pem" "$pki/company-ca.pem" &
soon curl --silent http://127.0.0.1:8080/
crmgate check --deny-warnings || fail 'crmgate check has something to say'

step 'it starts, and carries a request and an event from end to end'
systemctl start crmgate || fail 'it does not start'
end_to_end
as_sap 443 >/dev/null || fail 'a port below 1024 is not served'
soon status_has 'SAP1: A active'
status_has 'the first certificate ends in' || fail "the status is $(property StatusText)"
crmgate status >/dev/null || fail 'root cannot look at it'
crmgate service start | grep -q 'runs already' || fail 'a service that runs is started again'
crmgate service status | grep -q '^crmgate is running' || fail "it says: $(crmgate service status)"

step 'it has the rights of nobody, and one capability'
pid=$(property MainPID)
[[ $(stat -c %U /proc/"$pid") == crmgate ]] || fail "it runs as $(stat -c %U /proc/"$pid")"
for line in 'CapEff:	0000000000000400' 'NoNewPrivs:	1' 'Seccomp:	2'; do
    grep -q "^$line" /proc/"$pid"/status || fail "not so: $line ($(grep "^${line%%:*}" /proc/"$pid"/status))"
done
journal_has 'the sandbox is in force' || fail 'the unit does not permit what the daemon confines itself by'

step 'a process that takes its place serves, confined as the one before it'
systemctl kill --signal USR2 --kill-whom main crmgate
replaced() { [[ $(property MainPID) != "$pid" ]] && [[ $(property MainPID) != 0 ]]; }
soon replaced
pid=$(property MainPID)
end_to_end

step 'another user can neither read keys nor control it'
useradd --create-home foreign
as_foreign() { setpriv --reuid foreign --regid foreign --clear-groups "$@"; }
token=$(find /var/lib/crmgate -name '*.token')
[[ -n $token ]] || fail 'there is no token'
never as_foreign ls $config
never as_foreign cat "$config/ssl/(Connects for SAP Certificate).pem"
never as_foreign cat "$token"
never as_foreign ls /var/lib/crmgate
never as_foreign cat /proc/"$pid"/environ
never as_foreign kill -HUP "$pid"
never as_foreign systemctl stop crmgate
never as_foreign crmgate reload
never as_foreign crmgate service stop
never as_foreign crmgate service reload
never as_foreign crmgate service upgrade
as_foreign crmgate service status | grep -q running || fail 'nobody may look at how it stands'
never as_foreign curl --silent --fail --request POST http://127.0.0.1:9443/api/v1/reload
[[ $(property MainPID) == "$pid" ]] || fail 'it is another process now'
crmgate reload >/dev/null || fail 'root cannot control it'

step 'a reload puts a new certificate in force in the same process'
shown() {
    openssl s_client -connect 127.0.0.1:8443 -cert "$pki/sap-crm.pem" </dev/null 2>/dev/null |
        openssl x509 -noout -serial
}
before=$(shown) || fail 'no certificate is shown'
crmgate certs init /try/pki2 --key ec --layout pem >/dev/null
cat "$pki/company-ca.pem" /try/pki2/company-ca.pem >"$config/ssl/(Company CA Certificate).pem"
cp /try/pki2/gateway.pem "$config/ssl/(Connects for SAP Certificate).pem"
systemctl reload crmgate
changed() { [[ $(shown) != "$before" ]]; }
soon changed
cp "$pki/gateway.pem" "$config/ssl/(Connects for SAP Certificate).pem"
systemctl reload crmgate
back() { [[ $(shown) == "$before" ]]; }
soon back
end_to_end
[[ $(property MainPID) == "$pid" ]] || fail 'it is another process now'

step 'a reload that is refused is seen in the status, and it goes on'
mv $config/ssl.ini /try/
systemctl reload crmgate || fail 'the reload ends the service'
soon status_has 'the last reload was refused'
end_to_end
mv /try/ssl.ini $config/
systemctl reload crmgate
not_refused() { ! status_has refused; }
soon not_refused
[[ $(property MainPID) == "$pid" ]] || fail 'it is another process now'

step 'a key can be a credential that not even the daemon can read where it lies'
mv "$config/ssl/(Connects for SAP Certificate).pem" $config/credentials/gateway.pem
chown root:root $config/credentials/gateway.pem
chmod 600 $config/credentials/gateway.pem
sed -i 's|^PEM_FILE=.*|PEM_FILE=$CREDENTIALS_DIRECTORY/key_gateway.pem|' $config/ssl.ini
systemctl restart crmgate || fail 'it does not start with a credential'
end_to_end
if setpriv --reuid crmgate --regid crmgate --clear-groups cat $config/credentials/gateway.pem 2>/dev/null; then
    fail 'the daemon can read where the key lies'
fi

step 'a process that hangs, and one that is killed, are replaced'
mkdir -p /etc/systemd/system/crmgate.service.d
printf '[Service]\nWatchdogSec=2s\nTimeoutStopSec=3s\n' >/etc/systemd/system/crmgate.service.d/try.conf
systemctl daemon-reload
systemctl restart crmgate
# Both at once: systemd may hear of the end between two questions.
replaced() {
    local now
    now=$(systemctl show -p ActiveState -p MainPID --value crmgate | sort | tr '\n' ' ')
    [[ $now =~ ^([1-9][0-9]*)\ active\ $ && ${BASH_REMATCH[1]} != "$pid" ]]
}
for signal in STOP KILL; do
    pid=$(property MainPID)
    kill -$signal "$pid"
    soon replaced
    end_to_end
done
journal_has 'Watchdog timeout' || fail 'the watchdog did not bark'
[[ $(property NRestarts) == 2 ]] || fail "restarts: $(property NRestarts)"

step 'a drain that goes on outlasts the time limit of a stop'
as_sap 8443 '<slow/>' >/try/slow &
calling=$!
one_is_open() { status_has '1 connection'; }
soon one_is_open
systemctl stop crmgate
wait $calling || fail 'what was in flight was cut'
[[ $(</try/slow) == 'the connector had <slow/>' ]] || fail "the answer was $(</try/slow)"
[[ $(property Result) == success ]] || fail "the stop ended with $(property Result)"
systemctl start crmgate
rm -r /etc/systemd/system/crmgate.service.d
systemctl daemon-reload

step 'an upgrade refuses no caller, and the watchdog looks after the new process'
calls() {
    local call
    for call in {1..30}; do as_sap >/dev/null || return 1; done
}
mkdir -p /etc/systemd/system/crmgate.service.d
printf '[Service]\nWatchdogSec=3s\nTimeoutStopSec=3s\n' >/etc/systemd/system/crmgate.service.d/try.conf
systemctl daemon-reload
systemctl restart crmgate
barks() { journalctl --no-pager -u crmgate | grep -c 'Watchdog timeout' || true; }
before=$(barks)
calls &
calling=$!
for _ in 1 2 3; do
    pid=$(property MainPID)
    crmgate service upgrade || fail 'the upgrade fails'
    replaced || fail "it is still process $pid"
done
wait $calling || fail 'a caller was refused during an upgrade'
[[ $(property NRestarts) == 0 ]] || fail 'an upgrade counts as a failure'
status_has 'SAP1: A active' || fail "the status is $(property StatusText)"
[[ $(barks) == "$before" ]] || fail 'the watchdog barks at an upgrade'
pid=$(property MainPID)
kill -STOP "$pid"
soon replaced
end_to_end
[[ $(barks) == $((before + 1)) ]] || fail "the watchdog has barked $(barks) times, and before $before times"
crmgate service upgrade || fail 'the upgrade fails'
as_sap 8443 '<slow/>' >/try/slow &
calling=$!
soon one_is_open
systemctl stop crmgate
wait $calling || fail 'a stop after an upgrade cuts what is in flight'
systemctl start crmgate
mv $config/ssl.ini /try/
pid=$(property MainPID)
never crmgate service upgrade
[[ $(property MainPID) == "$pid" ]] || fail 'a process that cannot serve has taken over'
errors=$(journalctl --no-pager -u crmgate -p err _COMM=crmgate)
[[ $errors == *'the upgrade has failed'* && $errors != *' INFO '* ]] || fail "errors in the journal: $errors"
end_to_end
mv /try/ssl.ini $config/
rm -r /etc/systemd/system/crmgate.service.d
systemctl daemon-reload

step 'with a socket unit no caller is refused while it is started again'
sed -i 's/^Listen=0.0.0.0:8443.*/Listen=0.0.0.0:8443/' $config/CRMConnectorSAP_SAP1.ini
systemctl stop crmgate
systemctl start crmgate.socket
systemctl start crmgate
end_to_end
calls &
calling=$!
for _ in 1 2 3; do systemctl restart crmgate; done
wait $calling || fail 'a caller was refused while it was started again'

step 'an address with a socket for each thread'
sed -i 's/^\[Runtime\]/[Runtime]\nThreads=2/' $config/crmgate.ini
mkdir -p /etc/systemd/system/crmgate.socket.d
printf '[Socket]\nListenStream=\nReusePort=yes\nListenStream=%s\nListenStream=%s\n' 0.0.0.0:8443 0.0.0.0:8443 \
    >/etc/systemd/system/crmgate.socket.d/try.conf
systemctl daemon-reload
systemctl stop crmgate
systemctl restart crmgate.socket
systemctl start crmgate
[[ $(ss --listening --tcp --no-header 'sport = :8443' | wc -l) == 2 ]] || fail "listening: $(ss -ltn)"
calls || fail 'a caller of one of the sockets waits in vain'
journal_has 'handed over' && fail 'a socket was handed over that is of no use'

step 'an upgraded package has the new program take over and keeps an edited configuration'
pid=$(property MainPID)
calls &
calling=$!
install_version 0.1.1
soon replaced
wait $calling || fail 'a caller was refused while the package was upgraded'
end_to_end
journal_has 'the new process serves' || fail 'it was started again instead of upgraded'
grep -q '^Listen=127.0.0.1:9443' $config/crmgate.ini || fail 'the edited configuration is gone'

step 'removed, nothing runs, and what an operator has written stays'
case $kind in
deb) dpkg -r crmgate ;;
rpm) rpm -e crmgate ;;
esac
never pgrep -x crmgate
never curl --silent --max-time 2 http://127.0.0.1:8081/
[[ ! -e /usr/bin/crmgate ]] || fail 'the program is still there'
[[ -e $config/CRMConnectorSAP_SAP1.ini && -e $config/credentials/gateway.pem ]] || fail 'files of the operator are gone'
[[ -e $config/crmgate.ini || -e $config/crmgate.ini.rpmsave ]] || fail 'the edited configuration is gone'
[[ -d /var/lib/crmgate ]] || fail 'the state is gone'

if [[ $kind == deb ]]; then
    masked=$(/try/crmgate service status 2>&1) && fail 'a unit that is masked has a status'
    [[ $masked == *'systemctl unmask crmgate.service'* ]] || fail "of a mask it says: $masked"
    step 'purged, only what an operator has written is left'
    dpkg -P crmgate
    for gone in $config/crmgate.ini /var/lib/crmgate /var/log/crmgate /etc/logrotate.d/crmgate; do
        [[ ! -e $gone ]] || fail "$gone is still there"
    done
    [[ -e $config/CRMConnectorSAP_SAP1.ini && -e $config/credentials/gateway.pem ]] || fail 'files of the operator are gone'
    [[ $(systemctl is-enabled crmgate 2>&1) != enabled ]] || fail 'it is still enabled'
fi
step 'without a package, the program installs itself, and leaves what an operator has written'
mkdir -p '/opt/a gate' /srv/gate
install -m 755 /try/crmgate '/opt/a gate/crmgate'
bare() { '/opt/a gate/crmgate' "$@"; }
never as_foreign '/opt/a gate/crmgate' service install --config /srv/gate
never /try/crmgate service install --config /run/user/gate
never bare service start
systemctl stop crmgate.socket 2>/dev/null || true
rm -rf /etc/systemd/system/crmgate.s*.d
bare service install --config /srv/gate || fail 'it does not install itself'
[[ $(stat -c '%a %U %G' /srv/gate) == '750 root crmgate' ]] || fail "/srv/gate: $(stat -c '%a %U %G' /srv/gate)"
never bare service start
cp $config/CRMConnectorSAP_SAP1.ini /srv/gate/
sed "s|/etc/crmgate|/srv/gate|; s|^PEM_FILE=.*|PEM_FILE=\$CREDENTIALS_DIRECTORY/key_gateway.pem|" $config/ssl.ini >/srv/gate/ssl.ini
cp $config/ssl/* /srv/gate/ssl/
cp $config/credentials/gateway.pem /srv/gate/credentials/
chgrp crmgate /srv/gate/*.ini /srv/gate/ssl/*
chmod 640 /srv/gate/*.ini /srv/gate/ssl/*
bare service start || fail 'what it has installed does not start'
end_to_end
bare service install --config /srv/gate | grep -q 'up to date' || fail 'it does not know its own unit'
install -m 755 /try/crmgate '/opt/a gate/crmgate.new'
mv '/opt/a gate/crmgate.new' '/opt/a gate/crmgate'
bare service upgrade || fail 'what it has installed cannot be upgraded'
end_to_end
bare service stop | grep -q 'has stopped' || fail 'it does not stop'
bare service uninstall | grep -q 'is removed' || fail 'it does not remove itself'
[[ ! -e /etc/systemd/system/crmgate.service && -e /srv/gate/ssl.ini ]] || fail 'too little or too much was removed'
bare service uninstall | grep -q 'no service' || fail 'it removes what is not there'

[[ -z $(systemctl --failed --plain --no-legend) ]] || fail "failed: $(systemctl --failed)"
echo "the $kind keeps its promises"
