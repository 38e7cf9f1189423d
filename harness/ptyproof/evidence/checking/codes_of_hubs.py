"""The codes of what only an artifact hub can have wrong: files that nothing names, records of two studies, its runs."""

from __future__ import annotations

from ptyproof.evidence.checking.code import Code

OF_HUBS = (
    Code(
        "PM901",
        "error",
        "A file that no manifest of the hub names",
        (
            "Data and reconstructions are evidence by their record alone; a file beside them that no record has may "
            "be taken for one of them."
        ),
        "Move the file out of `work/` or `real_run/reconstructions/`, or let the phase that made it record it.",
    ),
    Code(
        "PM902",
        "error",
        "A record that other records of the hub rest on is missing",
        "A training without the manifests of its data, or without its skips, cannot be followed back to its start.",
        "Put the file back; `ptyproof report` writes the files of `docs/` again.",
    ),
    Code(
        "PM903",
        "error",
        "A file of another kind than its place in the hub has",
        "Programs find the records of a hub by their names, and would read something else there.",
        "Put the record of that name back, and move the other file out of the hub's own folders.",
    ),
    Code(
        "PM904",
        "error",
        "A migrated record in a hub",
        "It says what an earlier tool said of itself. A hub vouches for what this tool has seen.",
        "Keep migrated manifests outside of hubs, and run the study with the current tool where evidence is wanted.",
    ),
    Code(
        "PM905",
        "error",
        "Records of two studies in one hub",
        "Numbers of two designs stand side by side as if they were of one: one of the files is of another hub.",
        "Keep the results of each design in a hub of their own.",
    ),
    Code(
        "PM906",
        "error",
        "A result made from other files than its phase has recorded",
        "What was read is not what is said to be there: the result is of other data, or of another network.",
        "Run the phase again with the data that the hub has.",
    ),
    Code(
        "PM907",
        "error",
        "What the index says of a run is not so",
        "A green run answers a red one that was there before it, and a name stands for one run.",
        "Run again what wrote the hub; an index is not edited by hand.",
    ),
    Code(
        "PM908",
        "error",
        "A name in the index that is not that of one file in the hub",
        "A path that leads out, has detours, or is there twice lets a file pass under a record that is not its own.",
        "Run again what wrote the hub; an index is not edited by hand.",
    ),
    Code(
        "PM909",
        "error",
        "Something in the hub that cannot be read",
        "A file or folder that cannot be read, a pipe, or a link to nothing holds no evidence that could be checked.",
        "Give the right to read it, or remove it.",
    ),
    Code(
        "PM910",
        "error",
        "A file that was left unfinished",
        "A program died while it was writing: the file under the final name is an earlier one, or absent.",
        "Run again what was interrupted; it sweeps such files away.",
    ),
    Code(
        "PM911",
        "error",
        "An accepted run whose reports do not say what the index says",
        "The index holds the verdict and the lines hold what it rests on: where they differ, one of them was changed.",
        "Run the tests again; neither the index nor the lines are edited by hand.",
    ),
)
