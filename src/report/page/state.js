// What the reader looks at: the window, what is selected, what is hidden, and the fragment of the address that says
// all of this, so that a look can be kept and sent to others.

const app = {
  traces: [],
  paints: [],
  view: { from: 0, to: 1 },
  bounds: { from: 0, to: 1 },
  /** `{ side, lane, id, i }` for a span, `{ side, event }` for an event. */
  selection: null,
  hiddenKinds: new Set(),
  hiddenTasks: [new Set(), new Set()],
  measure: null,
  shows: { wakes: true, messages: true, path: false },
  tab: "details",
  query: "",
  hits: [],
};

const listeners = new Map();

function on(topics, listener) {
  for (const topic of topics.split(" ")) listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
}

/** Tells everybody who wants to know that something is different now. */
function changed(topic) {
  for (const listener of listeners.get(topic) ?? []) listener();
  keepFragment();
}

/** Shows a window, within the run and no narrower than a few nanoseconds. */
function look(from, to) {
  const { bounds } = app;
  const length = Math.min(Math.max(to - from, 8), bounds.to - bounds.from);
  const begin = Math.min(Math.max(from, bounds.from), bounds.to - length);
  app.view = { from: begin, to: begin + length };
  changed("view");
}

function zoom(factor, centre = (app.view.from + app.view.to) / 2) {
  const { from, to } = app.view;
  const length = Math.min(Math.max((to - from) * factor, 8), app.bounds.to - app.bounds.from);
  const share = (centre - from) / (to - from);
  look(centre - share * length, centre + (1 - share) * length);
}

function pan(share) {
  const by = (app.view.to - app.view.from) * share;
  look(app.view.from + by, app.view.to + by);
}

/** Moves the window so that a piece of time can be seen, and widens it if it must. */
function reveal(from, to) {
  const { view } = app;
  const length = view.to - view.from;
  if (from >= view.from && to <= view.to) return;
  if (to - from > length * 0.9) look(from - (to - from) * 0.1, to + (to - from) * 0.1);
  else look((from + to) / 2 - length / 2, (from + to) / 2 + length / 2);
}

const laneBy = (trace, kind, id) => (kind === "cpu" ? trace.cpus[id] : trace.laneOf.get(id));

/** When the selection begins and ends. */
function extent(selection) {
  const trace = app.traces[selection.side];
  if (selection.event !== undefined) return [trace.at[selection.event], trace.at[selection.event]];
  const { spans } = laneBy(trace, selection.lane, selection.id);
  return [spans.from[selection.i], spans.to[selection.i]];
}

function select(selection, { show = true } = {}) {
  app.selection = selection;
  if (selection && show) {
    reveal(...extent(selection));
    app.timelines[selection.side].reveal(selection);
  }
  changed("selection");
  if (selection && app.tab !== "details" && app.tab !== "events") openTab("details");
}

function openTab(tab) {
  app.tab = tab;
  changed("tab");
}

/** The selection in the fragment: threads by their numbers, spans by their beginning, so that it lasts. */
function selectionText(selection) {
  if (!selection) return "";
  const trace = app.traces[selection.side];
  if (selection.event !== undefined) return `${selection.side}.event.${selection.event}`;
  const [from] = extent(selection);
  const id = selection.lane === "cpu" ? selection.id : trace.tasks[selection.id].task;
  return `${selection.side}.${selection.lane}.${id}.${from}`;
}

function selectionFrom(text) {
  const [side, lane, id, from] = text.split(".");
  const trace = app.traces[Number(side)];
  if (!trace) return null;
  if (lane === "event") return Number(id) < trace.at.length ? { side: Number(side), event: Number(id) } : null;
  const place = lane === "cpu" ? Number(id) : trace.tasks.findIndex(({ task }) => task === Number(id));
  const i = laneBy(trace, lane, place)?.at(Number(from)) ?? -1;
  return i < 0 ? null : { side: Number(side), lane, id: place, i };
}

function fragment() {
  const { view, bounds, measure, shows } = app;
  const parts = new URLSearchParams();
  const range = ({ from, to }) => `${Math.round(from)}-${Math.round(to)}`;
  const [from, to] = app.first ?? [bounds.from, bounds.to];
  if (view.from !== from || view.to !== to) parts.set("t", range(view));
  if (app.selection) parts.set("s", selectionText(app.selection));
  if (app.tab !== "details") parts.set("tab", app.tab);
  if (app.query) parts.set("q", app.query);
  if (measure?.to !== undefined) parts.set("m", range(measure));
  const hidden = app.traces.flatMap((trace, side) =>
    [...app.hiddenTasks[side]].map((task) => `${side}.${trace.tasks[task].task}`),
  );
  if (hidden.length > 0) parts.set("hide", hidden.join(" "));
  if (app.hiddenKinds.size > 0) parts.set("kinds", [...app.hiddenKinds].join(" "));
  const drawn = Object.keys(shows).filter((key) => shows[key]);
  if (drawn.join() !== "wakes,messages") parts.set("show", drawn.join(" "));
  return parts.toString();
}

/** Makes everything as the address says. What it says of things that aren't there is left out. */
function restore(text) {
  const parts = new URLSearchParams(text);
  const range = (key) =>
    (parts.get(key) ?? "")
      .match(/^(\d+)-(\d+)$/)
      ?.slice(1)
      .map(Number);
  const [from, to] = range("t") ?? app.first ?? [app.bounds.from, app.bounds.to];
  const measured = range("m");
  app.measure = measured ? { from: measured[0], to: measured[1] } : null;
  app.tab = TABS.some(({ id }) => id === parts.get("tab")) ? parts.get("tab") : "details";
  app.query = parts.get("q") ?? "";
  app.hiddenKinds = new Set((parts.get("kinds") ?? "").split(" ").filter(Boolean));
  const hidden = (parts.get("hide") ?? "").split(" ").map((one) => one.split(".").map(Number));
  app.traces.forEach((trace, side) => {
    const numbers = new Set(hidden.filter(([of]) => of === side).map(([, number]) => number));
    app.hiddenTasks[side] = new Set(trace.tasks.flatMap(({ task }, place) => (numbers.has(task) ? [place] : [])));
  });
  if (parts.has("show"))
    for (const key of Object.keys(app.shows)) app.shows[key] = parts.get("show").split(" ").includes(key);
  app.selection = parts.has("s") ? selectionFrom(parts.get("s")) : null;
  look(from, to);
  if (app.selection)
    requestAnimationFrame(() => app.selection && app.timelines[app.selection.side].reveal(app.selection));
  for (const topic of ["rows", "query", "measure", "shows", "tab", "selection"]) changed(topic);
}

let keeping = 0;
/** Browsers allow few changes of the address in a second, so it follows when the reader pauses. */
function keepFragment() {
  if (!app.ready) return;
  clearTimeout(keeping);
  keeping = setTimeout(() => {
    const text = fragment();
    if (text !== location.hash.slice(1)) history.replaceState(null, "", `#${text}`);
  }, 150);
}
