"""The condition bench."""

MESSAGES = {
    "conditioning.title": "The condition bench",
    "label.window": "window",
    "help.window": "How far a run's reading may be off to be kept",
    "label.form": "form",
    "help.form": "How the program is given its reading",
    "option.form.condition": "condition",
    "option.form.deferred": "deferred",
    "option.form.obs": "obs",
    "conditioning.told": "Kept {kept} of {num} runs, exact {share}. Their mean weight is {mean}, "
    "exact {exact}, {source}.",
    "conditioning.none": "Kept {kept} of {num} runs, exact {share}, {source}. Draw on, or widen "
    "the window?",
    "ledger.entry": "{site} = {value} by {who}",
    "ledger.drawn": "{site} by {who}",
    "drawer.conditioning": "form · guess · noise · prior",
    "predict.conditioning": "Your turn: what do runs in the window weigh on average?",
    "label.predict.conditioning": "mean weight",
}
