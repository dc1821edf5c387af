// One trace in memory: events, spans and links as arrays of numbers, and the names that belong to them.

/** How many spans share an entry in a lane's sums. */
const BLOCK = 32;

/** Spans of one row: a part of arrays that all rows of a kind share. */
class Lane {
  constructor(kind, id, spans, start, end, paints) {
    Object.assign(this, { kind, id, spans, start, end, paints, sums: null });
  }

  get length() {
    return this.end - this.start;
  }

  /** The first span that ends after a moment; `near` is a place at or before it. */
  after(at, near = this.start) {
    const { to } = this.spans;
    let low = near;
    let high = near;
    for (let stride = 1; high < this.end && to[high] <= at; stride *= 2) {
      low = high + 1;
      high = Math.min(high + stride, this.end);
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      if (to[middle] <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The span at a moment, or -1. */
  at(at) {
    const i = this.after(at);
    return i < this.end && this.spans.from[i] <= at ? i : -1;
  }

  /** The span that ends at a moment or contains the time just before, or -1. */
  before(at) {
    const i = this.after(at - 0.5);
    return i < this.end && this.spans.from[i] < at ? i : -1;
  }

  paint(i) {
    return this.paints[this.spans.state[i]];
  }

  /** How long each paint was shown until a moment, written to `out`; `near` as above. */
  until(at, out, near = this.start) {
    this.sums ??= this.sumUp(out.length);
    const { from, to } = this.spans;
    const i = this.after(at, near);
    const block = (i - this.start) >> 5;
    out.set(this.sums.subarray(block * out.length, (block + 1) * out.length));
    for (let j = this.start + block * BLOCK; j < i; j++) out[this.paint(j)] += to[j] - from[j];
    if (i < this.end && from[i] < at) out[this.paint(i)] += at - from[i];
  }

  sumUp(paints) {
    const { from, to } = this.spans;
    const sums = new Float64Array((Math.ceil(this.length / BLOCK) + 1) * paints);
    for (let i = this.start; i < this.end; i++) {
      const next = (((i - this.start) >> 5) + 1) * paints;
      if ((i - this.start) % BLOCK === 0) sums.copyWithin(next, next - paints, next);
      sums[next + this.paint(i)] += to[i] - from[i];
    }
    return sums;
  }
}

class Trace {
  constructor(number, about) {
    this.number = number;
    this.about = about;
    this.dictionary = about.dictionary;
    this.tasks = about.tasks.map(([task, process, parent, name, start, end]) => ({
      task,
      process,
      parent,
      name,
      start,
      end,
    }));
    this.states = about.states;
    this.from = about.from;
    this.to = about.to;
  }

  static async read(number, { about, counts }) {
    const trace = new Trace(number, about);
    const columns = new Columns(number, counts);
    await trace.readEvents(columns);
    await trace.readLanes(columns);
    await trace.readLinks(columns);
    return trace;
  }

  async readEvents(columns) {
    this.at = await columns.deltas("at");
    this.cpu = await columns.uints("cpu", Uint16Array);
    this.task = await columns.uints("task", Uint32Array);
    this.step = await columns.uints("step", Uint32Array);
    this.kind = await columns.uints("kind", Uint8Array);
    this.fields = await columns.bytes("fields");
    // Where each event's fields begin: each kind has a fixed number of them.
    const widths = this.dictionary.kinds.map((kind) => kind.fields.length);
    this.fieldsAt = new Uint32Array(this.at.length);
    let at = 0;
    for (let i = 0; i < this.at.length; i++) {
      this.fieldsAt[i] = at;
      for (let left = widths[this.kind[i]]; left > 0; left--) {
        while (this.fields[at] > 127) at++;
        at++;
      }
    }
    this.kinds = new Map(this.dictionary.kinds.map((kind, place) => [kind.name, place]));
  }

  async readLanes(columns) {
    const paints = Uint8Array.from(this.states, (state) => state.paint);
    const laneTask = await columns.uints("lane-task", Uint32Array);
    const laneCount = await columns.uints("lane-count", Uint32Array);
    const spans = await columns.spans("span", laneCount);
    spans.state = await columns.uints("span-state", Uint32Array);
    spans.other = await columns.uints("span-cpu", Uint32Array);
    this.lanes = [];
    this.laneOf = new Map();
    let start = 0;
    laneTask.forEach((task, i) => {
      const lane = new Lane("task", task, spans, start, start + laneCount[i], paints);
      start = lane.end;
      this.lanes.push(lane);
      this.laneOf.set(task, lane);
    });
    const cpuCount = await columns.uints("cpu-count", Uint32Array);
    const onCpus = await columns.spans("cpu", cpuCount);
    onCpus.state = await columns.uints("cpu-state", Uint32Array);
    onCpus.other = await columns.uints("cpu-task", Uint32Array);
    start = 0;
    this.cpus = Array.from(cpuCount, (count, cpu) => {
      const lane = new Lane("cpu", cpu, onCpus, start, start + count, paints);
      start = lane.end;
      return lane;
    });
  }

  async readLinks(columns) {
    this.wake = {
      at: await columns.deltas("wake-at"),
      task: await columns.uints("wake-task", Uint32Array),
      by: await columns.uints("wake-by", Uint32Array),
      cpu: await columns.uints("wake-cpu", Uint16Array),
    };
    this.message = {
      sent: await columns.deltas("message-sent"),
      received: await columns.deltas("message-received"),
      from: await columns.uints("message-from", Uint32Array),
      to: await columns.uints("message-to", Uint32Array),
      object: await columns.uints("message-object", Uint32Array),
      bytes: await columns.uints("message-bytes", Float64Array),
    };
    this.irq = {
      vector: await columns.uints("irq-vector", Uint8Array),
      cpu: await columns.uints("irq-cpu", Uint16Array),
      raised: await columns.deltas("irq-raised"),
      recognised: await columns.deltas("irq-recognised"),
    };
    this.job = {
      task: await columns.uints("job-task", Uint32Array),
      number: await columns.uints("job-number", Float64Array),
      release: await columns.deltas("job-release"),
      deadline: await columns.deltas("job-deadline"),
      missed: await columns.uints("job-missed", Uint8Array),
    };
    const path = await columns.spans("path", [columns.counts.get("path-gap")]);
    this.path = {
      ...path,
      task: await columns.uints("path-task", Uint32Array),
      state: await columns.uints("path-state", Uint32Array),
    };
  }

  /** The first event that isn't before a moment. */
  eventFrom(at) {
    return lowerBound(this.at, at, 0, this.at.length);
  }

  /** Events by the thread that they belong to: their numbers in order, and where each thread's begin. */
  get byTask() {
    return (this._byTask ??= grouped(this.task, this.tasks.length));
  }

  get wakesByTask() {
    return (this._wakesByTask ??= grouped(this.wake.task, this.tasks.length));
  }

  /** The events of a thread as a part of `byTask.order`. */
  eventsOf(task) {
    const { order, starts } = this.byTask;
    return order.subarray(starts[task], starts[task + 1]);
  }

  /** The last event of a thread that isn't after a moment and that `fits`, or -1. */
  lastEvent(task, at, fits = () => true, most = 2000) {
    const events = this.eventsOf(task);
    let i = upperBoundBy(events, (event) => this.at[event], at) - 1;
    for (let left = most; i >= 0 && left > 0; i--, left--) if (fits(events[i])) return events[i];
    return -1;
  }

  /** The wake-up of a thread at a moment, the last if there are several, or -1. */
  wakeAt(task, at) {
    const { order, starts } = this.wakesByTask;
    const wakes = order.subarray(starts[task], starts[task + 1]);
    const i = upperBoundBy(wakes, (wake) => this.wake.at[wake], at) - 1;
    return i >= 0 && this.wake.at[wakes[i]] === at ? wakes[i] : -1;
  }

  kindName(event) {
    return this.dictionary.kinds[this.kind[event]].name;
  }

  isKind(event, name) {
    return this.kind[event] === this.kinds.get(name);
  }

  /** What an event carries: name, type, documentation and value; a field that isn't there is left out. */
  fieldsOf(event) {
    const found = [];
    let at = this.fieldsAt[event];
    for (const field of this.dictionary.kinds[this.kind[event]].fields) {
      let value = number(this.fields, at);
      const big = value > Number.MAX_SAFE_INTEGER || field.of === "signed";
      if (big) value = exactly(this.fields, at, field.of === "signed");
      if (!field.optional) found.push({ ...field, value });
      else if (value > 0) found.push({ ...field, value: value - 1 });
      while (this.fields[at] > 127) at++;
      at++;
    }
    return found;
  }

  field(event, name) {
    return this.fieldsOf(event).find((field) => field.name === name)?.value;
  }
}

function lowerBound(array, value, low, high) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (array[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first place whose key is greater than a value. */
function upperBoundBy(array, key, value) {
  let low = 0;
  let high = array.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(array[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Places in the order of a key below `most`, and where each key's begin. */
function grouped(keys, most) {
  const starts = new Uint32Array(most + 1);
  for (const key of keys) starts[key + 1]++;
  for (let key = 0; key < most; key++) starts[key + 1] += starts[key];
  const next = starts.slice();
  const order = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) order[next[keys[i]]++] = i;
  return { order, starts };
}
