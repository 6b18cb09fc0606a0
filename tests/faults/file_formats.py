"""Whole files of every format that the suite opens, how each is read, and an independent reading of some."""

import functools
import gzip
import json
import shutil
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from eprop_core import Network, Simulation, Stimulus, parse
from eprop_core.commands.describe import describe
from eprop_core.datasets import mnist, prepare
from eprop_core.datasets.events import EventDataset, Splits
from eprop_core.datasets.prepared import CHECKSUMS, checksums, load_together
from eprop_core.datasets.registry import parse_dataset
from eprop_core.experiments.compile import CompileResult
from eprop_core.files.text import read_json
from eprop_core.provenance import provenance
from eprop_core.recording.request import Record
from eprop_core.storage.network import weights_in_pieces
from eprop_core.storage.recording_file import RecordingFile, read_recording
from workflow.scripts.shared.read_table import read as read_table

CLASSES = 10
SENSOR = 34
N_STEPS = 50
TIME_MAX = 336_040


@dataclass(frozen=True)
class Format:
    """A format: its files, and how they are read."""

    name: str
    write: Callable[[Path], None]
    """Writes whole files to an empty folder."""
    read: Callable[[Path], str]
    """Returns a digest of all data that are read from the folder; raises what the programs report in one line."""
    files: tuple[str, ...]
    """Files that are damaged byte by byte, or replaced by something else."""
    checked: bool = False
    """Whether the format has checksums, so that a changed byte is either noticed or has no meaning."""
    oracle: Callable[[Path], str | None] | None = None
    """Returns the digest by an independent reading of damaged files, None where they are not allowed."""
    program: Callable[[Path], list[str]] | None = None
    """Returns the arguments of a program that reads the files; None: no program reads them alone."""
    optional: tuple[str, ...] = ()
    """Files without which the data are the same."""
    one_of_many: bool = False
    """Whether there are data without one of the files."""


def digest(parts: Iterable[Any]) -> str:
    """Return the sha256 of arrays and other values."""
    total = sha256()
    for part in parts:
        array = np.asarray(part)
        if array.dtype.kind == "O":
            raise TypeError(f"no digest of {part}")
        total.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return total.hexdigest()


def of_datasets(datasets: Iterable[EventDataset]) -> str:
    """Return the digest of data sets."""
    return digest(
        part
        for one in datasets
        for part in (one.steps, one.channels, one.offsets, one.labels, [one.n_channels, one.n_steps, one.n_classes])
    )


def of_splits(splits: Splits) -> str:
    """Return the digest of the samples of all splits."""
    return of_datasets(one for one in (splits.train, splits.test, splits.validation) if one is not None)


# N-MNIST.


def recording(number: int, split: str) -> bytes:
    """Return the events of a recording, different for each."""
    random = np.random.default_rng([number, split == "Test"])
    times = np.sort(random.integers(0, TIME_MAX + 1, 12))
    places = random.integers(0, SENSOR, (12, 2))
    polarities = random.integers(0, 2, 12)
    return b"".join(
        bytes([x, y]) + (int(polarity) << 23 | int(time)).to_bytes(3, "big")
        for (x, y), polarity, time in zip(places.tolist(), polarities, times, strict=True)
    )


def nmnist_files() -> dict[str, bytes]:
    """Return the content of each recording by its name."""
    return {
        f"{split}/{number % CLASSES}/{number:05d}.bin": recording(number, split)
        for split, n in (("Train", 20), ("Test", 10))
        for number in range(1, n + 1)
    }


def write_nmnist(folder: Path) -> None:
    for name, content in nmnist_files().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


PUBLISHED = {
    "Train": dict(enumerate([5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5, 3, 6, 1, 7, 2, 8, 6, 9], 1)),
    "Test": {1: 7, 2: 2, 3: 1, 4: 0, 5: 4, 8: 9, 9: 5, 12: 6, 19: 3, 62: 8},
}
"""Digits of some recordings of N-MNIST by their number, which are those of MNIST."""


