#!/bin/bash
# What the site has before Sundbench comes: names, certificates, PostgreSQL, a delivery.
set -euo pipefail
mkdir -p /mnt/anchors /usr/local/sbin
cd /var/tmp/site
cp /machine/operations/install.sh /usr/local/sbin/make
printf '#!/bin/sh\n' > /usr/local/sbin/apt-get    # all of it is there
chmod +x /usr/local/sbin/*
systemctl start systemd-journald
# Not this machine's projects' accounts.
sed -i '/^sb-/d' /etc/passwd /etc/shadow /etc/group /etc/gshadow
# An authority and what it signed.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=authority -keyout authority.key -out authority.pem 2>/dev/null
for name in hub db; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name.example.dk" -keyout $name.key -out $name.csr 2>/dev/null
    openssl x509 -req -in $name.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 30 \
        -extfile <(echo "subjectAltName=DNS:$name.example.dk") -out $name.pem 2>/dev/null
done
mkdir -p /etc/sundbench
cp authority.pem /etc/sundbench/
# PostgreSQL, as the page wants it.
data=/etc/postgresql/15/main
install -m 600 -o postgres db.key /var/lib/postgresql/db.key
install -m 644 db.pem /var/lib/postgresql/db.pem
cat >> $data/postgresql.conf <<END
listen_addresses = '*'
ssl = on
ssl_cert_file = '/var/lib/postgresql/db.pem'
ssl_key_file = '/var/lib/postgresql/db.key'
password_encryption = scram-sha-256
fsync = off
END
cat > $data/pg_hba.conf <<END
local all postgres peer
hostssl governance,hub,drill sundbench 127.0.0.1/32 scram-sha-256
END
systemctl start postgresql@15-main
