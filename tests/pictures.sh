#!/usr/bin/env bash
# Makes the README's pictures anew from those that the walk through the loop leaves:
#   cargo test -p vigil-tests --test loop_browser && tests/pictures.sh
# Needs pngquant (a Debian package): few colours are enough for calm pages.
set -euo pipefail
cd "$(dirname "$0")/.."
from=target/artefacts/loop
to=gateway/docs/pictures
command -v pngquant >/dev/null || { echo "missing: pngquant" >&2; exit 1; }
mkdir -p "$to"
small() {
  [ -e "$1" ] || { echo "missing: $1" >&2; exit 1; }
  pngquant --force --strip --speed 1 --output "$to/$2.png" 64 "$1"
}
small "$(echo "$from"/*-site-confirms.png)" hazard
small "$(echo "$from"/*-refused-inspector-withdraws.png)" supervision
for picture in "$from"/readme-*.png; do
  name=${picture##*/readme-}
  small "$picture" "${name%.png}"
done
du -cb "$to"/*.png | tail -1