def write_published(folder: Path) -> None:
    """Write recordings with the published numbers and digits."""
    for split, digits in PUBLISHED.items():
        for number, digit in digits.items():
            file = folder / split / str(digit) / f"{number:05d}.bin"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(recording(number, split))


def write_zip(file: Path, entries: Iterable[tuple[zipfile.ZipInfo | str, bytes]], **options: Any) -> None:
    with zipfile.ZipFile(file, "w", **{"compression": zipfile.ZIP_DEFLATED} | options) as archive:
        for name, content in entries:
            archive.writestr(name, content)


def entries_of(split: str) -> list[tuple[zipfile.ZipInfo | str, bytes]]:
    """Return the entries of the archive of a split."""
    return [(name, content) for name, content in nmnist_files().items() if name.startswith(f"{split}/")]


def write_nmnist_zips(folder: Path) -> None:
    for split in ("Train", "Test"):
        write_zip(folder / f"{split}.zip", entries_of(split))


def write_nmnist_published(folder: Path) -> None:
    write_nmnist_zips(folder)
    splits = [folder / f"{split}.zip" for split in ("Train", "Test")]
    write_zip(folder / "published.zip", [(f"nmnist/{split.name}", split.read_bytes()) for split in splits])
    for split in splits:
        split.unlink()


def nmnist_parameters(path: Path) -> dict[str, Any]:
    return {"name": "nmnist", "path": str(path), "n_steps": N_STEPS}


def read_nmnist(path: Path) -> str:
    return of_splits(prepare.read(parse_dataset(nmnist_parameters(path))))


