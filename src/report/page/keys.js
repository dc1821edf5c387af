// The keyboard. Everything that the mouse can do can be done without it.

const KEYS = [
  ["← →", "pan; with a span selected: the one before, the next one"],
  ["↑ ↓", "scroll the rows; with a span selected: the row above, below"],
  ["Enter", "select what is in the middle of the window"],
  ["Esc", "select nothing, forget the measured piece"],
  ["a d", "pan"],
  ["w s, + −", "zoom in, zoom out"],
  ["0", "show all"],
  ["z", "zoom to what is selected"],
  ["[ ]", "the event before, the next one, in the same row"],
  ["/", "search"],
  ["n N", "the next hit, the one before"],
  ["g", "follow: from who waits to who ended it, from a message's sender to its receiver and back"],
  ["m", "measure from here; again: to here"],
  ["c", "show the critical path, or hide it"],
  ["t", "light or dark"],
  ["?", "this help"],
];

/** The timeline that has the keyboard, or the selection, or is the first. */
function byFocus() {
  const focused = app.timelines.find(({ canvas }) => canvas === document.activeElement);
  return focused ?? app.timelines[app.selection?.side ?? 0];
}

function press(event) {
  const { target } = event;
  if (!(target instanceof Element)) return;
  const writes = target.matches("input:not([type=checkbox]), textarea, select");
  if (writes || event.ctrlKey || event.metaKey || event.altKey) return;
  const onTimeline = target.matches(".timeline canvas") || target === document.body;
  const act = onTimeline ? (ON_TIMELINE[event.key] ?? EVERYWHERE[event.key]) : EVERYWHERE[event.key];
  if (!act || byId("help").open) return;
  event.preventDefault();
  act();
}

const EVERYWHERE = {
  "/": () => byId("search").select(),
  n: () => nextHit(1),
  N: () => nextHit(-1),
  "?": () => byId("help").showModal(),
  "+": () => zoom(0.6),
  "=": () => zoom(0.6),
  "-": () => zoom(1 / 0.6),
  0: () => look(app.bounds.from, app.bounds.to),
  w: () => zoom(0.6),
  s: () => zoom(1 / 0.6),
  a: () => pan(-0.2),
  d: () => pan(0.2),
  z: () => app.selection && zoomToSelection(),
  m: keyMeasure,
  c: () => {
    app.shows.path = !app.shows.path;
    changed("shows");
  },
  t: () => switchTheme(),
  g: follow,
  "[": () => stepEvent(-1),
  "]": () => stepEvent(1),
  Escape: () => {
    app.measure = null;
    changed("measure");
    select(null);
  },
};

const ON_TIMELINE = {
  ArrowLeft: () => (app.selection ? stepSpan(-1) : pan(-0.1)),
  ArrowRight: () => (app.selection ? stepSpan(1) : pan(0.1)),
  ArrowUp: () => (app.selection ? stepRow(-1) : byFocus().scroller.scrollBy(0, -60)),
  ArrowDown: () => (app.selection ? stepRow(1) : byFocus().scroller.scrollBy(0, 60)),
  Enter: selectMiddle,
  " ": selectMiddle,
};

function selectMiddle() {
  const timeline = byFocus();
  const { rows } = timeline.layout;
  const at = (app.view.from + app.view.to) / 2;
  const found = rows
    .filter((row) => row.lane)
    .map((row) => ({ row, i: row.lane.at(at) }))
    .find(({ row, i }) => i >= 0 && row.kind === "task");
  if (found) select({ side: timeline.side, lane: "task", id: found.row.id, i: found.i });
}

/** The span before or after the selected one; from an event, the event beside it. */
function stepSpan(by) {
  const { selection } = app;
  if (selection.event !== undefined) return stepEvent(by);
  const lane = laneBy(app.traces[selection.side], selection.lane, selection.id);
  const i = selection.i + by;
  if (i >= lane.start && i < lane.end) select({ ...selection, i });
}

