"""YAML and JSON files of users are data: what YAML would execute, hide or guess is refused."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from eprop_core.errors import printable
from eprop_core.parsing import EXPONENT, ParameterError, visible

DEEPEST = 30
"""Largest depth of nested sections and lists."""
LARGEST = 1_000_000
"""Largest number of values; a value counts again each time an alias repeats it."""
LARGEST_FILE = 2**25
"""Largest size of a file in bytes; reading a longer one could exhaust the memory."""
LONGEST_NUMBER = 40
"""Largest number of characters of a number."""

_PROGRAM = ("__use_yte__", "__definitions__", "__variables__")
"""Keys that make Snakemake execute a YAML file as a program."""
_TAGS = {
    **{"map": "a section", "seq": "a list", "str": "text", "int": "a number", "float": "a number"},
    **{"bool": "true or false", "null": "null", "timestamp": "a date", "merge": "a merge"},
}
"""Allowed types of values in plain words, by the last part of their YAML tag."""
_TOO_DEEP = f"sections must not be nested deeper than {DEEPEST}"


class Place(NamedTuple):
    """Position of a value in a file, with the positions of the values in it."""

    line: int
    inner: "Mapping[str, Place]"
    """Places of the values in it, by key or position."""
    size: int = 1
    """Number of values in it, itself included."""
    height: int = 0
    """Number of sections within sections in it."""


def read(file: Path) -> Place:
    """Check a file of keys with values, and return their positions.

    Raises
    ------
    ParameterError
        It cannot be read, is no YAML or JSON, or would be executed, hidden or guessed. The message is one line.
    """
    node = _parsed(file, yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise _refused(file, "must be keys with values, `key: value` (line 1)")
    return _Reader(file).place((), node)


def read_list(file: Path, entry: str) -> tuple[list[Any], Place]:
    """Check a file that holds a list.

    Parameters
    ----------
    file
        The file.
    entry
        What an entry is called in messages, which count from 1.

    Returns
    -------
    tuple
        The list, in which dates are the text that they are in the file, and the positions of its entries, by the name
        of the entry: "stanza 1" where ``entry`` is "stanza".

    Raises
    ------
    ParameterError
        As of :func:`read`.
    """
    node = _parsed(file, _AsItLooks)
    if not isinstance(node, yaml.SequenceNode):
        raise _refused(file, "must be a list, each entry of which begins with `- ` (line 1)")
    place = _Reader(file, entry).place((), node)
    try:
        values: list[Any] = _AsItLooks("").construct_document(node)
    except yaml.MarkedYAMLError as error:  # what it merges is no section
        raise _invalid(file, error) from None
    return values, place


def with_lines(message: str, where: str, places: Sequence[tuple[Path, Place]]) -> str:
    """Return a message with the line of the key that each of its lines names.

    Parameters
    ----------
    message
        Lines of the form ``where: key: problem``.
    where
        What each line begins with.
    places
        Files with the positions of their values; those of a later file count before those of an earlier one.
    """
    lines = [(line, _line_of(line.removeprefix(f"{printable(where)}: "), places)) for line in message.splitlines()]
    return "\n".join(f"{line} ({found})" if found else line for line, found in lines)


def _line_of(message: str, places: Sequence[tuple[Path, Place]]) -> str:
    """Return the place of the key that a message begins with, in the last file that has it; nothing if none has.

    Keys are divided by "." or, behind those of a point, by ": ", as in ``studies.a.variants.b: network.dt = 0: ...``;
    they may themselves contain both.
    """
    deepest, found = 0, ""
    for file, place in places:
        rest, depth = message, 0
        while inside := [key for key in place.inner if _begins(rest, visible(key))]:
            key = max(inside, key=len)
            place, depth = place.inner[key], depth + 1
            rest = rest[len(visible(key)) :].removeprefix(".").removeprefix(": ")
        if depth and depth >= deepest:
            deepest, found = depth, f"{printable(file)}, line {place.line}" if len(places) > 1 else f"line {place.line}"
    return found


def _begins(rest: str, key: str) -> bool:
    return rest.startswith(key) and rest[len(key) : len(key) + 1] in ("", ".", ":", " ")


class _AsItLooks(yaml.SafeLoader):  # type: ignore[misc]
    """Leaves a date the text that it is, and reads 9.3e6 as a number."""


_AsItLooks.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_AsItLooks.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, "-+.0123456789")


def _parsed(file: Path, loader: type[yaml.SafeLoader]) -> yaml.Node:
    """Return the content of a file as YAML's nodes; a :class:`ParameterError` if it cannot be read or is no YAML."""
    if file.exists() and not file.is_file():
        raise _refused(file, "must be a regular file")
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise _refused(file, f"has {file.stat().st_size} bytes; at most {LARGEST_FILE} are allowed")
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _refused(file, f"{error.strerror}") from None
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise _refused(file, f"byte {error.object[error.start]:#04x} is not UTF-8 (line {line})") from None
    try:
        json.loads(text)
        text = text.replace("\t", " ")  # JSON may have tabs between values, YAML may not
    except (ValueError, RecursionError):
        pass
    try:
        _Reader(file).check_depth(yaml.parse(text, loader))
        return yaml.compose(text, loader)
    except yaml.MarkedYAMLError as error:
        raise _invalid(file, error) from None
    except yaml.reader.ReaderError as error:
        line, character = 1 + text[: error.position].count("\n"), visible(text[error.position])
        raise _refused(file, f"no valid YAML: the character {character} is not allowed (line {line})") from None