def oracle_nmnist(folder: Path) -> str | None:
    """Decode recordings event by event, as the publication describes them."""
    parts: list[Any] = []
    for split in ("Train", "Test"):
        steps, channels, offsets, labels = [], [], [0], []
        for file in sorted((folder / split).glob("*/*.bin"), key=lambda file: file.name):
            data, last, spikes = file.read_bytes(), 0, set()
            if not data or len(data) % 5 or len(data) > 2**24:
                return None
            for x, y, high, middle, low in (data[place : place + 5] for place in range(0, len(data), 5)):
                time = (high % 128) * 65536 + middle * 256 + low
                if x >= SENSOR or y >= SENSOR or not last <= time <= TIME_MAX:
                    return None
                last = time
                step = min(N_STEPS - 1, round(time * N_STEPS / TIME_MAX))
                spikes.add((step, (high // 128) * SENSOR**2 + y * SENSOR + x))
            steps += [step for step, _ in sorted(spikes)]
            channels += [channel for _, channel in sorted(spikes)]
            offsets.append(len(steps))
            labels.append(int(file.parent.name))
        parts += [np.array(steps, np.int32), np.array(channels, np.int32), np.array(offsets), np.array(labels)]
        parts += [[2 * SENSOR**2, N_STEPS, CLASSES]]
    return digest(parts)


def write_parameters(folder: Path, values: dict[str, Any]) -> Path:
    file = folder.parent / "parameters.json"
    file.write_text(json.dumps(values))
    return file


def preparation(folder: Path, values: dict[str, Any]) -> list[str]:
    parameters = write_parameters(folder, values)
    return ["eprop_core.datasets.prepare", str(parameters), str(folder.parent / "prepared")]


# MNIST.

IDX = {
    f"{prefix}-{kind}": (n, n_dimensions)
    for prefix, n in (("train", 12), ("t10k", 10))
    for kind, n_dimensions in (("images-idx3-ubyte", 3), ("labels-idx1-ubyte", 1))
}
"""Number of entries and dimensions of each file."""
EDGE = 6


def idx_content(name: str) -> bytes:
    """Return an idx file of images or labels."""
    n, n_dimensions = IDX[name]
    shape = (n, EDGE, EDGE)[:n_dimensions]
    values = np.random.default_rng(n).integers(0, 256, shape) if n_dimensions == 3 else np.arange(n) % CLASSES
    return struct.pack(f">{1 + n_dimensions}I", 0x0800 + n_dimensions, *shape) + values.astype(np.uint8).tobytes()


def write_mnist(folder: Path) -> None:
    for name in IDX:
        (folder / name).write_bytes(idx_content(name))


def write_mnist_packed(folder: Path) -> None:
    for name in IDX:
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx_content(name)))


def read_mnist(folder: Path) -> str:
    return digest(part for split in mnist.read_both(folder) for part in (split.images, split.labels))


def oracle_mnist(folder: Path) -> str | None:
    parts, sizes = [], set()
    for prefix in ("train", "t10k"):
        contents = []
        for kind, n_dimensions in (("images-idx3-ubyte", 3), ("labels-idx1-ubyte", 1)):
            data = (folder / f"{prefix}-{kind}").read_bytes()
            if len(data) < 4 + 4 * n_dimensions:
                return None
            magic, *shape = struct.unpack_from(f">{1 + n_dimensions}I", data)
            n = 1
            for length in shape:
                n *= length
            if magic != 0x0800 + n_dimensions or n == 0 or len(data) != 4 + 4 * n_dimensions + n:
                return None
            contents.append(np.frombuffer(data, np.uint8, n, 4 + 4 * n_dimensions).reshape(shape))
        images, labels = contents
        if len(images) != len(labels) or labels.max() >= CLASSES:
            return None
        sizes.add(images.shape[1:])
        parts += contents
    return digest(parts) if len(sizes) == 1 else None


def mnist_parameters(path: Path) -> dict[str, Any]:
    return {"name": "mnist", "path": str(path), "n_steps": N_STEPS}


# Prepared data.


def events(seed: int, n_samples: int = 6, n_channels: int = 40) -> EventDataset:
    """Return samples of random events."""
    random = np.random.default_rng(seed)
    drawn = (np.nonzero(random.random((N_STEPS, n_channels)) < 0.02) for _ in range(n_samples))
    samples = [(steps.astype(np.int32), channels.astype(np.int32)) for steps, channels in drawn]
    return EventDataset.from_samples(samples, np.arange(n_samples) % 2, n_channels, N_STEPS, 2)


def write_prepared(folder: Path, seed: int = 1) -> None:
    files = {"train": events(seed), "test": events(seed + 1)}
    for name, dataset in files.items():
        dataset.save(folder / f"{name}.npz")
    described = {"classes": ["a", "b"], CHECKSUMS: checksums(folder.glob("*.npz"))}
    (folder / "dataset.json").write_text(json.dumps(described))


def read_prepared(folder: Path) -> str:
    return of_datasets(load_together(folder / f"{name}.npz" for name in ("train", "test")).values())


# Recordings of the user's own.


def samples(seed: int) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Return times (s), channels and labels of recordings."""
    random = np.random.default_rng(seed)
    times = [np.sort(random.random(n)) * 0.39 for n in (5, 1, 7, 3)]
    return times, [random.integers(0, 40, len(one)) for one in times], np.array([0, 1, 0, 1])


def recipe(seed: int) -> dict[str, np.ndarray]:
    times, channels, labels = samples(seed)
    offsets = np.cumsum([0, *map(len, times)])
    return {"times": np.concatenate(times), "channels": np.concatenate(channels), "offsets": offsets, "labels": labels}


def write_npz(folder: Path) -> None:
    for seed, name in enumerate(("train", "test")):
        np.savez(folder / name, **recipe(seed))


def write_hdf5(folder: Path) -> None:
    for seed, name in enumerate(("train", "test")):
        times, channels, labels = samples(seed)
        with h5py.File(folder / f"{name}.h5", "w") as file:
            for key, arrays, dtype in (("times", times, np.float64), ("units", channels, np.uint16)):
                dataset = file.create_dataset(f"spikes/{key}", (len(arrays),), h5py.vlen_dtype(dtype))
                for index, array in enumerate(arrays):
                    dataset[index] = array.astype(dtype)
            file["labels"] = labels


def write_folders(folder: Path) -> None:
    for seed, split in enumerate(("train", "test")):
        for number in range(6):
            file = folder / split / "ab"[number % 2] / f"{number}.bin"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(recording(number + 100 * seed, "Train"))


def events_parameters(folder: Path, suffix: str) -> dict[str, Any]:
    values: dict[str, Any] = {"name": "events", "n_steps": N_STEPS, "duration": 0.4}
    values |= {split: str(folder / f"{split}{suffix}") for split in ("train", "test")}
    return values | ({"n_channels": 40} if suffix else {"sensor_size": [SENSOR, SENSOR, 2]})


def read_events(folder: Path, suffix: str) -> str:
    return of_splits(prepare.read(parse_dataset(events_parameters(folder, suffix))))


# Networks, checkpoints and recordings.


@functools.cache
def _learned(kind: str) -> bytes:
    """Return the file of a small network, its checkpoint, or what it recorded; made once in a process."""
    network = parse(
        Network,
        {
            "n_input": 6,
            "n_recurrent": 8,
            "n_readout": 2,
            "plasticity": {"c_reg": 300.0, "optimizer": {"learning_rate": 1e-3}},
            "recurrent": {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.4}},
        },
    )
    random = np.random.default_rng(5)
    steps, channels = np.nonzero(random.random((60, network.n_input)) < 0.3)
    stimulus = Stimulus(
        n_steps=60,
        input_steps=steps,
        input_channels=channels,
        target=random.random((60, 2)),
        learning_window=np.ones(60, bool),
    )
    simulation = Simulation(network, seed=3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with RecordingFile(path / "recording", Record(neurons=[4, 0], interval=2)) as file:
            simulation.run(stimulus, file)
        simulation.save(path / "network", {"learning_window": 10})
        simulation.save_checkpoint(path / "checkpoints", {"step": 60})
        shutil.move(path / "checkpoints" / "checkpoint-000001.h5", path / "checkpoint")
        return (path / kind).read_bytes()


def write_network(folder: Path) -> None:
    (folder / "network.h5").write_bytes(_learned("network"))


def read_network(folder: Path) -> str:
    path = folder / "network.h5"
    for _ in describe(path):
        pass
    simulation = Simulation.load(path)
    weights = [weights_in_pieces(path, name) for name in ("input", "recurrent", "output")]
    values = [np.concatenate([np.empty(0), *pieces]) for pieces in weights]
    return digest([simulation.seed, json.dumps(simulation.notes), simulation.network.model_dump_json(), *values])


def write_checkpoint(folder: Path) -> None:
    (folder / "checkpoint-000001.h5").write_bytes(_learned("checkpoint"))


def read_checkpoint(folder: Path) -> str:
    simulation = Simulation.from_checkpoint(folder)
    again = folder.parent / "again"
    simulation.save_checkpoint(again)
    found: list[Any] = [simulation.step, simulation.seed, json.dumps(simulation.notes)]
    with h5py.File(again / "checkpoint-000001.h5") as file:
        file.visititems(lambda name, item: found.append(item[()]) if _holds_state(name, item) else None)
    return digest(found)


def _holds_state(name: str, item: Any) -> bool:
    """Return whether a dataset holds state; times of the machine are no state."""
    return isinstance(item, h5py.Dataset) and name != "notes" and "times" not in name


def write_recording(folder: Path) -> None:
    (folder / "recording.h5").write_bytes(_learned("recording"))


def read_recorded(folder: Path) -> str:
    found = read_recording(folder / "recording.h5")
    assert found.recorded is not None
    series = [part for one in found.recorded.neurons.values() for part in (one.steps, one.values)]
    return digest([found.spike_steps, found.spike_neurons, found.recorded.neuron_ids, *series])


# Parameters, results and tables.


def write_json(folder: Path) -> None:
    (folder / "parameters.json").write_text(json.dumps({"name": "digits", "n_steps": 100, "test_share": 0.25}))


def read_parameters(folder: Path) -> str:
    file = folder / "parameters.json"
    return digest([parse_dataset(read_json(file), f"{file}: ").model_dump_json()])


def write_result(folder: Path) -> None:
    CompileResult(provenance=provenance(), kind="plain").write(folder / "result.json")


def read_result(folder: Path) -> str:
    return digest([CompileResult.read(folder / "result.json").model_dump_json()])


def write_table(folder: Path) -> None:
    rows = ["variant,seed,loss", "None,1,0.5", '"a, b",2,', "1,3,1e-3"]
    (folder / "table.csv").write_text("\n".join(rows) + "\n")


def read_rows(folder: Path) -> str:
    return digest([read_table(folder / "table.csv").to_csv()])


SOME_RECORDINGS = ("Train/3/00003.bin", "Train/0/00010.bin", "Test/7/00007.bin")
FORMATS = (
    Format(
        "N-MNIST, folders",
        write_nmnist,
        read_nmnist,
        SOME_RECORDINGS,
        oracle=oracle_nmnist,
        program=lambda folder: preparation(folder, nmnist_parameters(folder)),
    ),
    Format(
        "N-MNIST, published digits",
        write_published,
        read_nmnist,
        ("Train/4/00003.bin", "Train/2/00017.bin"),
        oracle=oracle_nmnist,
        program=lambda folder: preparation(folder, nmnist_parameters(folder)),
    ),
    Format(
        "N-MNIST, archives",
        write_nmnist_zips,
        read_nmnist,
        ("Train.zip", "Test.zip"),
        checked=True,
        program=lambda folder: preparation(folder, nmnist_parameters(folder)),
    ),
    Format(
        "N-MNIST, published archive",
        write_nmnist_published,
        lambda folder: read_nmnist(folder / "published.zip"),
        ("published.zip",),
        checked=True,
        program=lambda folder: preparation(folder, nmnist_parameters(folder / "published.zip")),
    ),
    Format(
        "MNIST",
        write_mnist,
        read_mnist,
        tuple(IDX),
        oracle=oracle_mnist,
        program=lambda folder: preparation(folder, mnist_parameters(folder)),
    ),
    Format(
        "MNIST, gzip",
        write_mnist_packed,
        read_mnist,
        tuple(f"{name}.gz" for name in IDX),
        checked=True,
        program=lambda folder: preparation(folder, mnist_parameters(folder)),
    ),
    Format(
        "prepared data",
        write_prepared,
        read_prepared,
        ("train.npz", "test.npz", "dataset.json"),
        checked=True,
        program=lambda folder: ["eprop_core", "summarize", str(folder)],
        optional=("dataset.json",),
    ),
    Format(
        "npz",
        write_npz,
        lambda folder: read_events(folder, ".npz"),
        ("train.npz", "test.npz"),
        checked=True,
        program=lambda folder: preparation(folder, events_parameters(folder, ".npz")),
    ),
    Format(
        "HDF5",
        write_hdf5,
        lambda folder: read_events(folder, ".h5"),
        ("train.h5", "test.h5"),
        program=lambda folder: preparation(folder, events_parameters(folder, ".h5")),
    ),
    Format(
        "folders of recordings",
        write_folders,
        lambda folder: read_events(folder, ""),
        ("train/a/2.bin", "test/b/1.bin"),
        one_of_many=True,
        program=lambda folder: preparation(folder, events_parameters(folder, "")),
    ),
    Format(
        "network",
        write_network,
        read_network,
        ("network.h5",),
        checked=True,
        program=lambda folder: ["eprop_core", "describe", str(folder / "network.h5")],
    ),
    Format("checkpoint", write_checkpoint, read_checkpoint, ("checkpoint-000001.h5",), checked=True),
    Format("recording", write_recording, read_recorded, ("recording.h5",), checked=True),
    Format("parameters", write_json, read_parameters, ("parameters.json",)),
    Format("result", write_result, read_result, ("result.json",)),
    Format("table", write_table, read_rows, ("table.csv",)),
)


def command(form: Format, folder: Path) -> list[str]:
    """Return the command of the program that reads the files of a folder."""
    assert form.program is not None
    return [sys.executable, "-m", *form.program(folder)]
