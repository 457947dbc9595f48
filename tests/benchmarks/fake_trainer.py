"""Stands for train_main.py: leaves what a run leaves, without training.

`FAKE_TRAINER` in the environment is a folder: what each run did is appended to `calls`
there, and a file named after a run says what it is to do: "fail", "kill", "nothing",
"wait" (until interrupted, after opening the FIFO `begun`), "stay" (even then) or
"good". --dropout is the share of right predictions, but of a good run nine in ten are
right; hashes are the data sets' folders.
"""

import dataclasses
import json
import os
import pathlib
import signal
import sys

import numpy as np

from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.data.prepared_dataset import split_name
from byel_tf.evaluation.predictions import Predictions, predictions_csv
from byel_tf.flagging import parse, to_flagfile
from byel_tf.program import run_program

CLASSES = ("a", "b", "c")


def main(argv):
    config = TrainingConfig(*parse(argv, *TRAINING_OPTIONS))
    groups = [getattr(config, field.name) for field in dataclasses.fields(config)]
    folder = pathlib.Path(config.run.model_dir)
    control = pathlib.Path(os.environ["FAKE_TRAINER"])

    def note(text):
        with open(control / "calls", "a") as file:
            file.write(f"{folder.name} {text}\n")

    note("continued" if folder.exists() else "began")
    folder.mkdir(exist_ok=True)
    (folder / "flags.cfg").write_text(to_flagfile(*groups))
    print("line of", folder.name)
    order = control / folder.name
    order = order.read_text() if order.exists() else ""
    if order in ("wait", "stay"):
        # Held back until it is waited for, so that none comes too early.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        with open(control / "begun", "w") as fifo:
            fifo.write(f"{os.getpid()}\n")
            fifo.flush()
            signal.alarm(60)  # never left behind by a test that fails
            while True:
                signal.sigwait({signal.SIGINT})
                note("interrupted")
                if order == "wait":
                    raise KeyboardInterrupt
                fifo.write("staying\n")
                fifo.flush()
    if order == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "fail":
        print("something broke\n\n" + "\n".join(map(str, range(20))), file=sys.stderr)
        sys.exit(3)
    if order != "nothing":
        share = 0.9 if order == "good" else config.finetune.dropout
        leave_results(folder, config, share)


def leave_results(folder, config, share_right):
    datasets = {"train_data": {"sha256": config.data.train_data}}
    results = {"classes": CLASSES, "selection": "synthetic", "datasets": {}}
    results["encoder_passes"] = {"finetune": 100 * config.finetune.finetune_epochs}
    rng = np.random.default_rng(config.run.seed)
    for text in config.data.eval_data:
        name, path = split_name(text)
        datasets[f"eval_data {name}"] = {"sha256": str(path)}
        labels = np.arange(120) % 3
        guesses = rng.integers(3, size=120)
        predicted = np.where(rng.random(120) < share_right, labels, guesses)
        counts = np.bincount(3 * labels + predicted, minlength=9).reshape(3, 3)
        f1 = 2 * counts.diagonal() / (counts.sum(axis=0) + counts.sum(axis=1))
        results["datasets"][name] = {"macro_f1": float(f1.mean())}
        table = predictions_csv(
            Predictions(
                tuple(f"{i}.png" for i in range(122)),
                np.append(labels, [-1, -1]),
                np.append(predicted, [0, 0]),
                np.full((122, 3), 1 / 3),
            ),
            CLASSES,
        )
        (folder / "predictions").mkdir(exist_ok=True)
        (folder / "predictions" / f"{name}.csv").write_bytes(table)
    run = {"datasets": datasets, "git_commit": os.environ.get("FAKE_COMMIT")}
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    sys.exit(run_program(main, sys.argv))
