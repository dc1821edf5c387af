// Tables that can be sorted by each column, and the sums of the whole run in them.

/** A time in a cell: sorted by its length, written with a unit. */
class Time {
  constructor(nanos) {
    this.nanos = nanos ?? 0;
  }
  valueOf() {
    return this.nanos;
  }
  toString() {
    return this.nanos === 0 ? "0" : brief(this.nanos);
  }
}

class Share extends Time {
  toString() {
    return percent(this.nanos);
  }
}

class Bytes extends Time {
  toString() {
    return bytesText(this.nanos);
  }
}

/** How each table was sorted last. */
const orders = new Map();

function table({ heads, rows, titles = [] }, { id, sort = -1 }) {
  const order = orders.get(id) ?? (sort < 0 ? null : { column: sort, down: true });
  const sorted = order
    ? [...rows].sort((a, b) => compare(a[order.column], b[order.column]) * (order.down ? -1 : 1))
    : rows;
  const heading = (text, column) => {
    const chosen = order?.column === column;
    const mark = chosen ? (order.down ? " ▾" : " ▴") : "";
    const press = () => {
      orders.set(id, { column, down: chosen ? !order.down : typeof rows[0]?.[column] !== "string" });
      const made = table({ heads, rows, titles }, { id, sort });
      element.replaceWith(made);
      made.querySelectorAll("th button")[column].focus();
    };
    return h(
      "th",
      {
        scope: "col",
        title: titles[column],
        "aria-sort": chosen ? (order.down ? "descending" : "ascending") : undefined,
        class: typeof rows[0]?.[column] === "string" ? "left" : undefined,
      },
      h("button", { type: "button", onclick: press }, text + mark),
    );
  };
  const cell = (value, i) => {
    const text = typeof value === "number" ? count(value) : String(value ?? "");
    const isText = typeof value === "string";
    const kind = i === 0 ? "th" : "td";
    return h(
      kind,
      {
        class: isText ? "left" : undefined,
        scope: i === 0 ? "row" : undefined,
        title:
          isText && text.length > 24
            ? text
            : value instanceof Time && value.constructor === Time
              ? exact(value.nanos)
              : undefined,
      },
      text,
    );
  };
  const element = h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...heads.map(heading))),
    h("tbody", {}, ...sorted.slice(0, 1000).map((row) => h("tr", {}, ...row.map(cell)))),
  );
  return element;
}

function compare(a, b) {
  if (typeof a === "string" || typeof b === "string")
    return String(a).localeCompare(String(b), "en", { numeric: true });
  return Number(a ?? 0) - Number(b ?? 0);
}

const total = (object) => Object.values(object ?? {}).reduce((sum, value) => sum + value, 0);

function drawTables(pane) {
  const blocks = app.traces.flatMap((trace, side) => {
    const { summary } = trace.about;
    const name = app.traces.length > 1 ? ` (${trace.about.source})` : "";
    const block = (title, data) =>
      data.rows.length === 0 ? [] : [h("div", {}, h("h4", {}, title + name), table(data, { id: `${title}-${side}` }))];
    return [
      ...block("Processes", processTable(summary)),
      ...block("System calls", callTable(trace)),
      ...block("CPUs", cpuTable(summary)),
      ...block("Interrupts", vectorTable(summary)),
      ...block("Channels, locks and devices", objectTable(summary)),
      ...block("Scheduling", statisticTable(trace.about.threads)),
    ];
  });
  const part = app.traces.some(({ about }) => about.shortened || about.from > 0 || about.to < about.end);
  const many = app.traces.some(({ about }) => about.summary["all-processes"] > about.summary.processes.length);
  const note = many
    ? [
        h(
          "p",
          { class: "muted" },
          "Tables of processes show the first thousand; trapline summary and trapline stats have all.",
        ),
      ]
    : part
      ? [
          h(
            "p",
            { class: "muted" },
            "Sums of the whole run; system calls are those of the part that this report shows.",
          ),
        ]
      : [];
  pane.replaceChildren(...note, h("div", { class: "columns wide" }, ...blocks));
}

