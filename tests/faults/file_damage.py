"""Damage to files: of their bytes, of what they are, and of what each format states."""

import bz2
import copy
import gzip
import io
import json
import os
import pickle
import shutil
import socket
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.faults import file_formats
from tests.faults.file_formats import (
    CLASSES,
    IDX,
    PUBLISHED,
    Format,
    entries_of,
    idx_content,
    recipe,
    recording,
    write_zip,
)

Random = np.random.Generator


class Expected(Enum):
    """What must become of a damaged file."""

    REFUSED = "refused"
    SAME = "the same data"
    REFUSED_OR_SAME = "refused, or the same data"
    CLEAN = "refused, or data: nothing in the file can tell"


Damage = Callable[[Random, Path], Expected]


# Bytes.


def change_bytes(random: Random, file: Path) -> str:
    """Change some bytes of a file; return how."""
    data = bytearray(file.read_bytes())
    place = int(random.integers(len(data)))
    length = int(min(len(data) - place, random.choice([1, 4, 64, 1000])))
    how = str(random.choice(["bit", "bits", "bytes", "zeros", "truncated", "longer", "cut out", "doubled", "swapped"]))
    if how == "bit":
        data[place] ^= 1 << int(random.integers(8))
    elif how == "bits":
        for changed in random.integers(len(data), size=8):
            data[changed] ^= 1 << int(random.integers(8))
    elif how == "bytes":
        data[place : place + length] = random.bytes(length)
    elif how == "zeros":
        data[place : place + length] = bytes(length)
    elif how == "truncated":
        del data[place:]
    elif how == "longer":
        data += random.bytes(length)
    elif how == "cut out":
        del data[place : place + length]
    elif how == "doubled":
        data[place:place] = data[place : place + length]
    else:
        other = int(random.integers(len(data)))
        data[place], data[other] = data[other], data[place]
    file.write_bytes(data)
    return f"{how} at byte {place}"


# What a file is.


def a_pipe(random: Random, file: Path) -> Expected:
    file.unlink()
    os.mkfifo(file)
    return Expected.REFUSED


def a_socket(random: Random, file: Path) -> Expected:
    file.unlink()
    with socket.socket(socket.AF_UNIX) as opened:
        place = os.open(file.parent, os.O_RDONLY)  # names of sockets may be short only
        opened.bind(f"/proc/self/fd/{place}/{file.name}")
        os.close(place)
    return Expected.REFUSED


def a_folder(random: Random, file: Path) -> Expected:
    file.unlink()
    file.mkdir()
    return Expected.REFUSED


def a_device(random: Random, file: Path) -> Expected:
    file.unlink()
    file.symlink_to(str(random.choice(["/dev/zero", "/dev/null", "/dev/urandom", "/dev/tty"])))
    return Expected.REFUSED


def a_link_to_nothing(random: Random, file: Path) -> Expected:
    file.unlink()
    file.symlink_to(file.parent / "nowhere")
    return Expected.REFUSED


def a_link_to_itself(random: Random, file: Path) -> Expected:
    file.unlink()
    file.symlink_to(file)
    return Expected.REFUSED


def a_link_to_the_file(random: Random, file: Path) -> Expected:
    elsewhere = Path(shutil.move(file, file.parent / ".elsewhere"))
    file.symlink_to(elsewhere)
    return Expected.SAME


def missing(random: Random, file: Path) -> Expected:
    file.unlink()
    return Expected.REFUSED


def empty(random: Random, file: Path) -> Expected:
    file.write_bytes(b"")
    return Expected.REFUSED


def zeros(random: Random, file: Path) -> Expected:
    file.write_bytes(bytes(int(random.integers(1, 5000)) * 5 + 1))
    return Expected.REFUSED


def five_gigabytes(random: Random, file: Path) -> Expected:
    """Holes take no disk space."""
    with file.open("wb") as opened:
        opened.truncate(5 * 2**30)
    return Expected.REFUSED


def another_format(random: Random, file: Path) -> Expected:
    contents = [
        b"\x7fELF\x02\x01\x01" + bytes(60),
        b"t,x,p\n0.1,3,1\n",
        pickle.dumps({"labels": [1, 2]}),
        b"\x89HDF\r\n\x1a\n" + random.bytes(300),
        b"PK\x03\x04" + random.bytes(300),
        gzip.compress(random.bytes(300)),
        bz2.compress(b"text"),
        b"#!AER-DAT3.1\r\n" + bytes(102),
        b"\x93NUMPY\x01\x00\xff\xff",
        b"%PDF-1.4\n",
        "{}".encode("utf-16"),
    ]
    file.write_bytes(contents[int(random.integers(len(contents)))] + b"\xff")
    return Expected.REFUSED


