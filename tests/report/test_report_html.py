"""The page of a run: whole, readable, true to its records, and the same every time."""

from __future__ import annotations

import re
from dataclasses import replace

from report_pages import page as page
from report_pages import page_script
from report_pages import source as source
from report_views import (
    Page,
    accuracy,
    epoch,
    evaluation,
    row,
    run,
    sample,
    training,
)

from zoo.contracts.task import Check
from zoo.report.pages.html import render
from zoo.report.view import RunView
from zoo.results.records import StepRecord

EVIL = (
    "<script>alert(1)</script>\"'></style></svg><img src=x onerror=alert(2)> $x^{$ {{7*7}} "
    "http://evil.example/x.png"
)


#: Attributes from which a browser loads something by itself.
LOADS = {"src", "srcset", "data", "poster", "action", "formaction", "background", "xlink:href"}


def hostile() -> RunView:
    bad = row(
        file=EVIL,
        format=EVIL,
        precision=EVIL,
        runtime=EVIL,
        verdict="rejected",
        reason=EVIL + "\n  fix: x\x1b[2J\x00",
        accuracy=accuracy(351, name=EVIL),
        checks=(Check(name=EVIL, passed=False, value=EVIL, limit=EVIL, reason=EVIL),),
    )
    return run(
        title=EVIL,
        model_id=EVIL,
        parent=EVIL,
        dataset=EVIL,
        created=EVIL,
        command=EVIL,
        rows=(bad, row()),
        training=replace(
            training(epoch(1), epoch(2)),
            metric_name=EVIL,
            weights=EVIL,
            weights_sha256=EVIL,
            options={EVIL: EVIL},
        ),
        reference=evaluation(EVIL),
        confusions={EVIL: [[34, 2], [1, 35]], EVIL + "2": [[33, 3], [1, 35]]},
        classes=(EVIL, EVIL + "2"),
        samples=(sample(EVIL, **{EVIL: (EVIL, 0.5), "b": ("<b>", 0.2)}),),
        environment={EVIL: EVIL},
        remarks=(EVIL,),
        next_commands=(EVIL,),
        steps=(StepRecord(step=EVIL, kind=EVIL, key=EVIL, status="failed", reason=EVIL),),
    )


def assert_self_contained(source: str) -> None:
    page = Page(source)
    for tag, attributes in page.tags:
        assert tag not in {"iframe", "object", "embed", "base", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{tag} {name}"
            if name in LOADS or (name == "href" and tag != "a"):
                assert value.startswith(("data:", "#")), f"{tag} {name}={value[:60]}"
            if name == "style":
                assert not re.search(r"url\((?!#)", value)
    assert page.with_tag("script") == [{}], "one, and nothing is loaded for it"
    assert page.script == page_script()
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_nothing_is_loaded_from_anywhere(source: str, page: Page) -> None:
    assert_self_contained(source)
    assert "http://" not in source
    assert "https://" not in source
    policies = [m["content"] for m in page.with_tag("meta") if "http-equiv" in m]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'")


def test_hostile_names_are_text_and_nothing_else() -> None:
    source = render(hostile())
    assert_self_contained(source)
    page = Page(source)
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in Page(render(run())).tags}
    assert page.text.count("<script>alert(1)</script>") > 15
    assert "49" not in re.findall(r"\{\{7\*7\}\}|49", page.text)
    assert "\x1b" not in source
    assert "\x00" not in source