def _refused(file: Path, message: str) -> ParameterError:
    return ParameterError(f"{printable(file)}: {message}")


def _invalid(file: Path, error: yaml.MarkedYAMLError) -> ParameterError:
    mark = error.problem_mark or error.context_mark
    where = "" if mark is None else f" (line {mark.line + 1})"
    return _refused(file, f"no valid YAML: {error.problem}{where}")


class _Reader:
    """Checks the nodes of one file and returns their positions; a path has the keys from the top to a node."""

    def __init__(self, file: Path, entry: str = "") -> None:
        self._file = file
        self._entry = entry
        """Word for an entry of a top-level list in messages, such as "stanza"."""
        self._places: dict[int, Place] = {}
        """Positions that are known, by the identity of the node."""
        self._open: set[int] = set()
        """Identities of the nodes that are being read."""

    def error(self, path: tuple[str, ...], node: yaml.Node | yaml.Event, message: str) -> ParameterError:
        entry, keys = (path[:1], path[1:]) if self._entry else ((), path)
        text = ": ".join(filter(None, [*entry, ".".join(map(visible, keys)), message]))
        return _refused(self._file, f"{text} (line {node.start_mark.line + 1})")

    def check_depth(self, events: Iterable[yaml.Event]) -> None:
        """Refuse sections that are nested so deeply that parsing them would exceed Python's recursion limit."""
        depth = 0
        for event in events:
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise self.error((), event, _TOO_DEEP)

    def place(self, path: tuple[str, ...], node: yaml.Node) -> Place:
        """Return the position of a value, which aliases may repeat."""
        if id(node) in self._open:
            raise self.error(path, node, "contains an alias of itself")
        if id(node) not in self._places:
            self._open.add(id(node))
            self._places[id(node)] = place = self._read(path, node)
            self._open.remove(id(node))
            if place.height > DEEPEST:
                raise self.error(path, node, _TOO_DEEP)
            if place.size > LARGEST:
                raise self.error(path, node, f"more than {LARGEST} values, counting those that aliases repeat")
        return self._places[id(node)]

    def _read(self, path: tuple[str, ...], node: yaml.Node) -> Place:
        line = node.start_mark.line + 1
        tag = node.tag.removeprefix("tag:yaml.org,2002:")
        if tag not in _TAGS:
            raise self.error(path, node, f"the tag {visible(node.tag)} is not allowed")
        if isinstance(node, yaml.ScalarNode):
            self._check_scalar(path, node, tag)
            return Place(line, {})
        if isinstance(node, yaml.MappingNode):
            return self._section(path, node)
        names = [str(n) if path or not self._entry else f"{self._entry} {n + 1}" for n in range(len(node.value))]
        inner = {name: self.place((*path, name), value) for name, value in zip(names, node.value, strict=True)}
        return _containing(line, inner, inner.values())

    def _section(self, path: tuple[str, ...], node: yaml.MappingNode) -> Place:
        own: dict[str, Place] = {}
        merged: dict[str, Place] = {}
        lines: dict[str, int] = {}
        places = []
        for key_node, value in node.value:
            key = self._key(path, key_node)
            if key in lines:
                raise self.error((*path, key), key_node, f"the key comes twice, first in line {lines[key]}")
            lines[key] = key_node.start_mark.line + 1
            place = self.place((*path, key), value)
            places.append(place)
            if key_node.tag.endswith(":merge"):
                for section in place.inner.values() if isinstance(value, yaml.SequenceNode) else [place]:
                    merged = {**section.inner, **merged}  # the first one counts
            else:
                own[key] = place._replace(line=lines[key])
        return _containing(node.start_mark.line + 1, {**merged, **own}, places)

    def _key(self, path: tuple[str, ...], node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(path, node, "a key must be text, not a list or a section")
        key = str(node.value)
        if key in _PROGRAM:
            raise self.error((*path, key), node, "would make the configuration a program, but it is data")
        tag = node.tag.rpartition(":")[2]
        if tag not in ("str", "merge"):
            raise self.error((*path, key), node, f"this key is {_TAGS.get(tag, tag)} to YAML: put it in quotes")
        return key

    def _check_scalar(self, path: tuple[str, ...], node: yaml.ScalarNode, tag: str) -> None:
        """Refuse a value that YAML reads as something else than it looks like."""
        digits = node.value.lstrip("+-")
        meant = ""
        if tag in ("int", "float") and len(node.value) > LONGEST_NUMBER:
            raise self.error(
                path, node, f"{visible(node.value)}: a number must have at most {LONGEST_NUMBER} characters"
            )
        if tag == "bool" and node.value.lower() not in ("true", "false"):
            meant = "true" if node.value.lower() in ("yes", "on") else "false"
        elif tag in ("int", "float") and ":" in digits:
            meant = "a number to the base of 60"
        elif tag == "int" and digits.startswith("0") and digits.strip("0_"):
            meant = str(yaml.safe_load(node.value))
        elif tag == "timestamp":
            meant = _TAGS[tag]
        if meant:
            raise self.error(
                path, node, f"{node.value} is {meant} to YAML: write what is meant, in quotes if it is text"
            )


def _containing(line: int, inner: Mapping[str, Place], places: Collection[Place]) -> Place:
    """Return the position of a section or list with these values; merged values count, too."""
    height = 1 + max((place.height for place in places), default=0)
    return Place(line, inner, 1 + sum(place.size for place in places), height)
