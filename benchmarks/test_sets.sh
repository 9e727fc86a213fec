#!/bin/sh
# Test sets beside the held-out part of `tfmsnet simulate --design wide`, a directory of samples each, and how far the
# reduced models and networks are off on them.  Interrupted, it continues where it was; half an hour of a core.
#   sh benchmarks/test_sets.sh IMAGE [DIRECTORY] [MODEL ...]
# IMAGE: docs/notebooks/electrode.tiff of github.com/tldr-group/taufactor, voxels of 0.39 um.
#   b  the paper's size, 72x72x244, three of its recipes       c  thick: 24x24x244, 32x32x160
#   d  three crops of IMAGE                                    e  particles larger, smaller, all alike, of many sizes
#   f  a drive cycle
set -e
image=$(realpath "$1")
out=${2:-test_sets}
[ $# -lt 2 ] || shift
shift
here=$(realpath "$(dirname "$0")")
mkdir -p "$out"
cd "$out"

electrode() { # NAME SEED AM CALENDERING X Y Z [OPTIONS]
    name=$1 seed=$2 am=$3 calendering=$4 x=$5 y=$6 z=$7
    shift 7
    [ -f "$name.tif" ] || tfmsnet electrode make --out "$name.tif" --seed "$seed" --am-wt-percent "$am" \
        --calendering-percent "$calendering" --size "$x" "$y" "$z" "$@" -q
}
discharged() { # SET IMAGE OPTIONS; a discharge that fails on the way is kept as far as it came
    set=$1
    shift
    tfmsnet simulate "$@" --jobs 1 --out "$set" -q || [ $? = 1 ]
}

awk 'BEGIN {
    print "time_s,c_rate"
    for (t = 0; t <= 900; t += 5) {
        c = 0.6 + 0.9 * sin(t / 37) + 0.7 * sin(t / 11 + 1) + (t % 120 < 15 ? 1.5 : 0) - (t % 95 < 10 ? 1.2 : 0)
        if (t % 180 > 160) c = 0
        printf "%d,%.3f\n", t, c
    }
}' >drive_cycle.csv

electrode c1 201 88 5 24 24 244
electrode c2 202 93 15 24 24 244
electrode c3 203 86 20 32 32 160
electrode c4 204 94 0 32 32 160
for n in 1 2 3 4; do discharged c c$n.tif --c-rates 0.7,1.5; done
discharged d "$image" --voxel-size-um 0.39 --remove-islands --crop 0 48 0 48 0 96 --c-rates 0.7,1
discharged d "$image" --voxel-size-um 0.39 --remove-islands --crop 64 112 128 176 40 136 --c-rates 1.3,2
discharged d "$image" --voxel-size-um 0.39 --remove-islands --crop 150 198 30 78 100 196 --c-rates 0.5,1.5
electrode e1 301 90 10 48 48 64 --particle-diameter-um 16 --voxel-size-um 0.6
electrode e2 302 90 10 24 24 64 --particle-diameter-um 3 --voxel-size-um 0.25
electrode e3 303 90 10 32 32 64 --particle-spread 0
electrode e4 304 90 10 32 32 64 --particle-spread 0.8
for n in 1 2 3 4; do discharged e e$n.tif --c-rates 0.5,2; done
electrode f1 401 91 8 24 24 64
electrode f2 402 86 15 32 32 96
electrode f3 403 94 20 24 24 96
electrode f4 404 82 0 40 40 40
for n in 1 2 3 4; do discharged f f$n.tif --load drive_cycle.csv --load-every 30; done
electrode b1 101 85 0 72 72 244
electrode b2 102 90 10 72 72 244
electrode b3 103 95 20 72 72 244
discharged b b1.tif --c-rates 0.5,2
discharged b b2.tif --c-rates 1
discharged b b3.tif --c-rates 0.5
python "$here/error_bars.py" b c d e f --out error_bars.json
