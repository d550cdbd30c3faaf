"""The forward machine."""

MESSAGES = {
    "forward.title": "Die Vorwärtsmaschine",
    "forward.told": "Die Messwerte von {num} Läufen haben Mittel {mean} und SD {sd}. Exakt "
    "{exact}, {source}.",
    "forward.few": "Messwerte exakt {exact}, {source}.",
    "fall.guess": "Vermutung",
    "fall.weight": "Gewicht",
    "fall.measurement": "Messung",
    "fall.draught": "Luftzug",
    "drawer.forward": "Prior · Ziehungen",
    "predict.forward": "Du bist dran: Wie stark streuen Messwerte (SD)?",
    "label.predict.forward": "SD der Messwerte",
    "forward.head_line": "Zeile des Programms",
    "forward.head_value": "neuester Lauf",
}
