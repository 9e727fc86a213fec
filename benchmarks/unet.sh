#!/bin/sh
# An equally large U-Net (2.7 % more parameters) beside an MSNet, of the concentration alone: same records, same steps.
#   sh benchmarks/unet.sh RECORDS [DIRECTORY] [STEPS]
set -e
records=$1
out=${2:-unet}
steps=${3:-600}
mkdir -p "$out"
one_pass() { # NAME SETTING ...
    name=$1
    shift
    tfmsnet train "$records" --out "$out/$name" --mode basis --set 'fields=["concentration"]' --set scales=4 \
        --set growth=1.75 --set batch_size=1 --set learning_rate=0.001 --set loss=relative-root --set clip_norm=0 \
        --set "steps=$steps" --set steps_per_epoch=$((steps / 5)) "$@"
}
one_pass msnet
one_pass unet --set architecture=unet --set convolutions=2 --set filters=20
tfmsnet evaluate "$out/msnet" "$records" --compare U-Net="$out/unet" --out "$out/report"
