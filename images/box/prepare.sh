#!/bin/sh
# Makes a root file system into one that can be booted in a privileged container. Run in it as root; $1 is the name of the user.
set -eu

id "$1" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$1"
# As the first user of a cloud image or of an installer: member of sudo. What sudo asks of it is decided when the box starts.
usermod --append --groups sudo "$1"

# A privileged container shares the host's kernel, devices and consoles: nothing in it may set them.
mkdir -p /etc/systemd/system
for unit in \
  getty.target getty-static.service console-getty.service 'getty@.service' 'serial-getty@.service' \
  systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
  systemd-sysctl.service systemd-modules-load.service systemd-random-seed.service systemd-timesyncd.service \
  systemd-remount-fs.service sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount \
  systemd-journald-audit.socket e2scrub_reap.service fstrim.timer \
  apt-daily.timer apt-daily-upgrade.timer; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done
# What systemd finds absent it would make anew at its first boot; an empty file is a machine that has not booted yet.
: >/etc/machine-id
