"""Look or touch."""

MESSAGES = {
    "looking.title": "Sehen oder setzen",
    "label.site": "Stelle",
    "help.site": "Die Anweisung, deren Wert du siehst oder setzt",
    "label.value": "Wert",
    "help.value": "Was du dort siehst, oder worauf du es setzt",
    "label.how": "du",
    "help.how": "Look: auf den Wert bedingen. Touch: ihn setzen, mit do",
    "label.draught": "Luftzug",
    "help.draught": "Eine gemeinsame Ursache, die Gewicht und Messwert bewegt",
    "looking.none": "Du lässt alles, wie es ist.",
    "looking.look": "Du siehst {site} bei {value}.",
    "looking.touch": "Du setzt {site} auf {value}.",
    "looking.site": "{site} {before} → {after}.",
    "looking.source": "Alles exakt, {source}.",
    "drawer.looking": "Luftzug · Vermutung · Rauschen · Prior",
    "predict.looking": "Du bist dran: Welches Mittel zeigt gleich das große Bild?",
    "label.predict.looking": "Mittel dort",
}
