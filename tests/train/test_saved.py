"""Runs on the disk: old ones load and score as they did, damaged ones get a sentence, writings fail whole."""

import ast
import errno
import hashlib
import json
import os
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import realnvp
from realnvp import BoltzmannGenerator, ImageRealNVP, InputError, RealNVP
from realnvp.train.checkpoint import _digest, read_run, write_run

RUNS = Path(__file__).parent.parent / "data" / "runs"
PLAIN = {"table": RealNVP, "spline": RealNVP, "energy": BoltzmannGenerator, "pictures": ImageRealNVP}  # one flow each
LOADERS = PLAIN | {"words": RealNVP, "members": RealNVP, "single": RealNVP}
NAMES = [f"1-{name}" for name in LOADERS]


def load(folder):
    kind = json.loads((folder / "config.json").read_text()).get("kind")
    return {"density": RealNVP, "boltzmann": BoltzmannGenerator, "images": ImageRealNVP}[kind].load(folder)


@pytest.fixture(params=[f"1-{name}" for name in PLAIN])
def run(request, tmp_path):
    for path in (RUNS / request.param).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_old_scores_as_it_did(name):
    told = json.loads((RUNS / name / "scores.json").read_text())
    points = told["points"]
    if isinstance(points, dict):
        points = pd.DataFrame(points)
    else:
        points = np.array(points, dtype=np.uint8 if "pictures" in name else float)
    given = {"context": np.array(told["context"])} if "context" in told else {}
    found = LOADERS[name[2:]].load(RUNS / name).score_samples(points, **given)

    np.testing.assert_allclose(found, told["scores"], rtol=1e-5)
    assert sum(path.stat().st_size for path in (RUNS / name).iterdir()) < 50_000


def edit(run, change, sealed=True):
    """Change the config; sealed anew, as a program could."""
    path = run / "config.json"
    config = json.loads(path.read_text())
    change(config)
    config["config_sha256"] = _digest(config) if sealed else config["config_sha256"]
    path.write_text(json.dumps(config))


def weights(run, change):
    """Change the bytes of the weights, and the checksum with them."""
    path = run / "model.safetensors"
    path.write_bytes(content := change(path.read_bytes()))
    edit(run, lambda c: c.update(sha256=hashlib.sha256(content).hexdigest()))


def declared(shape):
    """A header that declares more than there is."""
    header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 8]}}).encode()
    return lambda _: struct.pack("<Q", len(header)) + header + bytes(8)


def more(content):
    from safetensors.torch import load, save

    return save(load(content) | {"more": torch.zeros(3)})


def fewer(content):
    from safetensors.torch import load, save

    state = load(content)
    state.pop(sorted(state)[0])
    return save(state)


def flip(run):
    path = run / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def link(name, target):
    def damage(run):
        (run / name).unlink()
        (run / name).symlink_to(target)

    return damage


