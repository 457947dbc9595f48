import io

from byel_tf.training import progress as module
from byel_tf.training.progress import StageProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_line_an_epoch_in_a_log(monkeypatch, capsys):
    seconds = iter([100.0, 130.0, 160.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(seconds))
    progress = StageProgress("finetune", 13, 5, 4)
    progress.step()
    progress.show({"loss": 2.0, "learning_rate": 0.1, "action_unit_loss": 0.25})
    progress.epoch(1, 5, {"val_macro_f1": 0.5})
    progress.epoch(2, 10, {})
    progress.close()
    assert capsys.readouterr() == (
        "finetune: epoch 1/3, step 5/13, loss 2.000, action_unit_loss 0.250, "
        "val_macro_f1 0.500; 240 s left\n"
        "finetune: epoch 2/3, step 10/13, loss 2.000, action_unit_loss 0.250; "
        "30 s left\n",
        "",
    )


def test_a_bar_on_a_terminal(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(module.sys, "stderr", terminal)
    progress = StageProgress("pretrain", 10, 5, 4)
    progress.step()
    progress.show({"loss": 2.0})
    progress.epoch(1, 5, {"macro_f1": 0.5})
    progress.close()
    assert capsys.readouterr().out == ""
    last = terminal.getvalue().split("\r")[-1]
    assert last.startswith("pretrain:  50%") and "5/10" in last
    assert "loss=2.000, macro_f1=0.500" in last
