"""07, parameters and state."""

MESSAGES = {
    "hint.07.second.last": "{given}. The first call wins. Which was first?",
    "hint.07.second.sum": "{given}. Nothing adds up. Which call was first?",
    "hint.07.second.average": "{given}. Nothing is averaged. Which call was first?",
    "hint.07.second.difference": "{given}. Nothing is subtracted. Which call was first?",
    "hint.07.second.nothing": "{given}. A value was stored before. Which one?",
    "look.07.second": "Panel: `StorePanel()`. Move *init*. What does the table say?",
    "sibling.07.second": (
        "A sibling. A dictionary does the same: the first call stores, later ones look up.\n"
        "    store = {{}}\n"
        "    store.setdefault('b', 1.0)    # 1.0\n"
        "    store.setdefault('b', 5.0)    # 1.0 again"
    ),
    "hint.07.positive.mirror": "−0.6 fits too: a mirror optimum. Which constraint removes it?",
    "hint.07.positive.leaves": "0 is no border for `{name}`. Which constraint keeps it above?",
    "hint.07.positive.plain_mean": "0 knobs move the mean. Is it in the store?",
    "hint.07.positive.plain_sd": "0 knobs move the width. Is it in the store?",
    "hint.07.positive.guide": "0 steps: the guide does not fit. What does `check_guide` say?",
    "look.07.positive": "Panel: `StorePanel()`. Take *abs*, then *exp*. Which end is gone?",
    "sibling.07.positive": (
        "A sibling. A share has to stay between 0 and 1.\n"
        "    share = ppl.param('share', 0.5, constraint=constraints.unit_interval)\n"
        "The store learns a real number and maps it into the interval."
    ),
    "hint.07.twice.went_on": "{given}. Run two began where run one ended. What forgets?",
    "hint.07.twice.order": "{given}. The first run found a learned store. When do you clear?",
    "hint.07.twice.calls": "{given} training(s). The task asks for two. Do you call `train` twice?",
    "look.07.twice": "Panel: `ScalePanel()`. Press *Play* twice. Where does the second begin?",
    "sibling.07.twice": (
        "A sibling. Two counts on one sheet: the second goes on from the first.\n"
        "A fresh sheet for each, or wipe it in between:\n"
        "    with ppl.ParamStore():    # a store of its own, gone at the end\n"
        "        count()"
    ),
}
