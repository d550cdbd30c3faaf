"""Look or touch."""

MESSAGES = {
    "looking.title": "Look or touch",
    "label.site": "site",
    "help.site": "The statement whose value you see or set",
    "label.value": "value",
    "help.value": "What you see there, or set it to",
    "label.how": "you",
    "help.how": "Look: condition on the value. Touch: set it, with do",
    "label.draught": "draught",
    "help.draught": "A shared cause that moves weight and reading alike",
    "looking.none": "You leave everything as it is.",
    "looking.look": "You see {site} at {value}.",
    "looking.touch": "You set {site} to {value}.",
    "looking.site": "{site} {before} → {after}.",
    "looking.source": "All exact, {source}.",
    "drawer.looking": "draught · guess · noise · prior",
    "predict.looking": "Your turn: what will the mean be in the large plot?",
    "label.predict.looking": "mean there",
}
