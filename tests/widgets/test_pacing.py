from ppl_widgets.pacing import MEMORY, PATIENCE, Pacing


def looked_at(*views, now=0.0):
    pace = Pacing(now)
    for view in views:
        pace.here(view, now)
    return pace


def test_nobody_looks_at_first():
    pace = Pacing(10.0)
    assert not pace.seen(10.0)
    assert not pace.ready(10.0)
    assert pace.unseen_for(13.5) == 3.5


def test_two_frames_may_be_on_their_way():
    pace = looked_at("a")
    assert pace.frame(0.0) == 1
    assert pace.ready(0.0)
    assert pace.frame(0.0) == 2
    assert not pace.ready(0.0)
    pace.acknowledge("a", 1, 0.1)
    assert pace.ready(0.1)


def test_acknowledging_a_frame_covers_the_earlier_ones():
    pace = looked_at("a")
    pace.frame(0.0)
    pace.frame(0.0)
    pace.acknowledge("a", 2, 0.5)
    pace.acknowledge("a", 1, 0.6)  # late: it takes nothing back
    pace.frame(0.7)
    assert pace.ready(0.7)


def test_silence_means_that_nobody_looks_until_the_next_word():
    pace = looked_at("a")
    pace.frame(1.0)
    assert pace.seen(1.0 + PATIENCE)
    later = 1.1 + PATIENCE
    assert not pace.seen(later)
    assert not pace.ready(later)
    assert pace.unseen_for(later) == later
    pace.acknowledge("a", 1, later + 1)
    assert pace.seen(later + 1)
    assert pace.unseen_for(later + 1) == 0.0


def test_an_answer_to_a_knock_forgives_lost_frames():
    pace = looked_at("a")
    pace.frame(0.0)
    pace.frame(0.0)
    assert not pace.ready(5.0)
    pace.here("a", 5.0)
    assert pace.ready(5.0)


def test_a_view_with_nothing_to_answer_is_not_forgotten():
    pace = looked_at("a")
    assert pace.seen(3600.0)


def test_a_hidden_view_does_not_count():
    pace = looked_at("a")
    pace.away("a", 1.0)
    assert not pace.seen(1.0)
    pace.acknowledge("a", 0, 1.1)  # the last word of a paint that was under way
    assert not pace.seen(1.1)
    pace.here("a", 2.0)
    assert pace.seen(2.0)


def test_the_slowest_view_sets_the_pace():
    pace = looked_at("fast", "slow")
    for _ in range(2):
        pace.acknowledge("fast", pace.frame(0.0), 0.0)
    assert not pace.ready(0.1)
    pace.acknowledge("slow", 1, 0.2)
    assert pace.ready(0.2)


def test_a_dead_view_holds_the_others_up_only_for_a_moment():
    pace = looked_at("alive", "dead")
    pace.frame(0.0)
    pace.frame(0.0)
    pace.acknowledge("alive", 2, 0.1)
    assert not pace.ready(0.1)
    assert pace.ready(0.1 + PATIENCE)
    for second in range(int(MEMORY) + 5):  # and is forgotten, with all that waited for it
        pace.acknowledge("alive", pace.frame(3.0 + second), 3.0 + second)
    assert pace.seen(70.0)
    pace.gone("alive")
    assert not pace.seen(70.0)


def test_a_removed_view_is_gone_at_once():
    pace = looked_at("a", "b")
    pace.frame(0.0)
    pace.frame(0.0)
    pace.acknowledge("a", 2, 0.0)
    pace.gone("b")
    assert pace.ready(0.0)


def test_a_late_word_does_not_bring_a_removed_view_back():
    pace = looked_at("a")
    pace.gone("b")  # before its hello
    pace.here("b", 0.1)
    pace.acknowledge("b", 0, 0.1)
    pace.away("b", 0.1)
    pace.gone("a")
    assert not pace.seen(0.2)
    assert not pace.ready(0.2)


def test_what_a_view_said_before_does_not_undo_its_newest_word():
    pace = looked_at("a")
    pace.here("a", 0.2, word=3)
    pace.away("a", 0.3, word=2)
    assert pace.seen(0.3)
    pace.away("a", 0.4, word=4)
    assert not pace.seen(0.4)
