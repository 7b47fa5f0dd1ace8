#!/usr/bin/env bash
# Measures every performance number the project promises and prints them as a table.
# Usage: tests/bench.sh [NAME…]     without a name: all of them, about 15 minutes
#   codec     decode of an 8-metric DDATA
#   core      Pipeline::handle of that message with 20 live rules
#   rate      sustained messages per second into the log: broker, generator and gateway on this machine
#   json      third parties' JSON through a mapping profile into the log: QoS 0 with the embedded broker, QoS 1 with Mosquitto
#   cpu       CPU time of the gateway per message at 5,000 /s, with the embedded broker inside
#   external  the same with Mosquitto as the broker: the gateway alone
#   latency   publish to hazard readable in the API at 5,000 /s
#   memory    resident memory with 20,000 pieces of equipment at 5,000 /s
#   start     start to ready with a database of 5 GB, after a stop and after kill -9 (needs sqlite3)
#   idle      resident memory with nothing to do
#   influx    points per second out of the log, to a server that takes everything and to VictoriaMetrics
#   modbus    500 Modbus TCP devices of 30 values at 1 s: all well, 50 dead, 50 answering 5 s late
#   desk      every list page and search with 1,000,000 hazards and 100,000 pieces of equipment (about 15 minutes, 11 GB of disk)
# Not part of CI: numbers mean something only on a machine that does nothing else.
# Environment: BUILD (no: measure what is built), SECONDS_EACH (60), RATE (21000), NODES (1000), GIB (5), BENCH_DIR (a new temporary
# directory; a database made there for `start` is used again), CARGO_TARGET_DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C

each=${SECONDS_EACH:-60} rate=${RATE:-21000} nodes=${NODES:-1000} gib=${GIB:-5}
target=${CARGO_TARGET_DIR:-target}
vigil=$target/release/vigil sim=$target/release/vigil-sim
if [ -n "${BENCH_DIR:-}" ]; then
  dir=$BENCH_DIR
  mkdir -p "$dir"
else
  dir=$(mktemp -d)
fi
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  [ -n "${BENCH_DIR:-}" ] || rm -rf "$dir"
}
trap cleanup EXIT

rows=()
# row WHAT TARGET MEASURED OK?   the last is a condition for awk
row() {
  local verdict=missed
  awk "BEGIN { exit !($4) }" && verdict=held
  rows+=("| $1 | $2 | $3 | $verdict |")
  echo "   $1: $3 ($verdict)" >&2
}
say() { echo "== $*" >&2; }

