// Why a thread had to wait: back from the end of its wait to whoever ended it, to what that one waited for before, and
// so on, until somebody just worked, or a device or timer was what all waited for.

/** A longer chain tells nobody anything. */
const MOST_LINKS = 40;

/** The chain of a waiting span, as sentences: `{ text, note, target }`. */
function whyChain(trace, side, lane, i) {
  const chain = [];
  const seen = new Set();
  const begin = lane.spans.from[i];
  let task = lane.id;
  let place = i;
  while (chain.length < MOST_LINKS) {
    const { spans } = trace.laneOf.get(task);
    const [from, to] = [spans.from[place], spans.to[place]];
    const state = trace.states[spans.state[place]];
    const target = { side, lane: "task", id: task, i: place };
    const text =
      state.is === "ready"
        ? `${taskLabel(trace, task)} was ready for ${exact(to - from)}, without a CPU`
        : `${taskLabel(trace, task)} waited ${exact(to - from)} for ${waitText(trace, state)}`;
    chain.push({ text, note: `${exact(from)} – ${exact(to)}`, target });
    if (seen.has(`${task}.${place}`)) break;
    seen.add(`${task}.${place}`);
    if (state.is === "ready") {
      chain.push(...sinceWhen(trace, side, task, from), ...whoRan(trace, side, task, from, to, spans, place));
      break;
    }
    const next = whoWoke(trace, side, task, state, to, begin, chain);
    if (!next) break;
    ({ task, place } = next);
  }
  return chain;
}

/** Adds who ended a wait; the wait of that one that lies behind, if there is one. */
function whoWoke(trace, side, task, state, at, since, chain) {
  const wake = trace.wakeAt(task, at);
  if (wake < 0) {
    const text =
      at >= trace.to ? "nothing had ended this wait when the trace ends" : "the trace doesn't tell who ended this wait";
    chain.push({ text });
    return null;
  }
  const by = trace.wake.by[wake];
  if (by % 2 === 1) {
    chain.push(...fromDevice(trace, side, task, state, at, trace.states[(by - 1) / 2], wake));
    return null;
  }
  const waker = by / 2;
  if (waker === 0 || !trace.laneOf.has(waker)) {
    chain.push({ text: `the kernel woke it at ${exact(at)}` });
    return null;
  }
  const event = trace.lastEvent(waker, at, (event) => trace.isKind(event, "sched_wakeup") && trace.at[event] === at);
  const doing = event >= 0 ? stepText(trace, trace.step[event]) : "";
  const call = callAt(trace, waker, at);
  chain.push({
    text: `${taskLabel(trace, waker)} woke it${call ? ` by ${call}` : ""}`,
    note: [exact(at), doing].filter(Boolean).join(", "),
    target: event >= 0 ? { side, event } : undefined,
  });
  const place = lastWait(trace, waker, at, since);
  if (place >= 0) return { task: waker, place };
  chain.push(...wasBusy(trace, side, waker, since, at));
  return null;
}

/** The call that a thread was in at a moment. */
function callAt(trace, task, at) {
  const lane = trace.laneOf.get(task);
  const i = lane.before(at);
  const state = i >= 0 ? trace.states[lane.spans.state[i]] : undefined;
  return state?.call === undefined ? "" : callName(trace, state.call);
}

/** The last span before a moment in which a thread waited, if it reaches past `since`. */
function lastWait(trace, task, at, since) {
  const lane = trace.laneOf.get(task);
  const { from, to, state } = lane.spans;
  for (let i = lane.before(at), left = 100000; i >= lane.start && to[i] > since && left > 0; i--, left--) {
    const { is } = trace.states[state[i]];
    if (is === "blocked" && from[i] < at) return i;
  }
  return -1;
}

/** A thread that didn't wait in a piece of time: what it did instead. */
function wasBusy(trace, side, task, from, to) {
  const lane = trace.laneOf.get(task);
  const [before, now] = [new Float64Array(app.paints.length), new Float64Array(app.paints.length)];
  lane.until(from, before);
  lane.until(to, now);
  const spent = [...now].map((time, paint) => [time - before[paint], app.paints[paint]]).filter(([time]) => time > 0);
  if (spent.length === 0) return [];
  spent.sort(([a], [b]) => b - a);
  const parts = spent.map(([time, name]) => `${PAINT_NAMES[name]} ${exact(time)}`).join(", ");
  const i = lane.after(from);
  return [
    {
      text: `until then ${taskLabel(trace, task)} didn't wait for anything: ${parts}`,
      target: { side, lane: "task", id: task, i },
    },
  ];
}

