#!/bin/sh
# Makes the trained model that the package ships, and the report that its model card quotes.
# About two hours on two cores; interrupted, it continues where it was.
#   sh benchmarks/cathode.sh [DIRECTORY] [STEPS OF THE FIRST TRAINING] [OF THE SECOND AND THIRD]
# The electrodes at first and in the end: FIRST=36 ALL=45 sh benchmarks/cathode.sh small 40 50
set -e
out=${1:-cathode}
steps=${2:-4000}
more=${3:-2500}
first=${FIRST:-126}
all=${ALL:-327}
mkdir -p "$out"
cd "$out"
tfmsnet simulate --design paper --geometries "$first" --size 24 24 64 --c-rates 0.5,1,2 --seed 7 --out data
[ -d records ] || tfmsnet records write data records --split 9/18 --seed 7
tfmsnet train records --out run --mode basis --set scales=4 --set growth=1.75 --set potential_filters=8 \
    --set batch_size=1 --set learning_rate=0.001 --set loss=relative-root --set clip_norm=0 \
    --set "steps=$steps" --set steps_per_epoch=$((steps / 10))
# Once more from there, with a larger batch: less noise, above all in the voltage.
tfmsnet train records --out tuned --init run --set batch_size=2 --set learning_rate=0.0006 --set loss=relative-root \
    --set clip_norm=0 --set "steps=$more" --set steps_per_epoch=$((more / 10))
# And on more than twice as many electrodes, the held-out ones the same as before.
tfmsnet simulate --design paper --geometries "$all" --size 24 24 64 --c-rates 0.5,1,2 --seed 7 --out data
[ -d grown ] || tfmsnet records write data grown --split records
tfmsnet train grown --out third --init tuned --set batch_size=2 --set learning_rate=0.0006 --set loss=relative-root \
    --set clip_norm=0 --set "steps=$more" --set steps_per_epoch=$((more / 10))
# The last of it, slower.
last=$((more * 8 / 25))
tfmsnet train grown --out final --init third --set batch_size=2 --set learning_rate=0.0004 --set loss=relative-root \
    --set clip_norm=0 --set "steps=$last" --set steps_per_epoch=$((last / 5))
tfmsnet evaluate final grown --out report