# cpu_ms PID: user and system time so far
cpu_ms() {
  local stat
  stat=$(<"/proc/$1/stat")
  # The name in brackets may hold blanks; utime and stime are the 12th and 13th field after it.
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  echo $(((${12} + ${13}) * 1000 / $(getconf CLK_TCK)))
}
# kib PID FIELD: VmRSS, VmHWM
kib() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"; }
mib() { awk "BEGIN { printf \"%.1f\", $1 / 1024 }"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
# report FILE KEY
report() { sed -n "s/^ *\"$2\": \([^,]*\),\{0,1\}$/\1/p" "$1" | head -n 1; }
# percentile FILE OBJECT P
percentile() { sed -n "/\"$2\": {/,/}/s/^ *\"$3\": \([^,]*\),\{0,1\}$/\1/p" "$1" | head -n 1; }

# config NAME NODES [BROKER-URL]: a directory with configuration and catalog
config() {
  local at=$dir/$1
  mkdir -p "$at"
  if [ "$2" -gt 0 ] && [ ! -e "$at/catalog.toml" ]; then
    "$sim" catalog --nodes "$2" >"$at/catalog.toml"
  fi
  {
    if [ "$2" -gt 0 ]; then echo 'catalog = ["catalog.toml"]'; fi
    printf '[listen]\nhttp = "127.0.0.1:0"\nmqtt = "127.0.0.1:0"\n[store]\ndata = "data"\n[retention]\nmax_gib = 0.0\n'
    if [ -n "${3:-}" ]; then printf '[broker]\nmode = "external"\nurl = "%s"\n' "$3"; fi
  } >"$at/vigil.toml"
}
# start NAME: the gateway; sets pid, http, mqtt, ready_ms
start() {
  local at=$dir/$1 begun
  : >"$at/out"
  begun=$(now_ms)
  "$vigil" run --config "$at/vigil.toml" >"$at/out" 2>>"$at/log" &
  pid=$!
  pids+=("$pid")
  until http=$(sed -n 's/^pages and API: //p' "$at/out") && [ -n "$http" ]; do
    kill -0 "$pid" || { tail -n 5 "$at/log" >&2; exit 1; }
    sleep 0.005
  done
  until curl -fs -o /dev/null "${http}readyz"; do
    [ $(($(now_ms) - begun)) -lt 60000 ] || { echo "not ready after a minute" >&2; exit 1; }
  done
  ready_ms=$(($(now_ms) - begun))
  mqtt=$(sed -n 's/^MQTT broker: *//p' "$at/out")
}
stop() {
  kill -TERM "$pid"
  wait "$pid" || true
}
# load NAME BROKER ARGUMENT…: report in NAME/load.json
load() {
  local at=$dir/$1 broker=$2
  shift 2
  "$sim" load --broker "$broker" --json "$@" >"$at/load.json" || echo "   the load was not acknowledged whole" >&2
}
build() {
  say "build"
  cargo build --release --locked -p vigil-gateway -p vigil-simulator >&2
  cargo build --release --locked -p vigil-tests --bin point-sponge >&2
}

# criterion PACKAGE BENCH FILTER: median in nanoseconds
criterion() {
  local out
  out=$(cargo bench --locked -p "$1" --bench "$2" -- "$3" 2>/dev/null | tee /dev/stderr)
  sed -n 's/.*time: *\[[^ ]* [^ ]* \([^ ]*\) \([^ ]*\) .*/\1 \2/p' <<<"$out" | head -n 1 |
    awk '{ print $1 * ($2 == "ns" ? 1 : $2 == "ms" ? 1e6 : $2 == "ps" ? 1e-3 : 1e3) }'
}
codec() {
  say "codec"
  local ns
  ns=$(criterion vigil-protocol codec decode)
  row "decode of an 8-metric DDATA" "≤ 250 ns" "$ns ns" "$ns <= 250"
}
core() {
  say "core"
  local ns
  ns=$(criterion vigil-core pipeline handle)
  row "\`Pipeline::handle\` of it, all rules of a steam boiler" "≤ 1,500 ns" "$ns ns" "$ns <= 1500"
}

rate() {
  say "rate: $rate /s for $each s"
  config rate "$nodes"
  start rate
  local before cpu messages file=$dir/rate/load.json
  before=$(cpu_ms "$pid")
  load rate "$mqtt" --nodes "$nodes" --rate "$rate" --seconds "$each"
  cpu=$(($(cpu_ms "$pid") - before))
  messages=$(report "$file" sent)
  local got acked left
  got=$(report "$file" rate) acked=$(report "$file" acked) left=$(report "$file" left)
  row "sustained into the log, broker, generator and gateway here, ${each} s" "≥ 20,000 /s" \
    "$(printf '%.0f' "$got") /s; $messages sent, $acked acknowledged, $(report "$file" resent) resent, $left left" \
    "$got >= 20000 && $acked == $messages"
  row "gateway CPU at that rate, broker inside" "" "$(awk "BEGIN { printf \"%.1f\", $cpu * 1000 / $messages }") µs/message" 1
  stop
  if command -v sqlite3 >/dev/null; then
    local logged
    logged=$(sqlite3 "$dir/rate/data/vigil.db" "SELECT COUNT(*) FROM messages WHERE kind = 6")
    row "data messages in the log after it" "= sent" "$logged of $messages" "$logged == $messages"
  fi
}

# json_config NAME DEVICES [BROKER-URL]
json_config() {
  config "$1" 0 "${3:-}"
  "$sim" catalog --devices "$2" >"$dir/$1/catalog.toml"
  sed -i '1i catalog = ["catalog.toml"]' "$dir/$1/vigil.toml"
  printf '[json]\nprofiles = ["builtin:flat-id-ts-values"]\n' >>"$dir/$1/vigil.toml"
}
# json_load NAME BROKER WHAT ARGUMENT…
json_load() {
  local at=$dir/$1 broker=$2 what=$3 before cpu sent got logged=?
  shift 3
  before=$(cpu_ms "$pid")
  "$sim" load-json --broker "$broker" --json --devices 1000 --rate "$rate" --seconds "$each" "$@" >"$at/load.json" ||
    echo "   the load was not acknowledged whole" >&2
  cpu=$(($(cpu_ms "$pid") - before))
  # A stop handles what has arrived.
  stop
  sent=$(report "$at/load.json" sent) got=$(report "$at/load.json" rate)
  if command -v sqlite3 >/dev/null; then
    logged=$(sqlite3 "$at/data/vigil.db" "SELECT COUNT(*) FROM messages WHERE source = 1")
  fi
  row "JSON into the log, $what, ${each} s" "≥ 20,000 /s" \
    "$(printf '%.0f' "$got") /s; $logged of $sent in the log; gateway CPU $(awk "BEGIN { printf \"%.1f\", $cpu * 1000 / $sent }") µs/message" "$got >= 19990 && \"$logged\" == \"$sent\""
}
json() {
  say "json: $rate /s for $each s, embedded broker, QoS 0"
  json_config json 1000
  start json
  json_load json "$mqtt" "profile flat-id-ts-values, embedded broker, QoS 0 over 4 connections"
  say "json: $rate /s for $each s, Mosquitto, QoS 1"
  local port=$((20000 + RANDOM % 10000)) broker
  mkdir -p "$dir/json-mosquitto"
  printf 'listener %s 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 100000\nmax_inflight_messages 1000\n' \
    "$port" >"$dir/json-mosquitto/mosquitto.conf"
  mosquitto -c "$dir/json-mosquitto/mosquitto.conf" >"$dir/json-mosquitto/mosquitto.log" 2>&1 &
  broker=$!
  pids+=("$broker")
  json_config json-mosquitto 1000 "mqtt://127.0.0.1:$port"
  start json-mosquitto
  json_load json-mosquitto "mqtt://127.0.0.1:$port" "the same, Mosquitto, QoS 1 pipelined over 4 connections" --window 500
  kill "$broker"
}

# cpu_per_message NAME BROKER WHAT
cpu_per_message() {
  local before cpu messages us file=$dir/$1/load.json
  before=$(cpu_ms "$pid")
  load "$1" "$2" --nodes "$nodes" --rate 5000 --seconds "$each"
  cpu=$(($(cpu_ms "$pid") - before))
  messages=$(report "$file" sent)
  us=$(awk "BEGIN { printf \"%.1f\", $cpu * 1000 / $messages }")
  row "$3" "≤ 25 µs" "$us µs; $(report "$file" acked) of $messages acknowledged" "$us <= 25"
}
cpu() {
  say "cpu at 5,000 /s for $each s"
  config cpu "$nodes"
  start cpu
  cpu_per_message cpu "$mqtt" "gateway CPU per message at 5,000 /s, broker inside"
  stop
}
external() {
  say "cpu at 5,000 /s for $each s, Mosquitto"
  local port=$((20000 + RANDOM % 10000))
  mkdir -p "$dir/external"
  printf 'listener %s 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 100000\n' "$port" \
    >"$dir/external/mosquitto.conf"
  mosquitto -c "$dir/external/mosquitto.conf" >"$dir/external/mosquitto.log" 2>&1 &
  local broker=$!
  pids+=("$broker")
  config external "$nodes" "mqtt://127.0.0.1:$port"
  start external
  cpu_per_message external "mqtt://127.0.0.1:$port" "gateway CPU per message at 5,000 /s, Mosquitto outside"
  stop
  kill "$broker"
}
latency() {
  say "latency at 5,000 /s for $each s"
  config latency "$nodes"
  start latency
  load latency "$mqtt" --nodes "$nodes" --rate 5000 --seconds "$each" --hazard-probe "${http%/}"
  local p99 file=$dir/latency/load.json
  p99=$(percentile "$file" hazard_ms p99)
  row "publish to hazard readable in the API at 5,000 /s, p99" "≤ 100 ms" \
    "$p99 ms; p50 $(percentile "$file" hazard_ms p50), max $(percentile "$file" hazard_ms max), $(percentile "$file" hazard_ms count) hazards" \
    "${p99:-1e9} <= 100"
  stop
}
memory() {
  say "memory: 20,000 pieces of equipment, 5,000 /s for $each s"
  config memory 20000
  start memory
  local empty file=$dir/memory/load.json
  empty=$(kib "$pid" VmRSS)
  load memory "$mqtt" --nodes 20000 --rate 5000 --seconds "$each" --connections 16
  row "RSS with 20,000 pieces of equipment, all born, 5,000 /s" "≤ 150 MB" \
    "$(mib "$(kib "$pid" VmRSS)") MiB; peak $(mib "$(kib "$pid" VmHWM)"), before the load $(mib "$empty")" \
    "$(kib "$pid" VmHWM) * 1.024 <= 150000"
  stop
}
# pad DATABASE: copies the log with its indexes until the file has the size; what the core remembers
# stays as it is, and the copies are newer than it
pad() {
  local db=$1 rows copies
  rows=$(sqlite3 "$db" "SELECT MAX(position) FROM messages")
  copies=$((gib * 1073741824 / $(stat -c %s "$db")))
  sqlite3 "$db" >/dev/null <<SQL
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -1000000;
CREATE TEMP TABLE step AS SELECT MAX(received) - MIN(received) + 1 AS ms FROM messages;
CREATE TEMP TABLE copy AS SELECT value AS n FROM generate_series(1, $copies);
BEGIN;
INSERT INTO messages (position, node_id, device_id, kind, flags, epoch, seq, published, received, context_id, payload, source)
  SELECT position + n * $rows, node_id, device_id, kind, flags, epoch, seq + n * $rows, published + n * ms, received + n * ms,
         context_id, payload, source
  FROM copy CROSS JOIN step CROSS JOIN messages;
INSERT INTO message_times SELECT d.node_id, d.device_id, at + n * ms, position + n * $rows
  FROM (SELECT DISTINCT node_id, device_id FROM message_times ORDER BY 1, 2) d CROSS JOIN copy CROSS JOIN step
  CROSS JOIN message_times t ON t.node_id = d.node_id AND t.device_id = d.device_id;
INSERT INTO message_journal SELECT d.node_id, d.epoch, seq + n * $rows, position + n * $rows
  FROM (SELECT DISTINCT node_id, epoch FROM message_journal ORDER BY 1, 2) d CROSS JOIN copy
  CROSS JOIN message_journal t ON t.node_id = d.node_id AND t.epoch = d.epoch;
UPDATE meta SET value = CAST(value AS INTEGER) + $copies * $rows WHERE key IN ('indexed_to', 'last_position', 'watermark');
COMMIT;
SQL
}
start_() {
  say "start with $gib GiB"
  local db=$dir/start/data/vigil.db bytes
  config start "$nodes"
  if [ ! -e "$db" ] || [ "$(stat -c %s "$db")" -lt $((gib * 1000000000)) ]; then
    start start
    load start "$mqtt" --nodes "$nodes" --rate 20000 --seconds 20
    stop
    pad "$db"
  fi
  bytes=$(stat -c %s "$db")
  start start
  row "start to ready, $((bytes / 1000000)) MB with $nodes nodes, after a graceful stop" "< 1 s" "$ready_ms ms" "$ready_ms < 1000"
  load start "$mqtt" --nodes "$nodes" --rate 5000 --seconds 15 --no-journal --settle 0 &
  local loading=$!
  sleep 14
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  kill "$loading" 2>/dev/null || true
  wait "$loading" 2>/dev/null || true
  start start
  row "start to ready, $((bytes / 1000000)) MB, after kill -9 at 5,000 /s" "< 1 s" \
    "$ready_ms ms; $(sed -n 's/.*replayed=\([0-9]*\).*/\1/p' "$dir/start/log" | tail -n 1) messages replayed" "$ready_ms < 1000"
  stop
}
idle() {
  say "idle"
  config idle 0
  start idle
  sleep 10
  row "RSS with nothing to do" "< 40 MB" "$(mib "$(kib "$pid" VmRSS)") MiB" "$(kib "$pid" VmRSS) * 1.024 < 40000"
  row "start to ready, empty" "" "$ready_ms ms" 1
  stop
}

# points NAME URL: how fast the log of `influx` becomes points there; sets points_each, points_all, cpu_each
points() {
  local at=$dir/influx-$1 first first_ms now last cpu
  rm -rf "$at"
  cp -r "$dir/influx" "$at"
  printf '[influx]\nurl = "%s"\n' "$2" >>"$at/vigil.toml"
  start "influx-$1"
  cpu=$(cpu_ms "$pid")
  first=0
  while :; do
    local sinks
    sinks=$(curl -fs "${http}api/v1/sinks")
    now=$(now_ms)
    last=$(sed -n 's/.*"points":\([0-9]*\).*/\1/p' <<<"$sinks")
    if [ "$first" = 0 ] && [ "${last:-0}" -gt 0 ]; then
      first=$last first_ms=$now
    fi
    if [ "$first" != 0 ] && grep -q '"lag_positions":0[,}]' <<<"$sinks"; then break; fi
    [ $((now - ${first_ms:-$now})) -lt 600000 ] || { echo "not done after ten minutes" >&2; exit 1; }
    sleep 0.02
  done
  points_all=$last
  points_each=$(awk "BEGIN { printf \"%.0f\", ($last - $first) * 1000 / ($now - $first_ms) }")
  cpu_each=$(awk "BEGIN { printf \"%.2f\", ($(cpu_ms "$pid") - $cpu) * 1000 / $last }")
  stop
}
influx() {
  say "influx"
  config influx "$nodes"
  start influx
  load influx "$mqtt" --nodes "$nodes" --rate "$rate" --seconds 15
  stop
  "$target/release/point-sponge" >"$dir/sponge" &
  local sponge=$! port=$((30000 + RANDOM % 10000)) server
  pids+=("$sponge")
  until [ -s "$dir/sponge" ]; do sleep 0.01; done
  points sponge "$(<"$dir/sponge")"
  kill "$sponge"
  row "points out of the log, to a server that takes everything" "≥ 100,000 /s" \
    "$points_each /s; $points_all points, $cpu_each µs CPU of the gateway each" "$points_each >= 100000"
  victoria-metrics "-httpListenAddr=127.0.0.1:$port" "-storageDataPath=$dir/victoria" -retentionPeriod=100y \
    >"$dir/victoria.log" 2>&1 &
  server=$!
  pids+=("$server")
  until curl -fs -o /dev/null "http://127.0.0.1:$port/health"; do sleep 0.05; done
  points victoria "http://127.0.0.1:$port"
  kill "$server"
  row "points out of the log, to VictoriaMetrics on the same machine" "≥ 100,000 /s" \
    "$points_each /s; $points_all points" "$points_each >= 100000"
}

# modbus_run WHAT ARGUMENT…
modbus_run() {
  local what=$1 file=$dir/modbus.json
  shift
  "$target/release/modbus-bench" --seconds "$each" --json "$@" >"$file" || true
  local json
  json=$(head -n 1 "$file")
  value() { sed -n "s/.*\"$1\":\([^,}]*\).*/\1/p" <<<"$json"; }
  row "$what: periods missed, values wrong" "0, 0" \
    "$(value periods_missed), $(value wrong); $(value polls) polls, $(value values) values in $(value seconds) s, longest gap $(value longest_gap_ms) ms" \
    "$(value periods_missed) + $(value wrong) + $(value writes) == 0"
  row "$what: gateway CPU and RSS" "" \
    "$(printf '%.1f' "$(value cpu_percent)") % of a core, $(printf '%.1f' "$(value rss_mib)") MiB (peak $(printf '%.1f' "$(value peak_mib)"))" 1
}
modbus() {
  say "modbus: 500 devices for $each s, three times"
  [ "${BUILD:-yes}" = no ] || cargo build --release --locked -p vigil-tests --bin modbus-bench >&2
  modbus_run "500 Modbus devices × 30 values at 1 s"
  modbus_run "the same, 50 of them dead" --silent 50
  modbus_run "the same, 50 of them answering 5 s late" --late 50
}

desk() {
  say "desk: a million hazards"
  [ "${BUILD:-yes}" = no ] || cargo build --release --locked -p vigil-tests --bin desk-bench >&2
  "$target/release/desk-bench" --data "$dir/desk" --rows >"$dir/desk.out" || echo "   a list misses its target" >&2
  grep -v '^|' "$dir/desk.out" >&2
  # | `/api/v1/hazards` | questions | p50 | p95 | p99 | slowest | held |
  while IFS='|' read -r _ path questions p50 p95 p99 slowest verdict _; do
    rows+=("| $path: p95 of server time over HTTP | < 200 ms |$p95 ms; p50$p50, p99$p99, slowest${slowest}of $questions questions |$verdict |")
  done < <(grep '^| `' "$dir/desk.out")
  rows+=("$(grep '^| start to ready with it' "$dir/desk.out")")
}

[ "${BUILD:-yes}" = no ] || build
[ $# -gt 0 ] || set -- codec core rate json cpu external latency memory start idle influx modbus
for name; do
  case $name in
    codec | core | rate | json | cpu | external | latency | memory | idle | influx | modbus | desk) "$name" ;;
    start) start_ ;;
    *) echo "unknown: $name" >&2; exit 2 ;;
  esac
done

echo
echo "$(nproc) cores, $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(awk '$1 == "MemTotal:" { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB RAM, $(uname -sr), $(rustc --version | cut -d' ' -f1,2); load average at the end $(cut -d' ' -f1 /proc/loadavg)"
echo "commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown), $(date -u +%F)"
echo
echo "| what | target | measured | |"
echo "|---|---|---|---|"
printf '%s\n' "${rows[@]}"
