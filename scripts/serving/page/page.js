// The page: one text for several models, or a file for one.

import { Refused, ask, askJson, useToken } from "./api.js";
import { formatTime, make, makeCard, sayWhyNot, showWords } from "./cards.js";
import { classifyFile } from "./files.js";

const find = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");
const languages = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });
const nameLanguage = (code) => (code === "xx" ? "several" : languages.of(code));
// Characters of an example that its button shows.
const SHOWN = 46;

let models = [];
let limits = {};
let examples = {};
// What is asked last counts: an older question is given up.
let asking = new AbortController();

function say(id, message, isFault = false) {
  find(id).textContent = message;
  find(id).classList.toggle("fault", isFault);
}

function tell(id, error) {
  if (error.name === "AbortError") return;
  if (error instanceof Refused && error.status === 401) {
    find("token-form").hidden = false;
    find("token").focus();
  }
  say(id, error.message, true);
}

const chosenModels = () => models.filter((model) => model.language === find("language").value);

function showLanguage() {
  const texts = examples[find("language").value] ?? [];
  find("examples").replaceChildren(
    ...texts.map((text) => {
      const shown = text.length > SHOWN ? `${text.slice(0, SHOWN).trimEnd()}…` : text;
      const button = make("button", { type: "button", title: text }, shown);
      button.addEventListener("click", () => {
        find("text").value = text;
        showCount();
        compare();
      });
      return button;
    }),
  );
}

function showCount() {
  const length = [...find("text").value].length;
  find("count").textContent = length ? `${number.format(length)} of ${number.format(limits.characters)} characters.` : "";
}

function summarise(results) {
  const byName = Object.fromEntries(results.map((result) => [result.model, result]));
  const student = models.find((model) => model.role === "student" && byName[model.name]);
  const own = student && byName[student.name];
  const teacher = student && byName[student.teacher];
  if (!own) return "";
  if (!teacher) return `${own.model} says ${own.label}, in ${formatTime(own.milliseconds)}.`;
  const info = models.find((model) => model.name === teacher.model);
  const agrees = own.label === teacher.label;
  const said = agrees ? `Student and teacher say ${own.label}.` : `The student says ${own.label}, the teacher ${teacher.label}.`;
  const times = [teacher.milliseconds / own.milliseconds, info.size_mb / student.size_mb].map((ratio) => ratio.toFixed(ratio < 10 ? 1 : 0));
  const took = `${formatTime(own.milliseconds)} against ${formatTime(teacher.milliseconds)}`;
  return `${said} It took the student ${took}: ${times[0]} times as fast, and ${times[1]} times smaller.`;
}

async function compare() {
  const text = find("text").value;
  if (!text.trim()) {
    find("text").focus();
    return;
  }
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  find("results").ariaBusy = "true";
  find("compare").disabled = true;
  say("status", "Asking the models …");
  try {
    const names = chosenModels().map((model) => model.name);
    const { results } = await askJson("v1/compare", { text, models: names }, signal);
    const cards = results.map((result) => {
      const info = models.find((model) => model.name === result.model);
      return { result, ...makeCard(result, info, results.find((other) => other.model === info.teacher)) };
    });
    find("results").replaceChildren(...cards.map(({ card }) => card));
    find("legend").hidden = false;
    say("status", summarise(results));
    find("status").scrollIntoView({ block: "nearest" });
    explain(text, cards, signal);
  } catch (error) {
    tell("status", error);
  } finally {
    if (asking.signal === signal) {
      find("results").ariaBusy = "false";
      find("compare").disabled = false;
    }
  }
}

// Every model weighs the words for the label that it has given; a teacher takes a while.
function explain(text, cards, signal) {
  for (const { result, words } of cards) {
    askJson("v1/explain", { text, model: result.model, label: result.label }, signal)
      .then((answer) => showWords(words, answer))
      .catch((error) => error.name !== "AbortError" && sayWhyNot(words, error.message));
  }
}

async function sendFile(event) {
  event.preventDefault();
  const file = find("file").files[0];
  const type = file.name.split(".").pop().toLowerCase();
  find("download").hidden = true;
  if (file.size > limits.file_bytes) {
    say("file-status", `The file has ${number.format(file.size)} bytes; at most ${number.format(limits.file_bytes)} are taken.`, true);
    return;
  }
  const stop = new AbortController();
  find("cancel").onclick = () => stop.abort();
  find("cancel").hidden = find("progress").hidden = false;
  find("classify").disabled = true;
  find("progress").removeAttribute("value");
  say("file-status", "Reading the file …");
  const onProgress = (rows, total) => {
    find("progress").value = total ? rows / total : 1;
    say("file-status", `${number.format(rows)} of ${number.format(total)} rows`);
  };
  const begin = performance.now();
  try {
    const chosen = { file, type, column: find("column").value, model: find("model").value, signal: stop.signal };
    const { blob, total } = await classifyFile({ ...chosen, onProgress });
    URL.revokeObjectURL(find("download").href);
    find("download").href = URL.createObjectURL(blob);
    find("download").download = `${file.name.replace(/\.[^.]*$/, "")}.predicted.${type}`;
    find("download").hidden = false;
    find("download").focus();
    say("file-status", `${number.format(total)} rows in ${formatTime(performance.now() - begin)}.`);
  } catch (error) {
    find("progress").hidden = true;
    if (error.name === "AbortError") say("file-status", "Stopped.");
    else tell("file-status", error);
  } finally {
    find("cancel").hidden = true;
    find("classify").disabled = false;
  }
}

async function begin() {
  try {
    examples = await (await ask("page/examples.json")).json();
    ({ models, limits } = await askJson("v1/models"));
  } catch (error) {
    tell("status", error);
    return;
  }
  find("token-form").hidden = true;
  say("status", "");
  const codes = [...new Set(models.map((model) => model.language))];
  find("language").replaceChildren(...codes.map((code) => make("option", { value: code }, nameLanguage(code))));
  find("language-field").hidden = codes.length < 2;
  find("model").replaceChildren(...models.map(({ name, role }) => make("option", { value: name }, `${name} (${role})`)));
  find("file-limit").textContent = `At most ${number.format(limits.file_bytes / 1e6)} MB.`;
  showLanguage();
}

find("language").addEventListener("change", showLanguage);
find("text").addEventListener("input", showCount);
find("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) compare();
});
find("text-form").addEventListener("submit", (event) => {
  event.preventDefault();
  compare();
});
find("file-form").addEventListener("submit", sendFile);
find("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken(find("token").value);
  begin();
});
begin();
