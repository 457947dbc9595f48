"""Draws synthetic faces where a run's data sets do not exist yet."""

from byel_tf.config import DataOptions
from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.data.prepared_dataset import split_name
from byel_tf.synthesis.domain import DOMAINS

_TRAINING_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def synthesize_missing(data: DataOptions, seed: int) -> None:
    """Makes what `--synthesize_train` and `--synthesize_eval` ask for.

    Args:
      data: The data options; existing folders are left alone.
      seed: The run's seed. Evaluation sets draw other people with it: the
        domain's name is part of every face's seed.
    """
    pairs = data.synthesize_pairs
    wanted = [(data.train_data, data.synthesize_train, _TRAINING_SHARES, pairs)]
    for text in data.eval_data:
        wanted.append((text, data.synthesize_eval, {"test": 1.0}, "none"))
    for text, count, shares, pairs in wanted:
        domain, path = split_name(text)
        # Only what is named after a domain: a mistyped path stays an error.
        if count and domain in DOMAINS and not path.exists():
            # Its libraries take seconds to import and are not needed otherwise.
            from byel_tf.synthesis.dataset import synthesize

            print(f"{path} does not exist: drawing {count} {domain} faces", flush=True)
            synthesize(
                path,
                domain=domain,
                head=data.head,
                count=count,
                classes=DEFAULT_CLASSES,
                size=data.synthesize_size,
                seed=seed,
                shares=shares,
                pairs=pairs,
            )
