#!/bin/sh
# Installs what the tests need and pip can't give, from Debian's packages; says what is missing where it may not.
set -eu

missing=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
# A SAS file made by SAS itself: no Python package carries one.
ls /usr/lib/R/site-library/haven/examples/iris.sas7bdat >/dev/null 2>&1 || missing="$missing r-cran-haven"
# The R kernel.
[ -x /usr/bin/R ] || missing="$missing r-base-core"
ls /usr/lib/R/site-library/IRkernel/DESCRIPTION >/dev/null 2>&1 || missing="$missing r-cran-irkernel"
# What survival analysis is compared with.
ls /usr/lib/R/*library/survival/DESCRIPTION >/dev/null 2>&1 || missing="$missing r-cran-survival"
ls /usr/lib/R/*library/cmprsk/DESCRIPTION >/dev/null 2>&1 || missing="$missing r-cran-cmprsk"
# A small cluster (tests/slurm). Slurm's own service stays down where it has no configuration.
[ -x /usr/sbin/slurmctld ] && [ -x /usr/sbin/slurmd ] || missing="$missing slurm-wlm"
[ -x /usr/sbin/munged ] || missing="$missing munge"
command -v ip >/dev/null 2>&1 || [ -x /usr/sbin/ip ] || missing="$missing iproute2"
# Units are read and started by systemd itself; a hub that isn't root reaches Slurm by sudo; certificates.
command -v systemd-analyze >/dev/null 2>&1 || missing="$missing systemd"
command -v sudo >/dev/null 2>&1 || missing="$missing sudo"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
command -v ps >/dev/null 2>&1 || missing="$missing procps"
# Workspaces keep their versions with git; sandboxes are also started by an account that can't run .venv's Python.
command -v git >/dev/null 2>&1 || missing="$missing git"
[ -x /usr/bin/python3.11 ] || missing="$missing python3"
# Promtool tries the rules of alerts. It alone is taken: the package would start a Prometheus on this machine.
command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ]; then run=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then run="sudo"
else
    echo "Not installed:$missing. Run 'apt-get install$missing' as root; until then the tests that need them are skipped."
    exit 0
fi
echo "Installing from Debian's packages:$missing"
$run apt-get update -qq
packages="${missing% prometheus}"
# shellcheck disable=SC2086 # a list of package names
[ -z "$packages" ] || $run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
if [ "$packages" != "$missing" ]; then
    aside=$(mktemp -d)
    (cd "$aside" && apt-get download -qq -o APT::Sandbox::User=root prometheus && dpkg-deb --extract prometheus_*.deb .)
    $run install "$aside/usr/bin/promtool" /usr/local/bin/promtool
    rm -r "$aside"
fi
