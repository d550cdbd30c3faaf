"""02, conditioning."""

MESSAGES = {
    "hint.02.posterior.prior": "{given}. That is the prior. What was observed?",
    "hint.02.posterior.noise": "{given}. That has noise 1.0. What does the ledger say?",
    "hint.02.posterior.fixed": "{given}. You fixed `weight`. Which site did the scale report?",
    "hint.02.posterior.likelihood": "{given}. The scale alone says so. Where is your guess?",
    "hint.02.posterior.next": "{given}. The next reading spreads so. Which site is asked for?",
    "hint.02.posterior.forgotten": "{given}. Readings before you look. What was observed?",
    "hint.02.posterior.wide": "{given}. The window is too wide. Does halving it move the mean?",
    "hint.02.posterior.readings": "{given}. You kept the readings. Which site is asked for?",
    "look.02.posterior": "Panel: `ConditionPanel()`. Halve *window*. Where does the mean settle?",
    "sibling.02.posterior": (
        "A sibling. Two dice fall, and you see that their sum is 10.\n"
        "Keep the runs that agree: 4+6, 5+5, 6+4.\n"
        "The first die was 4, 5 or 6: mean 5, sd 0.82. Nobody fixed the die.\n"
        "    kept = first[(first + second) == 10]"
    ),
    "hint.02.deferred.prior": "{given}. That is the prior. Which site gets the data?",
    "hint.02.deferred.noise": "{given}. That has noise 1.0. What does the ledger say?",
    "hint.02.deferred.fixed": "{given}. You fixed `weight`. Which site did the scale report?",
    "hint.02.deferred.swapped": "{given}. Guess and reading are swapped. Which comes first?",
    "hint.02.deferred.baked": "{given}. The reading 9.5 is baked in. Where does `measurement` go?",
    "hint.02.deferred.guess_baked": "{given}. The guess 8.5 is baked in. Where does `guess` go?",
    "hint.02.deferred.uncalled": "0 sites ran. A program came back. Do you call it?",
    "hint.02.deferred.no_site": "0 sites named `weight`. Does `scale` run inside?",
    "look.02.deferred": "Panel: `ConditionPanel()`. Open *form*. What do three spellings share?",
    "sibling.02.deferred": (
        "A sibling. A coin of unknown bias is thrown, and the throw is seen later.\n"
        "    def deferred_coin(heads, belief):\n"
        "        return ppl.condition(coin, data={{'throw': heads}})(belief)\n"
        "`condition` makes a program. The second pair of brackets runs it."
    ),
}
