"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const read = (id) => JSON.parse($(id).textContent);
  const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;

  const drawn = {};
  const drawAll = async () => {
    const charts = read("charts");
    for (const place of document.querySelectorAll("[data-chart]")) {
      const name = place.dataset.chart;
      const options = { renderer: "svg", actions: false, tooltip: { theme: "custom" } };
      drawn[name] = (await vegaEmbed(place, charts[name], options)).view;
    }
    choose();
    document.documentElement.dataset.drawn = Object.keys(drawn).length;
  };

  const coverage = read("coverage");
  const slider = $("threshold");
  slider.min = coverage[0].threshold;
  slider.max = coverage[coverage.length - 1].threshold;
  slider.value = slider.min;
  const choose = () => {
    const row = coverage.find((one) => one.threshold >= slider.value - 1e-9);
    $("threshold-value").textContent = percent(row.threshold);
    $("threshold-told").textContent =
      `${percent(row.coverage)} of the texts are decided, ${percent(row.accuracy)} of them right.`;
    slider.setAttribute("aria-valuetext", percent(row.threshold));
    if (drawn.threshold) drawn.threshold.signal("chosen", row.threshold).run();
  };
  slider.addEventListener("input", choose);

  const price = $("price");
  price.addEventListener("input", () => {
    for (const cell of document.querySelectorAll("[data-hours]")) {
      const cost = cell.dataset.hours * price.value;
      cell.textContent = cost.toLocaleString("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 });
    }
  });

  const PAGE = 10;
  const list = $("list");
  const items = [...list.children];
  items.forEach((item, order) => { item.dataset.order = order; });
  let shown = PAGE;
  const sorts = {
    // Of one kind its own order, in which a mistake is not the first of the doubtful labels.
    order: (item) => {
      const at = item.dataset.kinds.split("|").indexOf($("f-kind").value);
      return Number(at < 0 ? item.dataset.order : item.dataset.ranks.split("|")[at]);
    },
    student: (item) => -item.dataset.student,
    teacher: (item) => -item.dataset.teacher,
    length: (item) => item.querySelector(".body").textContent.length,
  };
  const fits = (item) => {
    const words = $("f-words").value.trim().toLowerCase().split(/\s+/);
    const text = item.querySelector(".body").textContent.toLowerCase();
    return (!$("f-kind").value || item.dataset.kinds.split("|").includes($("f-kind").value))
      && (!$("f-lang")?.value || item.dataset.lang === $("f-lang").value)
      && (!$("f-gold").value || item.dataset.gold === $("f-gold").value)
      && (!$("f-student").value || item.dataset.said === $("f-student").value)
      && words.every((word) => text.includes(word));
  };
  const arrange = () => {
    const key = sorts[$("f-sort").value];
    const fitting = items.filter(fits).sort((a, b) => key(a) - key(b));
    const seen = fitting.slice(0, shown);
    list.replaceChildren(...seen);
    seen.forEach(cut);
    $("f-count").textContent = `${seen.length} of ${fitting.length} texts`;
    $("more").hidden = seen.length === fitting.length;
  };
  const cut = (item) => {
    const body = item.querySelector(".body");
    if (body.dataset.measured) return;
    body.dataset.measured = "yes";
    body.classList.add("cut");
    if (body.scrollHeight <= body.clientHeight + 4) {
      body.classList.remove("cut");
      return;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Whole text";
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const isCut = body.classList.toggle("cut");
      button.textContent = isCut ? "Whole text" : "Less";
      button.setAttribute("aria-expanded", String(!isCut));
    });
    body.after(button);
  };
  for (const id of ["f-kind", "f-lang", "f-gold", "f-student", "f-sort", "f-words"]) {
    $(id)?.addEventListener("input", () => { shown = PAGE; arrange(); });
  }
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  $("more").addEventListener("click", () => {
    const next = shown;
    shown += PAGE;
    arrange();
    const first = list.children[next];
    first.tabIndex = -1;
    first.focus();
  });

  choose();
  arrange();
  drawAll();
})();
