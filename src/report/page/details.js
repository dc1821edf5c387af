// What is selected, in words: what, when, how long, where, why, and at which step of the scenario.

function drawDetails(pane) {
  const { selection } = app;
  if (!selection) {
    pane.replaceChildren(h("div", { class: "columns" }, ...nothingSelected()));
    return;
  }
  const trace = app.traces[selection.side];
  const parts = selection.event === undefined ? spanDetails(trace, selection) : eventDetails(trace, selection);
  pane.replaceChildren(h("div", { class: "columns" }, ...parts));
}

/** What can be done here, and the run in a few words. */
function nothingSelected() {
  const hint = h(
    "p",
    {},
    "Click a bar, or a stroke below one, to see what happened there and why; or press ",
    h("kbd", {}, "Enter"),
    " on the timeline. All keys: ",
    h("kbd", {}, "?"),
  );
  const runs = app.traces.flatMap(({ about }, side) => {
    const name = app.traces.length > 1 ? ` (${about.source})` : "";
    const facts = h(
      "dl",
      {},
      fact("ended", about.outcome.how, h("span", { class: "muted" }, ` after ${exact(about.end)}`)),
      about.outcome.text ? fact("because", h("span", { class: "outcome" }, about.outcome.text)) : [],
      fact("costs", about.costs),
      fact("seed", String(about.seed)),
      fact("machine", about.fingerprint),
      fact("trace", about.file),
    );
    const processes = [h("h4", {}, "Processes"), table(briefTable(about.summary), { id: `brief-${side}` })];
    const run = [h("h4", {}, `The run${name}`), facts];
    if (app.traces.length > 1) return [h("div", {}, ...run, ...processes)];
    return [h("div", {}, ...run, hint), h("div", { class: "fits" }, ...processes)];
  });
  return app.traces.length > 1 ? [...runs, h("div", {}, hint)] : runs;
}

const fact = (name, ...value) => (value[0] ? [h("dt", {}, name), h("dd", {}, ...value)] : []);

/** A link to something that can be selected. */
const goTo = (text, target) => (target ? link(text, () => select(target)) : text);

function stepFact(trace, step) {
  const entry = stepOf(trace, step);
  if (!entry) return [];
  return fact(
    "step",
    h("code", { class: "step" }, entry.text),
    h("span", { class: "muted" }, ` line ${entry.line} of the scenario, ${entry.program}`),
  );
}

function spanDetails(trace, selection) {
  const { side, id, i } = selection;
  const lane = laneBy(trace, selection.lane, id);
  const { spans } = lane;
  const [from, to] = extent(selection);
  const task = selection.lane === "cpu" ? spans.other[i] : id;
  const cpu = selection.lane === "cpu" ? id : spans.other[i] - 1;
  const event = trace.lastEvent(task, from, (event) => trace.step[event] > 0);
  const isIdle = task === 0;
  const title = h(
    "h3",
    {},
    h("span", { class: `swatch ${app.paints[lane.paint(i)]}` }),
    `${isIdle ? `CPU ${cpu}` : taskLabel(trace, task)} ${stateText(trace, spans.state[i])}`,
  );
  const facts = h(
    "dl",
    {},
    fact("how long", exact(to - from)),
    fact("when", `${exact(from)} – ${exact(to)}`),
    cpu >= 0 ? fact("where", `CPU ${cpu}`) : [],
    isIdle ? [] : fact("process", `${taskLabel(trace, task)} (thread ${trace.tasks[task].task})`),
    isIdle ? [] : stepFact(trace, event >= 0 ? trace.step[event] : 0),
  );
  const buttons = h(
    "p",
    { class: "actions" },
    link("zoom to it", zoomToSelection),
    ...otherLane(trace, selection, task, cpu, from),
  );
  const parts = [h("div", {}, title, facts, buttons), whyPart(trace, selection, task, from, to)];
  const events = selection.lane === "task" ? eventsWithin(trace, id, from, to) : [];
  if (events.length > 0)
    parts.push(
      h("div", {}, h("h4", {}, "Events"), eventList(trace, side, events)),
      ...messagePart(trace, side, events),
    );
  return parts;
}

