#!/usr/bin/env bash
# Decides whether an installed riskslide serves a foreign C++ project: from compiled files it must
# find what Python finds, 68,057.77 for the demo, and refuse a file of another instant.
#
#   tests/install/run.sh BUILT_LIBRARY_FOLDER
#
# Wants cmake and a python with riskslide on PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Shows what a command printed only if it fails.
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

compiled() { (cd "$work" && python "$here/compile_demo.py" "$@"); } # prints what Python finds

margin() { "$work/build/margin_from_program" "$work/$1"; }

same() { # RULEBOOK WANTED FOUND
  echo "maintenance under $1: $3"
  if [ "$2" != "$3" ]; then
    echo "tests/install: the maintenance requirement must be $2" >&2
    exit 1
  fi
}

quietly cmake --install "$1" --component cpp --prefix "$work/prefix"
quietly cmake -S "$here" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$work/prefix"
quietly cmake --build "$work/build"

same "generic-slides in Python" 68057.77 "$(compiled generic-slides generic-slides.rsp)"
same "generic-slides in C++" 68057.77 "$(margin generic-slides.rsp)"
for rules in deribit-spm deribit-xpm; do
  python=$(compiled "$rules" "$rules.rsp")
  same "$rules in C++" "$python" "$(margin "$rules.rsp")"
done

compiled deribit-xpm old.rsp 2025-12-31T23:00:00Z >/dev/null
if margin old.rsp 2>"$work/log"; then
  echo "tests/install: a program of another instant must be refused" >&2
  exit 1
fi
grep -q "another instant" "$work/log"
