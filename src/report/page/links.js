// Arrows between rows: who woke whom, from senders to receivers, and the critical path.

/** More arrows than this in the window would only be a grey veil. */
const MOST_ARROWS = 90;

class Links {
  constructor(timeline) {
    this.timeline = timeline;
  }

  draw() {
    const { timeline } = this;
    const { trace } = timeline;
    const chosen = this.chosen();
    const { from, to } = app.view;
    this.crowded = { wakes: false, messages: false };
    if (app.shows.wakes) this.few("wakes", trace.wake.at, from, to, (i) => this.wake(i, false));
    if (app.shows.messages) this.few("messages", trace.message.received, from, to, (i) => this.message(i, false));
    for (const wake of chosen.wakes) this.wake(wake, true);
    for (const message of chosen.messages) this.message(message, true);
    if (app.shows.path) this.path();
  }

  /** Draws the links whose moments lie in the window, if they are few. */
  few(which, at, from, to, draw) {
    const begin = lowerBound(at, from, 0, at.length);
    const end = lowerBound(at, to, begin, at.length);
    this.crowded[which] = end - begin > MOST_ARROWS;
    if (!this.crowded[which]) for (let i = begin; i < end; i++) draw(i);
  }

  /** The links of what is selected; they are drawn whatever else is. */
  chosen() {
    const { timeline } = this;
    const { trace, side } = timeline;
    if (app.selection?.side !== side) return { wakes: [], messages: [] };
    if (this.selection !== app.selection) {
      this.selection = app.selection;
      this.found = linksOf(trace, app.selection);
    }
    return this.found;
  }

  middle(kind, id) {
    const row = this.timeline.layout.byLane.get(`${kind}.${id}`);
    return row && row.y + row.height / 2 - this.timeline.scroll + AXIS;
  }

  /** Just above the lower edge of a thread's bar. */
  foot(task) {
    const row = this.timeline.layout.byLane.get(`task.${task}`);
    return row && this.timeline.bar(row)[1] - 2;
  }

  wake(i, strong) {
    const { trace, colours } = this.timeline;
    const { at, by, task, cpu } = trace.wake;
    const handler = by[i] % 2 === 1;
    const from = handler ? this.middle("cpu", cpu[i] - 1) : this.middle("task", by[i] / 2);
    this.arrow(at[i], from, at[i], this.middle("task", task[i]), colours.text.arrow, strong);
  }

  message(i, strong) {
    const { trace, colours } = this.timeline;
    const { sent, received, from, to } = trace.message;
    this.arrow(
      sent[i],
      this.middle("task", from[i]),
      received[i],
      this.middle("task", to[i]),
      colours.text.message,
      strong,
    );
  }

  arrow(fromTime, fromY, toTime, toY, colour, strong) {
    if (fromY === undefined || toY === undefined || fromY === toY) return;
    const { timeline } = this;
    const { context } = timeline;
    if (Math.max(fromY, toY) < AXIS || Math.min(fromY, toY) > timeline.height) return;
    const [x0, x1] = [timeline.x(fromTime), timeline.x(toTime)];
    const [y0, y1] = [fromY, toY - Math.sign(toY - fromY) * 10];
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = strong ? 2 : 1;
    context.globalAlpha = strong ? 1 : 0.65;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
    const angle = Math.atan2(y1 - y0, x1 - x0);
    const size = strong ? 7 : 5;
    context.beginPath();
    context.moveTo(x1, y1);
    for (const turn of [0.45, -0.45])
      context.lineTo(x1 - size * Math.cos(angle + turn), y1 - size * Math.sin(angle + turn));
    context.fill();
    context.beginPath();
    context.arc(x0, y0, strong ? 2.5 : 1.5, 0, 7);
    context.fill();
    context.globalAlpha = 1;
  }

  /** A line through the rows along which the run's end was decided. */
  path() {
    const { timeline } = this;
    const { context, trace, colours } = timeline;
    const { from, to, task } = trace.path;
    const begin = lowerBound(to, app.view.from, 0, to.length);
    context.strokeStyle = colours.text.accent;
    context.lineWidth = 2.5;
    context.lineJoin = "round";
    context.beginPath();
    let before = -Infinity;
    for (let i = begin; i < from.length && from[i] <= app.view.to; i++) {
      const y = this.foot(task[i]);
      const right = timeline.x(Math.min(to[i], app.view.to));
      // What ends within the same half of a pixel adds nothing to the line.
      if (y === undefined || right - before < 0.5) continue;
      const left = timeline.x(Math.max(from[i], app.view.from));
      if (before === -Infinity) context.moveTo(left, y);
      context.lineTo(Math.max(left, before), y);
      context.lineTo(right, y);
      before = right;
    }
    context.stroke();
  }
}

/** Wake-ups and messages that belong to a selection. */
function linksOf(trace, selection) {
  const links = { wakes: [], messages: [] };
  if (selection.event !== undefined) {
    const { event } = selection;
    const at = trace.at[event];
    if (trace.isKind(event, "message_send") || trace.isKind(event, "message_receive")) {
      links.messages.push(...messagesOf(trace, event));
    }
    if (trace.isKind(event, "sched_wakeup") || trace.isKind(event, "sched_waking")) {
      const wake = trace.wakeAt(trace.field(event, "task"), at);
      if (wake >= 0) links.wakes.push(wake);
    }
    return links;
  }
  if (selection.lane !== "task") return links;
  const { spans } = trace.laneOf.get(selection.id);
  const [from, to] = [spans.from[selection.i], spans.to[selection.i]];
  const { is } = trace.states[spans.state[selection.i]];
  if (is === "blocked") links.wakes.push(trace.wakeAt(selection.id, to));
  if (is === "ready") links.wakes.push(trace.wakeAt(selection.id, from));
  links.wakes = links.wakes.filter((wake) => wake >= 0);
  if (is === "kernel") {
    for (const event of eventsWithin(trace, selection.id, from, to)) {
      if (trace.isKind(event, "message_send") || trace.isKind(event, "message_receive"))
        links.messages.push(...messagesOf(trace, event));
    }
  }
  return links;
}

/** A thread's events within a piece of time, its ends included; no more than 200. */
function eventsWithin(trace, task, from, to) {
  const events = trace.eventsOf(task);
  const begin = upperBoundBy(events, (event) => trace.at[event], from - 1);
  const found = [];
  for (let i = begin; i < events.length && trace.at[events[i]] <= to && found.length < 200; i++) found.push(events[i]);
  return found;
}

/** The messages that an event sent, or the one that it received. */
function messagesOf(trace, event) {
  const { sent, received, from, to, object } = trace.message;
  const [at, task, channel] = [trace.at[event], trace.task[event], trace.field(event, "object")];
  const isSend = trace.isKind(event, "message_send");
  const found = [];
  const begin = lowerBound(received, at, 0, received.length);
  for (let i = begin; i < received.length && found.length < 20; i++) {
    if (!isSend && received[i] > at) break;
    const fits = isSend ? sent[i] === at && from[i] === task : received[i] === at && to[i] === task;
    if (fits && object[i] === channel) found.push(i);
  }
  return found;
}
