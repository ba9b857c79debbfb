"""Which way of bringing examples is right is told by figures, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.common.errors import UsageError
from zoo.networks.sources.judging import InputTrial, choose, is_poor, uphold

LABELS = np.arange(300) % 3


def trial(name: str, share: float, sure: float = 3.0, labels: object = LABELS) -> InputTrial:
    """Right on the first `share` of the examples of each class, one class further on the others."""
    given = np.asarray(labels)
    right = np.arange(len(given)) < share * len(given)
    answers = np.where(right, given, (given + 1) % 3)
    return InputTrial(name=name, logits=sure * np.eye(3, dtype=np.float32)[answers])


def test_the_best_is_taken_with_its_figures() -> None:
    place, told = choose([trial("dim", 0.4), trial("good", 0.97), trial("off", 0.6)], LABELS, "net")
    assert place == 1
    assert told == "measured: good, 97.0% of 300 training examples right; next best off: 60.0%"


def test_equally_right_but_less_sure_is_told_apart() -> None:
    """Without biases, pixels of 0 to 255 leave the answers as they are and spoil their chances."""
    place, _ = choose([trial("too sure", 0.9, sure=60), trial("good", 0.91)], LABELS, "net")
    assert place == 1


def test_surer_is_not_better() -> None:
    """All answers are right with inputs of any scale: which one is meant, they do not tell."""
    for ways in (("small", 3.0, "large", 90.0), ("large", 90.0, "small", 3.0)):
        trials = [trial(ways[0], 1.0, ways[1]), trial(ways[2], 1.0, ways[3])]
        with pytest.raises(UsageError, match="cannot be determined"):
            choose(trials, LABELS, "net")
    # One example more may be luck, whatever is gained by being surer of all others.
    with pytest.raises(UsageError, match="cannot be determined"):
        choose([trial("small", 0.990, sure=3.0), trial("large", 0.997, sure=9.0)], LABELS, "net")


def test_a_tie_is_refused_with_the_table() -> None:
    with pytest.raises(UsageError, match="cannot be determined") as caught:
        choose([trial("one", 0.95), trial("other", 0.953)], LABELS, "net")
    assert "one 95.0%" in str(caught.value.why)
    assert "other 95.3%" in str(caught.value.why)
    assert "mean=0 std=1" not in str(caught.value.fix)
    with pytest.raises(UsageError, match="cannot be determined") as caught:
        choose([trial("as they are", 0.95), trial("other", 0.953)], LABELS, "net")
    assert '--input "mean=0 std=1"' in str(caught.value.fix)


@pytest.mark.parametrize("share", [0.0, 0.33, 0.6])
def test_a_poor_best_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="no usual normalization") as caught:
        choose([trial("best", share), trial("other", 0.3)], LABELS, "net")
    assert f"best {share:.1%}" in str(caught.value.why)


def test_one_class_alone_is_no_proof() -> None:
    same = np.zeros(300, np.int64)
    assert is_poor(np.ones(300, np.bool_), same)


def test_answers_in_another_order_are_noticed() -> None:
    turned = InputTrial(name="good", logits=trial("good", 0.97).logits[:, [2, 0, 1]])
    with pytest.raises(UsageError) as caught:
        choose([turned, trial("bad", 0.4)], LABELS, "net")
    assert "0 means class 2, 1 means class 0, 2 means class 1" in str(caught.value.why)
    with pytest.raises(UsageError, match="in another order than those of the data"):
        uphold(turned, [], LABELS, "net")


def test_what_is_stated_stands_unless_another_is_clearly_better() -> None:
    told = uphold(trial("stated", 0.95), [trial("0..1", 0.955), trial("x", 0.2)], LABELS, "net")
    assert told == "95.0% of 300 training examples right"
    with pytest.raises(UsageError, match="takes other inputs than stated") as caught:
        uphold(trial("stated", 0.9), [trial("0..1", 0.97)], LABELS, "net")
    assert caught.value.why.startswith("0..1 is clearly better: 0..1 97.0%")
    # A weak network is for the gate to judge, not for its input.
    uphold(trial("stated", 0.34), [trial("0..1", 0.35)], LABELS, "net")


def spread_out(share: float, own: float, every: float) -> InputTrial:
    """As `trial`, each second answer surer than the others."""
    made = trial("stated", share)
    sure = np.where(np.arange(300) % 2, own, every).astype(np.float32)
    return InputTrial(name="stated", logits=made.logits / 3 * sure[:, None])


@pytest.mark.parametrize(
    "stated",
    [trial("stated", 0.95, sure=380), trial("stated", 0.95, sure=0.3), spread_out(0.95, 0.1, 30)],
    ids=["0..255 for 0..1", "std wrong by ten", "another order of confidence"],
)
def test_what_a_file_says_is_held_to_the_likelihood_of_the_labels(stated: InputTrial) -> None:
    """A left-over statement costs few right answers, and many chances."""
    others = [trial("0..1", 0.95)]
    with pytest.raises(UsageError, match=r"0\.\.1 is clearly better") as caught:
        uphold(stated, others, LABELS, "net", read=True)
    assert "net itself says otherwise" in str(caught.value.fix)
    # What the user says is contradicted by right answers alone.
    assert uphold(stated, others, LABELS, "net").startswith("95.0%")


def test_what_a_file_says_stands_without_proof() -> None:
    stated = trial("stated", 0.95)
    others = [trial("surer", 0.95, sure=9.0), trial("less sure", 0.95, sure=1.5)]
    for ways in (others, [trial("one more", 0.955)], [trial("all wrong", 0.0)]):
        uphold(stated, ways, LABELS, "net", read=True)
    # All right, and unsure: more confidence is no proof.
    uphold(trial("stated", 1.0, sure=2.0), [trial("x", 1.0, sure=60)], LABELS, "net", read=True)
    # Random weights say nothing: what they are right about is chance.
    uphold(trial("stated", 0.45), [trial("x", 0.57)], LABELS, "net", read=True)
    with pytest.raises(UsageError, match="takes other inputs than stated"):
        uphold(trial("stated", 0.45), [trial("x", 0.57)], LABELS, "net")


def test_answers_that_are_not_finite_are_wrong() -> None:
    broken = InputTrial(name="nan", logits=np.full((300, 3), np.nan, np.float32))
    assert choose([broken, trial("good", 0.97)], LABELS, "net")[0] == 1


def test_a_rarer_way_is_taken_where_it_alone_leaves_few_answers_wrong() -> None:
    usual = [trial("usual", 0.9), trial("off", 0.5)]
    place, told = choose(usual, LABELS, "net", lambda best: [trial("good", 0.99), trial("a", 0.3)])
    assert place == 2
    assert told.startswith("measured: good, 99.0% of 300")
    assert "next best usual: 90.0%" in told
    # One that is hardly better, or poor itself, changes nothing; nor is any tried for few errors.
    for rarer in (0.905, 0.3):
        assert choose(usual, LABELS, "net", lambda best: [trial("a", rarer)])[0] == 0  # noqa: B023
    with pytest.raises(UsageError, match="no usual normalization"):
        choose([trial("usual", 0.35)], LABELS, "net", lambda best: [trial("rare", 0.6)])
    choose([trial("usual", 0.97), trial("off", 0.5)], LABELS, "net", None)  # type: ignore[arg-type]
