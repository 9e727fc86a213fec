#!/bin/sh
# The paper's experiment from simulation to report: classic and autoregressive MSNet of its preset, one network for each
# field, on its nine electrodes at its three C-rates.  Interrupted, it continues where it was.
#   sh benchmarks/reproduce_paper.sh [DIRECTORY]
# The size is for two cores and an hour; the paper's own, for GPUs:
#   SIZE="72 72 244" FILTERS=10 STEPS=20000 RATE=0.0001 CLIP=0 sh benchmarks/reproduce_paper.sh
set -e
out=${1:-paper}
size=${SIZE:-24 24 64}
filters=${FILTERS:-4}
# One step of the classic network sees a frame, of the autoregressive one all 24: as many frames for both.
steps=${STEPS:-200}
# Five times the paper's, for so few steps; clipped, since both diverge for a while without.
rate=${RATE:-0.0005}
clip=${CLIP:-1}
mkdir -p "$out"
cd "$out"
tfmsnet simulate --design paper --geometries 9 --size $size --c-rates 0.5,1,2 --seed 1 --out data
[ -d records ] || tfmsnet records write data records --split 0/2 --seed 1
for mode in classic autoregressive; do
    [ $mode = classic ] && all=$((24 * steps)) || all=$steps
    tfmsnet train records --out $mode --preset paper --mode $mode --set 'fields=["concentration", "potential"]' \
        --set filters=$filters --set potential_filters=$filters --set learning_rate=$rate \
        --set clip_norm=$clip --set steps=$all --set steps_per_epoch=$((all / 10))
done
tfmsnet evaluate autoregressive records --out report --compare classic=classic
