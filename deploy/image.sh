#!/bin/sh
# Build the image `forecast_assets` with buildah, without a registry: debootstrap makes the base from Debian's packages.
# The build trusts the certificates that this machine trusts, of which the image keeps none.
set -eu
cd "$(dirname "$0")/.."
export BUILDAH_ISOLATION="${BUILDAH_ISOLATION:-chroot}" STORAGE_DRIVER="${STORAGE_DRIVER:-vfs}"
if [ -z "${BASE:-}" ]; then
    BASE=localhost/debian:bookworm-slim
    folder="$(mktemp --directory)"
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    debootstrap --variant=minbase bookworm "$folder"
    container="$(buildah from scratch)"
    buildah add --quiet "$container" "$folder" /
    buildah commit --quiet "$container" "$BASE"
    buildah rm "$container"
fi
CERTIFICATES="${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}"
buildah build --network host --build-arg "BASE=$BASE" \
    --volume "$CERTIFICATES:/certificates.crt:ro" --build-arg PIP_CERT=/certificates.crt \
    --file deploy/Dockerfile --tag forecast_assets .
container="$(buildah from forecast_assets)"
buildah run "$container" -- forecast --help >/dev/null
buildah rm "$container" >/dev/null
