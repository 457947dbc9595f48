import pytest
from tensorboard.plugins.hparams import metadata

from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.flagging import parse
from byel_tf.monitoring.hparams import hyperparameters, write_hyperparameters


@pytest.fixture
def config():
    flags = [
        "--train_data=faces",
        "--eval_data=a=x",
        "--synthesize_train=7",
        "--model_dir=runs/1",
        "--flip_average",
        "--histograms",
    ]
    return TrainingConfig(*parse(["train_main.py", *flags], *TRAINING_OPTIONS))


def test_flags_that_may_decide_a_result(config):
    flags = hyperparameters(config)
    assert (flags["train_data"], flags["synthesize_train"]) == ("faces", 7)
    assert (flags["flip_average"], flags["batch_size"]) == (True, 256)
    assert flags["pretrain_learning_rate"] == 0.2
    without = {"model_dir", "histograms", "log_every_steps", "eval_data", "max_steps"}
    assert not without & set(flags)


def test_a_run_is_a_finished_session_of_its_own(config, writer, read_events):
    with writer.as_default():
        write_hyperparameters(config)
    content = read_events().PluginTagToContent(metadata.PLUGIN_NAME)
    start = metadata.parse_session_start_info_plugin_data(
        content[metadata.SESSION_START_INFO_TAG]
    )
    assert start.group_name == "1 (runs)"
    assert start.hparams["batch_size"].number_value == 256
    assert set(start.hparams) == set(hyperparameters(config))
    assert metadata.SESSION_END_INFO_TAG in content
    assert metadata.EXPERIMENT_TAG not in content
