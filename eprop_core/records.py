"""Base of all records that files hold, and the record of where a file comes from."""

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Base of all parts of a result: frozen, no unknown keys, finite numbers; numpy's numbers become Python's.

    Where a part allows infinity, JSON has its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="strings")


class Code(Record):
    """Version of the source code."""

    commit: str | None = Field(description="git commit; null: outside a repository")
    dirty: bool | None = Field(description="whether files differ from the commit")


class Provenance(Record):
    """Origin of a result: code, packages, machine and date."""

    date: str = Field(description="UTC, ISO 8601")
    command: list[str] = Field(description="command line")
    code: Code
    python: str = Field(description="version of Python")
    packages: dict[str, str] = Field(description="versions of packages by name")
    nest: str | None = Field(None, description="version of NEST, where it is compared with")
    ranks: int = Field(description="number of MPI ranks, or of processes that ran together")
    hosts: list[str] = Field(description="machine of each rank")
    system: str = Field(description="operating system")
    cpu: str = Field(description="model of the processor")
    cores: int | None = Field(description="physical cores of the machine")
    processors: list[float] = Field(description="processors that each rank may use")
    threads: list[int] = Field(description="threads of each rank")
    memory_bytes: int = Field(description="memory of the machine")
    mpi: str | None = Field(description="MPI library; null: without MPI")
    batch_job: str | None = Field(None, description="SLURM job")
