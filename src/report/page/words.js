// What things are called: threads, states, steps, and events in one line.

const taskName = (trace, task) => trace.tasks[task]?.name ?? `task ${task}`;

/** The name, with the thread's number behind it where several bear the same. */
function taskLabel(trace, task) {
  trace.uses ??= trace.tasks.reduce((uses, { name }) => uses.set(name, (uses.get(name) ?? 0) + 1), new Map());
  const { name, task: number } = trace.tasks[task];
  return trace.uses.get(name) > 1 ? `${name} #${number}` : name;
}

const objectName = (trace, object) => trace.about.objects[object]?.name ?? `object ${object}`;
const callName = (trace, call) => trace.about.calls[call] ?? `call ${call}`;

function vectorName(trace, vector) {
  const entry = trace.about.vectors.find((entry) => entry.vector === vector);
  return entry ? entry.name : `line ${vector}`;
}

/** A channel or lock with its kind: `pipe request`. */
function objectText(trace, object) {
  const entry = trace.about.objects[object];
  return entry ? `${entry.kind} ${entry.name}` : `object ${object}`;
}

const stepOf = (trace, step) => (step > 0 ? trace.about.steps[step - 1] : undefined);

function stepText(trace, step) {
  const entry = stepOf(trace, step);
  return entry ? `line ${entry.line}: ${entry.text}` : "";
}

const CAUSES = {
  "pipe-read": "data",
  "pipe-write": "room",
  "socket-read": "data",
  "socket-write": "room",
  "message-room": "room",
  message: "a message",
  futex: "a wake-up",
  child: "a child to end",
  thread: "a thread to end",
  sleep: "its time",
  page: "a page",
  terminal: "the keyboard",
  network: "a packet",
  signal: "a signal",
  accept: "a connection",
  connect: "a connection",
  poll: "one of its descriptors",
  completion: "a transfer",
  stopped: "a signal to go on",
  release: "its next job",
};

/** What a blocked thread waits for: `data of pipe request`. */
function waitText(trace, state) {
  const what = CAUSES[state.on];
  const object = state.object === null ? "" : objectText(trace, state.object);
  if (what && object) return `${what} (${object})`;
  return what || object || state.on;
}

function handlerText(trace, state) {
  if (state.handler === "timer") return "timer interrupt";
  if (state.handler === "reschedule") return "reschedule interrupt";
  const name = vectorName(trace, state.vector);
  return state.handler === "softirq" ? `${name}, deferred part` : `${name} interrupt`;
}

const kernelText = (trace, state) =>
  state.call !== undefined
    ? callName(trace, state.call)
    : `${state.fault ? `${state.fault} page fault` : ""}${state.exception ?? ""}${state.signal ?? ""}`;

/** A state in a word or two, for the inside of a bar. */
function stateLabel(trace, place) {
  const state = trace.states[place];
  switch (state.is) {
    case "user":
      return "";
    case "kernel":
      return kernelText(trace, state);
    case "interrupt":
      return handlerText(trace, state).replace(/ interrupt$/, "");
    case "blocked":
      return `waits for ${waitText(trace, state)}`;
    default:
      return state.is;
  }
}

/** A state as a sentence's predicate. */
function stateText(trace, place) {
  const state = trace.states[place];
  switch (state.is) {
    case "user":
      return "runs in user mode";
    case "kernel":
      return `is in the kernel: ${state.call === undefined ? "" : "call "}${kernelText(trace, state)}`;
    case "interrupt":
      return `is held up by the ${handlerText(trace, state)}`;
    case "switch":
      return "is switched to";
    case "ready":
      return "is ready, without a CPU";
    case "blocked":
      return `waits for ${waitText(trace, state)}`;
    default:
      return "is idle";
  }
}

const PAINT_NAMES = {
  user: "user mode",
  kernel: "kernel: system call",
  fault: "kernel: exception, signal",
  switch: "kernel: switch",
  interrupt: "kernel: interrupt",
  deferred: "kernel: deferred half",
  ready: "ready",
  blocked: "blocked",
  idle: "idle",
};

/** One field's value as text. */
function valueText(trace, { of, value, name }) {
  switch (of) {
    case "task":
      return taskLabel(trace, value);
    case "call":
      return callName(trace, value);
    case "object":
      return objectText(trace, value);
    case "vector":
      return `${vectorName(trace, value)} (${value})`;
    case "signal":
      return trace.dictionary.signals[value] ?? String(value);
    case "text":
      return trace.about.texts[value] ?? "";
    case "word":
      return trace.dictionary.words[value];
    case "flag":
      return value ? "yes" : "no";
    case "cpu":
      return `CPU ${value}`;
    default:
      if (name === "bytes") return bytesText(Number(value));
      return ["release", "deadline", "due"].includes(name) ? exact(Number(value)) : String(value);
  }
}

/** What an event carries, in one line. */
function eventText(trace, event) {
  const fields = trace.fieldsOf(event);
  if (trace.isKind(event, "print")) return `“${valueText(trace, fields[0]).trimEnd()}”`;
  if (trace.isKind(event, "sched_switch")) {
    const get = (name) => fields.find((field) => field.name === name);
    const on = get("on") ? ` on ${valueText(trace, get("on"))}` : "";
    const object = get("object") ? ` (${valueText(trace, get("object"))})` : "";
    return `${valueText(trace, get("prev"))} → ${valueText(trace, get("next"))}: ${valueText(trace, get("why"))}${on}${object}`;
  }
  return fields.map((field) => `${field.name} ${valueText(trace, field)}`).join(", ");
}
