#!/bin/sh
# Makes the trained model that the package ships, and the report that its model card quotes.
# About an hour and a half on two cores; interrupted, it continues where it was.
#   sh benchmarks/cathode.sh [DIRECTORY] [STEPS]
set -e
out=${1:-cathode}
steps=${2:-4000}
mkdir -p "$out"
cd "$out"
tfmsnet simulate --design paper --geometries 126 --size 24 24 64 --c-rates 0.5,1,2 --seed 7 --out data
[ -d records ] || tfmsnet records write data records --split 9/18 --seed 7
tfmsnet train records --out run --mode basis --set scales=4 --set growth=1.75 --set potential_filters=8 \
    --set batch_size=1 --set learning_rate=0.001 --set loss=relative-root --set clip_norm=0 \
    --set "steps=$steps" --set steps_per_epoch=$((steps / 10))
tfmsnet evaluate run records --out report
