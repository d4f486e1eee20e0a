#!/bin/bash
# Stands in a test's machine for `make -C FOLDER install PYTHON=...`, which takes minutes and the network: what
# pip installed for the tests is laid under the folder's .venv, and what an install writes itself is written.
set -euo pipefail
folder=$2 python=${4#PYTHON=}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$folder/pyproject.toml" | head -1)
changes=/run/installed/$version
mkdir -p "$changes"/{upper,work} "$folder/.venv"
mount -t overlay overlay -o "lowerdir=/machine/.venv,upperdir=$changes/upper,workdir=$changes/work" "$folder/.venv"
cd "$folder/.venv"
ln -sf "$python" bin/python
ln -sf python bin/python3
ln -sf python bin/python3.11
printf 'home = %s\ninclude-system-site-packages = false\n' "$(dirname "$python")" > pyvenv.cfg
sed -i "1s|.*|#!$folder/.venv/bin/python|" bin/sundbench bin/jupyterhub-singleuser
cd lib/python3.11/site-packages
echo "$folder" > _editable_impl_sundbench.pth
for one in sundbench-*.dist-info; do
    [ "$one" = "sundbench-$version.dist-info" ] || mv "$one" "sundbench-$version.dist-info"
done
sed -i "s/^Version: .*/Version: $version/" "sundbench-$version.dist-info/METADATA"
