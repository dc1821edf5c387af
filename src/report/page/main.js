// Puts the page together: reads the data, builds the parts, and shows what the address says.

const TABS = [
  { id: "details", label: "Details", draw: drawDetails, on: "selection" },
  { id: "path", label: "Critical path", draw: drawCritical, on: "shows" },
  { id: "tables", label: "Tables", draw: drawTables, on: "" },
  { id: "events", label: "Events", draw: drawList, on: "selection rows" },
  { id: "measure", label: "Measure", draw: drawMeasured, on: "measure rows" },
  { id: "filter", label: "Filter", draw: drawFilter, on: "" },
];

const lengthText = (about) => `${exact(about.end)}, ${plural(about["all-events"], "event")}`;

const sideTitle = ({ about }) => [
  h("span", { class: `badge ${about.source}` }, about.source),
  ` ${about.file}, ${lengthText(about)}`,
];

function setUpHeader(sides) {
  const [{ about }] = sides;
  byId("name").textContent = about.scenario;
  byId("question").textContent = byId("question").title = about.question;
  const badges = sides.map(({ about }) => h("span", { class: `badge ${about.source}` }, about.source));
  const shown = new Set();
  for (const { about } of sides) {
    const { how } = about.outcome;
    if (shown.has(how)) continue;
    shown.add(how);
    badges.push(
      h(
        "span",
        { class: `badge ${["finished", "limit"].includes(how) ? "well" : "ill"}`, title: about.outcome.text },
        how,
      ),
    );
  }
  if (sides.length === 1) badges.push(h("span", { class: "muted" }, lengthText(about)));
  byId("badges").replaceChildren(...badges);
  const notes = sides.flatMap(({ about }) => notesOf(about));
  byId("notes").replaceChildren(...notes.map(({ text, ill }) => h("p", { class: ill ? "ill" : undefined }, text)));
}

/** What the reader must know before trusting the picture. */
function notesOf(about) {
  const notes = [];
  const add = (text, ill) => notes.push({ text, ill });
  if (about.damage) add(`${about.file}: ${about.damage}. What is shown is what could be read.`, true);
  if (about.lost > 0) add(`${about.file}: ${plural(about.lost, "event")} were lost while the run was observed.`, true);
  if (about.shortened) {
    add(
      `This report shows ${exact(about.from)} – ${exact(about.to)}, the first ${count(about.events)} events. For the rest: trapline report ${about.file} --from ${plain(about.to)}`,
    );
  } else if (about.from > 0 || about.to < about.end) {
    add(`This report shows ${exact(about.from)} – ${exact(about.to)} of a run of ${exact(about.end)}.`);
  }
  return notes;
}

/** A time as the command line takes it. */
const plain = (nanos) => exact(nanos).replace("µ", "u").replace(GAP, "");

function setUpTabs() {
  const tabs = byId("tabs");
  const pane = byId("pane");
  const buttons = TABS.map(({ id, label }) =>
    h(
      "button",
      { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": "pane", onclick: () => openTab(id) },
      label,
    ),
  );
  tabs.replaceChildren(...buttons);
  tabs.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    const i = (TABS.findIndex(({ id }) => id === app.tab) + by + TABS.length) % TABS.length;
    openTab(TABS[i].id);
    buttons[i].focus();
  });
  const draw = () => {
    const tab = TABS.find(({ id }) => id === app.tab);
    TABS.forEach(({ id }, i) => {
      buttons[i].setAttribute("aria-selected", String(id === app.tab));
      buttons[i].tabIndex = id === app.tab ? 0 : -1;
    });
    pane.setAttribute("aria-labelledby", `tab-${app.tab}`);
    tab.draw(pane);
  };
  on("tab", () => {
    pane.scrollTop = 0;
    app.listFrom = null;
    draw();
  });
  for (const { id, on: topics } of TABS) if (topics) on(topics, () => app.tab === id && draw());
}

function setUpButtons() {
  byId("all").addEventListener("click", () => look(app.bounds.from, app.bounds.to));
  byId("in").addEventListener("click", () => zoom(0.6));
  byId("out").addEventListener("click", () => zoom(1 / 0.6));
  byId("theme").addEventListener("click", switchTheme);
  for (const key of Object.keys(app.shows)) {
    const toggle = byId(`show-${key}`);
    toggle.addEventListener("click", () => {
      app.shows[key] = !app.shows[key];
      changed("shows");
    });
    on("shows", () => toggle.setAttribute("aria-pressed", String(app.shows[key])));
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themed);
}

