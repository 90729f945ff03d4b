#!/usr/bin/env bash
# Runs the suite on every kind of server that tests can use and ends with a table; fails if one run failed.
#
#   bash test/all.sh                      # everything
#   bash test/all.sh test/repositories    # what vitest run takes
set -uo pipefail
case ${1-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit ;; esac
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"
unset DATABASE_URL TEST_POSTGRES TEST_POSTGRES_VERSION

table='' failed=0

row() { table+=$(printf '%-18s %s' "$1" "$2")$'\n'; }

# suite <name> <command>…
suite() {
  local name=$1 began=$SECONDS outcome=passed
  shift
  echo "── $name"
  "$@" || { outcome=FAILED; failed=1; }
  row "$name" "$outcome in $((SECONDS - began)) s"
}

for major in 15 17 18; do
  suite "embedded $major" env TEST_POSTGRES=embedded "TEST_POSTGRES_VERSION=$major" vitest run "$@"
done

if [ $# = 0 ]; then
  # Only that it runs: no figure is looked at.
  suite 'bench' sh -c 'npm ci --prefix bench --no-audit --no-fund && npm run typecheck:bench && npm run bench -- --quick'
  suite 'soak, 180 s' env TEST_POSTGRES=embedded SOAK_SECONDS=180 vitest run test/soak
  suite 'feed, 300 000 rows' env TEST_POSTGRES=embedded FEED_ROWS=300000 vitest run test/changes/kills test/changes/backpressure
  suite 'feed, 60 rounds' env TEST_POSTGRES=embedded CHANGES_ROUNDS=60 vitest run test/changes/session_changes.random
  suite 'a million rows' env TEST_POSTGRES=embedded SCALE_PEOPLE=20000 vitest run test/scale
  suite 'all mutants' env TEST_POSTGRES=embedded node test/mutation/run.ts
fi

suite DATABASE_URL node test/support/with_database_url.ts vitest run "$@"

if node --input-type=module -e "await (await import('testcontainers')).getContainerRuntimeClient()" 2>/dev/null; then
  suite testcontainers env TEST_POSTGRES=docker vitest run "$@"
else
  row testcontainers 'left out: no Docker engine answers'
fi

printf '\n%s' "$table"
exit $failed
