"""Every code that a check gives: what it means, why the check exists, and how to mend what it found.

`docs/manifest-checks.md` is the same as a page, and a test keeps the two in step. A code keeps its meaning for ever.
"""

from __future__ import annotations

from ptyproof.evidence.checking.code import Code
from ptyproof.evidence.checking.codes_of_hubs import OF_HUBS

_ALL = (
    Code(
        "PM001",
        "error",
        "The file cannot be read",
        "A file that nobody can open shows nothing.",
        "Name a regular file that is there and may be read.",
    ),
    Code(
        "PM002",
        "error",
        "The file is too large",
        (
            "A manifest is a record of some hundred jobs at most; one of many megabytes holds data that belong into "
            "files of their own, and reading it could take all memory."
        ),
        "Move arrays and logs out of the manifest, and name their files instead.",
    ),
    Code(
        "PM003",
        "error",
        "The file is not UTF-8, or starts with a byte order mark",
        "Readers that guess an encoding read different texts.",
        "Save the file as UTF-8 without a byte order mark.",
    ),
    Code(
        "PM004",
        "error",
        "The file is no JSON",
        "Programs stop at the first character that is no JSON, or worse, guess.",
        "Let a program write the file again, or mend the place that the message names.",
    ),
    Code(
        "PM005",
        "error",
        "The file was cut off",
        (
            "Whoever wrote it died half way, or ran out of disk; what came after is lost, and what is there is no "
            "whole record. What could be read is checked all the same."
        ),
        "Run again what wrote it. A program should write to a temporary name and rename it.",
    ),
    Code(
        "PM006",
        "error",
        "A key is there twice in one object",
        "Readers take the first or the last of the two, silently, so one file says two things.",
        "Decide which of the two is true and remove the other.",
    ),
    Code(
        "PM007",
        "error",
        "A number that JSON does not have: NaN, Infinity, or too large",
        "Strict readers refuse the whole file, others read something else. A result that is NaN is none.",
        "Write null with a reason where there is no number.",
    ),
    Code(
        "PM008",
        "error",
        "The file is nested too deeply",
        "No manifest nests more than some levels; a file that does is damaged or hostile.",
        "Let a program write the file again.",
    ),
    Code(
        "PM101",
        "error",
        "The file breaks the schema of its kind and generation",
        "A reader that relies on the schema would fail, or read something else than was meant.",
        (
            "`ptyproof schema KIND` prints the rules; mend the value at the JSON path, or let the current tool write "
            "the file."
        ),
    ),
    Code(
        "PM102",
        "error",
        "The file is of no known kind",
        "What a file is decides what it must hold; without that nothing can be checked.",
        "Name a manifest; `ptyproof schema` lists the kinds. A file of today's kinds says `kind` and `schema_version`.",
    ),
    Code(
        "PM103",
        "error",
        "The file is of a newer major version than this program reads",
        "Meaning may have changed with the major version, so reading it as an older one could be wrong.",
        "Check it with a newer ptyproof.",
    ),
    Code(
        "PM104",
        "error",
        "The study's design is impossible",
        "The schema knows single values; a design whose values exclude each other cannot have been run.",
        "Mend the value that the message names; `ptyproof study check FILE.toml` checks a design.",
    ),
    Code(
        "PM105",
        "error",
        "What a check of one's own calls an error",
        "A kind that a user brings has rules that its schema cannot say; its own checks hold them.",
        "Fix what the message names; the package that brings the kind says more.",
    ),
    Code(
        "PM106",
        "warning",
        "What a check of one's own warns of",
        "A kind that a user brings has rules that its schema cannot say; its own checks hold them.",
        "Read the message; the package that brings the kind says more.",
    ),
    Code(
        "PM107",
        "error",
        "A kind of one's own that cannot be used, or whose check failed by itself",
        "What was not checked is not sound. The fault is in the package that brings the kind, not in the file.",
        "Fix the package that the message names, or remove its entry point.",
    ),
    Code(
        "PM201",
        "error",
        "A count is not the number of what it counts",
        "Summaries and dashboards read the count, people read the list; one of them is misled.",
        "Count again, or find the entry that is missing or too many.",
    ),
    Code(
        "PM202",
        "error",
        "An account does not add up",
        (
            "Every cell of the matrix must be a success, failed, lost, skipped or not selected; if the sum is "
            "another, cells were lost from sight."
        ),
        "Find the cells that are counted twice or not at all.",
    ),
    Code(
        "PM203",
        "error",
        "A cell of the matrix is there twice",
        "One condition can have one state; two entries let a reader pick the better one.",
        "Keep the entry that is true.",
    ),
    Code(
        "PM204",
        "error",
        "A cell that the study cannot have",
        (
            "A result of a condition that was never part of the study, such as a baseline in groups, has no place in "
            "its tables."
        ),
        "Mend dose, view or gridsize of the record, or its study.",
    ),
    Code(
        "PM205",
        "error",
        "A record says two things about which cell it is",
        "It is not known which condition the result belongs to.",
        "Make name, dose, view, gridsize and folder say the same; let the tool write the file.",
    ),
    Code(
        "PM206",
        "error",
        "A total is smaller than its part",
        "One of the two numbers is wrong, and every rate that is made of them, too.",
        "Count again; a total is counted before anything is left out.",
    ),
    Code(
        "PM207",
        "error",
        "A job that the filters exclude",
        "The file says what was asked for, and holds something else.",
        "Record the filters of the call that ran the job.",
    ),
    Code(
        "PM208",
        "error",
        "A cell of which nothing is said",
        (
            "A condition that is neither a result nor a skip has disappeared: nobody can tell whether it failed, was "
            "left out, or forgotten."
        ),
        "Record each cell of the matrix, as a job or as a skip with its reason.",
    ),
    Code(
        "PM209",
        "error",
        "The file belongs to another study than it says",
        (
            "Design, digest and name are what ties results to what was asked; if they differ, one was changed "
            "afterwards, or the file is of another study."
        ),
        "Take design and digest from the run that made the results.",
    ),
    Code(
        "PM210",
        "error",
        "The index of a hub was changed after it was written, or is not what the hub holds",
        "The index vouches for every file; changed by hand it vouches for nothing.",
        "`ptyproof hub verify DIR` says what differs; run again what wrote the hub.",
    ),
    Code(
        "PM211",
        "error",
        "Entries that do not stand in the study's order",
        "The tool writes them by dose, then by view; another order shows that the file was edited or put together.",
        "Let the tool write the file again.",
    ),
    Code(
        "PM301",
        "error",
        "A file that the manifest names is not there",
        "A result that cannot be looked at is a claim.",
        "Put the file back, or check the manifest in the folder that it was written in.",
    ),
    Code(
        "PM302",
        "error",
        "A file has another size than recorded",
        "It is not the file that was recorded.",
        "Put the recorded file back, or run again what made it.",
    ),
    Code(
        "PM303",
        "error",
        "A file has another sha256 than recorded",
        "It is not the file that was recorded, though it has its size.",
        "Put the recorded file back, or run again what made it.",
    ),
    Code(
        "PM304",
        "error",
        "One result belongs to two jobs",
        (
            "Two trainings do not give the same bytes or the same loss to the last digit: a result was copied, or two"
            " bundles changed places."
        ),
        "Find out which job the result is of, and run the other again.",
    ),
    Code(
        "PM305",
        "error",
        "A link leads out of the folder",
        "What it leads to is not part of what is handed on; it was not read.",
        "Copy the file to where the link is.",
    ),
    Code(
        "PM306",
        "error",
        "A file beside the manifest says something else",
        "Both were written by one run, from the same numbers: one of the two was changed, or is of another run.",
        "Take both files from the same run; what a program has written is not edited by hand.",
    ),
    Code(
        "PM307",
        "error",
        "Two records of one file differ",
        (
            "One file has one size, one sha256 and one role, so one of the two records is of another file, or of "
            "another time."
        ),
        "Let the tool write the records anew, from the files that are there.",
    ),
    Code(
        "PM308",
        "error",
        "A success whose result cannot be looked at",
        "A success rests on its bundle; where nothing says which folder that lies in, the word rests on nothing.",
        (
            "Name the job's folder relative to the artifact root; `--manifest-only` is for manifests that were "
            "handed on without their files."
        ),
    ),
    Code(
        "PM309",
        "warning",
        "A process that is called done, and whose log cannot be looked at",
        "An exit status in a record is a word; the log beside it is what can be read.",
        "Put the log back, or check the manifest in the folder that it was written in.",
    ),
    Code(
        "PM401",
        "error",
        "An absolute path",
        "It leads nowhere on another machine, and tells the name of somebody's home folder.",
        "Write paths relative to the manifest's folder.",
    ),
    Code(
        "PM402",
        "error",
        "A path that climbs out of its folder",
        "What lies outside is not handed on with the manifest, and a hostile file could point anywhere.",
        "Move the file below the manifest's folder, or the hub.",
    ),
    Code(
        "PM403",
        "error",
        "A path that is not relative to the right folder",
        "Joined with the folder it is relative to, it leads to a place that is not there.",
        "Leave out the folder's own name.",
    ),
    Code(
        "PM404",
        "warning",
        "A text names somebody's home folder",
        "Names of users and machines do not belong into evidence.",
        "Let logs and reasons name relative paths.",
    ),
    Code(
        "PM405",
        "error",
        "A path with characters that it should not have",
        (
            "A backslash is a folder's mark on one system and a letter on others; control characters can hide what a "
            "path is."
        ),
        "Use / between folders, and plain letters in names.",
    ),
    Code(
        "PM406",
        "error",
        "A path that leads to another cell's place",
        "The record is of one condition, and what it names of another.",
        "Mend the path, or find out which condition the result is of.",
    ),
    Code(
        "PM407",
        "error",
        "A job that reads the wrong phase's data",
        (
            "A view of all positions reads Phase C's data, every other one Phase D's; the other file is another "
            "selection of positions."
        ),
        "Run the job with the data of its view.",
    ),
    Code(
        "PM501",
        "error",
        "A time that lies in the future",
        "No run has ended that has not begun.",
        "Set the clock, and let the tool write the time.",
    ),
    Code(
        "PM502",
        "error",
        "Times that run backwards",
        "An end before its start, or a file older than what it records, was not written by a clock.",
        "Let the tool write the times; do not merge records by hand.",
    ),
    Code(
        "PM503",
        "warning",
        "A time without a zone",
        "It may be off by a day against another machine's.",
        "Write UTC with a Z.",
    ),
    Code(
        "PM504",
        "warning",
        "A folder's name says a later time than the file",
        "The folder was named by hand, or the file comes from another run.",
        "Let the tool name the folder, or keep files in the folder of their run.",
    ),
    Code(
        "PM505",
        "error",
        "A time before there were such programs",
        "A clock that was never set, or a number typed by hand.",
        "Set the clock, and let the tool write the time.",
    ),
    Code(
        "PM601",
        "error",
        "A number stored as a text",
        "Comparing and averaging texts fails, or sorts 10 before 9.",
        "Write the number without quotation marks.",
    ),
    Code(
        "PM602",
        "error",
        "A loss that is NaN or Infinity",
        "The training had diverged; its network is no result.",
        "Record the job as failed, with the epoch at which the loss was lost.",
    ),
    Code(
        "PM603",
        "error",
        "A loss that never changes",
        "Nothing was learned: the optimiser did not run, or one number was written many times.",
        "Look at the job's log, and train again.",
    ),
    Code(
        "PM604",
        "error",
        "A result that is not the end of its own history",
        "Loss and epochs were taken from another training than the curve beside them.",
        "Take final_loss and epochs_completed from the history.",
    ),
    Code(
        "PM605",
        "error",
        "Epochs or steps that the training cannot have had",
        "A bundle of an epoch that was never reached is another training's.",
        "Take the numbers from the training's own record, model.json.",
    ),
    Code(
        "PM606",
        "error",
        "A rate that does not follow from its counts",
        "Rate or counts were taken from something else.",
        "Divide again.",
    ),
    Code(
        "PM607",
        "error",
        "Zeros that stand for something unknown",
        "A reader cannot tell a rate of 0 from a rate that nobody knew.",
        "Write null with a reason, or leave the keys out.",
    ),
    Code(
        "PM608",
        "error",
        "Two counts of the same images disagree",
        "What is said of the selection is of other data than those that were reconstructed.",
        "Read the selection from the record of the very file that was used.",
    ),
    Code(
        "PM609",
        "error",
        "A score out of its range",
        "No two images have such a score: SSIM and MS-SSIM lie in -1 to 1, errors are not below 0.",
        "Look for a wrong formula, or a number of another score.",
    ),
    Code(
        "PM610",
        "error",
        "A resolution of 1.0 throughout",
        (
            "FRC50 is a spatial frequency; if it is 1 for every method, the index of the first shell was written, or "
            "one half was compared with itself."
        ),
        "Compute the frequency at which the ring correlation falls to the threshold, and say its unit.",
    ),
    Code(
        "PM611",
        "error",
        "A PSNR whose peak is 255",
        "For data of range 1 it is 48.13 dB too high, so it cannot be compared with anybody's.",
        "Compute PSNR with the range of the reference, and say the range.",
    ),
    Code(
        "PM612",
        "error",
        "A row without values",
        "The score was asked for and is not there; a table would show the method without a word on why.",
        "Write the score, or null with the reason.",
    ),
    Code(
        "PM613",
        "error",
        "Scores that contradict one another",
        (
            "A mean square below the square of the mean, or a verdict against its own numbers, cannot come from one "
            "comparison."
        ),
        "Compute the scores again, from the same two images.",
    ),
    Code(
        "PM614",
        "error",
        "A mean or best that is not that of its rows",
        "Tables are made of the means, and people look at the rows.",
        "Compute it again from the rows.",
    ),
    Code(
        "PM615",
        "error",
        "Statistics that no set of numbers has",
        "A mean outside its extremes, or kept positions nearer than the threshold, were not measured.",
        "Measure again.",
    ),
    Code(
        "PM616",
        "error",
        "A total that was counted after something was left out",
        "The rate of what was kept is then 1 whatever was dropped.",
        "Count the total before subsampling.",
    ),
    Code(
        "PM617",
        "error",
        "Groups that cannot be",
        "Groups of C = gridsize squared need C neighbours, and hold C images.",
        "Take the numbers from the grouping itself.",
    ),
    Code(
        "PM618",
        "error",
        "A threshold that is not the study's",
        "A threshold that is lowered until a view passes makes every view pass.",
        (
            "Use S = (1 - f) N and the least acceptance rate of the design; a view that does not reach it is "
            "rejected, with its numbers."
        ),
    ),
    Code(
        "PM619",
        "info",
        "Both halves have the same numbers",
        "On a regular scan they may; otherwise one half was measured twice.",
        "Compare the positions of both halves.",
    ),
    Code(
        "PM621",
        "error",
        "Photons that noise cannot explain",
        "The mean of the counts is too far from the expected one for Poisson noise: the data are of another dose.",
        "Look at the scale of the data, and simulate again.",
    ),
    Code(
        "PM622",
        "error",
        "A time that is not that of its parts",
        (
            "A table that sets quality against time needs a time that was measured: it is the sum of its steps, and "
            "no longer than the job was under way."
        ),
        "Take the times from the run itself.",
    ),
    Code(
        "PM623",
        "error",
        "A measure that is not the one of its name",
        (
            "Name, unit, direction and window say what a number is; with another unit or direction a table ranks the "
            "wrong way round."
        ),
        "Take unit, direction and windows from the recipe; docs/comparison.md lists them.",
    ),
    Code(
        "PM624",
        "error",
        "A protocol that is not that of its numbers",
        (
            "The hash of a protocol decides which rows may stand in one table. If it is not that of its parts, "
            "numbers that were found in different ways stand side by side."
        ),
        "Compare again; never copy a row from one table into another.",
    ),
    Code(
        "PM701",
        "error",
        "A dry run in the place of a real one",
        "Nothing was trained; whatever the folder is called, this is no evidence.",
        "Run the training.",
    ),
    Code(
        "PM702",
        "error",
        "Jobs without results",
        "A plan is no record of a run.",
        "Run the jobs, and check the file that the run writes.",
    ),
    Code(
        "PM703",
        "error",
        "A success without something to show",
        (
            "A training that succeeded has a loss, epochs and a bundle with its sha256; without them the word rests "
            "on nothing."
        ),
        "Let the training write its own record, or record the job as lost.",
    ),
    Code(
        "PM704",
        "error",
        "A failure beside a verdict of success",
        "Scripts and CI read the verdict, so the failure goes unseen.",
        "Make the verdict follow from the results: exit status 1 if a job failed.",
    ),
    Code(
        "PM705",
        "warning",
        "A job failed or was lost",
        "The record is honest; whoever uses it must know.",
        "Read the error, mend its cause, and run the job again.",
    ),
    Code(
        "PM706",
        "error",
        "Zero jobs presented as success",
        "Nothing was asked for or everything was filtered away, and nothing failed: that is no success.",
        "Look at the filters; record what is missing, and why.",
    ),
    Code(
        "PM707",
        "error",
        "A verdict that was typed",
        "A text such as 10/10 follows from nothing that can be checked.",
        "Record the checks with their outcomes, and let a program count them.",
    ),
    Code(
        "PM708",
        "error",
        "Scored on the data that were trained on",
        "The score says nothing about data that the network has not seen.",
        "Score the held-out half.",
    ),
    Code(
        "PM709",
        "warning",
        "Nothing succeeded",
        "The record may be honest; it shows no result.",
        "Read the errors or the reasons of the skips.",
    ),
    Code(
        "PM710",
        "error",
        "A run without an end",
        "It was killed, or is under way: what it left is not finished.",
        "Wait for its end, or run it again.",
    ),
    Code(
        "PM711",
        "warning",
        "A record that was migrated from an earlier generation",
        "It says what an earlier tool said of itself; nothing of it was measured again.",
        "Run the study with the current tool where evidence is wanted.",
    ),
    Code(
        "PM712",
        "error",
        "A result taken over from a job that has none",
        (
            "What was made once may stand for another cell with the same data and method; then that job must be "
            "there, with the same bytes."
        ),
        "Run the job again with `--redo`, so that it makes a result of its own.",
    ),
    Code(
        "PM713",
        "error",
        "A training that did not give the same bits again",
        (
            "The certificate is honest: the job was trained twice, and the two differ. Until that is explained, nobody "
            "can check a number of this job by training it again."
        ),
        "Look at the quantity, epoch and step that it names; mend the cause, and certify in a new hub.",
    ),
    Code(
        "PM714",
        "error",
        "A verdict that its own entries do not give",
        "A reader takes the verdict, a program the entries; one of the two is misled.",
        "Let a program make the verdict from the entries.",
    ),
    Code(
        "PM715",
        "warning",
        "Checks that were not valid",
        "The report is honest; what it reports on is not sound, and readers must know.",
        "Read the errors of the entries, and fix what they name.",
    ),
    Code(
        "PM716",
        "error",
        "A process that did other work than its job says",
        (
            "The process printed another file, method or number of epochs than the job beside it has, so its result is "
            "not the job's."
        ),
        "Run the job again with the options that it names, and let one program write both.",
    ),
    Code(
        "PM801",
        "error",
        "Skips of something that was not asked for",
        "The count of skips is too high, and cells of other doses look as if they had been tried.",
        "Narrow the study to the filters before enumerating it.",
    ),
    Code(
        "PM802",
        "error",
        "Skip summary and manifest disagree",
        "Two files of one run say different things.",
        "Let the tool write both; `ptyproof report` writes the hub's summary again.",
    ),
    Code(
        "PM803",
        "error",
        "A verdict on a view that its numbers do not give",
        "A view is rejected or accepted by its numbers, and by nothing else.",
        "Run Phase D again.",
    ),
    Code(
        "PM804",
        "info",
        "A skip whose reason is a guess",
        "Without a number nobody can tell a view that the scan cannot give from a file that got lost.",
        "Record Phase D's numbers and thresholds with the skip.",
    ),
)

CODES: dict[str, Code] = {code.code: code for code in (*_ALL, *OF_HUBS)}
