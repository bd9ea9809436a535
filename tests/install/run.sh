#!/usr/bin/env bash
# Decides whether an installed riskslide serves a foreign C++ project: the demo needs 68,058.
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

quietly cmake --install "$1" --component cpp --prefix "$work/prefix"
(cd "$work" && python "$here/compile_demo.py" demo.rsp)
quietly cmake -S "$here" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$work/prefix"
quietly cmake --build "$work/build"
found=$("$work/build/margin_from_program" "$work/demo.rsp")
echo "maintenance from C++: $found"
if [ "$found" != 68057.77 ]; then
  echo "tests/install: the maintenance requirement must be 68057.77" >&2
  exit 1
fi
