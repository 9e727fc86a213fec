#!/bin/sh
# Networks on top of the reduced models, on electrodes and loads of all kinds: does one earn its place?
#   tfmsnet simulate --design wide --seed 1 --geometries 80 --out wide
#   tfmsnet simulate --design paper --geometries 61 --size 24 24 64 --c-rates 0.5,1,2 --seed 7 --out paper
#   mkdir mixed && ln wide/*.h5 paper/*.h5 mixed
#   sh benchmarks/networks.sh wide mixed [DIRECTORY] [STEPS]
# Held-out electrodes are judged with and without each.  Interrupted, it continues where it was.
set -e
wide=$(realpath "$1")
mixed=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
out=${3:-networks}
steps=${4:-3000}
mkdir -p "$out"
cd "$out"
records() { # REFERENCE DATA VALIDATION/TEST
    [ -d "records-$1" ] || tfmsnet records write "$2" "records-$1" --split "$3" --short keep --partial drop \
        --reference "$1"
}
train() { # NAME REFERENCE STEPS SETTING ...
    name=$1 reference=$2 count=$3
    shift 3
    tfmsnet train "records-$reference" --out "run-$name" --set "reference=$reference" --set scales=3 --set growth=2 \
        --set batch_size=1 --set loss=relative-root --set "steps=$count" --set steps_per_epoch=$((count / 6)) "$@"
}
# Both fields, on all that the wide design has.
records resolved-particles "$wide" 8/20
train resolved-particles resolved-particles $((steps / 2)) --mode basis --set filters=8 --set potential_filters=4 \
    --set learning_rate=0.001 --set clip_norm=0
python "$here/error_bars.py" "$wide" --model run-resolved-particles/best --held-out records-resolved-particles
# The concentration alone: potential and curve stay the model's.
records porous-electrode "$mixed" 12/26
set -- --set 'fields=["concentration"]' --set learning_rate=0.0015 --set clip_norm=1 --set \
    'channels=["inverted_distance","am_distance","am","cbd","surface","from_foil","from_separator","uptake_quarter","uptake_half","uptake_radius","uptake_diameter"]'
train porous-electrode porous-electrode "$steps" --mode basis --set filters=8 "$@"
train unet porous-electrode $((steps / 2)) --mode basis --set architecture=unet --set convolutions=2 --set filters=10 "$@"
train rollouts porous-electrode $((steps / 2)) --mode autoregressive --set filters=8 \
    --set 'horizon=[[0.5,1],[0.8,4],[1.0,12]]' "$@"
python "$here/error_bars.py" "$mixed" --model run-porous-electrode --model run-unet --model run-rollouts \
    --held-out records-porous-electrode