function processTable({ processes }) {
  const heads = [
    "process",
    "user",
    "kernel",
    "interrupt",
    "switch",
    "ready",
    "blocked",
    "calls",
    "faults",
    "wake-ups",
    "switches",
    "exit",
  ];
  const rows = processes.map(({ name, processes: many, usage, statuses }) => [
    many > 1 ? `${name} ×${many}` : name,
    ...["user", "kernel", "interrupt", "switch", "ready"].map((key) => new Time(usage[key])),
    new Time(total(usage.blocked)),
    total(usage.calls),
    total(usage.faults),
    usage.wakeups,
    total(usage.switches),
    Object.keys(statuses).join(", "),
  ]);
  return { heads, rows };
}

/** Each process's time, in as few columns as say it. */
function briefTable({ processes }) {
  const { heads, rows } = processTable({ processes: processes.slice(0, 12) });
  const wanted = ["process", "user", "kernel", "ready", "blocked", "calls", "exit"].map((head) => heads.indexOf(head));
  return { heads: wanted.map((i) => heads[i]), rows: rows.map((row) => wanted.map((i) => row[i])) };
}

function callTable(trace) {
  const rows = trace.about["calls-made"].map(([call, times, elapsed]) => [
    callName(trace, call),
    times,
    new Time(elapsed),
    new Time(times > 0 ? elapsed / times : 0),
  ]);
  return {
    heads: ["call", "calls", "all of them", "on average"],
    rows,
    titles: ["", "", "With what was waited in them.", ""],
  };
}

function cpuTable({ cpus, wall }) {
  const heads = ["CPU", "user", "kernel", "interrupt", "switch", "idle", "busy", "switches", "interrupts"];
  const rows = cpus.map((cpu) => [
    `CPU ${cpu.cpu}`,
    ...["user", "kernel", "interrupt", "switch", "idle"].map((key) => new Time(cpu[key])),
    new Share(wall > 0 ? 1 - cpu.idle / wall : 0),
    cpu.switches,
    cpu.interrupts,
  ]);
  return { heads, rows };
}

function vectorTable({ vectors }) {
  const heads = [
    "vector",
    "line",
    "raised",
    "recognised",
    "coalesced",
    "spurious",
    "latency, mean",
    "latency, greatest",
    "handler, mean",
  ];
  const rows = vectors.map((row) => [
    row.name,
    row.vector,
    row.raised,
    row.recognised,
    row.coalesced,
    row.spurious,
    new Time(row.latency?.mean),
    new Time(row.latency?.max),
    new Time(row.handling?.mean),
  ]);
  return { heads, rows };
}

function objectTable({ objects }) {
  const heads = [
    "name",
    "kind",
    "sent",
    "bytes sent",
    "received",
    "bytes received",
    "acquired",
    "contended",
    "requests",
    "waited on",
  ];
  const rows = objects.map((row) => [
    row.name,
    row.kind,
    row.sent,
    new Bytes(row["sent-bytes"]),
    row.received,
    new Bytes(row["received-bytes"]),
    row.acquired,
    row.contended,
    row.requests,
    new Time(row.blocked),
  ]);
  return { heads, rows };
}

/** Threads with what schedulers are judged by; names with `-ns` or times come from the trace's statistics. */
function statisticTable(threads) {
  const keys = ["response", "turnaround", "waiting", "slowdown", "longest-wait"].filter((key) =>
    threads.some((row) => row[key] !== null && row[key] !== undefined),
  );
  const cell = (key, value) =>
    value === null || value === undefined ? "–" : key === "slowdown" ? Number(value.toFixed(2)) : new Time(value);
  return {
    heads: ["process", ...keys],
    rows: threads.map((row) => [row.name, ...keys.map((key) => cell(key, row[key]))]),
  };
}
