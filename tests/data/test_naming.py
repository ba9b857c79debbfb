"""Names of datasets: what is learnt from other data has another tag, and tags stay readable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import fuzz

from zoo.data import naming
from zoo.data.naming import dataset_name
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))


def tag_of(data: str) -> str:
    return naming.tag_of(REGISTRY, data)


@fuzz
@given(st.text())
def test_any_dataset_has_a_usable_tag(argument):
    assert re.fullmatch(r"[a-z0-9_-]+", tag_of(f"folder:{argument}"))


def test_the_current_folder_has_its_own_name(tmp_path, monkeypatch):
    inside = tmp_path / "birds" / "small"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    tags = [tag_of(f"folder:{path}") for path in (".", "./", "..", "../", ".?group=1")]
    assert tags == ["small", "small", "birds", "birds", "small-group_1"]


@pytest.mark.parametrize(
    ("data", "tag"),
    [
        ("digits", "digits"),
        ("folder:/data/My Photos/", "my_photos"),
        ("npz:a/b.c.npz", "b_c"),
        ("npz:a/b.npz?kind=series", "b-kind_series"),
        ("csv:data/walk.csv?label=activity&window=50", "walk-label_activity-window_50"),
        ("csv:walk.csv?window=50&label=label&stride=50", "walk-window_50"),
        ("csv:what?.csv?", "what"),
        ("hf:owner/name?config=x/y", "name-config_x_y-b855c7"),
        ("folder:photos?test=0.2", "photos-test_0_2-4c6cd6"),
        ("aeon:BasicMotions", "basicmotions"),
        ("folder:?", "folder"),
        ("folder:", "folder"),
        ("folder:what?ever", "what_ever"),
        ("folder:猫", "folder-a810bf"),
        ("folder:猫2", "2-a2318f"),
        ("folder:Übungen", "ubungen"),
        ("folder:U\u0308bungen", "ubungen"),
    ],
)
def test_tags(data, tag):
    assert tag_of(data) == tag


def test_names_outside_ascii_have_tags_of_their_own():
    names = ("фото", "写真", "صور", "猫", "犬", "😀", "caf\udce9", "фото/")
    tags = [tag_of(f"folder:{name}") for name in names]
    assert len(set(tags)) == len(names) - 1
    assert tags[0] == tags[-1]


def test_other_options_have_tags_of_their_own():
    """Also where they differ in what a tag cannot hold, or only read alike."""
    many = "abcdefghijklmnopqrstuvwxyz"
    names = (
        *("d.csv", "d.csv?window=5", "d.csv?window=50", "d.csv?window=50&stride=25"),
        *("d.csv?label=a", "d.csv?label=A", "d.csv?label=ä", "d.csv?label=猫", "d.csv?label=犬"),
        *("d.csv?label=a&time=t", "d.csv?label=a-time_t", "d.csv?label=a%26time=t"),
        *("d.csv?channels=x,y", "d.csv?channels=y,x", "d.csv?channels=x_y", "d.csv?time=t"),
        *("d.csv?group=1.0", "d.csv?group=1_0", "d.csv?group=", "d.csv?group=%20"),
        *(f"d.csv?label={many}{many}", f"d.csv?label={many}{many}1"),
    )
    tags = [tag_of(f"csv:{name}") for name in names]
    assert len(set(tags)) == len(names)
    assert all(len(tag) <= 48 for tag in tags)
    # A file whose name is spelt as they are is still another one.
    twins = [f"{tag}.csv{options}" for tag in tags[1:] for options in ("", "?window=5")]
    named = [*tags, *(tag_of(f"csv:{twin}") for twin in twins)]
    assert len(set(named)) == len(named)


def test_one_dataset_has_one_tag_and_one_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").touch()
    (tmp_path / "link.csv").symlink_to("d.csv")
    spellings = (
        "d.csv?window=5&time=t",
        "./d.csv?time=t&window=5&stride=5",
        "d.csv?ti%6De=t&window=5",
    )
    assert {tag_of(f"csv:{one}") for one in spellings} == {"d-time_t-window_5"}
    places = {
        str(dataset_name(REGISTRY, f"csv:{one}").resolved(Path.cwd()))
        for one in (*spellings, f"{tmp_path}/link.csv?window=5&time=t")
    }
    assert places == {f"csv:{tmp_path}/d.csv?time=t&window=5"}


@pytest.mark.parametrize("argument", ["a", "a?b", "a?b=c", "a?=", "what?.csv?", "d?x=%26&y=%3D%25"])
def test_a_place_that_is_written_down_is_read_again(tmp_path, monkeypatch, argument):
    monkeypatch.chdir(tmp_path)
    name = dataset_name(REGISTRY, f"csv:{argument}")
    assert dataset_name(REGISTRY, str(name)) == name
