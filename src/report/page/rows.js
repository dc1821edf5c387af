// Which rows a timeline has, and where: interrupt lines, CPUs, threads, what was printed. Only those that can be seen
// are drawn, so there may be a hundred thousand.

const HEADING = 20;

/** Rows with their places, from the top; `height` is that of all. A few rows share the room that there is. */
function layRows(trace, side, room) {
  const hidden = app.hiddenTasks[side];
  const threads = trace.lanes.filter((lane) => lane.length > 0 && !hidden.has(lane.id));
  const bars = threads.length + trace.cpus.length;
  const others = 3 * HEADING + interruptRows(trace).length * 18 + (printed(trace).length > 0 ? HEADING + 20 : 0);
  const least = app.traces.length > 1 || threads.length > 40 ? 18 : 22;
  const high = Math.floor(Math.min(Math.max((room - others) / bars, least), 44));
  const rows = [];
  let y = 2;
  const add = (row) => {
    rows.push({ ...row, y });
    y += row.height;
  };
  const heading = (label) => add({ kind: "heading", label, height: HEADING });
  const vectors = interruptRows(trace);
  if (vectors.length > 0) {
    heading("Interrupts");
    for (const row of vectors) add({ ...row, height: 18 });
  }
  heading(trace.cpus.length === 1 ? "CPU" : "CPUs");
  for (const lane of trace.cpus) add({ kind: "cpu", lane, id: lane.id, label: `CPU ${lane.id}`, height: high });
  if (threads.length > 0) {
    heading("Processes");
    for (const lane of threads) {
      add({ kind: "task", lane, id: lane.id, label: taskLabel(trace, lane.id), height: high });
    }
  }
  const prints = printed(trace);
  if (prints.length > 0) {
    heading("Terminal");
    add({ kind: "print", label: "output", events: prints, height: 20 });
  }
  return { rows, height: y + 6, byLane: new Map(rows.map((row) => [`${row.kind}.${row.id}`, row])) };
}

/** A row for each interrupt line: when it was raised, when recognised. */
function interruptRows(trace) {
  trace.irqRows ??= (() => {
    const { vector } = trace.irq;
    const byVector = new Map();
    vector.forEach((line, i) => {
      if (!byVector.has(line)) byVector.set(line, []);
      byVector.get(line).push(i);
    });
    return [...byVector]
      .sort(([a], [b]) => b - a)
      .map(([line, places]) => ({
        kind: "irq",
        id: line,
        label: vectorName(trace, line),
        places: Uint32Array.from(places),
      }));
  })();
  return trace.irqRows;
}

/** All lines that programs wrote. */
function printed(trace) {
  const kind = trace.kinds.get("print");
  if (kind === undefined) return [];
  return (trace.prints ??= Uint32Array.from(
    (function* () {
      for (let i = 0; i < trace.kind.length; i++) if (trace.kind[i] === kind) yield i;
    })(),
  ));
}

/** The row at a height, if there is one. */
function rowAt(layout, y) {
  const i = upperBoundBy(layout.rows, (row) => row.y, y) - 1;
  const row = layout.rows[i];
  return row && y < row.y + row.height ? row : undefined;
}
