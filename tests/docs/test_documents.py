"""Documents are true: what they show is run, what they name exists."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from zoo import hookspecs
from zoo.contracts.training import Training
from zoo.networks.building import build_network, count_parameters
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.pipeline.job import check_training
from zoo.pipeline.recipe import Recipe, make_recipe
from zoo.registry import PluginSettings, load_registry

ROOT = Path(__file__).parents[2]
HOOKS = [name for name in vars(hookspecs) if name.startswith("zoo_")]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def plugin_in(path: Path) -> str:
    return next(block for block in blocks(path, "python") if "hookimpl" in block)


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_has_a_heading(hook: str) -> None:
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert f"\n## {hook}\n" in text
    assert f"\n| [`{hook}`](#{hook}) |" in text, "the table at the top lists all hooks"


def test_the_meta_test_sees_all_ten_hooks() -> None:
    assert len(HOOKS) == 10


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "plugins.md"], ids=str)
def test_the_plugin_on_the_page_works_and_is_short(page: Path, tmp_path: Path) -> None:
    code = plugin_in(page)
    assert len(code.splitlines()) <= 25
    file = tmp_path / "zoo_tiny.py"
    file.write_text(code, encoding="utf-8")
    registry = load_registry(PluginSettings(paths=(str(file),), installed=False))
    architecture, variant = registry.variant("tiny28")
    network = build_network(architecture, variant, variant.classes)
    assert count_parameters(network) == variant.parameters
    assert count_multiply_adds(network) == variant.multiply_adds


def test_the_recipe_on_the_page_is_valid_and_complete() -> None:
    (text,) = blocks(ROOT / "docs" / "recipes.md", "toml")
    values = tomllib.loads(text)
    recipe = make_recipe(values, "docs/recipes.md")
    assert set(values) == set(Recipe.model_fields)
    for table in ("training", "export", "calibration", "limits", "qat", "gate", "bench"):
        assert set(values[table]) == set(type(getattr(recipe, table)).model_fields)


def test_recipes_of_the_packaged_weights_are_valid() -> None:
    registry = load_registry(PluginSettings(installed=False))
    recipes = sorted((ROOT / "plugins" / "weights").glob("*.recipe.toml"))
    cards = sorted((ROOT / "plugins" / "weights").glob("*.safetensors"))
    assert [r.name.removesuffix(".recipe.toml") for r in recipes] == [
        c.name.removesuffix(".safetensors") for c in cards
    ]
    for path in recipes:
        recipe = make_recipe(tomllib.loads(path.read_text(encoding="utf-8")), path.name)
        card = tomllib.loads(path.with_name(path.name.replace(".recipe", "")).read_text())
        made_with = card["recipe"]["training"]
        plain = recipe.training.model_dump(mode="json", exclude_none=True)
        variant = registry.variant(card["variant"])[1]  # a recipe may begin with weights
        # A card also tells the task's options that were left as they are; what is an option since
        # then is as it was.
        task = registry.tasks.get(variant.task)
        plain["task"] = check_training(recipe.training, variant, task)
        if "task" in made_with:
            usual = check_training(Training(from_scratch=True), variant, task)
            made_with["task"] = {**usual, **made_with["task"]}
        assert {k: plain[k] for k in made_with} == made_with


def update_program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("update", ROOT / "docs" / "update.py")
    assert spec is not None
    assert spec.loader is not None
    update = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(update)
    return update


def test_the_readme_shows_weights_and_families_as_cards_and_records_do() -> None:
    update = update_program()
    table = update.weights_table()
    assert "lenet5.fashion_mnist" in table
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert table in text, "run: python docs/update.py tables"
    families = update.families_table()
    assert "`dcgan64`" in families
    assert families in text, "run: python docs/update.py tables"


def test_the_recipe_guide_is_made_from_the_fields_of_recipes() -> None:
    update = update_program()
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for table in (update.recipe_block(), update.names_table()):
        assert len(table.splitlines()) > 40
        assert table in text, "run: python docs/update.py tables"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_no_page_has_marks_of_a_merge() -> None:
    marks = re.compile(r"^(?:<{7} |={7}$|>{7} )", re.MULTILINE)
    assert len(marks.findall("a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> main\n")) == 3
    pages = [*PAGES, ROOT / "CHANGELOG.md"]
    assert [page.name for page in pages if marks.search(page.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_rule_of_each_table_has_as_many_columns_as_its_head(page: Path) -> None:
    assert lopsided(page.read_text(encoding="utf-8")) == []
    assert lopsided("| a | b |\n|---|\n") == ["| a | b |"]


def lopsided(text: str) -> list[str]:
    """Heads of tables that are shown as text, as their rule has another number of columns."""
    tables = re.findall(r"^(\|.*\|)\n(\|[-:|]+\|)$", text, re.MULTILINE)
    return [head for head, rule in tables if head.replace("\\|", "").count("|") != rule.count("|")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_paths_named_in_the_text_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(
        r"`((?:zoo|plugins|exporters|devices|benchmarks|docs)/[\w/.]+)`", text
    ):
        assert (ROOT / target).exists(), f"{page.name} names {target}"


def test_the_page_of_files_names_each_logger() -> None:
    page = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(zoo\.[\w.]+)` \|([^|]*)\|([^|]*)\|$", page, re.MULTILINE)
    levels = {}
    for path in (ROOT / "zoo").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        if "_log = logging.getLogger(__name__)" in code:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            levels[name] = ["_log.info(" in code, "_log.debug(" in code]
    assert {name: [bool(info.strip()), bool(debug.strip())] for name, info, debug in rows} == levels


def test_the_page_of_files_names_each_folder_and_variable_of_ours() -> None:
    page = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    rooms = [ROOT / name for name in ("zoo", "plugins", "devices", "exporters")]
    code = "".join(p.read_text(encoding="utf-8") for room in rooms for p in room.rglob("*.py"))
    assert {*re.findall(r'"(ZOO_[A-Z_]+)"', code)} == {*re.findall(r"`(ZOO_[A-Z_]+)`", page)}
    kept = {*re.findall(r'(?:cache|data|config)_folder\(\) / "([^"]+)"', code)}
    assert len(kept) > 10
    assert {name for name in kept if f"`{name}`" not in page} == set()
