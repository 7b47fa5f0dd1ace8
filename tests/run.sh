#!/usr/bin/env bash
# Everything a change must pass: installs what is missing, then fmt, clippy, all tests.
# Usage: tests/run.sh            all of it
#        tests/run.sh --install  only install what the tests need
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian package : the program that shows it is there
needs=(
  "mosquitto:mosquitto"
  "chromium:chromium"
  "chromium-driver:chromedriver"
  "fonts-noto-cjk:/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
  "gcc:cc"
  "npm:npm"
  "qemu-system-arm:qemu-system-arm"
  "victoria-metrics:victoria-metrics"
)
missing=()
for need in "${needs[@]}"; do
  package=${need%%:*} probe=${need#*:}
  case $probe in
    /*) [ -e "$probe" ] || missing+=("$package") ;;
    *) command -v "$probe" >/dev/null || [ -x "/usr/sbin/$probe" ] || missing+=("$package") ;;
  esac
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null && sudo="sudo -n" || {
      echo "missing for the tests; please run: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
      exit 1
    }
  fi
  echo "== installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq
  # The tests start their own broker; the packaged service must not take the port.
  printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null
  $sudo chmod +x /usr/sbin/policy-rc.d
  $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || { $sudo rm -f /usr/sbin/policy-rc.d; exit 1; }
  $sudo rm -f /usr/sbin/policy-rc.d
fi
# Nodes and masters that others have written, each in an environment of its own: they want different protobufs.
# Schemathesis makes up requests to the API.
for peer in pysparkplug==0.6.1 mqtt-spb-wrapper==2.1.2 "pymodbus[serial]==3.16.1" schemathesis==4.32.5; do
  home=target/peers/${peer%%[[=]*}
  if [ ! -e "$home/installed-$peer" ]; then
    echo "== installing $peer"
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check "$peer"
    touch "$home/installed-$peer"
  fi
done
# Asked in the browser what on a page shuts somebody out.
axe=axe-core@4.14.1
if [ ! -e "target/peers/axe-core/installed-$axe" ]; then
  echo "== installing $axe"
  rm -rf target/peers/axe-core
  npm install --prefix target/peers/axe-core --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error "$axe" >/dev/null
  touch "target/peers/axe-core/installed-$axe"
fi
cargo deny --version >/dev/null 2>&1 || {
  echo "== installing cargo-deny"
  cargo install --quiet --locked cargo-deny --version 0.20.2
}
# The firmware's image for QEMU, and that of a board to buy; brings a toolchain for the chips when there is none.
for board in lm3s6965evb nucleo-h563zi; do
  firmware/build.sh $board
done
[ "${1:-}" = "--install" ] && exit 0

export PATH="$PATH:/usr/sbin:/sbin" CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 VIGIL_QEMU=required VIGIL_PEERS=required
echo "== fmt"
cargo fmt --all --check
echo "== licences, bans, sources"
cargo deny --log-level error check licenses bans sources
echo "== clippy"
cargo clippy --workspace --all-targets --locked -- -D warnings
# The boards' own code is only there for their chips.
for board in lm3s6965evb nucleo-h563zi; do
  firmware/build.sh $board --clippy
done
echo "== build"
# The end-to-end tests run the binaries, so they are built first, once.
cargo build --workspace --bins --locked
echo "== tests"
cargo test --workspace --locked --no-fail-fast
