#!/usr/bin/env bash
# Makes the README's pictures anew from those that the walk through the loop leaves:
#   cargo test -p vigil-tests --test loop_browser && tests/pictures.sh
# Needs pngquant (a Debian package): 256 colours of a palette are enough for calm pages.
set -euo pipefail
cd "$(dirname "$0")/.."
from=target/artefacts/loop
to=gateway/docs/pictures
command -v pngquant >/dev/null || { echo "missing: pngquant" >&2; exit 1; }
mkdir -p "$to"

# Name here : picture there, with the number it was taken at left open
pictures=(
  "work-list:pages/work-list-zh-1280.png"
  "hazard:*-regulator-accepts.png"
  "supervision:pages/case-en-1280.png"
  "four-lists:pages/list-tasks-zh-1280.png"
  "risk-map:pages/risk-map-en-1280.png"
  "statistics:pages/statistics-en-1280.png"
  "phone:pages/hazards-zh-390.png"
)
for picture in "${pictures[@]}"; do
  found=("$from"/${picture#*:})
  [ -e "${found[0]}" ] || { echo "missing: ${found[0]}" >&2; exit 1; }
  pngquant --force --strip --speed 1 --output "$to/${picture%%:*}.png" 64 "${found[0]}"
done
du -cb "$to"/*.png | tail -1