/** The nearest row above or below that has something at this moment. */
function stepRow(by) {
  const { selection } = app;
  const timeline = app.timelines[selection.side];
  const { rows } = timeline.layout;
  const row = timeline.rowOf(selection);
  const [from, to] = extent(selection);
  const { view } = app;
  const at = (Math.max(from, view.from) + Math.min(Math.max(to, from), view.to)) / 2;
  for (let i = rows.indexOf(row) + by; i >= 0 && i < rows.length; i += by) {
    const found = rows[i].lane?.at(at) ?? -1;
    if (found < 0) continue;
    select({ side: selection.side, lane: rows[i].kind, id: rows[i].id, i: found }, { show: false });
    return timeline.reveal(app.selection);
  }
}

/** Scrolls to the row of a selection, if it can't be seen. */
Timeline.prototype.reveal = function (selection) {
  const { scroller } = this;
  const row = this.rowOf(selection);
  const room = scroller.clientHeight - AXIS;
  if (!row) return;
  if (row.y < scroller.scrollTop) scroller.scrollTop = row.y - HEADING;
  else if (row.y + row.height > scroller.scrollTop + room) scroller.scrollTop = row.y + row.height - room + 4;
};

/** The event beside the selected one, among those of the same thread. */
function stepEvent(by) {
  const { selection } = app;
  if (!selection) return;
  const trace = app.traces[selection.side];
  const isCpu = selection.lane === "cpu";
  const task =
    selection.event !== undefined
      ? trace.task[selection.event]
      : isCpu
        ? laneBy(trace, "cpu", selection.id).spans.other[selection.i]
        : selection.id;
  const events = trace.eventsOf(task);
  let k;
  if (selection.event !== undefined) k = lowerBound(events, selection.event, 0, events.length) + by;
  else {
    const [from] = extent(selection);
    k = upperBoundBy(events, (event) => trace.at[event], from - 1) - (by < 0 ? 1 : 0);
  }
  while (k >= 0 && k < events.length && app.hiddenKinds.has(trace.kindName(events[k]))) k += by;
  if (k >= 0 && k < events.length) select({ side: selection.side, event: events[k] });
}

/** From a wait to what ended it, from a message to its other end. */
function follow() {
  const { selection } = app;
  if (!selection) return;
  const trace = app.traces[selection.side];
  const { wakes, messages } = linksOf(trace, selection);
  const { side } = selection;
  const isReceive = selection.event !== undefined && trace.isKind(selection.event, "message_receive");
  if (messages.length > 0) {
    const { sent, received, from, to, object } = trace.message;
    const i = messages[0];
    const [at, task, kind] = isReceive ? [sent[i], from[i], "message_send"] : [received[i], to[i], "message_receive"];
    const event = trace.lastEvent(
      task,
      at,
      (event) => trace.isKind(event, kind) && trace.field(event, "object") === object[i],
    );
    if (event >= 0) select({ side, event });
  } else if (wakes.length > 0) {
    const { at, by, task, cpu } = trace.wake;
    const i = wakes[0];
    if (selection.event !== undefined)
      return select({ side, lane: "task", id: task[i], i: trace.laneOf.get(task[i]).at(at[i]) });
    const lane = by[i] % 2 === 1 ? trace.cpus[cpu[i] - 1] : trace.laneOf.get(by[i] / 2);
    const span = lane?.before(at[i]) ?? -1;
    if (span >= 0) select({ side, lane: lane.kind, id: lane.id, i: span });
  }
}

function setUpHelp() {
  const help = byId("help");
  byId("keys").replaceChildren(
    ...KEYS.flatMap(([key, what]) => [
      h("dt", {}, ...key.split(/,? /).map((one) => h("kbd", {}, one))),
      h("dd", {}, what),
    ]),
  );
  byId("close-help").addEventListener("click", () => help.close());
  byId("show-help").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", press);
}
