"""The table and the page of an explanation."""

from __future__ import annotations

from layer_records import comparison, facts, record

from zoo.analysis.advice import advice
from zoo.analysis.explain import Explanation
from zoo.analysis.file_facts import FileFacts
from zoo.analysis.findings import clips, findings
from zoo.analysis.layer_errors import layer_errors
from zoo.contracts import LayerComparison
from zoo.report.charts.layer_chart import byte_chart, error_chart, time_chart
from zoo.report.layer_table import HEADINGS, noise_line, rows
from zoo.report.pages.explanation import render
from zoo.results.records import QualityFinding

COMMAND = "zoo export net.digits --format tflite --precision int8"

TWIN = facts("float32", 40_000, 0.95)


def told(found: LayerComparison, file: FileFacts) -> str:
    return "\n".join(findings(found, file, TWIN))


def test_a_good_file_gets_no_advice() -> None:
    found = comparison(record("a"), record("b"))
    assert advice(found, facts("int8", 11_000, 0.949), TWIN, COMMAND) is None
    text = told(found, facts("int8", 11_000, 0.949))
    assert "3.6 × smaller" in text
    assert "0.10 points worse" in text
    assert "2.0 × faster" in text


def test_a_layer_that_loses_much_is_to_be_kept_in_float() -> None:
    bad = record("bad one", sqnr_db=12.0, own_sqnr_db=12.0, weight_sqnr_db=12.5, weight_scales=1)
    found = comparison(record("a"), bad, record("c", sqnr_db=12.0))
    given = advice(found, facts("int8", 11_000, 0.90), TWIN, COMMAND)
    assert given is not None
    assert given.command == f"{COMMAND} --keep-float 'bad one'"
    assert "bad one (CONV_2D) adds noise of its own: 12.0 dB, from its weights" in told(
        found, facts("int8", 11_000, 0.90)
    )


def test_advice_on_weights_of_four_bits_promises_no_float() -> None:
    bad = record("bad", sqnr_db=12.0, own_sqnr_db=12.0, arithmetic="hybrid", weight_bits=4)
    given = advice(comparison(bad), facts("int4-weights", 6_000, 0.90), TWIN, COMMAND)
    assert given is not None
    assert given.command == f"{COMMAND} --keep-float bad"
    assert "with more bits" in given.why
    assert "float," not in given.why
    assert rows(comparison(bad))[0][2] == "hybrid, 4 bits"


def test_ranges_that_clip_are_told() -> None:
    clipping = record(
        "cut",
        sqnr_db=12.0,
        own_sqnr_db=12.0,
        output_sqnr_db=12.0,
        clipped=0.05,
        high=40.0,
    )
    assert clips(clipping)
    assert not clips(record("fair", clipped=0.05, high=10.01))
    found = comparison(clipping)
    given = advice(found, facts("int8", 11_000, 0.90), TWIN, COMMAND)
    assert given is not None
    assert given.command == f"{COMMAND} --keep-float cut"
    assert "5.00 % of its values lie beyond" in told(found, facts("int8", 11_000, 0.90))


def test_a_slow_form_is_to_be_replaced_where_it_costs_the_time() -> None:
    slow = record("lstm", microseconds=900.0, faster="--recurrent unrolled")
    given = advice(comparison(slow), facts("int8", 11_000, 0.95), TWIN, COMMAND)
    assert given is not None
    assert given.command == f"{COMMAND} --recurrent unrolled"
    other = record("conv", microseconds=900.0, faster="--precision dynamic-int8")
    given = advice(comparison(other), facts("int8", 11_000, 0.95), TWIN, COMMAND)
    assert given is not None
    assert given.command.endswith("--precision dynamic-int8")
    assert "--precision int8" not in given.command
    quick = record("lstm", microseconds=1.0, faster="--recurrent unrolled")
    rest = record("rest", microseconds=900.0)
    assert advice(comparison(quick, rest), facts("int8", 11_000, 0.95), TWIN, COMMAND) is None


def test_islands_and_operators_without_the_delegate_are_told_with_their_cost() -> None:
    island = record("lrn", arithmetic="float", executor="built-in", microseconds=30.0)
    found = comparison(
        record("conv", executor="XNNPACK"),
        record("fc", executor="XNNPACK"),
        island,
        overhead={"QUANTIZE": 50.0},
    )
    text = told(found, facts("int8", 11_000, 0.95))
    assert "Computed in float: lrn (CONV_2D). They take 30 % of the operators' time" in text
    assert "converting values takes 50 %" in text
    assert "Not computed by XNNPACK but by built-in kernels: lrn (CONV_2D)." in text


def test_a_larger_file_is_called_so() -> None:
    assert "not smaller than its float twin but 1.2 × as large" in told(
        comparison(record("a")), facts("int8", 50_000, 0.95)
    )


def test_the_page_escapes_every_name_and_draws_what_was_measured() -> None:
    evil = "<script>alert(1)</script>"
    found = comparison(
        record(evil, sqnr_db=3.0, own_sqnr_db=3.0, output_sqnr_db=3.0, high=99.0), record("b")
    )
    page = render(
        Explanation(
            model_id=evil,
            format="tflite",
            file=facts("int8", 11_000, 0.5),
            twin=TWIN,
            data=evil,
            split="validation",
            comparison=found,
            findings=tuple(findings(found, facts("int8", 11_000, 0.5), TWIN)),
            advice=advice(found, facts("int8", 11_000, 0.5), TWIN, COMMAND),
            network=(QualityFinding(code="weak", text=f"{evil} is no better", fix=evil),),
        )
    )
    assert "is no better" in page
    assert "The network itself is weak" in page
    assert evil not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 6, "each for wide and for narrow pages"
    assert "--keep-float" in page


def test_what_was_not_measured_is_a_dash_and_no_chart() -> None:
    nothing = dict.fromkeys(
        ("sqnr_db", "own_sqnr_db", "microseconds", "twin_microseconds", "clipped", "low", "high")
    )
    found = comparison(record("a", weight_bytes=0, twin_weight_bytes=0, **nothing))
    (row,) = rows(found)
    assert len(row) == len(HEADINGS)
    assert row.count("–") == 5
    assert noise_line(found) == ""
    (timed,) = rows(comparison(record("a"), noise=("it waited for a processor 40% of the time",)))
    assert timed[-2:] == ("~10.0", "~20.0")
    waited = tuple(f"it waited for a processor {n}% of the time" for n in (47, 51, 46))
    line = noise_line(comparison(record("a"), noise=waited))
    assert line.endswith("do not rely on them: it waited for a processor 51% of the time")
    assert rows(comparison(record("a")))[0][-2:] == ("10.0", "20.0")
    for chart in (error_chart(layer_errors(found)), time_chart(found), byte_chart(found)):
        assert chart.svg == ""
        assert chart.caption
    assert told(found, facts("int8", 11_000, 0.95))


def test_of_many_layers_the_worst_are_drawn() -> None:
    many = [record(f"layer{n}", own_sqnr_db=20.0 + n) for n in range(90)]
    chart = error_chart(layer_errors(comparison(*many)))
    assert "The 60 worst of 90 are shown." in chart.caption
    assert "layer59" in chart.svg
    assert "layer60" not in chart.svg
