#!/usr/bin/env bash
# Installs the Debian packages in a list (one name a line, # comments) that are not there yet.
set -euo pipefail
missing=()
while read -r name _; do
    [[ -z "$name" || "$name" == \#* ]] && continue
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
done < "$1"
if ((${#missing[@]} == 0)); then
    echo "system packages: all there"
    exit 0
fi
echo "system packages: installing ${missing[*]}"
sudo=""
if [[ "$(id -u)" != 0 ]]; then sudo="sudo"; fi
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}"
