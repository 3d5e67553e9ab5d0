"use strict";
// Adds to a page that works without it: filters, search, folding all, keys, and the graph answering to the steps.
// Knows the page by ids and data attributes; writes text only through textContent, so that no value becomes markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const tools = document.querySelector(".tools");
  if (!tools) return;
  const steps = [...document.querySelectorAll(".step")];
  const hosts = [...document.querySelectorAll(".host")];
  const status = byId("found");
  const noun = status.dataset.noun;
  const graph = document.querySelector("svg.graph");
  const lists = [...tools.querySelectorAll("select")];
  let onlyBox = null;
  document.documentElement.classList.add("js");
  tools.hidden = false;

  const texts = new Map();
  const textOf = (step, host) => {
    let text = texts.get(step);
    if (text === undefined) texts.set(step, (text = `${step.dataset.role} ${step.textContent} ${host}`.toLowerCase()));
    return text;
  };
  const fits = (step, host, words) =>
    lists.every((list) => !list.value || (list.id === "host" ? host : step.dataset[list.id]) === list.value) &&
    (onlyBox === null || step.dataset.box === onlyBox) &&
    words.every((word) => textOf(step, host).includes(word));
  const plural = (number) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  const apply = () => {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const isOn = words.length > 0 || onlyBox !== null || lists.some((list) => list.value);
    let shown = 0;
    for (const host of hosts) {
      let here = 0;
      for (const step of host.querySelectorAll(".step")) {
        const isFit = !isOn || fits(step, host.dataset.host, words);
        if (step.hidden === isFit) step.hidden = !isFit;
        if (isFit) here += 1;
      }
      for (const checks of host.querySelectorAll(".checks")) {
        checks.hidden = isOn && !checks.querySelector(".step:not([hidden])");
        if (isOn) checks.open = true;
      }
      host.hidden = here === 0;
      shown += here;
    }
    status.textContent = isOn ? `${shown.toLocaleString("en")} of ${plural(steps.length)} shown` : plural(steps.length);
    byId("reset").hidden = !isOn;
  };
  const reset = () => {
    byId("search").value = "";
    for (const list of lists) list.value = "";
    onlyBox = null;
    apply();
  };
  const foldAll = (isOpen) => {
    for (const step of steps) if (!step.hidden && step.tagName === "DETAILS") step.open = isOpen;
  };

  let timer = 0;
  byId("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 60);
  });
  for (const list of lists) list.addEventListener("change", apply);
  tools.addEventListener("submit", (event) => event.preventDefault());
  byId("unfold").addEventListener("click", () => foldAll(true));
  byId("fold").addEventListener("click", () => foldAll(false));
  byId("reset").addEventListener("click", reset);

  // A link to a step leads there even where a filter hides it, and unfolds it.
  const visit = (step) => {
    if (!step) return;
    if (step.closest("[hidden]")) reset();
    for (let at = step; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    const line = step.querySelector(".line");
    line.focus({ preventScroll: true });
    step.scrollIntoView({ block: "start" });
  };
  const visitTarget = () => /^#s\d+$/.test(location.hash) && visit(byId(location.hash.slice(1)));
  addEventListener("hashchange", visitTarget);
  visitTarget();

  const move = (by) => {
    const seen = steps.filter((step) => !step.closest("[hidden]"));
    const now = seen.findIndex((step) => step.contains(document.activeElement));
    const next = seen[now < 0 ? 0 : Math.min(Math.max(now + by, 0), seen.length - 1)];
    if (!next) return;
    for (let at = next.parentElement; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    next.querySelector(".line").focus();
  };
  const keys = {
    "/": () => byId("search").focus(),
    j: () => move(1),
    k: () => move(-1),
    u: () => foldAll(true),
    f: () => foldAll(false),
    g: () => byId("graph") && (byId("graph").open = !byId("graph").open),
    Escape: reset,
  };
  addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input, select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || (isTyping && event.key !== "Escape")) return;
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  if (graph) {
    const boxes = new Map([...graph.querySelectorAll(".box[data-box]")].map((box) => [box.dataset.box, box]));
    const arrows = [...graph.querySelectorAll(".arrow[data-from]")];
    const light = (name) => {
      for (const old of document.querySelectorAll(".graph .hot")) old.classList.remove("hot");
      graph.classList.toggle("focus", boxes.has(name));
      if (!boxes.has(name)) return;
      boxes.get(name).classList.add("hot");
      for (const arrow of arrows) {
        const { from, to } = arrow.dataset;
        if (from !== name && to !== name) continue;
        arrow.classList.add("hot");
        for (const end of [from, to]) boxes.get(end)?.classList.add("hot");
      }
    };
    const boxOf = (event) => event.target.closest?.(".step, svg.graph .box[data-box]")?.dataset.box ?? "";
    for (const name of ["mouseover", "focusin"]) document.addEventListener(name, (event) => light(boxOf(event)));
    graph.addEventListener("click", (event) => {
      const name = boxOf(event);
      if (!boxes.has(name)) return;
      const found = steps.filter((step) => step.dataset.box === name);
      if (found.length === 1) return visit(found[0]);
      onlyBox = name;
      apply();
    });
  }

  // Paper cannot be unfolded.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const item of folded) item.open = true;
  });
  addEventListener("afterprint", () => {
    for (const item of folded) item.open = false;
  });
  apply();
})();
