#!/usr/bin/env bash
# Decides whether clang-tidy passes on the library, the bindings and the C++ tests. The kernels are
# one body, so one of their files stands for all.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset tidy --log-level=ERROR -DRISKSLIDE_PYTHON=ON \
  -Dpybind11_DIR="$(python -m pybind11 --cmakedir)" >/dev/null
printf '%s\n' cpp/src/*.cpp cpp/src/kernel/baseline.cpp python/bindings/*.cpp tests/cpp/*.cpp |
  xargs -P "$(nproc)" -n 2 clang-tidy --quiet -p build/tidy --extra-arg=-Wno-unknown-warning-option
