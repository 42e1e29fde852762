# For the daemon alone, by AppArmorProfile= in its unit: the commands of an operator read and write where
# he tells them to. Changes belong into local/crmgate-daemon.
abi <abi/3.0>,
include <tunables/global>

profile crmgate-daemon flags=(attach_disconnected) {
  include <abstractions/base>
  include <abstractions/nameservice>
  include <abstractions/ssl_certs>

  capability net_bind_service,
  network inet stream,
  network inet6 stream,
  network unix dgram,
  unix (create, connect, send) type=dgram,
  signal (receive) peer=unconfined,

  # An upgrade starts it again, confined as it is.
  /usr/bin/crmgate mrix,
  /etc/crmgate/ r,
  /etc/crmgate/** r,
  @{run}/credentials/crmgate.service/ r,
  @{run}/credentials/crmgate.service/** r,
  owner /var/lib/crmgate/ r,
  owner /var/lib/crmgate/** rwk,
  owner /var/log/crmgate/ r,
  owner /var/log/crmgate/** rw,
  @{run}/systemd/notify w,
  @{PROC}/@{pid}/** r,
  @{sys}/fs/cgroup/** r,

  include if exists <local/crmgate-daemon>
}
