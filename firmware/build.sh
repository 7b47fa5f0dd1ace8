#!/usr/bin/env bash
# Builds the firmware image of a board and prints how large it is.
# Usage: firmware/build.sh [BOARD] [--record LABEL] [--debian] [--clippy]
#   BOARD           lm3s6965evb (QEMU) when not given; nucleo-h563zi
#   --record LABEL  also appends the sizes to the board's size history, size.csv
#   --debian        takes Debian's toolchain even where there is another
#   --clippy        only lints the board's code, which is there for its chip alone
# Takes whatever can build for the chip: rustup's target, or a toolchain with the standard library's source, or Debian's
# rustc-web and rust-web-src, which it installs when it may.
set -euo pipefail
cd "$(dirname "$0")/.."

board=lm3s6965evb label="" debian="" clippy=""
while [ $# -gt 0 ]; do
  case $1 in
    --record) label=${2:?--record wants a label}; label=${label//,/;}; shift 2 ;;
    --debian) debian=yes; shift ;;
    --clippy) clippy=yes; shift ;;
    -*) sed -n '2,9s/^# \?//p' "$0"; exit 2 ;;
    *) board=$1; shift ;;
  esac
done
dir=firmware/boards/$board
[ -e "$dir/target" ] || { echo "no board $board; there are:" firmware/boards/*/target >&2; exit 2; }
target=$(<"$dir/target")
# With a core of its own the image is a sixth smaller, also because panics then do not name their place and `{:?}`
# prints nothing.
small=(-Zbuild-std=core -Zbuild-std-features=optimize_for_size --config 'build.rustflags=["-Zlocation-detail=none","-Zfmt-debug=none"]')
# Apart from the host's artefacts: another compiler may be at work here.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/firmware CARGO_INCREMENTAL=0
package=(--locked --target "$target" -p "vigil-board-$board")
args=(build --profile firmware "${package[@]}") warnings=() linter=""
if [ -n "$clippy" ]; then
  # Neither its artefacts nor its flags are those of the image.
  export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/clippy
  args=(clippy "${package[@]}" -p vigil-board-common) warnings=(-- -D warnings) linter=rust-web-clippy
fi

install_debian() {
  local sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null && sudo="sudo -n" || return 1
  fi
  command -v apt-get >/dev/null || return 1
  echo "== installing rustc-web cargo-web rust-web-src lld $linter"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends rustc-web cargo-web rust-web-src lld $linter >/dev/null
}

kind=build-std
sysroot=$(rustc --print sysroot 2>/dev/null || true)
[ -z "$debian" ] || sysroot=none
if [ -d "$sysroot/lib/rustlib/$target/lib" ]; then
  echo "== $board with $(rustc --version), target $target"
  cargo "${args[@]}" "${warnings[@]}"
  kind=rustup
elif [ -e "$sysroot/lib/rustlib/src/rust/library/core/Cargo.toml" ] && [ "$sysroot" != /usr ]; then
  echo "== $board with $(rustc --version), its core built from source"
  RUSTC_BOOTSTRAP=1 cargo "${args[@]}" "${small[@]}" "${warnings[@]}"
else
  source=/usr/lib/rustlib/src/rust/library/core/Cargo.toml
  if [ ! -x /usr/bin/rustc ] || [ ! -x /usr/bin/cargo ] || [ ! -e $source ] || ! command -v ld.lld >/dev/null \
    || { [ -n "$linter" ] && [ ! -x /usr/bin/cargo-clippy ]; }; then
    install_debian || {
      echo "nothing here builds for $target; one of these will do:" >&2
      echo "  rustup target add $target" >&2
      echo "  sudo apt-get install rustc-web cargo-web rust-web-src lld" >&2
      exit 1
    }
  fi
  echo "== $board with Debian's $(/usr/bin/rustc --version), its core built from source"
  linker=${target^^}
  linker=CARGO_TARGET_${linker//[-.]/_}_LINKER
  env "PATH=/usr/bin:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 "$linker=ld.lld" \
    /usr/bin/cargo "${args[@]}" "${small[@]}" "${warnings[@]}"
fi
[ -z "$clippy" ] || exit 0

image=$CARGO_TARGET_DIR/$target/firmware/$board
history=$dir/size.csv
# Sections by name: what is programmed into the flash, and what is taken of the RAM before the program runs.
read -r text data bss < <(readelf -SW "$image" | awk '
  function hex(s,  n, i) { n = 0; for (i = 1; i <= length(s); i++) n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1; return n }
  { sub(/^ *\[ *[0-9]+\] */, "") }
  $1 == ".vector_table" || $1 == ".text" || $1 == ".rodata" || $1 == ".ARM.exidx" { text += hex($5) }
  $1 == ".data" { data += hex($5) }
  $1 == ".bss" || $1 == ".uninit" { bss += hex($5) }
  END { print text + 0, data + 0, bss + 0 }')
ram=$((data + bss))
# rustup's core is built for speed, one's own for size: each is compared with its like.
last=$(grep "^$kind," "$history" 2>/dev/null | tail -n 1 || true)
IFS=, read -r _ was_label was_text was_data was_bss <<<"${last:-$kind,none,$text,$data,$bss}"
printf '%-18s %8s %10s\n' "$image:" bytes "since $was_label"
printf '  %-16s %8d %+10d\n' text "$text" $((text - was_text)) data "$data" $((data - was_data)) bss "$bss" $((bss - was_bss)) \
  "flash" $((text + data)) $((text + data - was_text - was_data)) "static RAM" "$ram" $((ram - was_data - was_bss))
[ -z "$label" ] || echo "$kind,$label,$text,$data,$bss" >>"$history"
# For the tests, which hold it against the limits.
echo "$kind,$text,$data,$bss" >"$CARGO_TARGET_DIR/$board.size"

# What the board has room for, with some to spare.
if [ -e "$dir/limits" ]; then
  # shellcheck disable=SC1091
  . "$dir/limits"
  [ $kind = build-std ] || FLASH_MAX=$FLASH_MAX_RUSTUP
  [ $((text + data)) -le "$FLASH_MAX" ] || { echo "flash: more than $FLASH_MAX bytes" >&2; exit 1; }
  [ "$ram" -le "$RAM_MAX" ] || { echo "static RAM: more than $RAM_MAX bytes" >&2; exit 1; }
fi
