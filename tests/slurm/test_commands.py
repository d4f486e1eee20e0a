"""Programs that speak to Slurm: what they say when it is silent, and when it refuses."""

import sys

import pytest

from sundbench.errors import ClusterError
from sundbench.slurm.commands import SlurmSilentError, run


def saying(words: str) -> list[str]:
    return [sys.executable, "-c", f"import sys; sys.exit({words!r})"]


def silent() -> str:
    """What is told of a program that Slurm has left waiting."""
    with pytest.raises(SlurmSilentError) as told:
        run(["/bin/sleep", "30"], "", 0.1)
    return str(told.value)


def test_slurm_s_own_words_for_its_silence():
    with pytest.raises(SlurmSilentError, match=r"^Slurm doesn't answer: .*slurm controller"):
        run(saying("squeue: error: Unable to contact slurm controller (connect failure)"), "")


def test_silence_is_silence_through_a_program_of_ours():
    """The gate asks Slurm for the hub: a stop that Slurm leaves waiting is tried again, and not given up."""
    with pytest.raises(SlurmSilentError) as told:
        run(saying(silent()), "")
    assert str(told.value) == silent()


def test_a_refusal_is_none():
    with pytest.raises(ClusterError, match="refuses: Invalid partition") as told:
        run(saying("Invalid partition"), "")
    assert not isinstance(told.value, SlurmSilentError)
