"""A preset is a copy of the project with some parameters changed."""

import pytest
from ruamel.yaml import YAML

from stages.errors import InputError
from stages.presets import lay_down, merge
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_a_copy_has_what_the_pipeline_needs_and_its_own_parameters(tmp_path):
    lay_down("smoke", tmp_path / "copy", {"train": {"model": "mlp"}})
    params = YAML(typ="safe").load((tmp_path / "copy/params.yaml").read_text())
    assert params["train"]["model"] == "mlp" and params["split"]["rows"] == 6000
    for path in ("dvc.yaml", "constraints.txt", "stages/data.py", "data/external/nycflights13.yaml", ".dvc/config"):
        assert (tmp_path / "copy" / path).is_file(), path


def test_an_ensembles_members_change_with_the_models_that_they_name(tmp_path):
    lay_down("smoke", tmp_path / "copy")
    train = YAML(typ="safe").load((tmp_path / "copy/params.yaml").read_text())["train"]
    assert train["ensemble"]["members"]["mlp"] == train["mlp"]
    assert train["mlp"]["max_epochs"] == 4


def test_a_copy_can_be_laid_down_again_but_not_over_other_files(tmp_path):
    lay_down("smoke", tmp_path / "copy")
    lay_down("smoke", tmp_path / "copy", {"base": {"seed": 7}})
    assert "seed: 7" in (tmp_path / "copy/params.yaml").read_text()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    with pytest.raises(InputError, match="is not empty"):
        lay_down("smoke", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_an_unknown_preset_or_parameter_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no preset 'smok'. Did you mean 'smoke'"):
        lay_down("smok", tmp_path / "copy")
    with pytest.raises(InputError, match=r"sets train.modl, which params.yaml does not have. Did you mean 'model'"):
        merge({"train": {"model": "mlp"}}, {"train": {"modl": "x"}})


def test_every_preset_fits_the_parameters(tmp_path):
    for preset in (ROOT / "experiments").glob("*.yaml"):
        lay_down(preset.stem, tmp_path / preset.stem)