/** The same moment on the thread's lane, or on the CPU's. */
function otherLane(trace, selection, task, cpu, from) {
  const { side } = selection;
  if (selection.lane === "cpu") {
    const i = trace.laneOf.get(task)?.at(from) ?? -1;
    return i >= 0 ? [link(`show ${taskLabel(trace, task)}`, () => select({ side, lane: "task", id: task, i }))] : [];
  }
  const i = trace.cpus[cpu]?.at(from) ?? -1;
  return i >= 0 ? [link(`show CPU ${cpu}`, () => select({ side, lane: "cpu", id: cpu, i }))] : [];
}

/** Why it began and why it ended; for who waits, the chain of causes. */
function whyPart(trace, selection, task, from, to) {
  const { side } = selection;
  const part = h("div", { class: "why" }, h("h4", {}, "Why"));
  if (selection.lane === "task") {
    const lane = trace.laneOf.get(task);
    const { is } = trace.states[lane.spans.state[selection.i]];
    if (is === "blocked" || is === "ready") {
      part.append(...switchReason(trace, side, switchFrom(trace, task, from)));
      const chain = whyChain(trace, side, lane, selection.i);
      part.append(
        h(
          "ol",
          { class: "chain" },
          ...chain.map(({ text, note, target }) =>
            h("li", {}, goTo(text, target), note ? h("span", { class: "muted" }, ` ${note}`) : null),
          ),
        ),
      );
      return part;
    }
  }
  if (task === 0) {
    const onCpu = (event) => trace.cpu[event] - 1 === selection.id && trace.field(event, "next") === 0;
    part.append(...switchReason(trace, side, lastOf(trace, "sched_switch", from, onCpu)));
    return part;
  }
  const event = lastSwitch(trace, task, from);
  if (event >= 0)
    part.append(h("p", { class: "muted" }, "It has the CPU because:"), ...switchReason(trace, side, event));
  const began = eventAt(trace, task, from);
  if (began >= 0)
    part.append(
      h(
        "p",
        {},
        "It began with ",
        goTo(`${trace.kindName(began)}: ${eventText(trace, began) || exact(trace.at[began])}`, { side, event: began }),
        ".",
      ),
      meaning(trace, began),
    );
  return part;
}

/** The switch by which a thread got its CPU last. */
function lastSwitch(trace, task, at) {
  const lane = trace.laneOf.get(task);
  if (!lane) return -1;
  const { state, from } = lane.spans;
  for (let i = lane.at(at), left = 5000; i >= lane.start && left > 0; i--, left--) {
    if (trace.states[state[i]].is === "switch" || i === lane.start || trace.states[state[i - 1]].is === "ready") {
      const event = switchTo(trace, task, from[i]);
      if (event >= 0) return event;
    }
  }
  return -1;
}

/** The switch by which a thread lost its CPU at a moment, or -1. */
function switchFrom(trace, task, at) {
  for (let event = trace.eventFrom(at); event < trace.at.length && trace.at[event] <= at; event++) {
    if (trace.isKind(event, "sched_switch") && trace.field(event, "prev") === task) return event;
  }
  return -1;
}

function eventAt(trace, task, at) {
  const event = trace.lastEvent(task, at);
  return event >= 0 && trace.at[event] === at ? event : -1;
}

/** A switch with its reason, and the policy's rule if the trace tells one. */
function switchReason(trace, side, event) {
  if (event < 0) return [];
  const why = valueText(
    trace,
    trace.fieldsOf(event).find((field) => field.name === "why"),
  );
  const parts = [
    h(
      "p",
      {},
      goTo(`${switchText(trace, event)}`, { side, event }),
      h("span", { class: "muted" }, ` ${exact(trace.at[event])}`),
    ),
    h("p", { class: "meaning" }, h("b", {}, why), ` – ${trace.dictionary.whys[why]}`),
  ];
  const pick = pickOf(trace, event);
  if (pick >= 0) parts.push(...ruleText(trace, side, pick));
  return parts;
}

/** The policy's choice that a switch follows. */
function pickOf(trace, event) {
  const next = trace.field(event, "next");
  for (let i = event, left = 12; i >= 0 && left > 0; i--, left--) {
    if (trace.isKind(i, "sched_pick") && trace.cpu[i] === trace.cpu[event])
      return trace.field(i, "task") === next ? i : -1;
  }
  return -1;
}