REPLACEMENTS: tuple[Damage, ...] = (
    a_pipe,
    a_socket,
    a_folder,
    a_device,
    a_link_to_nothing,
    a_link_to_itself,
    a_link_to_the_file,
    missing,
    empty,
    zeros,
    five_gigabytes,
    another_format,
)


def endless(random: Random, folder: Path) -> Expected:
    """Append four terabytes of holes to a file that is right."""
    os.truncate(random.choice([str(file) for file in folder.iterdir()]), 2**42)
    return Expected.REFUSED


def litter(random: Random, file: Path) -> Expected:
    """Put what desktops leave beside a file."""
    names = [f"._{file.name}", ".DS_Store", "Thumbs.db", "desktop.ini", ".directory", f".{file.name}.swp"]
    for name in random.choice(names, 2, replace=False):
        (file.parent / str(name)).write_bytes(b"\0\5\x16\7" + random.bytes(159))
    return Expected.SAME


# Archives of N-MNIST.


def _rewritten(folder: Path, entries: list[Any], **options: Any) -> None:
    write_zip(folder / "Train.zip", entries, **options)


def _entry(name: str, kind: int = 0) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (kind | 0o644) << 16
    return entry


def other_compression(random: Random, folder: Path) -> Expected:
    method = int(random.choice([zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    _rewritten(folder, entries_of("Train"), compression=method)
    return Expected.SAME


def other_order(random: Random, folder: Path) -> Expected:
    entries = entries_of("Train")
    random.shuffle(entries)  # type: ignore[arg-type]
    _rewritten(folder, entries)
    return Expected.SAME


def in_a_folder_of_the_archive(random: Random, folder: Path) -> Expected:
    _rewritten(folder, [(f"N-MNIST/{name}", content) for name, content in entries_of("Train")])
    return Expected.SAME


def litter_in_the_archive(random: Random, folder: Path) -> Expected:
    names = [
        "__MACOSX/Train/0/._00010.bin",
        "Train/.DS_Store",
        "Train/3/Thumbs.db",
        "README.txt",
        "Train/3/._00003.bin",
    ]
    _rewritten(folder, [*entries_of("Train"), *((str(name), b"litter") for name in random.choice(names, 2, False))])
    return Expected.SAME


def another_entry(random: Random, folder: Path) -> Expected:
    """Add an entry that leads out of the archive, stands for a recording twice, or is none."""
    number = int(random.integers(1, 30))
    name = f"Train/{number % CLASSES}/{number:05d}.bin"
    names = [
        f"../{name}",
        f"/{name}",
        f"copy/{name}",
        f"../../{name}",
        f"./{name}",
        f"Train//{name[6:]}",
        f"Train/3/../{name[6:]}",
        name.replace("/", "\\"),
        f"C:/{name}",
        f"Train/Train/{name[6:]}",
        f"Train/{(number + 1) % CLASSES}/{1 + (number % 20):05d}.bin",
        f"Train/12/{number:05d}.bin",
        f"Train/3/sub/{number:05d}.bin",
        f"Train/{number:05d}.bin",
        f"{number:05d}.bin",
        f"Train/3/{number:05d}.BIN",
        f"Train/3/{number:05d} (1).bin",
        f"Train/3/{number:05d}.bs2",
        "Train/3/00003.bin ",
    ]
    _rewritten(folder, [*entries_of("Train"), (str(random.choice(names)), recording(99, "Train"))])
    return Expected.REFUSED


def twice(random: Random, folder: Path) -> Expected:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _rewritten(folder, [*entries_of("Train"), ("Train/3/00003.bin", recording(99, "Train"))])
    return Expected.REFUSED


def a_link_in_the_archive(random: Random, folder: Path) -> Expected:
    entries = entries_of("Train")
    kind = int(random.choice([stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR]))
    _rewritten(folder, [*entries[1:], (_entry(str(entries[0][0]), kind), b"/etc/passwd")])
    return Expected.REFUSED


def bomb(random: Random, folder: Path) -> Expected:
    method = int(random.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
    entries = entries_of("Train")
    _rewritten(folder, [*entries[1:], (entries[0][0], bytes(10**8))], compression=method)
    return Expected.REFUSED


def overlapping(random: Random, folder: Path) -> Expected:
    """Many entries share the same packed content."""
    with zipfile.ZipFile(folder / "Train.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Train/0/00000.bin", bytes(5 * 10**6))
        entry = archive.infolist()[0]
        for number in range(1, 50):
            copied = copy.copy(entry)
            copied.filename = copied.orig_filename = f"Train/{number % CLASSES}/{number:05d}.bin"
            archive.filelist.append(copied)
    return Expected.REFUSED


def lie_of_an_entry(random: Random, folder: Path) -> Expected:
    """Change a field of an entry in both of its headers: flags, method, checksum, sizes."""
    name = str(entries_of("Train")[int(random.integers(20))][0]).encode()
    place, form, value = [
        (6, "<H", 1), (8, "<H", 9), (8, "<H", 99), (14, "<I", 12345), (18, "<I", 3), (18, "<I", 2**31), (22, "<I", 5),
        (22, "<I", 2**31), (22, "<I", 0),
    ][int(random.integers(9))]  # fmt: skip
    data = bytearray((folder / "Train.zip").read_bytes())
    struct.pack_into(form, data, data.find(name) - 30 + place, value)
    struct.pack_into(form, data, data.rfind(name) - 46 + place + 2, value)
    (folder / "Train.zip").write_bytes(data)
    return Expected.REFUSED_OR_SAME


def before_and_after_the_archive(random: Random, folder: Path) -> Expected:
    """A program that unpacks itself, and a comment."""
    file = folder / "Train.zip"
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"comment"
    file.write_bytes(b"#!/bin/sh\nexit\n" + file.read_bytes())
    return Expected.SAME


ARCHIVES: tuple[Damage, ...] = (
    other_compression,
    other_order,
    in_a_folder_of_the_archive,
    litter_in_the_archive,
    another_entry,
    another_entry,
    another_entry,
    twice,
    a_link_in_the_archive,
    bomb,
    overlapping,
    lie_of_an_entry,
    lie_of_an_entry,
    before_and_after_the_archive,
)


# Folders of N-MNIST.


def another_file(random: Random, folder: Path) -> Expected:
    """Add a recording twice, in a wrong folder, or under a foreign name."""
    number = int(random.integers(1, 21))
    names: list[str | bytes] = [
        f"{(number + 1) % CLASSES}/{number:05d}.bin",
        f"{number % CLASSES}/{number}.bin",
        f"12/{number:05d}.bin",
        f"3/sub/{number:05d}.bin",
        f"{number:05d}.bin",
        f"3/{number:05d}.BIN",
        f"3/{number:05d} (1).bin",
        f"3/{number:05d}.bs2",
        b"3/\xff\xfe.bin",
        "3/line\nbreak.bin",
        "3/\x1b[31mred.bin",
        "extra/00001.bin",
    ]
    file = os.path.join(os.fsencode(folder / "Train"), os.fsencode(names[int(random.integers(len(names)))]))
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file, "wb") as opened:
        opened.write(recording(99, "Train"))
    return Expected.REFUSED


def a_digit_missing(random: Random, folder: Path) -> Expected:
    place = folder / str(random.choice(["Train", "Test"])) / str(random.integers(CLASSES))
    shutil.rmtree(place)
    if random.random() < 0.5:
        place.mkdir()
    return Expected.REFUSED


def a_split_missing(random: Random, folder: Path) -> Expected:
    (folder / str(random.choice(["Train", "Test"]))).rename(folder / "elsewhere")
    return Expected.REFUSED


def a_wrong_event(random: Random, folder: Path) -> Expected:
    file = folder / "Train/3/00003.bin"
    data = bytearray(file.read_bytes())
    wrong = [b"\x22\0\0\0\0", b"\0\xff\0\0\0", b"\0\0\x7f\xff\xff", b"\0\0\0\0\0"]
    data[5 * 7 : 5 * 8] = wrong[int(random.integers(len(wrong)))]
    file.write_bytes(data)
    return Expected.REFUSED


def zeros_alone(random: Random, folder: Path) -> Expected:
    """Leave only zeros of a recording, as file systems do that lost its data."""
    file = folder / "Train/3/00003.bin"
    file.write_bytes(bytes(file.stat().st_size))
    return Expected.REFUSED


FOLDERS: tuple[Damage, ...] = (
    another_file,
    another_file,
    another_file,
    a_digit_missing,
    a_split_missing,
    a_wrong_event,
    zeros_alone,
)


def displaced(random: Random, folder: Path) -> Expected:
    """Put a recording into the folder of another digit, or a copy of it under another number or into Test."""
    number = int(random.choice(list(PUBLISHED["Train"])[1:-1]))
    file = folder / "Train" / str(PUBLISHED["Train"][number]) / f"{number:05d}.bin"
    digit = str((int(file.parent.name) + int(random.integers(1, CLASSES))) % CLASSES)
    how = int(random.integers(4))
    if how == 0:
        file.rename(folder / "Train" / digit / file.name)
    elif how == 1:
        shutil.copy(file, folder / "Train" / file.parent.name / f"{int(random.integers(21, 60_000)):05d}.bin")
    elif how == 2:
        shutil.copy(file, folder / "Test" / digit / f"{int(random.integers(63, 10_000)):05d}.bin")
    else:
        another = int(random.choice([one for one in PUBLISHED["Train"] if one != number]))
        shutil.copy(file, folder / "Train" / str(PUBLISHED["Train"][another]) / f"{another:05d}.bin")
    return Expected.REFUSED


def exchanged_folders(random: Random, folder: Path) -> Expected:
    """Exchange the splits, or show the recordings of one as both."""
    one, other = (str(name) for name in random.permutation(["Train", "Test"]))
    (folder / one).rename(folder / "former")
    shutil.copytree(folder / other, folder / one)
    if random.random() < 0.5:
        shutil.rmtree(folder / other)
        (folder / "former").rename(folder / other)
    else:
        shutil.rmtree(folder / "former")
    return Expected.REFUSED


# MNIST.


def lie_of_a_header(random: Random, folder: Path) -> Expected:
    name = str(random.choice(list(IDX)))
    data = bytearray(idx_content(name))
    place = 4 * int(random.integers(1 + IDX[name][1]))
    former = struct.unpack_from(">I", data, place)[0]
    value = int(random.choice([0, 1, 2**31, 2**32 - 1, former + 1, 256, 0x0C03]))
    struct.pack_into(">I", data, place, value)
    _write_idx(folder, name, bytes(data))
    return Expected.SAME if value == former else Expected.REFUSED


def _write_idx(folder: Path, name: str, data: bytes) -> None:
    packed = folder / f"{name}.gz"
    if packed.exists():
        packed.write_bytes(gzip.compress(data))
    else:
        (folder / name).write_bytes(data)


def exchanged_files(random: Random, folder: Path) -> Expected:
    """Exchange images and labels, or two files of the splits."""
    one, other = random.choice(list(IDX), 2, replace=False)
    _write_idx(folder, str(one), idx_content(str(other)))
    _write_idx(folder, str(other), idx_content(str(one)))
    return Expected.REFUSED


def labels_beyond_nine(random: Random, folder: Path) -> Expected:
    name = str(random.choice(["train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"]))
    data = bytearray(idx_content(name))
    data[8 + int(random.integers(10))] = int(random.integers(CLASSES, 256))
    _write_idx(folder, name, bytes(data))
    return Expected.REFUSED


def other_size_of_test_images(random: Random, folder: Path) -> Expected:
    shape = (10, int(random.integers(1, 30)), 7)
    _write_idx(folder, "t10k-images-idx3-ubyte", struct.pack(">4I", 0x0803, *shape) + random.bytes(int(np.prod(shape))))
    return Expected.REFUSED


def learned_images_as_test_images(random: Random, folder: Path) -> Expected:
    for name in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        _write_idx(folder, f"t10k-{name}", idx_content(f"train-{name}"))
    return Expected.REFUSED


def no_images(random: Random, folder: Path) -> Expected:
    edge = int(random.choice([0, 6]))
    for name, shape in (("images-idx3-ubyte", (0, edge, edge)), ("labels-idx1-ubyte", (0,))):
        header = struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)
        _write_idx(folder, f"t10k-{name}", header)
    return Expected.REFUSED


def packed_otherwise(random: Random, folder: Path) -> Expected:
    """Another level of compression, several members, zeros after the end, and a name in the header."""
    for name in IDX:
        data, packed = idx_content(name), io.BytesIO()
        middle = int(random.integers(1, len(data)))
        for part in (data[:middle], data[middle:]):
            with gzip.GzipFile(name, "wb", int(random.integers(1, 10)), packed) as file:
                file.write(part)
        (folder / f"{name}.gz").write_bytes(packed.getvalue() + bytes(int(random.choice([0, 512]))))
    return Expected.SAME


def bomb_of_gzip(random: Random, folder: Path) -> Expected:
    name = str(random.choice(list(IDX)))
    stated = int(random.choice([10, 10**9, 2**31]))
    shape = (stated, 1, 1)[: IDX[name][1]]
    header = struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)
    with gzip.open(folder / f"{name}.gz", "wb", 1) as file:
        file.write(header)
        for _ in range(200):
            file.write(bytes(10**6))
    return Expected.REFUSED


IMAGES: tuple[Damage, ...] = (
    lie_of_a_header,
    lie_of_a_header,
    exchanged_files,
    labels_beyond_nine,
    other_size_of_test_images,
    learned_images_as_test_images,
    no_images,
)


# Prepared data, and arrays of numpy.


def _changed_arrays(file: Path, change: Callable[[dict[str, Any]], None], compressed: bool = False) -> None:
    with np.load(file) as opened:
        arrays = dict(opened)
    change(arrays)
    (np.savez_compressed if compressed else np.savez)(file, **arrays)


def prepared_twice(random: Random, folder: Path) -> Expected:
    """The test samples are those of another preparation."""
    file_formats.events(int(random.integers(10, 99))).save(folder / "test.npz")
    return Expected.REFUSED


def exchanged_splits(random: Random, folder: Path) -> Expected:
    (folder / "train.npz").rename(folder / "former")
    (folder / "test.npz").rename(folder / "train.npz")
    (folder / "former").rename(folder / "test.npz")
    return Expected.REFUSED


def other_sizes(random: Random, folder: Path) -> Expected:
    (folder / "dataset.json").unlink()
    file_formats.events(2, n_channels=41).save(folder / "test.npz")
    return Expected.REFUSED


def without_checksum(random: Random, folder: Path) -> Expected:
    """Arrays are changed, with the checksum that they had."""

    def change(arrays: dict[str, Any]) -> None:
        name = str(random.choice([name for name in arrays if arrays[name].size]))
        array = arrays[name]
        arrays[name] = [
            array[..., np.newaxis], array.astype(object), array[:0] if array.ndim else array + 1, np.array("text"),
            np.zeros(array.shape, "S9"), np.inf, 2**62, -1,
        ][int(random.integers(8))]  # fmt: skip

    _changed_arrays(folder / "train.npz", change)
    return Expected.REFUSED


def forged(random: Random, folder: Path) -> Expected:
    """Arrays contradict one another, with checksums that fit them."""
    import zlib

    from eprop_core.datasets import event_file

    def change(arrays: dict[str, Any]) -> None:
        key, value = [
            ("n_channels", 3), ("n_channels", 2**20), ("n_steps", 2), ("n_steps", 0), ("n_classes", 1),
            ("labels", np.full(6, -1)), ("labels", np.arange(5)), ("offsets", np.arange(7) * 10**15),
            ("offsets", np.array([0, 5, 3, 8, 9, 10, 11])), ("checksums", np.zeros(2, np.uint32)),
            ("offsets", np.arange(7.0)), ("n_steps", -(2**62)),
        ][int(random.integers(12))]  # fmt: skip
        arrays[key] = np.asarray(value)
        names = ("offsets", "labels", "n_channels", "n_steps", "n_classes", "checksums")
        arrays["checksum"] = np.array(zlib.crc32(b"".join(arrays[name].tobytes() for name in names)), np.uint32)
        assert event_file.Description._fields == names[:-1]

    (folder / "dataset.json").unlink()
    _changed_arrays(folder / "train.npz", change)
    return Expected.REFUSED


def packed(random: Random, folder: Path) -> Expected:
    """Prepared data are mapped, which compressed ones cannot be."""
    _changed_arrays(folder / "train.npz", lambda arrays: None, compressed=True)
    return Expected.REFUSED


def wrong_description(random: Random, folder: Path) -> Expected:
    content = ["[]", "{", '{"prepared": 3}', '{"prepared": {"train.npz": "a"}}', "[" * 10**5, "1" * 10**4, '{"a": NaN'][
        int(random.integers(7))
    ]
    (folder / "dataset.json").write_text(content)
    return Expected.REFUSED


PREPARED: tuple[Damage, ...] = (
    prepared_twice,
    exchanged_splits,
    other_sizes,
    without_checksum,
    without_checksum,
    forged,
    forged,
    packed,
    wrong_description,
)


def other_types(random: Random, folder: Path) -> Expected:
    """The same numbers in other types, orders and compressions."""

    def change(arrays: dict[str, Any]) -> None:
        arrays["channels"] = arrays["channels"].astype(str(random.choice(["u1", ">i8", "<i2", ">f4", "f8"])))
        arrays["offsets"] = arrays["offsets"].astype(str(random.choice(["u1", ">u4", "f8"])))
        arrays["labels"] = arrays["labels"].astype(str(random.choice(["u1", ">i2", "f4"])))
        arrays["times"] = np.asfortranarray(arrays["times"].astype(str(random.choice([">f8", "f8"]))))
        arrays["comment"] = np.array("more")
        for name in random.permutation(list(arrays)):
            arrays[str(name)] = arrays.pop(str(name))

    _changed_arrays(folder / "train.npz", change, compressed=bool(random.random() < 0.5))
    return Expected.SAME


def wrong_arrays(random: Random, folder: Path) -> Expected:
    def change(arrays: dict[str, Any]) -> None:
        n = len(arrays["times"])
        choices: list[tuple[str, Any]] = [
            ("times", None), ("channels", None), ("offsets", None), ("labels", None), ("times", np.full(n, np.nan)),
            ("times", np.full(n, -0.1)), ("times", np.full(n, np.inf)), ("times", np.full(n, 0.4)),
            ("times", np.zeros((n, 1))), ("times", np.zeros(n + 1)), ("times", np.array(["a"] * n)),
            ("times", np.zeros(n, complex)), ("times", arrays["times"].astype(object)), ("channels", np.full(n, 40)),
            ("channels", np.full(n, -1)), ("channels", np.full(n, 0.5)), ("channels", np.full(n, 2**62)),
            ("channels", np.full(n, np.uint64(2**63))), ("channels", np.full(n, 1e300)),
            ("offsets", arrays["offsets"][::-1].copy()), ("offsets", arrays["offsets"][:-1]),
            ("offsets", arrays["offsets"] * 2), ("offsets", np.array([], int)), ("labels", np.array([0, 1, 0])),
            ("labels", np.array([0, 1, 0, 3])), ("labels", np.array([0, 1, 0, 0.5])), ("labels", np.zeros(4, int)),
            ("labels", np.zeros((2, 2), int)), ("labels", np.array(["a", 1, None, 2], object)),
            ("times", np.zeros(n, "M8[s]")), ("labels", np.zeros(4, "V3")),
        ]  # fmt: skip
        key, value = choices[int(random.integers(len(choices)))]
        del arrays[key]
        if value is not None:
            arrays[key] = value

    _changed_arrays(folder / "train.npz", change)
    return Expected.REFUSED


def header_of_an_array(random: Random, folder: Path) -> Expected:
    """The header of an array states another shape or type, or is no header, in an archive with right checksums."""
    arrays = {f"{name}.npy": _npy(array) for name, array in recipe(0).items()}
    n = len(recipe(0)["times"])
    header = [
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**62},), }}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({n + 1},), }}",
        f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n},), }}",
        f"{{'descr': '|O', 'fortran_order': False, 'shape': ({n},), }}",
        f"{{'descr': '<f8', 'fortran_order': 3, 'shape': ({n},), }}",
        "{'descr': '|S0', 'fortran_order': False, 'shape': (3,), }",
        "__import__('os').system('true')", "((((((((((", "'", "{'descr'", "[" * 3000, "\0", "{1: 2}",
        f"{{'descr': [('a', '<f8', ({2**40},))], 'fortran_order': False, 'shape': ({n},), }}",
    ][int(random.integers(15))]  # fmt: skip
    version = bytes(random.choice([[1, 0], [2, 0], [3, 0], [9, 9]]).tolist())
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    arrays["times.npy"] = b"\x93NUMPY" + version + length + text + recipe(0)["times"].tobytes()
    write_zip(folder / "train.npz", list(arrays.items()))
    return Expected.REFUSED


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def bomb_of_numpy(random: Random, folder: Path) -> Expected:
    arrays = recipe(0)
    name = str(random.choice(["times", "labels"]))
    arrays[name] = np.zeros(2 * 10**7)
    np.savez_compressed(folder / "train.npz", **arrays)  # type: ignore[arg-type]
    return Expected.REFUSED


