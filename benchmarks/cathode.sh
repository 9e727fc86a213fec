#!/bin/sh
# Makes the trained model that the package ships, and the report that its model card quotes.
# About three hours on two cores; interrupted, it continues where it was.
#   sh benchmarks/cathode.sh [DIRECTORY] [STEPS]
set -e
out=${1:-cathode}
steps=${2:-7000}
mkdir -p "$out"
cd "$out"
tfmsnet simulate --design paper --geometries 126 --size 24 24 64 --c-rates 0.5,1,2 --seed 7 --out data
[ -d records ] || tfmsnet records write data records --split 9/18 --seed 7
tfmsnet train records --out run --mode basis --set scales=4 --set growth=1.75 --set batch_size=1 \
    --set learning_rate=0.0015 --set steps_per_epoch=100 --set "steps=$steps"
tfmsnet evaluate run records --out report
