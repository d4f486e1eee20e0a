#!/bin/sh
# Becomes the first process of a machine of its own: systemd, over a file system whose changes go with it.
# boot.sh FOLDER PATH...: each PATH is shown below /machine, read-only, whatever closes the way to it outside.
set -eu
folder=$1
shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$folder"
mkdir "$folder/changes" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/changes,workdir=$folder/work" "$folder/root"
cd "$folder/root"
for path in "$@"; do
    mkdir -p "machine/$(basename "$path")"
    mount --bind -o ro "$path" "machine/$(basename "$path")"
done
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
for path in run tmp; do mount -t tmpfs -o mode=755 tmpfs "$path"; done
chmod 1777 tmp
# Of the units that Debian starts none is wanted: what a test asks for starts, and what that needs.
for path in etc/systemd/system lib/systemd/system-generators lib/systemd/system/*.wants; do
    mount -t tmpfs tmpfs "$path"
done
mkdir old
pivot_root . old
umount -l /old
mount --make-rshared /
ip link set lo up
exec env -i container=machine PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=basic.target --log-target=console --show-status=no