def test_the_page_is_well_formed_and_its_references_resolve(source: str, page: Page) -> None:
    assert source.startswith("<!DOCTYPE html>")
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    wanted = {a["href"][1:] for _, a in page.tags if a.get("href", "").startswith("#")}
    wanted |= {a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", source))
    assert wanted <= set(ids)


def test_everybody_can_read_it(page: Page) -> None:
    assert page.with_tag("html") == [{"lang": "en"}]
    assert len(page.with_tag("h1")) == 1
    assert all(image["alt"] for image in page.with_tag("img"))
    drawings = page.with_tag("svg")
    assert len(drawings) == 10, "five charts, each for wide and for narrow pages"
    assert all(d["role"] == "img" and d["aria-label"] for d in drawings)
    assert all(th.get("scope") in ("row", "col") for th in page.with_tag("th"))
    assert "prefers-color-scheme: dark" in page.style
    assert "@media print" in page.style
    assert "max-width" in page.style
    assert any(m.get("name") == "viewport" for m in page.with_tag("meta"))


def test_figures_are_the_records_figures(page: Page) -> None:
    assert page.row_of("lenet5.digits.float32.tflite") == [
        "lenet5.digits.float32.tflitefloat32, litert, 1 thread",
        "250",
        "97.5 %95.3–98.7",
        "0.00",
        "100within 2.4e−7",
        "19.3 / 23.218.7–19.9",
        "✓ passed",
    ]
    assert page.row_of("lenet5.digits.int8.tflite")[:2] == [
        "lenet5.digits.int8.tfliteint8, 100 % integer operators, litert, 1 thread",
        "71.23.5 × smaller",
    ]
    assert page.row_of("lenet5.digits.int8.onnx")[1:] == ["–"] * 5 + ["! failed"]
    assert "250,412 bytes" in page.text


def test_the_head_of_the_page(page: Page) -> None:
    assert "2 of 4 files passed; 1 was rejected and 1 failed." in page.text
    assert "Accuracy before export 97.5 %" in page.text
    assert "95 % interval 95.3–98.7 %, 360 test examples" in page.text
    assert "Files that may ship 2 of 4 2 checks behind them" in page.text
    assert "Smallest file 71.2 kB 3.5 × smaller than float32 lenet5.digits.int8.tflite" in page.text
    assert "Lowest median latency 19.3 µs lenet5.digits.float32.tflite" in page.text
    for word in ("lenet5.mnist", "2026-11-22 12:04 UTC", "1.5 × slower than its float32 twin"):
        assert word in page.text


def test_reasons_and_checks(page: Page) -> None:
    assert "accuracy: 11.4 points lost, at most 1.00 allowed." in page.text
    assert "The exporter died of SIGSEGV. fix: try dynamic-int8" in page.text
    assert page.row_of("parity") == ["parity", "✓ passed", "2.4e-7", "1e-4"]
    assert page.row_of("accuracy") == [
        "accuracy",
        "✗ rejected",
        "11.4 points lostCalibrate with more examples.",
        "at most 1.00 point",
    ]
    assert "0 of 1 checks passed" in page.text
    opened = [d for d in page.with_tag("details") if "open" in d]
    assert len(opened) == 1


def test_training_steps_and_environment(page: Page) -> None:
    assert "3 epochs in 14.2 s, 20,000 examples per second" in page.text
    assert "At the best epoch, 2 of 3: 0.4000 on the training split" in page.text
    assert page.row_of("2 (best)")[1:3] == ["0.4000", "0.4400"]
    assert page.row_of("optimizer") == ["optimizer", "adam"]
    assert page.row_of("finetune") == ["finetune", "✓ passed", "14.2 s", ""]
    assert page.row_of("evaluate") == ["evaluate", "✓ passed", "1.0 s", "from an earlier run"]
    assert page.row_of("export onnx int8")[3] == "SIGSEGV"
    assert "14.2 s of work in this run" in page.text
    assert page.row_of("Processor") == ["Processor", "Xeon, 2 cores"]


def test_commands_can_be_copied_as_they_are(source: str) -> None:
    assert "<pre><code>zoo ship lenet5  --dataset digits</code></pre>" in source
    assert "<pre><code>zoo bench lenet5.digits.int8.tflite</code></pre>" in source


def test_mistakes(page: Page) -> None:
    assert ["cat", "dog", "2 of 36"] in page.cells
    assert ["dog", "cat", "1 of 36"] in page.cells
    assert "lenet5.digits.int8.tflite minus the reference: 1 example moved" in page.text
    assert "−1 right answers on balance" in page.text


def test_samples_mark_what_is_wrong(page: Page) -> None:
    assert "✓ 7 98 %before export" in page.text
    assert "✓ 7 97 %lenet5.digits.float32.tflite" in page.text
    assert "✗ 1, wrong 52 %lenet5.digits.int8.tflite" in page.text
    assert any("wrong" in item.get("class", "") for item in page.with_tag("li"))


def test_a_page_is_the_same_every_time(source: str) -> None:
    assert render(run()) == source


def test_summaries() -> None:
    assert "All 2 files passed every check." in Page(render(run(rows=(row(), row("int8"))))).text
    assert "The file passed every check." in Page(render(run(rows=(row(),)))).text


def test_a_passed_file_that_was_not_timed_says_why() -> None:
    page = Page(render(run(rows=(row(p50=None, reason="not timed: the agent died"),))))
    assert "not timed: the agent died" in page.text