/** A wait that an interrupt ended: which device, and since when it was at work. */
function fromDevice(trace, side, task, state, at, handler, wake) {
  const cpu = trace.wake.cpu[wake] - 1;
  const lane = trace.cpus[cpu];
  const i = lane?.before(at) ?? -1;
  const target = i >= 0 ? { side, lane: "cpu", id: cpu, i } : undefined;
  const links = [{ text: `the ${handlerText(trace, handler)} on CPU ${cpu} woke it`, note: exact(at), target }];
  const done = lastOf(trace, "block_rq_complete", at);
  if (["disk", "page", "completion"].includes(state.on) && done >= 0) {
    const issue = lastOf(
      trace,
      "block_rq_issue",
      trace.at[done],
      (event) => trace.field(event, "object") === trace.field(done, "object"),
    );
    if (issue >= 0) {
      const took = exact(trace.at[done] - trace.at[issue]);
      const text = `${objectText(trace, trace.field(issue, "object"))} had been asked for ${bytesText(trace.field(issue, "bytes"))} by ${taskLabel(trace, trace.task[issue])}, and took ${took}`;
      links.push({ text, note: exact(trace.at[issue]), target: { side, event: issue } });
    }
  }
  if (state.on === "sleep" || state.on === "release")
    links.push({ text: "its time was over: nothing else was waited for" });
  return links;
}

/** The last event of a kind that isn't after a moment; it looks at no more than the 20,000 events before. */
function lastOf(trace, name, at, fits = () => true) {
  const kind = trace.kinds.get(name);
  if (kind === undefined) return -1;
  for (let event = trace.eventFrom(at + 1) - 1, left = 20000; event >= 0 && left > 0; event--, left--) {
    if (trace.kind[event] === kind && fits(event)) return event;
  }
  return -1;
}

/** Who made a thread ready, if somebody woke it. */
function sinceWhen(trace, side, task, from) {
  const wake = trace.wakeAt(task, from);
  if (wake < 0) return [];
  const by = trace.wake.by[wake];
  const who = by % 2 === 1 ? `the ${handlerText(trace, trace.states[(by - 1) / 2])}` : taskLabel(trace, by / 2);
  const event = lastOf(trace, "sched_wakeup", from, (event) => trace.field(event, "task") === task);
  return [{ text: `${who} had woken it`, note: exact(from), target: event >= 0 ? { side, event } : undefined }];
}

/** Who had the CPU while a thread was ready for it, and why that ended. */
function whoRan(trace, side, task, from, to, spans, place) {
  const links = [];
  const last = place + 1 < trace.laneOf.get(task).end ? spans.other[place + 1] - 1 : -1;
  const lane = trace.cpus[last];
  if (lane) {
    const times = new Map();
    for (let i = lane.after(from), left = 50000; i < lane.end && lane.spans.from[i] < to && left > 0; i++, left--) {
      const time = Math.min(lane.spans.to[i], to) - Math.max(lane.spans.from[i], from);
      const who = lane.spans.other[i];
      const entry = times.get(who) ?? { time: 0, i };
      times.set(who, { time: entry.time + time, i: entry.i });
    }
    for (const [who, { time, i }] of [...times].sort(([, a], [, b]) => b.time - a.time).slice(0, 4)) {
      if (who === task) continue;
      const text =
        who === 0
          ? `CPU ${last} idled or switched for ${exact(time)}`
          : `${taskLabel(trace, who)} had CPU ${last} for ${exact(time)}`;
      links.push({ text, target: { side, lane: "cpu", id: last, i } });
    }
  }
  const event = switchTo(trace, task, to);
  if (event >= 0)
    links.push({ text: `then ${switchText(trace, event)}`, note: exact(trace.at[event]), target: { side, event } });
  return links;
}

/** The switch that gave a thread the CPU at a moment, or -1. */
function switchTo(trace, task, at) {
  for (let event = trace.eventFrom(at); event < trace.at.length && trace.at[event] <= at; event++) {
    if (trace.isKind(event, "sched_switch") && trace.field(event, "next") === task) return event;
  }
  return -1;
}

/** A switch's reason in words. */
function switchText(trace, event) {
  const fields = Object.fromEntries(trace.fieldsOf(event).map((field) => [field.name, field]));
  const text = (name) => valueText(trace, fields[name]);
  const [prev, next] = [text("prev"), text("next")];
  const then = fields.next.value === 0 ? "the CPU idles" : `${next} got the CPU`;
  switch (text("why")) {
    case "blocked":
      return `${prev} blocked (${text("on")}${fields.object ? `: ${text("object")}` : ""}), and ${then}`;
    case "slice-end":
      return `${prev} had used up its time slice, and ${then}`;
    case "preempted":
      return `${next} pre-empted ${prev}`;
    case "yielded":
      return `${prev} stepped back, and ${then}`;
    case "exited":
      return `${prev} ended, and ${then}`;
    default:
      return `work arrived at the CPU, and ${next} got it`;
  }
}