ARRAYS: tuple[Damage, ...] = (other_types, wrong_arrays, wrong_arrays, wrong_arrays, header_of_an_array, bomb_of_numpy)


# HDF5 of the user's own, and of this suite.


def wrong_hdf5(random: Random, folder: Path) -> Expected:
    def of_kind(dtype: Any) -> dict[str, Any]:
        return {"shape": (4,), "dtype": h5py.vlen_dtype(dtype)}

    choices: list[tuple[str, Any]] = [
        ("spikes/times", None), ("spikes/units", None), ("labels", None), ("spikes/times", {"data": np.zeros(4)}),
        ("spikes/units", {"data": np.zeros((4, 3), int)}), ("labels", {"data": np.zeros(3, int)}),
        ("labels", {"data": np.full(4, 0.5)}), ("labels", {"data": 3}), ("labels", {"data": np.arange(4) * 5}),
        ("spikes/times", {"shape": (3,), "dtype": h5py.vlen_dtype(float)}), ("spikes/units", of_kind(float)),
        ("labels", {"shape": (2**40,), "dtype": "i8", "chunks": (4,)}), ("labels", {"shape": (4,), "dtype": "V5"}),
        ("labels", h5py.ExternalLink("other.h5", "labels")), ("labels", h5py.ExternalLink("/etc/passwd", "labels")),
        ("labels", h5py.SoftLink("/nowhere")), ("labels", h5py.SoftLink("/labels")),
        ("labels", {"shape": (4,), "dtype": "u1", "external": [("/etc/passwd", 0, 4)]}),
        ("labels", {"shape": (4,), "dtype": h5py.ref_dtype}), ("spikes", None), ("spikes", {"data": 3}),
    ]  # fmt: skip
    key, value = choices[int(random.integers(len(choices)))]
    with h5py.File(folder / "train.h5", "r+") as file:
        del file[key]
        if isinstance(value, dict):
            file.create_dataset(key, **value)
            if value.get("dtype") == h5py.vlen_dtype(float) and key == "spikes/units":
                for index in range(4):
                    file[key][index] = np.full(len(file["spikes/times"][index]), 0.5)
        elif value is not None:
            file[key] = value
    return Expected.REFUSED