const SHOWN = { wakes: "Wake-ups", messages: "Messages", path: "Critical path" };

/** Where there are too many arrows to be drawn, the button says what helps. */
function tellCrowd() {
  for (const key of ["wakes", "messages"]) {
    const crowded = app.shows[key] && app.timelines.some(({ links }) => links.crowded?.[key]);
    const text = crowded ? `${SHOWN[key]}: zoom in` : SHOWN[key];
    const button = byId(`show-${key}`);
    if (button.textContent !== text) button.textContent = text;
  }
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  themed();
}

function themed() {
  for (const timeline of app.timelines) timeline.colours = null;
  changed("theme");
}

/** Paper is white: what is printed has the light colours, whatever the screen has. */
function setUpPrinting() {
  const root = document.documentElement;
  let theme;
  const draw = () => {
    themed();
    app.overview.draw();
    for (const timeline of app.timelines) timeline.draw();
  };
  window.addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    draw();
  });
  window.addEventListener("afterprint", () => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    draw();
  });
}

/** The line between the timelines and what is told below, to be dragged or moved by keys. */
function setUpSplitter() {
  const splitter = byId("splitter");
  const panel = byId("panel");
  const set = (high) => {
    const most = innerHeight - 260;
    panel.style.height = `${Math.round(Math.min(Math.max(high, 60), Math.max(most, 60)))}px`;
  };
  let grip = null;
  splitter.addEventListener("pointerdown", (event) => {
    splitter.setPointerCapture(event.pointerId);
    grip = { y: event.clientY, high: panel.offsetHeight };
  });
  splitter.addEventListener("pointermove", (event) => grip && set(grip.high + grip.y - event.clientY));
  splitter.addEventListener("pointerup", () => (grip = null));
  splitter.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 30, ArrowDown: -30 }[event.key];
    if (by) set(panel.offsetHeight + by);
  });
}

function setUpLegend() {
  const used = new Set(app.traces.flatMap((trace) => trace.states.map(({ paint }) => app.paints[paint])));
  const items = app.paints
    .filter((name) => used.has(name) && name !== "idle")
    .map((name) => h("li", {}, h("span", { class: `swatch ${name}` }), PAINT_NAMES[name]));
  byId("legend").replaceChildren(...items);
}

function tellSelection() {
  const { selection } = app;
  if (selection) say(tipText(app.traces[selection.side], selection).join(". "));
}

async function begin() {
  const data = JSON.parse(byId("data").textContent);
  app.paints = data.paints;
  setUpHeader(data.sides);
  // Let the browser show the frame before the long work begins.
  await new Promise((resolve) => setTimeout(resolve));
  for (const [number, side] of data.sides.entries()) {
    app.traces.push(await Trace.read(number, side));
    const { about } = app.traces[number];
    about.events = app.traces[number].at.length;
  }
  setUpHeader(data.sides);
  const from = Math.min(...app.traces.map((trace) => trace.from));
  app.bounds = { from, to: Math.max(...app.traces.map((trace) => trace.to), from + 8) };
  app.first = data.view;
  document.body.classList.toggle("two", app.traces.length > 1);
  app.timelines = app.traces.map((trace, side) => new Timeline(trace, side));
  byId("timelines").replaceChildren(...app.timelines.map(({ element }) => element));
  app.timelines.forEach(listen);
  setUpLegend();
  setUpTabs();
  setUpButtons();
  setUpSplitter();
  setUpSearch();
  setUpHelp();
  app.overview = new Overview();
  setUpPrinting();
  on("selection", tellSelection);
  restore(location.hash.slice(1));
  app.search(app.query);
  window.addEventListener("hashchange", () => {
    restore(location.hash.slice(1));
    app.search(app.query);
  });
  app.ready = true;
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      document.documentElement.dataset.ready = String(Math.round(performance.now()));
    }),
  );
}

begin().catch((error) => {
  byId("notes").replaceChildren(h("p", { class: "ill" }, `This report can't be shown: ${error.message}`));
  throw error;
});
