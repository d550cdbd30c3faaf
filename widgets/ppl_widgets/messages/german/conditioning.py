"""The condition bench."""

MESSAGES = {
    "conditioning.title": "Die Werkbank des Bedingens",
    "label.window": "Fenster",
    "help.window": "Wie weit der Messwert eines Laufs abweichen darf, damit er bleibt",
    "label.form": "Form",
    "help.form": "Wie das Programm seinen Messwert bekommt",
    "option.form.condition": "condition",
    "option.form.deferred": "aufgeschoben",
    "option.form.obs": "obs",
    "conditioning.told": "{kept} von {num} Läufen behalten, exakt {share}. Ihr mittleres Gewicht "
    "ist {mean}, exakt {exact}, {source}.",
    "conditioning.none": "{kept} von {num} Läufen behalten, exakt {share}, {source}. Weiter "
    "ziehen, oder das Fenster öffnen?",
    "ledger.entry": "{site} = {value} durch {who}",
    "ledger.drawn": "{site} durch {who}",
    "drawer.conditioning": "Form · Vermutung · Rauschen · Prior",
    "predict.conditioning": "Du bist dran: Was wiegen Läufe im Fenster im Mittel?",
    "label.predict.conditioning": "mittleres Gewicht",
}
