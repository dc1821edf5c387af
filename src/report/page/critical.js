// The critical path as numbers: what the run's end waited for, by state and by process.

function drawCritical(pane) {
  const parts = app.traces.map((trace, side) => {
    const { from, to, task, state } = trace.path;
    if (from.length === 0)
      return h(
        "div",
        {},
        h("p", { class: "empty" }, "The trace doesn't tell who waited for whom, so there is no critical path."),
      );
    const [byPaint, byTask] = [new Map(), new Map()];
    let whole = 0;
    for (let i = 0; i < from.length; i++) {
      const time = to[i] - from[i];
      const paint = app.paints[trace.states[state[i]].paint];
      byPaint.set(paint, (byPaint.get(paint) ?? 0) + time);
      byTask.set(task[i], (byTask.get(task[i]) ?? 0) + time);
      whole += time;
    }
    const shares = app.paints.filter((paint) => byPaint.has(paint));
    const bar = h("div", {
      class: "share-bar",
      role: "img",
      "aria-label": shares.map((paint) => `${PAINT_NAMES[paint]} ${percent(byPaint.get(paint) / whole)}`).join(", "),
    });
    for (const paint of shares) {
      const piece = h("span", {
        class: `swatch ${paint}`,
        title: `${PAINT_NAMES[paint]}: ${exact(byPaint.get(paint))}`,
      });
      piece.style.flexGrow = byPaint.get(paint);
      bar.append(piece);
    }
    const rows = shares.map((paint) => [
      PAINT_NAMES[paint],
      new Time(byPaint.get(paint)),
      new Share(byPaint.get(paint) / whole),
    ]);
    const tasks = [...byTask].map(([task, time]) => [taskLabel(trace, task), new Time(time), new Share(time / whole)]);
    const name = app.traces.length > 1 ? ` of the ${trace.about.source} run` : "";
    return [
      h(
        "div",
        {},
        h("h3", {}, `Critical path${name}: ${exact(whole)}`),
        bar,
        h(
          "p",
          { class: "muted" },
          "What the run's end waited for, followed back from the thread that ended last: its work, its turns in the run queue, and waits that a device or a timer ended. Who had the CPU while it was ready isn't followed.",
        ),
        pathButton(),
      ),
      h(
        "div",
        {},
        h("h4", {}, "By state"),
        table({ heads: ["state", "time", "share"], rows }, { id: `path-states-${side}`, sort: 1 }),
      ),
      h(
        "div",
        {},
        h("h4", {}, "By process"),
        table({ heads: ["process", "time", "share"], rows: tasks }, { id: `path-tasks-${side}`, sort: 1 }),
      ),
      h("div", {}, h("h4", {}, "Its longest pieces"), longest(trace, side)),
    ];
  });
  pane.replaceChildren(h("div", { class: "columns" }, ...parts.flat()));
}

function pathButton() {
  const shown = app.shows.path;
  return h(
    "p",
    { class: "actions" },
    link(shown ? "hide it in the timeline" : "show it in the timeline", () => {
      app.shows.path = !shown;
      changed("shows");
    }),
  );
}

function longest(trace, side) {
  const { from, to, task, state } = trace.path;
  const places = Array.from(from, (_, i) => i).sort((a, b) => to[b] - from[b] - (to[a] - from[a]) || a - b);
  return h(
    "ol",
    { class: "chain" },
    ...places.slice(0, 12).map((i) => {
      const lane = trace.laneOf.get(task[i]);
      const span = lane.at(from[i]);
      return h(
        "li",
        {},
        goTo(`${taskLabel(trace, task[i])} ${stateText(trace, state[i])}`, {
          side,
          lane: "task",
          id: task[i],
          i: span,
        }),
        h("span", { class: "muted" }, ` ${exact(to[i] - from[i])} from ${exact(from[i])}`),
      );
    }),
  );
}
