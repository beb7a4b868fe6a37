#!/usr/bin/env bash
# Builds deploy/Dockerfile where there is no Docker and no registry: the base is a Debian of debootstrap's, packages are
# fetched outside by the hashes that were locked, buildah does the rest. `deploy/image.sh FOLDER`: what is kept between
# builds; the image is oidor:local in buildah's store. Needs root, buildah, debootstrap and crun.
set -euo pipefail
cd "$(dirname "$0")/.."
kept=$1
base=localhost/oidor-debian:12
buildah() { command buildah --storage-driver vfs "$@"; }

mkdir -p "$kept/wheels"
kept=$(realpath "$kept")
if ! buildah images --quiet "$base" >/dev/null 2>&1; then
    rm -rf "$kept/debian"
    debootstrap --variant=minbase --include=python3,python3-venv bookworm "$kept/debian" >"$kept/debootstrap.log" ||
        { tail "$kept/debootstrap.log" >&2; exit 1; }
    container=$(buildah from scratch)
    buildah add "$container" "$kept/debian" / >/dev/null
    buildah commit --quiet --rm "$container" "${base#localhost/}" >/dev/null
    rm -rf "$kept/debian"
fi
python=$(sed -n 's/^requires-python = ">=\(.*\)"$/\1/p' pyproject.toml) # that of the base, Debian 12
.venv/bin/pip download --quiet --disable-pip-version-check --only-binary :all: --python-version "$python" \
    --require-hashes --requirement requirements/run.txt --dest "$kept/wheels"
buildah bud --quiet --isolation chroot --tag oidor:local --file deploy/Dockerfile --build-arg BASE="$base" \
    --build-arg COMMIT="$(git rev-parse HEAD 2>/dev/null)" --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=/wheels --volume "$kept/wheels:/wheels:ro" .
buildah images oidor:local
