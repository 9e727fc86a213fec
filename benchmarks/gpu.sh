#!/usr/bin/env bash
# What a GPU does, in at most 8 minutes: bash benchmarks/gpu.sh [--out DIR] [options of benchmarks/gpu.py]
# PYTHON is taken where it has tfmsnet and TensorFlow; else a virtual environment is made beside this repository's files.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import tensorflow, tfmsnet' 2> /dev/null; then
    python=.venv-gpu/bin/python
    if [ ! -x "$python" ]; then
        "${PYTHON:-python3}" -m venv .venv-gpu
        "$python" -m pip install -q -e . "tensorflow[and-cuda]>=2.16.2,<2.22"
    fi
fi
exec "$python" benchmarks/gpu.py "$@"