function ruleText(trace, side, pick) {
  const fields = Object.fromEntries(trace.fieldsOf(pick).map((field) => [field.name, field]));
  const rule = valueText(trace, fields.rule);
  const text = `The policy chose ${valueText(trace, fields.task)} by its rule “${rule}”, number ${fields.number.value}`;
  return [
    h("p", {}, goTo(text, { side, event: pick })),
    h("p", { class: "meaning" }, h("b", {}, rule), ` – ${trace.dictionary.rules[rule] ?? ""}`),
  ];
}

const meaning = (trace, event) => h("p", { class: "meaning" }, trace.dictionary.kinds[trace.kind[event]].meaning);

function eventList(trace, side, events) {
  const shown = events.filter((event) => !app.hiddenKinds.has(trace.kindName(event)));
  return h(
    "ul",
    { class: "events" },
    ...shown
      .slice(0, 60)
      .map((event) =>
        h(
          "li",
          {},
          h("span", { class: "muted" }, `${exact(trace.at[event])} `),
          goTo(trace.kindName(event), { side, event }),
          ` ${eventText(trace, event)}`,
        ),
      ),
  );
}

/** Messages that begin or end with some events, to be followed either way. */
function messagePart(trace, side, events) {
  const isMessage = (event) => trace.isKind(event, "message_send") || trace.isKind(event, "message_receive");
  const found = events
    .filter(isMessage)
    .flatMap((event) => messagesOf(trace, event).map((message) => [event, message]));
  if (found.length === 0) return [];
  return [
    h(
      "div",
      {},
      h("h4", {}, "Messages"),
      ...found.map(([event, message]) => h("p", {}, ...messageText(trace, side, event, message))),
    ),
  ];
}

function messageText(trace, side, event, i) {
  const { sent, received, from, to, object, bytes } = trace.message;
  const isSend = trace.isKind(event, "message_send");
  const [at, task, kind] = isSend ? [received[i], to[i], "message_receive"] : [sent[i], from[i], "message_send"];
  const other = trace.lastEvent(
    task,
    at,
    (event) => trace.isKind(event, kind) && trace.field(event, "object") === object[i],
  );
  const words = isSend ? `→ received by ${taskLabel(trace, task)}` : `← sent by ${taskLabel(trace, task)}`;
  return [
    goTo(words, other >= 0 ? { side, event: other } : undefined),
    ` at ${exact(at)}: ${bytesText(bytes[i])} through ${objectText(trace, object[i])}, ${exact(received[i] - sent[i])} under way`,
  ];
}

function eventDetails(trace, selection) {
  const { side, event } = selection;
  const task = trace.task[event];
  const title = h("h3", {}, trace.kindName(event));
  const facts = h(
    "dl",
    {},
    fact("when", exact(trace.at[event])),
    trace.cpu[event] > 0 ? fact("where", `CPU ${trace.cpu[event] - 1}`) : [],
    fact(
      "current",
      task === 0 ? "nobody: the CPU idled" : `${taskLabel(trace, task)} (thread ${trace.tasks[task].task})`,
    ),
    stepFact(trace, trace.step[event]),
    trace
      .fieldsOf(event)
      .flatMap((field) => fact(field.name, h("span", { title: field.doc }, fieldLink(trace, side, event, field)))),
  );
  const i = trace.laneOf.get(task)?.at(trace.at[event]) ?? -1;
  const around = i >= 0 ? [link("show what it lies in", () => select({ side, lane: "task", id: task, i }))] : [];
  const parts = [
    h("div", {}, title, facts, h("p", { class: "actions" }, link("zoom to it", zoomToSelection), ...around)),
    h("div", { class: "why" }, h("h4", {}, "What it means"), meaning(trace, event)),
  ];
  if (trace.isKind(event, "sched_switch")) parts[1].append(h("h4", {}, "Why"), ...switchReason(trace, side, event));
  if (trace.isKind(event, "sched_pick")) parts[1].append(...ruleText(trace, side, event));
  return [...parts, ...messagePart(trace, side, [event])];
}

/** A thread in a field leads to what that thread does then. */
function fieldLink(trace, side, event, field) {
  const text = valueText(trace, field);
  if (field.of !== "task" || field.value === 0) return text;
  const i = trace.laneOf.get(field.value)?.at(trace.at[event]) ?? -1;
  return i >= 0 ? goTo(text, { side, lane: "task", id: field.value, i }) : text;
}
