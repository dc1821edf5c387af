// A measured piece of time: how long it is, and what happened in it.

function startMeasure(at) {
  app.measure = { from: Math.round(at) };
  say("Measuring: move, and click or press m again for the other end.");
  changed("measure");
}

function moveMeasure(at) {
  if (!app.measure) return;
  app.measure = { from: app.measure.from, to: Math.round(at) };
  changed("measure");
}

function endMeasure(at) {
  if (!app.measure) return;
  const [from, to] = [app.measure.from, Math.round(at)].sort((a, b) => a - b);
  app.measure = from === to ? null : { from, to };
  if (app.measure) say(`Measured ${exact(to - from)}.`);
  changed("measure");
  if (app.measure) openTab("measure");
}

/** The key m: the first press sets one end, the second the other. */
function keyMeasure() {
  const at = app.pointer?.at ?? (app.selection ? extent(app.selection)[0] : (app.view.from + app.view.to) / 2);
  if (app.measure && app.measure.to === undefined) endMeasure(at);
  else startMeasure(at);
}

function drawMeasured(pane) {
  const { measure } = app;
  if (measure?.to === undefined) {
    pane.replaceChildren(
      h(
        "p",
        { class: "empty" },
        "Drag with ",
        h("kbd", {}, "Shift"),
        " held down, or press ",
        h("kbd", {}, "m"),
        " at one place and again at another.",
      ),
    );
    return;
  }
  const from = Math.min(measure.from, measure.to);
  const to = Math.max(measure.from, measure.to);
  const facts = h("dl", {}, fact("length", exact(to - from)), fact("when", `${exact(from)} – ${exact(to)}`));
  const buttons = h(
    "p",
    { class: "actions" },
    link("zoom to it", () => look(from - (to - from) * 0.05, to + (to - from) * 0.05)),
    link("forget it", () => {
      app.measure = null;
      changed("measure");
    }),
  );
  const columns = app.traces.map((trace, side) => {
    const name = app.traces.length > 1 ? ` (${trace.about.source})` : "";
    return [
      h(
        "div",
        {},
        h("h4", {}, `Events by kind${name}`),
        table(eventsByKind(trace, from, to), { id: `measured-${side}`, sort: 1 }),
      ),
      h(
        "div",
        {},
        h("h4", {}, `Time by process${name}`),
        table(timesWithin(trace, side, from, to), { id: `shares-${side}`, sort: 1 }),
      ),
    ];
  });
  pane.replaceChildren(
    h(
      "div",
      { class: "columns" },
      h("div", {}, h("h3", {}, `Measured: ${exact(to - from)}`), facts, buttons),
      ...columns.flat(),
    ),
  );
}

function eventsByKind(trace, from, to) {
  const counts = new Uint32Array(trace.dictionary.kinds.length);
  const end = trace.eventFrom(to + 1);
  for (let event = trace.eventFrom(from); event < end; event++) counts[trace.kind[event]] += 1;
  const rows = trace.dictionary.kinds.map(({ name }, kind) => [name, counts[kind]]).filter(([, count]) => count > 0);
  return { heads: ["kind", "events"], rows: [...rows, ["all", rows.reduce((sum, [, count]) => sum + count, 0)]] };
}

/** What each shown thread did in a piece of time; exact, from the sums of its lane. */
function timesWithin(trace, side, from, to) {
  const shown = app.paints.filter((name) => name !== "idle");
  const [before, now] = [new Float64Array(app.paints.length), new Float64Array(app.paints.length)];
  const rows = [];
  for (const lane of trace.lanes) {
    if (lane.length === 0 || app.hiddenTasks[side].has(lane.id) || rows.length >= 2000) continue;
    lane.until(from, before);
    lane.until(to, now);
    const times = shown.map((name) => now[app.paints.indexOf(name)] - before[app.paints.indexOf(name)]);
    if (times.some((time) => time > 0)) rows.push([taskLabel(trace, lane.id), ...times.map((time) => new Time(time))]);
  }
  const used = shown.map((_, i) => rows.some((row) => row[i + 1].nanos > 0));
  return {
    heads: ["process", ...shown.filter((_, i) => used[i])],
    rows: rows.map((row) => row.filter((_, i) => i === 0 || used[i - 1])),
  };
}
