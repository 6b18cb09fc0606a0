"""All generated tasks that a configuration can name: those built in, and those of plug-ins."""

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from eprop_core import plug_ins
from eprop_core.tasks.parameters import DelayedMatch, EvidenceAccumulation, Generated, Pattern, SineWaves

GENERATED_TASKS = plug_ins.with_plug_ins(
    plug_ins.TASKS, Generated, SineWaves, Pattern, EvidenceAccumulation, DelayedMatch
)
"""Parameters of all generated tasks, those of plug-ins included."""

if TYPE_CHECKING:
    GeneratedTask = Generated
else:
    GeneratedTask = Annotated[Union[GENERATED_TASKS], Field(discriminator="name")]  # noqa: UP007
