// Look or touch: every site before and after, and what the other deed would have done.


const SITES = ["draught", "weight", "measurement"];
const WORDS = { draught: "fall.draught", weight: "fall.weight", measurement: "fall.measurement" };
const ELSE = { touch: "trace.if_look", look: "trace.if_touch" };

/** Of each plot: its site, whether the program has it, whether it is the one that is given. */
function plots({ settings }) {
  const scale = settings.site === "weight" ? ["measurement", "weight"] : ["weight", "measurement"];
  const sites = { first: scale[0], second: scale[1], third: "draught" };
  return Object.entries(sites).map(([plot, site]) => ({
    plot,
    site,
    there: site !== "draught" || settings.draught === "on",
    given: site === settings.site,
  }));
}

/** Mean and sd of a site: "before", "after", or after the "other" deed. */
const known = (it, when, site) => it.facts[when].slice(2 * SITES.indexOf(site), 2 * SITES.indexOf(site) + 2);

ANSWERS.looking = {
  frame(it) {
    const weights = weightsOf(it.column("log_weight"));
    const top = 0.98 * it.ranges.density[1];
    const points = {};
    for (const { plot, site, there, given } of plots(it)) {
      const ends = it.ranges[site === "draught" ? "kg_off" : "kg"];
      const curve = (when) => (there ? belief(known(it, when, site), ends, top) : NOTHING);
      points[`${plot}.before`] = curve("before");
      points[`${plot}.other`] = given || it.settings.site === "none" ? NOTHING : curve("other");
      points[`${plot}.after`] = curve("after");
      points[`${plot}.draws`] = given || !there ? NOTHING : bars(it.column(site), ends, weights);
    }
    return points;
  },

  texts(it) {
    const weights = weightsOf(it.column("log_weight"));
    const texts = {};
    for (const { plot, site, there, given } of plots(it)) {
      texts[`alt:${plot}`] = it.say("alt.looking", { site: it.say(WORDS[site]), summary: it.summary });
      if (!there) {
        texts[plot] = it.say("caption.no_draught");
        continue;
      }
      const value = normal(known(it, "after", site));
      const seen = () => it.say("caption.after", { mean: fixed(average(it.column(site), weights)) });
      texts[plot] = given ? it.say("caption.given") : seen();
      texts[`label:${plot}.after`] = given ? "" : it.say("trace.exact_value", { value });
      texts[`label:${plot}.other`] = it.say(ELSE[it.settings.how], { other: normal(known(it, "other", site)) });
    }
    return texts;
  },

  tell(it) {
    const { site, how, value } = it.settings;
    const deed = { look: "looking.look", touch: "looking.touch" }[how];
    const told = SITES.filter((one) => one !== site && plots(it).some((plot) => plot.site === one && plot.there));
    const says = (one) => it.say("looking.site", { site: it.say(WORDS[one]), before: normal(known(it, "before", one)), after: normal(known(it, "after", one)) });
    return [
      site === "none" ? it.say("looking.none") : it.say(deed, { site: it.say(WORDS[site]), value: fixed(value) }),
      ...told.map(says),
      it.say("looking.source", { source: closed(it) }),
    ].join(" ");
  },
};
