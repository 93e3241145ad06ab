"""The command under ``torchrun``: one run of several processes, killed and started again, on one host and on two."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from realnvp import InputError
from realnvp.cli.base import sentences
from realnvp.cli.resume import command
from realnvp.cli.world import keeping, spoken, started_again
from realnvp.train.world import World

FIT = ["fit", "moons", "--rows", "600", "--kernel", "affine", "--layers", "2", "--width", "8", "--max-steps", "200"]
FIT += ["--threads", "1", "--no-figures", "--checkpoint-every", "0.02"]
HOSTS = [f"rnvp{os.getpid()}{end}" for end in "ab"]
PLACES = ["10.213.77.1", "10.213.77.2"]


@pytest.fixture(scope="module")
def engine():
    """Starts the command under PyTorch's engine; what is still running at the end is ended."""
    begun = []

    def start(words, *options, prefix=()):
        command = [*prefix, sys.executable, "-m", "torch.distributed.run", *options, "-m", "realnvp", *words]
        begun.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=60)


def ended(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def workers(process):
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def waited(path):
    end = time.monotonic() + 100
    while not path.exists():
        assert time.monotonic() < end, f"there is no {path}"
        time.sleep(0.01)


def content(run):
    """The weights, and the history without the seconds."""
    records = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return (run / "model.safetensors").read_bytes(), [{**r, "seconds": 0} for r in records]


@pytest.fixture(scope="module")
def whole(engine, tmp_path_factory):
    """A run of two processes that nothing disturbed, and what was said."""
    run = tmp_path_factory.mktemp("whole") / "run"
    code, out, err = ended(engine([*FIT, "--out", str(run)], "--standalone", "--nproc-per-node", "2"))
    assert code == 0, err
    return run, out, err


def test_one_speaks_and_writes_for_all(whole):
    run, out, err = whole

    assert out.count("learning moons") == 1
    assert out.count("run folder") == 1
    assert "realnvp:" not in err
    assert {path.name for path in run.iterdir()} >= {"config.json", "model.safetensors", "report.html"}
    assert not [path.name for path in run.iterdir() if path.name.startswith(".")]
    assert [r["step"] for r in content(run)[1]] == sorted({r["step"] for r in content(run)[1]})


def test_processes_share_the_rows_of_many_files(engine, tmp_path):
    folder, X = tmp_path / "data", np.random.default_rng(0).normal(size=(900, 2)) @ [[2.0, 1.0], [0.0, 0.5]]
    folder.mkdir()
    for i, part in enumerate(np.split(X, 3)):
        table = pa.table({"a": part[:, 0], "b": part[:, 1]})
        parquet.write_table(table, folder / f"{i}.parquet", row_group_size=100)
    words = ["fit", str(folder), "--kernel", "affine", "--layers", "2", "--width", "8", "--max-steps", "200"]
    words += ["--batch-size", "100", "--no-figures", "--out", str(tmp_path / "run")]
    code, out, err = ended(engine(words, "--standalone", "--nproc-per-node", "2"))
    config = json.loads((tmp_path / "run/config.json").read_text())

    assert code == 0, err
    assert out.count("learning data: 810 rows in 3 files of 2 columns") == 1
    assert config["figures"]["held_out_nll"] < config["figures"]["gaussian_nll"] + 0.15
    assert content(tmp_path / "run")[1][-1]["step"] >= 100


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="the engine's processes are found in /proc")
def test_a_killed_worker_is_started_again_and_ends_where_it_should(engine, whole, tmp_path):
    run = tmp_path / "run"
    process = engine([*FIT, "--out", str(run)], "--standalone", "--nproc-per-node", "2", "--max-restarts", "2")
    waited(run / "checkpoint.safetensors")
    os.kill(workers(process)[-1], signal.SIGKILL)
    code, out, err = ended(process)

    assert code == 0, err
    assert out.count("learning moons") == 2
    assert content(run) == content(whole[0])


