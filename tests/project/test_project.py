"""The project as a whole: project.yml, README and requirements."""

import re
from pathlib import Path
from typing import Set

import pytest
import srsly
from packaging.requirements import Requirement
from weasel.util import load_project_config, split_command

from scripts.conversion.problems import Policies
from tests.conftest import ROOT

REQUIREMENTS = ("requirements.txt", "requirements-ray.txt", "requirements-dev.txt", "requirements-hub.txt")
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
# The only command that belongs to no run.
OF_NO_RUN = "languages"


def test_every_dependency_is_produced_or_present() -> None:
    config = load_project_config(ROOT)
    produced: Set[str] = set()
    commands = {command["name"]: command for command in config["commands"]}
    steps = [step for workflow in ("all", "cascade", "ablate", "serve") for step in config["workflows"][workflow]]
    for name in steps:
        for dep in commands[name].get("deps", []):
            is_made = any(dep == out or dep.startswith(f"{out}/") for out in produced)
            assert is_made or (ROOT / dep).is_file(), f"{name} depends on {dep}"
        produced |= set(commands[name]["outputs"])
    assert set(commands) == {OF_NO_RUN, *(name for steps in config["workflows"].values() for name in steps)}


def test_a_step_that_may_be_skipped_depends_on_its_code_and_its_cfgs() -> None:
    config = load_project_config(ROOT, overrides={"vars.run": "my-run"})
    first = {workflow: steps[0] for workflow, steps in config["workflows"].items()}
    # A server claims no run: it reads what is there, and a run may be made anew beside it.
    assert first.pop("serve") == "serve-my-run" and set(first.values()) == {"prepare-my-run"}
    for command in config["commands"]:
        if not command.get("no_skip"):
            step = command["name"].removesuffix("-my-run")
            assert f"training/my-run/sources/{step}.json" in command["deps"]
            named = {part for entry in command["script"] for part in split_command(entry) if part.endswith(".cfg")}
            # Where work runs changes no result.
            assert named - set(command["deps"]) <= {"training/my-run/engine.cfg"}, f"{step} does not depend on its cfg"
            assert not any(dep.endswith(".py") for dep in command["deps"])


def test_where_work_runs_does_not_run_a_step_again() -> None:
    here, elsewhere = (load_project_config(ROOT, overrides={"vars.engine": name})["commands"] for name in ("x", "y"))
    assert [command["name"] for command, other in zip(here, elsewhere) if command != other] == ["prepare-en"]
    assert all("training/en/engine.cfg" not in command.get("deps", []) for command in here)


def test_convert_drops_alone_what_it_drops_in_the_project() -> None:
    settings = load_project_config(ROOT)["vars"]
    assert Policies()._asdict() == {name: settings[name] for name in Policies._fields}


# Values that have no space, as they are numbers.
NUMBERS = {"negative_up_to", "skip_stars", "max_unusable", "seed", "jobs", "max_loss", "min_agreement", "gpu_id"}
NUMBERS |= {"cascade_loss", "cascade_words", "port"}


@pytest.mark.parametrize("value", ["my run", "o'brien", "é 日本", "[1] #2; (a) & b=c"])
def test_values_with_spaces_reach_each_command_whole(value: str) -> None:
    names = set(load_project_config(ROOT, interpolate=False)["vars"]) - NUMBERS
    whole, plain = (
        load_project_config(ROOT, overrides={f"vars.{name}": text for name in names})["commands"]
        for text in (value, "PLAIN")
    )
    for command, other in zip(whole, plain):
        for entry, expected in zip(command["script"], other["script"]):
            assert split_command(entry) == [part.replace("PLAIN", value) for part in split_command(expected)]


def test_runs_have_lock_entries_of_their_own() -> None:
    for run in ("en", "de", "my-run"):
        config = load_project_config(ROOT, overrides={"vars.run": run})
        commands = {command["name"]: command for command in config["commands"]}
        # It starts runs, and must not be skipped where one of them has changed.
        assert commands.pop(OF_NO_RUN)["no_skip"]
        assert all(name.endswith(f"-{run}") for name in commands)
        assert all(f"/{run}/" in out for command in commands.values() for out in command["outputs"])


def test_readme_section_of_project_yml_is_current(tmp_path: Path) -> None:
    import weasel.cli.document

    readme = (ROOT / "README.md").read_text(encoding="utf8")
    (tmp_path / "README.md").write_text(readme, encoding="utf8")
    (tmp_path / "project.yml").write_text((ROOT / "project.yml").read_text(encoding="utf8"), encoding="utf8")
    weasel.cli.document.project_document(tmp_path, tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text(encoding="utf8") == readme


def test_commits_are_checked_by_what_make_test_runs() -> None:
    (local,) = srsly.read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    entries = {hook["entry"].split(" --")[0].removeprefix(".venv/bin/") for hook in local["hooks"]}
    recipe = (ROOT / "Makefile").read_text(encoding="utf8").partition("\ntest:")[2].partition("\n\n")[0]
    tools = {re.split(r" --| \.", line)[0] for line in re.findall(r"\$\(BIN\)/(.+)", recipe)}
    assert tools - entries == {"python -m pytest"}


def test_pins_are_exact_and_name_each_package_once_for_every_python() -> None:
    lines = [line for name in REQUIREMENTS for line in (ROOT / name).read_text(encoding="utf8").splitlines()]
    pins = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    assert len(pins) > 30 and all([spec.operator for spec in pin.specifier] == ["=="] for pin in pins)
    for version in PYTHONS:
        applying = [pin.name for pin in pins if not pin.marker or pin.marker.evaluate({"python_version": version})]
        assert sorted(applying) == sorted({pin.name for pin in pins})


def test_the_same_versions_of_python_are_named_everywhere() -> None:
    first, last = PYTHONS[0], PYTHONS[-1]
    for name in ("README.md", "Makefile", "requirements.txt"):
        assert f"Python {first} to {last}" in (ROOT / name).read_text(encoding="utf8")
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf8")
    assert f'requires-python = ">={first},<3.{int(last[2:]) + 1}"' in settings
    assert f'target-version = "py{first.replace(".", "")}"' in settings
