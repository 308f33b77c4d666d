// One card for each model: what it says, how sure it is, what it took, and its words in colour.

const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const ROLES = { student: "Student", baseline: "Baseline: no teacher", teacher: "Teacher" };
// Words that are read out: more would tire.
const READ_OUT = 5;
// Labels that are shown in the order of the model, the same on every card; of more, the most probable ones.
const MAX_LABELS = 6;
// A word that adds less than this share of the strongest one has no line under it.
const FAINT = 0.15;

export function make(tag, properties = {}, ...children) {
  const { class: name, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

export function formatTime(milliseconds) {
  return milliseconds >= 1000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${milliseconds.toPrecision(3)} ms`;
}

function makeBars(result) {
  const all = Object.entries(result.probabilities);
  const shown = all.length > MAX_LABELS ? all.sort((a, b) => b[1] - a[1]).slice(0, MAX_LABELS) : all;
  const rows = shown.map(([label, probability]) => {
    const fill = make("div", { class: "fill" });
    requestAnimationFrame(() => requestAnimationFrame(() => (fill.style.width = `${100 * probability}%`)));
    const name = make("div", { class: "name" }, make("span", {}, label), make("span", {}, percent.format(probability)));
    const track = make("div", { class: "track", ariaHidden: "true" }, fill);
    return make("li", { class: label === result.label ? "top" : "" }, name, track);
  });
  return make("ul", { class: "bars", ariaLabel: "Probabilities" }, ...rows);
}

function makeFacts(result, info) {
  const facts = [["Time", formatTime(result.milliseconds)], ["Size on disk", `${info.size_mb.toFixed(1)} MB`]];
  if (result.cosine !== null) {
    facts.push(["Cosine to the teacher", result.cosine.toFixed(3)]);
    facts.push(["KL from the teacher", `${result.kl.toFixed(3)} nats`]);
  }
  return make("dl", { class: "facts" }, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

export function makeCard(result, info, teacher) {
  const said = make("p", { class: "said" }, make("strong", {}, result.label));
  if (teacher) {
    const same = teacher.label === result.label;
    said.append(make("span", { class: `badge ${same ? "same" : "other"}` }, same ? "✓ as the teacher" : "≠ not as the teacher"));
  }
  const words = make("p", { class: "words wait" }, "Weighing the words …");
  const head = make("div", {}, make("div", { class: "role" }, ROLES[info.role] ?? info.role), make("h2", {}, info.name));
  const card = make("section", { class: `card ${info.role}`, ariaLabel: info.name }, head, said);
  card.append(makeBars(result), makeFacts(result, info), words);
  return { card, words };
}

// Colour the words of a card by what they add to the logit of the label.
export function showWords(words, { pieces, label }) {
  const strongest = Math.max(...pieces.map((piece) => Math.abs(piece.share)), 1e-9);
  words.classList.remove("wait");
  words.replaceChildren(
    ...pieces.map(({ text, share }) => {
      const strength = Math.abs(share) / strongest;
      if (!text.trim() || strength < 0.02) return text;
      const element = make("span", { class: `piece ${share > 0 ? "for" : "against"}${strength < FAINT ? " faint" : ""}` }, text);
      element.style.setProperty("--strength", (0.55 * strength).toFixed(3));
      element.title = `${share > 0 ? "+" : "−"}${Math.abs(share).toFixed(2)} for ${label}`;
      return element;
    }),
  );
  const heavy = pieces.filter((piece) => piece.text.trim() && Math.abs(piece.share) >= FAINT * strongest);
  const list = (sign) => {
    const chosen = heavy.filter((piece) => sign * piece.share > 0).sort((a, b) => sign * (b.share - a.share));
    return chosen.slice(0, READ_OUT).map((piece) => piece.text.trim()).join(", ") || "none";
  };
  words.append(make("span", { class: "hidden-text" }, ` Words for ${label}: ${list(1)}. Against it: ${list(-1)}.`));
}

export function sayWhyNot(words, message) {
  words.replaceChildren(message);
}
