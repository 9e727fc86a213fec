#!/bin/sh
# The paper's experiment from simulation to report: classic and autoregressive MSNet of its preset, one network for each
# field, on its nine electrodes at its three C-rates; then the autoregressive one on each reduced model.  Interrupted,
# it continues where it was.
#   sh benchmarks/reproduce_paper.sh [DIRECTORY]
# The size is for two cores and an hour; the paper's own, for GPUs:
#   SIZE="72 72 244" FILTERS=10 STEPS=10000 RATE=0.0001 CLIP=0 sh benchmarks/reproduce_paper.sh
set -e
out=${1:-paper}
size=${SIZE:-24 24 64}
filters=${FILTERS:-4}
# Rollouts; a step of the classic network sees one frame, of the rollouts 24.
steps=${STEPS:-300}
# Rollouts on a reduced model.
corrections=${CORRECTIONS:-100}
# Five times the paper's, for so few steps; clipped, since both diverge for a while without.
rate=${RATE:-0.0005}
clip=${CLIP:-1}
mkdir -p "$out"
cd "$out"
tfmsnet simulate --design paper --geometries 9 --size $size --c-rates 0.5,1,2 --seed 1 --out data
[ -d records ] || tfmsnet records write data records --split 0/2 --seed 1
tfmsnet train records --out classic --preset paper --mode classic --set 'fields=["concentration", "potential"]' \
    --set filters=$filters --set potential_filters=$filters --set learning_rate=$rate --set clip_norm=$clip \
    --set steps=$((48 * steps)) --set steps_per_epoch=$((48 * steps / 10))
# The autoregressive network starts from those weights: the paper's, from chance, takes many times as long.
tfmsnet train records --out autoregressive --init classic --set 'horizon=[[1.0, 0]]' --set loss=mse --set noise=0 \
    --set state_dropout=0 --set symmetries=false --set batch_size=1 --set learning_rate=$rate --set clip_norm=$clip \
    --set steps=$steps --set steps_per_epoch=$((steps / 10))
# On a reduced model the state is the deviation from it, of which the paper's min-max knows nothing.  It starts from
# chance: what it has to learn is small, and so is what it answers at the start.
for reference in porous-electrode resolved-particles; do
    [ -d "records-$reference" ] || tfmsnet records write data "records-$reference" --split 0/2 --seed 1 \
        --reference "$reference"
    tfmsnet train "records-$reference" --out "on-$reference" --preset paper --mode autoregressive \
        --set state=reference-deviation --set "reference=$reference" --set 'fields=["concentration", "potential"]' \
        --set filters=$filters --set potential_filters=$filters --set 'horizon=[[1.0, 0]]' --set loss=mse --set noise=0 \
        --set state_dropout=0 --set symmetries=false --set batch_size=1 --set learning_rate=$rate --set clip_norm=$clip \
        --set steps=$corrections --set steps_per_epoch=$((corrections / 10))
done
tfmsnet evaluate autoregressive records --out report --compare classic=classic \
    --compare 'on porous-electrode=on-porous-electrode' --compare 'on resolved-particles=on-resolved-particles'
