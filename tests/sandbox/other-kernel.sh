#!/bin/sh
# Runs the sandbox's tests in another kernel on this machine, as an ordinary program: user-mode Linux, which has
# control groups of version 2 and project quotas. Needs root, Debian's user-mode-linux and e2fsprogs, 4 GB of memory
# and some minutes:
#     apt-get install user-mode-linux e2fsprogs && sh tests/sandbox/other-kernel.sh
# UML_ROOT names a folder with the unpacked package instead of an installed one.
set -eu
repository=$(cd "$(dirname "$0")/../.." && pwd)
uml=${UML_ROOT:-}
work=$(mktemp -d /tmp/other-kernel-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/modules"
find "$uml/usr/lib/uml/modules" \( -name 'quota_*.ko' -o -name loop.ko \) -exec cp {} "$work/modules" \;

cat > "$work/init" <<END
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 CI=true
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /dev/pts /dev/shm /run/tmp
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cp -r $work/modules /run/modules
chmod 1777 /run/tmp
mount --bind /run/tmp /tmp
ip link set lo up
cd $repository
.venv/bin/python - <<PYTHON
import ctypes, os
for name in ("quota_tree", "quota_v2", "loop"):
    ctypes.CDLL(None).syscall(313, os.open(f"/run/modules/{name}.ko", os.O_RDONLY), b"", 0)  # finit_module
PYTHON
echo "As root"
.venv/bin/python -m pytest -p no:cacheprovider tests/sandbox -k "not stranger" -rs
echo "As an account to which a group was delegated"
echo "+memory +pids +cpu" > /sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/slice
echo "+memory +pids +cpu" > /sys/fs/cgroup/slice/cgroup.subtree_control
mkdir /sys/fs/cgroup/slice/job
for file in . cgroup.procs cgroup.threads cgroup.subtree_control; do chown 23456 /sys/fs/cgroup/slice/job/\$file; done
echo \$\$ > /sys/fs/cgroup/slice/job/cgroup.procs
.venv/bin/python -m pytest -p no:cacheprovider tests/sandbox/test_limits.py -k stranger -rs
echo o > /proc/sysrq-trigger
sleep 10
END
chmod +x "$work/init"
TMPDIR=/dev/shm "$uml/usr/bin/linux.uml" mem=3G rootfstype=hostfs rootflags=/ rw "init=$work/init" \
	con=null con0=fd:0,fd:1 quiet < /dev/null