@pytest.fixture
def hosts():
    """Two hosts of one cable: network namespaces, each with its own end of it."""
    if shutil.which("ip") is None:
        pytest.skip("there is no command ip to make network namespaces with")
    cable = [f"v{name[4:]}" for name in HOSTS]
    steps = [["netns", "add", name] for name in HOSTS]
    steps += [["link", "add", cable[0], "type", "veth", "peer", "name", cable[1]]]
    for name, end, place in zip(HOSTS, cable, PLACES, strict=True):
        steps += [["link", "set", end, "netns", name], ["-n", name, "addr", "add", f"{place}/24", "dev", end]]
        steps += [["-n", name, "link", "set", end, "up"], ["-n", name, "link", "set", "lo", "up"]]
    try:
        for words in steps:
            done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"the kernel refuses network namespaces: {done.stderr.strip()}")
        yield list(zip(HOSTS, cable, PLACES, strict=True))
    finally:
        for name in HOSTS:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def test_two_hosts_lose_a_worker_and_end_where_they_should(engine, whole, hosts, tmp_path):
    run, agents = tmp_path / "run", []
    options = ["--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "3", "--rdzv-id", "two-hosts"]
    options += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{PLACES[0]}:29400"]
    for name, cable, place in hosts:
        prefix = ["ip", "netns", "exec", name, "env", f"GLOO_SOCKET_IFNAME={cable}"]
        mine = ["--local-addr", place, "--rdzv-conf", f"is_host={int(place == PLACES[0])}"]
        agents.append(engine([*FIT, "--out", str(run)], *options, *mine, prefix=prefix))
    waited(run / "checkpoint.safetensors")
    os.kill(workers(agents[1])[-1], signal.SIGKILL)
    (code, out, err), (code2, out2, err2) = (ended(agent) for agent in agents)

    assert (code, code2) == (0, 0), err + err2
    assert (out + out2).count("run folder") == 1
    assert content(run) == content(whole[0])


ELASTIC = {"TORCHELASTIC_RUN_ID": "job", "TORCHELASTIC_MAX_RESTARTS": "2", "TORCHELASTIC_RESTART_COUNT": "0"}


@pytest.fixture
def elastic(monkeypatch):
    for name, value in ELASTIC.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def stand(folder, job="job"):
    """Leave a checkpoint in a folder."""
    from realnvp.train import Checkpoint

    checkpoint = Checkpoint(folder)
    checkpoint.job = job
    checkpoint.write({}, {"step": 1})


def keep(folder, again=False, **options):
    return keeping(World(), folder, folder, again=again, **{"every": 1.0, "resume": False, "force": False} | options)


def test_processes_started_again_go_on_by_themselves(elastic, tmp_path):
    assert not started_again(World(), tmp_path)
    stand(tmp_path)
    assert started_again(World(), tmp_path)  # hosts came and went: the count of restarts is still 0
    assert keep(tmp_path, again=True).resume
    stand(tmp_path, "another")
    assert not started_again(World(), tmp_path)
    elastic.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert started_again(World(), tmp_path)


def test_a_name_that_the_engine_gives_to_all_says_nothing(elastic, tmp_path):
    elastic.setenv("TORCHELASTIC_RUN_ID", "none")
    stand(tmp_path, "none")

    assert not started_again(World(), tmp_path)


def test_started_again_before_the_first_checkpoint_a_run_begins_anew(elastic, tmp_path):
    assert not keep(tmp_path, again=True).resume


def test_a_checkpoint_of_another_run_is_not_taken_up(elastic, tmp_path):
    stand(tmp_path, "another")
    with pytest.raises(InputError, match="go on from it with --resume, or begin anew with --force"):
        keep(tmp_path)
    assert not keep(tmp_path, force=True).resume
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_started_again_it_takes_no_other_run_for_its_own(elastic, tmp_path):
    stand(tmp_path, "another")
    elastic.setenv("TORCHELASTIC_RESTART_COUNT", "1")

    with pytest.raises(InputError, match=r"holds a checkpoint.safetensors: go on from it with --resume"):
        keep(tmp_path, again=True)


def test_a_run_that_may_be_started_again_has_a_name(elastic):
    with pytest.raises(InputError, match="name its folder with --out"):
        keeping(World(), Path("runs/x"), None, again=False, every=1.0, resume=False, force=False)


@pytest.mark.parametrize(
    ("about", "engine"),
    [
        ({}, ""),
        ({"WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}, ""),
        ({"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "1"}, "torchrun --nproc-per-node 2 -m "),
        (
            {"WORLD_SIZE": "6", "LOCAL_WORLD_SIZE": "3", "GROUP_WORLD_SIZE": "2"},
            "torchrun --nnodes 2 --nproc-per-node 3 -m ",
        ),
    ],
)
def test_the_command_that_goes_on_starts_as_many_processes(monkeypatch, about, engine):
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in about.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["x", "fit", "data/", "--force", "--checkpoint-every", "5"])

    assert command(Path("runs/a b")) == f"{engine}realnvp fit data/ --checkpoint-every 5 --out 'runs/a b' --resume"


def test_only_the_first_process_speaks_and_logs():
    second = World()
    second.rank = 1

    assert spoken(World(), quiet=False) == {"verbose": True}  # what --tensorboard set is left alone
    assert spoken(second, quiet=False)["callbacks"] is None
    assert spoken(World(), quiet=True) == {"verbose": False}


def test_what_is_the_work_of_one_process_is_refused_to_several(elastic, capsys):
    @sentences
    def sample():
        raise AssertionError

    elastic.setenv("WORLD_SIZE", "2")
    for rank, said in (("0", "realnvp: sample runs in one process: start it without torchrun\n"), ("1", "")):
        elastic.setenv("RANK", rank)
        with pytest.raises(SystemExit) as exit_:
            sample()
        assert exit_.value.code == 2
        assert capsys.readouterr().err == said