def pieces_of_hdf5(random: Random, folder: Path) -> Expected:
    """Store the labels compressed; the piece may unpack to another length than the dataset states, or not at all."""
    with h5py.File(folder / "train.h5", "r+") as file:
        labels = file["labels"][()]
        del file["labels"]
        filters: dict[str, Any] = {"shuffle": bool(random.integers(2)), "fletcher32": bool(random.integers(2))}
        how = str(random.choice(["whole", "short", "long", "bomb", "cut off", "not compressed"]))
        if how == "whole":
            filters["compression"] = str(random.choice(["gzip", "lzf"]))
            file.create_dataset("labels", data=labels, chunks=(4,), **filters)
            return Expected.SAME
        dataset = file.create_dataset("labels", (4,), labels.dtype, chunks=(4,), compression="gzip")
        content = labels.tobytes()
        changed = {
            "short": zlib.compress(content[: int(random.integers(len(content)))]),
            "long": zlib.compress(content + bytes(int(random.integers(1, 100)))),
            "bomb": zlib.compress(bytes(2 * 10**8)),
            "cut off": zlib.compress(content)[: int(random.integers(1, 5))],
            "not compressed": content,
        }
        dataset.id.write_direct_chunk((0,), changed[how])
    return Expected.REFUSED


def changed_hdf5(random: Random, folder: Path) -> Expected:
    """Change a dataset or an attribute of a file of this suite by HDF5 itself, so that all checksums fit."""
    file_name = next(folder.iterdir())
    with h5py.File(file_name, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name = str(random.choice(names))
        former = file[name]
        attributes = dict(former.attrs)
        how = int(random.integers(7))
        if how == 0:
            del file.attrs[str(random.choice(list(file.attrs)))]
            return Expected.CLEAN
        if how == 1:
            values = [np.bytes_(b"{"), np.bytes_(b"[]"), -1, np.inf, np.zeros(3), np.bytes_(b"[" * 10**4), 2**62]
            file.attrs[str(random.choice(list(file.attrs)))] = values[int(random.integers(len(values)))]
            return Expected.CLEAN
        values = former[()]
        del file[name]
        if how == 2:
            file.create_dataset(name, data=np.full(former.shape, b"text"))
        elif how == 3:
            file.create_dataset(name, (2**40, *former.shape[1:]), former.dtype, chunks=True)
        elif how == 4:
            file[name] = h5py.ExternalLink("/etc/passwd", "a")
        elif how == 5:
            file.create_group(name)
        if how < 6 and name in file and not isinstance(file.get(name, getlink=True), h5py.ExternalLink):
            file[name].attrs.update(attributes)
    return Expected.CLEAN


# Text.


def wrong_json(random: Random, folder: Path) -> Expected:
    file = next(folder.iterdir())
    contents = [
        b"[]", b"{", b"[" * 10**5, b"1" * 10**4, b"null", b'"text"', b"{}", b'{"name": "digits", "n_steps": 1e400}',
        b'{"name": "nowhere"}', b'{"name": ["digits"]}', b"\xff\xfe{\0}\0", b'{"name": "digits", "n_steps": "100"}',
        b'{"name": "digits", "a\\nb": 1}', b'{"name": "mnist", "path": "a\\u0000b", "n_steps": 9}',
    ]  # fmt: skip
    file.write_bytes(contents[int(random.integers(len(contents)))])
    return Expected.REFUSED


def mark_of_byte_order(random: Random, folder: Path) -> Expected:
    file = next(folder.iterdir())
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    return Expected.SAME


def other_layout_of_json(random: Random, folder: Path) -> Expected:
    file = next(folder.iterdir())
    values = json.loads(file.read_text())
    file.write_text(json.dumps(dict(reversed(values.items())), indent=3).replace("\n", "\r\n"))
    return Expected.SAME


def wrong_rows(random: Random, folder: Path) -> Expected:
    text = (folder / "table.csv").read_text()
    doubled = text.replace("loss", "seed")
    contents = [text[:-1], text + "1,2\n", text + "1,2,3,4\n", doubled, text + '"a\n', "a,b", text[:9]]
    (folder / "table.csv").write_text(contents[int(random.integers(len(contents)))])
    return Expected.REFUSED


OWN: dict[str, tuple[Damage, ...]] = {
    "N-MNIST, folders": FOLDERS,
    "N-MNIST, published digits": (displaced, displaced, exchanged_folders),
    "N-MNIST, archives": ARCHIVES,
    "MNIST": IMAGES,
    "MNIST, gzip": (*IMAGES, packed_otherwise, bomb_of_gzip, endless),
    "prepared data": PREPARED,
    "npz": ARRAYS,
    "HDF5": (wrong_hdf5, wrong_hdf5, pieces_of_hdf5, endless),
    "network": (changed_hdf5,),
    "checkpoint": (changed_hdf5,),
    "recording": (changed_hdf5,),
    "parameters": (wrong_json, mark_of_byte_order, other_layout_of_json),
    "result": (wrong_json, mark_of_byte_order, other_layout_of_json),
    "table": (wrong_rows, mark_of_byte_order),
}
"""Damage that only files of a format can have."""


def damaged(random: Random, form: Format, folder: Path) -> tuple[str, Expected]:
    """Damage the files of a folder in a way that is drawn; return how, and what must become of it."""
    own = OWN.get(form.name, ())
    kind = random.choice(["bytes", "file", "beside", "own"], p=[0.4, 0.2, 0.05, 0.35] if own else [0.65, 0.25, 0.1, 0])
    name = str(random.choice(form.files))
    file = folder / name
    if kind == "own":
        damage = own[int(random.integers(len(own)))]
        return damage.__name__, damage(random, folder)
    if kind == "beside":
        return f"litter beside {name}", litter(random, file)
    if kind == "file":
        damage = REPLACEMENTS[int(random.integers(len(REPLACEMENTS)))]
        expected = damage(random, file)
        if name in form.optional:  # data without it are the same
            expected = Expected.REFUSED_OR_SAME
        elif damage is missing and form.one_of_many:
            expected = Expected.CLEAN
        return f"{name} is {damage.__name__}", expected
    former = file.read_bytes()
    how = change_bytes(random, file)
    if file.read_bytes() == former:
        return f"{name}: nothing ({how})", Expected.SAME
    return f"{name}: {how}", Expected.REFUSED_OR_SAME if form.checked and file.suffix != ".json" else Expected.CLEAN
