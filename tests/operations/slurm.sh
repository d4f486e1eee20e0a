#!/bin/bash
# The site's Slurm, which the small cluster stands for, with the names of hub and database.
set -euo pipefail
mkdir -p /opt/small /var/small /etc/slurm
tar -C /opt/small -xf /var/tmp/site/sundbench-0.2.0.tar.gz
/usr/local/sbin/make -C /opt/small install PYTHON=/usr/bin/python3.11
# slurmd takes control groups of version 2 with systemd's for its own; here they are the machine's.
cat > /var/small/start <<'END'
mount -t tmpfs tmpfs /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
exec /opt/small/.venv/bin/sundbench hub cluster --nodes 2 -- \
    sh -c 'ln -sf "$SLURM_CONF" /etc/slurm/slurm.conf; ip -4 -o address > /var/small/addresses; exec sleep infinity'
END
systemd-run --quiet --unit=small --property=PrivateMounts=yes --setenv=TMPDIR=/var/small sh /var/small/start
until [ -s /var/small/addresses ]; do sleep 0.1; done
address=$(grep -o '10\.213\.[0-9]*\.254' /var/small/addresses)
printf '%s hub.example.dk\n127.0.0.1 db.example.dk\n' "$address" >> /etc/hosts
