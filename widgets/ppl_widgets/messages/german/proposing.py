"""The proposal lab."""

MESSAGES = {
    "proposing.title": "Das Labor der Vorschläge",
    "label.a": "a, das Mittel des Guides",
    "help.a": "Wo der Guide vorschlägt",
    "label.b": "b, die SD des Guides",
    "help.b": "Wie weit um a er vorschlägt",
    "label.tab": "Nutzung",
    "help.tab": "Ziehungen gewichten, unter einer Hülle sieben, oder einer Kette vorschlagen",
    "proposing.importance": "ESS {seen} von {num} Ziehungen, exakt {exact}, {source}. Pareto-k "
    "{k}. {evidence}",
    "proposing.evidence": "Mittleres Gewicht {mean}, Evidenz {evidence}.",
    "proposing.equal": "keines, alle Gewichte sind gleich",
    "proposing.rejection": "{seen} von {num} Ziehungen behalten, exakt {exact}, {source}.",
    "proposing.chain": "{seen} von {num} Vorschlägen angenommen, exakt {exact}, {source}.",
    "proposing.none": "Keine Ziehungen. Exakt {exact}, {source}.",
    "drawer.proposing": "Vermutung · Messung · Rauschen · Prior",
    "predict.proposing": "Du bist dran: Was zeigt die Anzeige am Ende?",
    "label.predict.proposing": "Anzeige, in %",
}
