#!/usr/bin/env bash
# Looks for cases that break a property: the property tests with a new seed each round, for some minutes.
# Stops at the first failure and says how to see it again.
# Usage: tests/soak.sh [MINUTES] [what to test, as for `cargo test`]
#        tests/soak.sh 30 -p vigil-core --test rules_properties
# PROPTEST_CASES (default 2000): cases per property and round.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=10
case ${1:-} in "" | -*) ;; *) minutes=$1; shift ;; esac
[ $# -gt 0 ] || set -- -p vigil-core -p vigil-protocol -p vigil-firmware
export PROPTEST_CASES=${PROPTEST_CASES:-2000} PROPTEST_RNG_SEED CARGO_TARGET_DIR=target/soak
export CARGO_PROFILE_TEST_OPT_LEVEL=2 CARGO_PROFILE_DEV_OPT_LEVEL=2
cargo test --locked --no-run "$@"
end=$((SECONDS + minutes * 60)) rounds=0
while [ "$SECONDS" -lt "$end" ]; do
  PROPTEST_RNG_SEED=$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')
  if ! said=$(cargo test --locked --quiet "$@" 2>&1); then
    printf '%s\n' "$said" | grep -v '^\(running\|test result: ok\|\.*$\)' | cut -c1-2000
    echo "== again: PROPTEST_CASES=$PROPTEST_CASES PROPTEST_RNG_SEED=$PROPTEST_RNG_SEED cargo test $*" >&2
    exit 1
  fi
  rounds=$((rounds + 1))
done
echo "== $rounds rounds of $PROPTEST_CASES cases, no failure"
