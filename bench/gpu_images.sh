#!/bin/sh
# Pictures on an accelerator: MNIST and CIFAR-10 by the default flow and the published one, and throughput.
# The folder of the sets comes from REALNVP_DATA; minutes of each run are the first argument (120 if none is given).
# Each command keeps a checkpoint: run the script again with more minutes and it goes on.
set -eu
minutes=${1:-120}
out=${OUT:-runs/gpu}
python -m bench.images --parts throughput --device cuda
for set in mnist cifar10; do
    for kind in glow real_nvp; do
        run=$out/$set-$kind
        flips=$([ "$set" = cifar10 ] && echo --flips || true)
        kernel=$([ "$kind" = real_nvp ] && echo affine || echo spline)
        width=$([ "$set" = cifar10 ] && echo 64 || echo 32)
        resume=$([ -f "$run/checkpoint.safetensors" ] && echo --resume || true)
        realnvp fit "$set" --architecture "$kind" --kernel "$kernel" --width "$width" --batch-size 256 --compile $flips \
            --max-steps 100000000 --max-time $((60 * minutes)) --checkpoint-every 180 --out "$run" $resume
    done
done
