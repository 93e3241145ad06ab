#!/bin/sh
# Pictures on an accelerator: throughput, then MNIST and CIFAR-10 by the default flow and by the published one.
#
#   REALNVP_DATA=FOLDER sh bench/gpu_images.sh [MINUTES [more options of realnvp fit]]
#
# MINUTES of each of the four trainings, 120 if none are given. `realnvp fit` takes the accelerator that torch finds;
# DEVICE=cpu PYTHON=.venv/bin/python change what is measured and by which interpreter. Each training keeps a checkpoint
# in runs/gpu (or OUT): run the script again with more minutes and all of them go on.
set -eu
minutes=${1:-120}
[ $# -eq 0 ] || shift
out=${OUT:-runs/gpu}
python=${PYTHON:-python}
"$python" -m bench.images --parts throughput --device "${DEVICE:-cuda}"
for set in mnist cifar10; do
    for kind in glow real_nvp; do
        run=$out/$set-$kind
        flips=$([ "$set" = cifar10 ] && echo --flips || true)
        kernel=$([ "$kind" = real_nvp ] && echo affine || echo spline)
        width=$([ "$set" = cifar10 ] && echo 64 || echo 32)
        resume=$([ -f "$run/checkpoint.safetensors" ] && echo --resume || true)
        "$python" -m realnvp fit "$set" --architecture "$kind" --kernel "$kernel" --width "$width" --batch-size 256 \
            --compile $flips --max-steps 100000000 --max-time $((60 * minutes)) --checkpoint-every 180 \
            --out "$run" $resume "$@"
    done
done
