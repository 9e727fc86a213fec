#!/bin/sh
# Networks on top of the reduced models, on electrodes and loads of all kinds: does one earn its place?
#   tfmsnet simulate --design wide --seed 1 --geometries 80 --out data
#   sh benchmarks/networks.sh data [DIRECTORY] [STEPS]
# One pass on each reduced model; held-out electrodes are judged with and without it.  Interrupted, it continues where
# it was.
set -e
data=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
out=${2:-networks}
steps=${3:-1500}
mkdir -p "$out"
cd "$out"
train_on() { # REFERENCE SETTING ...
    reference=$1
    shift
    [ -d "records-$reference" ] || tfmsnet records write "$data" "records-$reference" --split 8/20 --short keep \
        --partial drop --reference "$reference"
    tfmsnet train "records-$reference" --out "run-$reference" --mode basis --set "reference=$reference" --set scales=3 \
        --set filters=8 --set growth=2 --set batch_size=1 --set learning_rate=0.001 \
        --set loss=relative-root --set clip_norm=0 --set "steps=$steps" --set steps_per_epoch=$((steps / 15)) "$@"
    python "$here/error_bars.py" "$data" --model "run-$reference/best" --held-out "records-$reference"
}
train_on resolved-particles --set potential_filters=4
# Of the concentration alone: potential and curve stay the model's.
train_on porous-electrode --set 'fields=["concentration"]'