DAMAGES = {
    "flipped byte": (flip, "is damaged: its checksum"),
    "cut short": (lambda r: os.truncate(r / "model.safetensors", 100), "is damaged: its checksum"),
    "cut config": (lambda r: os.truncate(r / "config.json", 100), "config.json is damaged"),
    "edited": (lambda r: edit(r, lambda c: c["params"].update(lr=1), sealed=False), "changed after it was written"),
    "another base": (lambda r: edit(r, lambda c: c["architecture"].update(base="logistic"), sealed=False), "changed"),
    "missing key": (lambda r: edit(r, lambda c: c.pop("architecture")), "does not describe the model beside it"),
    "missing params": (lambda r: edit(r, lambda c: c.pop("params")), "does not describe the model beside it"),
    "unknown param": (lambda r: edit(r, lambda c: c["params"].update(more=1)), "does not describe the model"),
    "wrong width": (lambda r: edit(r, lambda c: c["architecture"].update(width=5)), "does not describe the model"),
    "huge width": (lambda r: edit(r, lambda c: c["architecture"].update(width=10**6)), "does not describe the model"),
    "huge layers": (lambda r: edit(r, lambda c: c["architecture"].update(layers=10**12)), "does not describe the"),
    "layers NaN": (lambda r: edit(r, lambda c: c["architecture"].update(layers=float("nan"))), "does not describe"),
    "newer": (lambda r: edit(r, lambda c: c.update(format=2)), "has format 2, .*install a newer version"),
    "no format": (lambda r: edit(r, lambda c: c.update(format=True)), "names no format"),
    "more tensors": (lambda r: weights(r, more), "does not describe the model beside it"),
    "fewer tensors": (lambda r: weights(r, fewer), "does not describe the model beside it"),
    "huge shape": (lambda r: weights(r, declared([10**15])), "model.safetensors is damaged"),
    "overflowing shape": (lambda r: weights(r, declared([2**40, 2**40])), "model.safetensors is damaged"),
    "a pickle": (lambda r: weights(r, lambda _: b"\x80\x04cos\nsystem\n."), "model.safetensors is damaged"),
    "deep": (lambda r: (r / "config.json").write_text("[" * 100_000), "config.json is damaged"),
    "huge number": (lambda r: (r / "config.json").write_text('{"format": 1' + "0" * 5000 + "}"), "is damaged"),
    "large format": (lambda r: (r / "config.json").write_text('{"format": 1' + "0" * 300 + "}"), "a newer version"),
    "not text": (lambda r: (r / "config.json").write_bytes(b"\xff\xfe{}"), "config.json is damaged"),
    "a list": (lambda r: (r / "config.json").write_text("[]"), "names no format"),
    "deep history": (lambda r: (r / "history.jsonl").write_text("[" * 100_000), "history.jsonl is damaged"),
    "history of numbers": (lambda r: (r / "history.jsonl").write_text("1\n2\n"), "not every line is a record"),
    "dangling link": (link("model.safetensors", "nowhere"), "has no model.safetensors"),
    "link to itself": (link("model.safetensors", "model.safetensors"), "has no model.safetensors"),
    "link to a device": (link("model.safetensors", "/dev/zero"), "has no model.safetensors"),
    "config on a device": (link("config.json", "/dev/zero"), "is not a run folder"),
    "config links to itself": (link("config.json", "config.json"), "is not a run folder"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_gets_a_sentence(run, name):
    loader = type(load(run))
    damage, words = DAMAGES[name]
    damage(run)

    with pytest.raises(InputError, match=words) as told:
        loader.load(run)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400 + len(str(run))


def test_a_run_of_another_kind_gets_a_sentence(run):
    kind = type(load(run))
    for other in {RealNVP, BoltzmannGenerator, ImageRealNVP} - {kind}:
        with pytest.raises(InputError, match="holds a run of kind"):
            other.load(run)


def test_a_link_to_a_run_is_followed_and_a_link_in_the_way_is_replaced(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("links")
    (folder / "run").symlink_to(run)
    model = load(folder / "run")
    mine = folder / "mine"
    mine.write_text("untouched")
    (run / "model.safetensors").unlink()
    (run / "model.safetensors").symlink_to(mine)
    model.save(run, force=True)

    assert mine.read_text() == "untouched"
    assert load(run).stopped_by_ == model.stopped_by_


STEPS = ["open", "fsync", "replace"]


@pytest.mark.parametrize("call", STEPS)
@pytest.mark.parametrize("at", range(9))
def test_a_writing_that_fails_at_any_step_leaves_the_old_run_or_the_new_one(tmp_path, monkeypatch, call, at):
    states = [{"a": torch.full((4,), float(v))} for v in (1, 2)]
    write_run(tmp_path / "run", {"v": 1}, states[0], [{"step": 1}])
    count, real = iter(range(10**6)), getattr(os, call)

    def failing(*args, **kwargs):
        if next(count) == at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*args, **kwargs)

    monkeypatch.setattr(os, call, failing)
    told = ""
    try:
        write_run(tmp_path / "run", {"v": 2}, states[1], [{"step": 2}], force=True)
    except InputError as error:
        told = str(error)
    monkeypatch.undo()
    config, state, history = read_run(tmp_path / "run")

    version = 1 if told else 2
    assert bool(told) == (next(count) > at) or call == "open"  # of a trial file there is a second way
    assert not told or "cannot be written (Input/output error)" in told
    assert (config["v"], history) == (version, [{"step": version}])
    assert torch.equal(state["a"], states[version - 1]["a"])
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["config.json", "history.jsonl", "model.safetensors"]


def unsafe(tree):
    """What in the source could run code that lies in a file."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            yield from {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "marshal", "shelve", "yaml"} & set(names)
        elif isinstance(node, ast.Call):
            call, options = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
            if call in ("eval", "exec", "torch.load", "torch.save", "torch.jit.load", "torch.export.load"):
                yield call
            if (
                options.get("allow_pickle", "False" if call not in ("np.load", "np.save", "np.savez") else "")
                != "False"
            ):
                yield f"{call} without allow_pickle=False"


def test_nothing_is_pickled_or_unpickled():
    files = Path(realnvp.__file__).parent.rglob("*.py")

    assert not {str(path): found for path in files if (found := list(unsafe(ast.parse(path.read_text()))))}
    assert list(unsafe(ast.parse("import pickle; np.load(f); np.load(f, allow_pickle=True); eval(x); torch.load(f)")))


@pytest.mark.parametrize(("name", "sentence"), [("", "'' names none"), ("x" * 300, "cannot be written")])
def test_a_folder_without_a_name_or_of_too_long_a_one_gets_a_sentence(tmp_path, monkeypatch, name, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=sentence):
        write_run(name, {"kind": "density"}, {"a": torch.zeros(2)})

    assert not list(tmp_path.iterdir())
