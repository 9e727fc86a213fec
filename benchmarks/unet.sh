#!/bin/sh
# An equally large U-Net (2.7 % more parameters) beside an MSNet that learning_curve.py trained: same records, same steps.
#   sh benchmarks/unet.sh RECORDS MSNET_RUN [DIRECTORY] [STEPS]
#   sh benchmarks/unet.sh curve/records-300 curve/run-300
set -e
records=$1
msnet=$2
out=${3:-unet}
steps=${4:-600}
mkdir -p "$out"
tfmsnet train "$records" --out "$out/run" --mode basis --set 'fields=["concentration"]' --set architecture=unet \
    --set scales=4 --set convolutions=2 --set filters=20 --set growth=1.75 --set batch_size=1 --set learning_rate=0.001 \
    --set loss=relative-root --set clip_norm=0 --set "steps=$steps" --set steps_per_epoch=$((steps / 5))
tfmsnet evaluate "$msnet" "$records" --compare U-Net="$out/run" --out "$out/report"
