#!/usr/bin/env bash
# What the tests need besides Python: Debian packages, installed where a program is missing. `tests/stack/install.sh GROUP...`
# with the groups of what is to run: stack, image. Needs Debian or Ubuntu and root only where something is missing.
set -euo pipefail

packages=()
need() { # PROGRAM PACKAGE
    command -v "$1" >/dev/null || packages+=("$2")
}

for group in "$@"; do
    case $group in
    stack)
        need promtool prometheus
        need amtool prometheus-alertmanager
        need docker-compose docker-compose
        need chromium chromium
        ;;
    image)
        need buildah buildah
        need debootstrap debootstrap
        need crun crun
        ;;
    *)
        echo "install.sh: no group $group: stack, image" >&2
        exit 2
        ;;
    esac
done
[ ${#packages[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "install.sh: missing: ${packages[*]}; install them, or run this as root on Debian" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq -o Acquire::Retries=3
# A package must not start the service that it brings: the tests start their own. (dpkg asks this file.)
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get install -y -qq --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "${packages[@]}" >/dev/null
