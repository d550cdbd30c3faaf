"""03, look or touch."""

MESSAGES = {
    "hint.03.glued.looked": "{given}. You looked. What does a glued needle tell?",
    "hint.03.glued.needle": "{given}. That is the needle. Which site is asked for?",
    "hint.03.glued.scale": "{given}. Readings spread so. Which site is asked for?",
    "hint.03.glued.surer": "{given}. Gluing made you surer. What did it tell you?",
    "hint.03.glued.noise": "{given}. The scale errs so. Which site is asked for?",
    "hint.03.glued.certain": "{given}. Nothing is fixed but the needle. How sure were you before?",
    "look.03.glued": "Panel: `LookPanel()`. Choose *touch*. Which arrow is gone?",
    "sibling.03.glued": (
        "A sibling. It rains on 3 days of 10, and rain makes the lawn wet.\n"
        "See a wet lawn, and rain is likelier. Water it yourself: still 3 of 10.\n"
        "    ppl.do(garden, data={{'wet': 1.0}})   # the arrow into wet is cut"
    ),
    "hint.03.seen.set": "{given}. That is setting. What does seeing the weight tell?",
    "hint.03.seen.calm": "{given}. No draught there. What does it add to the reading?",
    "hint.03.seen.ten": "{given}. What does a heavy weight say about the draught?",
    "hint.03.seen.all": "{given}. The draught explains half. Who explains the rest?",
    "hint.03.seen.average": "{given}. Halfway back to the guess. Is the weight in doubt?",
    "hint.03.seen.untouched": "{given}. Nothing was seen. What does the weight tell?",
    "hint.03.seen.same_sd": "{given}. That is for setting. How does seeing narrow the draught?",
    "hint.03.seen.draught": "{given}. That is the draught alone. Does the scale err too?",
    "hint.03.seen.noise": "{given}. That is the scale alone. Is the draught known?",
    "hint.03.seen.added": "{given}. You added sds. Which quantity adds?",
    "hint.03.seen.variance": "{given}. That is a variance. Which root is the sd?",
    "look.03.seen": "Panel: `LookPanel(draught=True)`. Choose *look*. Where does the draught go?",
    "sibling.03.seen": (
        "A sibling. Talent N(0, 1) lifts both of two exams, each with luck N(0, 1).\n"
        "See a first exam of 2: half of it is talent, so expect 1 next.\n"
        "Its variance is 0.5 for talent and 1 for luck: sd 1.22."
    ),
    "hint.03.set.seen": "{given}. That is seeing. What does setting tell about the draught?",
    "hint.03.set.all": "{given}. The guess pulls. Does a set weight remember it?",
    "hint.03.set.untouched": "{given}. The weight was not set. Which site did `do` get?",
    "hint.03.set.calm": "{given}. No draught there. Does it still push the scale?",
    "hint.03.set.narrowed": "{given}. Seeing narrows the draught so. Does setting?",
    "hint.03.set.added": "{given}. You added sds. Which quantity adds?",
    "hint.03.set.variance": "{given}. That is a variance. Which root is the sd?",
    "hint.03.set.draught": "{given}. That is the draught alone. Does the scale err too?",
    "look.03.set": "Panel: `LookPanel(draught=True)`. Choose *touch*. Which arrow is gone?",
    "sibling.03.set": (
        "A sibling. Talent N(0, 1) lifts both of two exams, each with luck N(0, 1).\n"
        "Forge a first exam of 2: it says nothing of talent, so expect 0 next.\n"
        "Its variance is 1 for talent and 1 for luck: sd 1.41."
    ),
}
