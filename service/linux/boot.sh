#!/usr/bin/env bash
# Boots the systemd of a root directory as process 1 of private namespaces, runs one command in it and
# powers it off. For machines whose own process 1 is something else; needs root and nothing more.
#
#   service/linux/boot.sh ROOT COMMAND
#
# Prints what the command says and ends with its exit code. What systemd says goes to ROOT.console. There
# is no network but a loopback of its own, and no resource controller.
set -euo pipefail

root=$(realpath "$1")
command=$2
limit=${BOOT_LIMIT:-180}

# Where the command leaves what it said and how it ended.
rm -f "$root/boot.out" "$root/boot.code"
cat >"$root/boot-command" <<SCRIPT
#!/bin/bash
( $command ) >/boot.out 2>&1 </dev/null
echo \$? >/boot.code
systemctl poweroff --no-block
SCRIPT
chmod 755 "$root/boot-command"
cat >"$root/etc/systemd/system/boot-command.service" <<'UNIT'
[Unit]
Description=The command that this was booted for
After=multi-user.target
[Service]
Type=idle
ExecStart=/boot-command
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/oldroot"
ln -sf ../boot-command.service "$root/etc/systemd/system/multi-user.target.wants/"
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
# What belongs to a machine and not to a guest of one.
for unit in console-getty.service getty@tty1.service systemd-logind.service systemd-udevd.service \
    systemd-sysctl.service systemd-modules-load.service systemd-binfmt.service \
    systemd-remount-fs.service dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount sys-fs-fuse-connections.mount; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# A branch of the tree of control groups for it alone.
groups=/sys/fs/cgroup
if [[ -d $groups/unified ]]; then groups=$groups/unified; fi
groups=$groups/crmgate-boot.$$
mkdir "$groups"
clear_up() {
    local patience=50
    while ((patience-- > 0)) && ! find "$groups" -depth -type d -exec rmdir {} + 2>/dev/null; do
        sleep 0.1
    done
}
trap clear_up EXIT

# In the namespaces: the usual file systems, then the root is changed for good and systemd takes over.
inside=$(
    cat <<'INSIDE'
set -e
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup 2>/dev/null || {
    mount -t tmpfs tmpfs sys/fs/cgroup
    mount -t cgroup2 cgroup2 sys/fs/cgroup
}
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/shm dev/pts
for node in null zero full random urandom tty; do
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ip link set lo up
pivot_root . oldroot
umount -l /oldroot
# Credentials are passed by mounts that units see.
mount --make-rshared /
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    /lib/systemd/systemd --system --show-status=no
INSIDE
)
timeout --kill-after=5 "$limit" bash -c '
    echo $$ >"$1/cgroup.procs"
    exec unshare --cgroup --pid --fork --kill-child --mount --net --uts --ipc --propagation private \
        bash -c "$3" - "$2"
' - "$groups" "$root" "$inside" </dev/null >"$root.console" 2>&1 || true

if [[ ! -e $root/boot.code ]]; then
    echo "boot.sh: the command did not come to its end within $limit s" >&2
    cat "$root/boot.out" 2>/dev/null || true
    tail -20 "$root.console" >&2
    exit 70
fi
cat "$root/boot.out"
exit "$(cat "$root/boot.code")"
