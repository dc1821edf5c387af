// The mouse, pen or finger on a timeline: wheel, drag, hover, click.

/** Fewer pixels than this between down and up are a click. */
const STILL = 4;

function listen(timeline) {
  const { canvas, scroller } = timeline;
  let drag = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  scroller.addEventListener(
    "wheel",
    (event) => {
      const [x, y] = place(event);
      const overflows = scroller.scrollHeight > scroller.clientHeight + 1;
      const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
      const by = (event.deltaY || event.deltaX) * (event.deltaMode === 1 ? 30 : 1);
      if (event.ctrlKey || event.metaKey || event.altKey || y < AXIS) {
        zoom(Math.exp(Math.max(-1, Math.min(1, by * 0.002))), timeline.time(Math.max(x, timeline.left)));
      } else if (isSideways || !overflows) {
        pan((isSideways ? event.deltaX || event.deltaY : by) / timeline.room);
      } else return;
      event.preventDefault();
    },
    { passive: false },
  );

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const [x, y] = place(event);
    canvas.setPointerCapture(event.pointerId);
    drag = { x, y, view: { ...app.view }, scroll: timeline.scroll, moved: false, measures: event.shiftKey };
    if (drag.measures) startMeasure(timeline.time(x));
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (!drag) return hover(timeline, x, y, event);
    drag.moved ||= Math.hypot(x - drag.x, y - drag.y) > STILL;
    if (drag.measures) return moveMeasure(timeline.time(x));
    if (!drag.moved) return;
    canvas.classList.add("dragging");
    const by = ((x - drag.x) / timeline.room) * (drag.view.to - drag.view.from);
    scroller.scrollTop = drag.scroll - (y - drag.y);
    look(drag.view.from - by, drag.view.to - by);
  });

  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = place(event);
    canvas.classList.remove("dragging");
    if (drag?.measures) endMeasure(timeline.time(x));
    else if (drag && !drag.moved) {
      const found = timeline.hit(x, y);
      if (app.measure && app.measure.to === undefined) endMeasure(timeline.time(x));
      else select(found, { show: false });
    }
    drag = null;
  });

  canvas.addEventListener("pointercancel", () => (drag = null));
  canvas.addEventListener("dblclick", () => app.selection && zoomToSelection());
  canvas.addEventListener("pointerleave", () => {
    app.pointer = null;
    hideTip();
    if (!app.hover) return;
    app.hover = null;
    changed("hover");
  });
}

/** What is under a place of the canvas: an event's stroke at the bottom of a bar, or a span. */
Timeline.prototype.hit = function (x, y) {
  const { trace, side } = this;
  if (x < this.left - 2 || y < AXIS) return null;
  const row = rowAt(this.layout, y - AXIS + this.scroll);
  if (!row || row.kind === "heading") return null;
  const at = this.time(x);
  const near = 4 * ((app.view.to - app.view.from) / this.room);
  if (row.kind === "print") return this.near(row.events, at, near * 15);
  if (row.kind === "irq") return this.interruptEvent(row, at, near);
  const [, bottom] = this.bar(row);
  if (row.kind === "task" && y > bottom - 4) {
    const event = this.near(trace.eventsOf(row.id), at, near);
    if (event) return event;
  }
  const { from, to } = row.lane.spans;
  let best = -1;
  // Of what lies within a pixel, the longest can be seen, so that is what is meant.
  for (
    let i = row.lane.after(at - near / 8), left = 200;
    i < row.lane.end && from[i] <= at + near / 8 && left > 0;
    i++, left--
  ) {
    if (best < 0 || to[i] - from[i] > to[best] - from[best]) best = i;
  }
  const exactly = row.lane.at(at);
  if (exactly >= 0 && to[exactly] - from[exactly] > near / 4) best = exactly;
  return best < 0 ? null : { side, lane: row.kind, id: row.id, i: best };
};

/** The event that is nearest to a moment, if it is near. */
Timeline.prototype.near = function (events, at, most) {
  const { trace, side } = this;
  const i = upperBoundBy(events, (event) => trace.at[event], at);
  const near = [i - 1, i].filter((k) => k >= 0 && k < events.length && Math.abs(trace.at[events[k]] - at) <= most);
  near.sort((a, b) => Math.abs(trace.at[events[a]] - at) - Math.abs(trace.at[events[b]] - at));
  const shown = near.find((k) => !app.hiddenKinds.has(trace.kindName(events[k])));
  return shown === undefined ? null : { side, event: events[shown] };
};

/** The event at which an interrupt was taken or, if it never was, raised. */
Timeline.prototype.interruptEvent = function (row, at, near) {
  const { trace, side } = this;
  const { raised, recognised, vector } = trace.irq;
  const time = (i) => (recognised[i] > 0 ? recognised[i] : raised[i]) - 1;
  const k = upperBoundBy(row.places, time, at - near);
  if (k >= row.places.length) return null;
  const i = row.places[k];
  if (time(i) > at + near && !(raised[i] > 0 && raised[i] - 1 <= at)) return null;
  for (let event = trace.eventFrom(time(i)); event < trace.at.length && trace.at[event] <= time(i); event++) {
    if (
      /^(interrupt_recognised|irq_handler_entry|interrupt_raised)$/.test(trace.kindName(event)) &&
      trace.field(event, "vector") === vector[i]
    ) {
      return { side, event };
    }
  }
  return null;
};

function hover(timeline, x, y, event) {
  const found = timeline.hit(x, y);
  app.pointer = { timeline, at: timeline.time(x), x };
  if (app.measure && app.measure.to === undefined) changed("measure");
  if (JSON.stringify(found) !== JSON.stringify(app.hover)) {
    app.hover = found;
    for (const listener of listeners.get("hover")) listener();
  }
  if (!found) return hideTip();
  const tip = byId("tip");
  tip.replaceChildren(
    ...tipText(app.traces[found.side], found).map((line, i) => h(i === 0 ? "strong" : "span", {}, line)),
  );
  tip.hidden = false;
  const [wide, high] = [tip.offsetWidth, tip.offsetHeight];
  const left = event.clientX + 16 + wide > innerWidth ? event.clientX - wide - 12 : event.clientX + 16;
  const top = event.clientY + 18 + high > innerHeight ? event.clientY - high - 12 : event.clientY + 18;
  Object.assign(tip.style, { left: `${Math.max(left, 4)}px`, top: `${Math.max(top, 4)}px` });
}

function hideTip() {
  byId("tip").hidden = true;
}

function tipText(trace, selection) {
  if (selection.event !== undefined) {
    const { event } = selection;
    return [
      `${trace.kindName(event)} at ${exact(trace.at[event])}`,
      eventText(trace, event),
      stepText(trace, trace.step[event]),
    ].filter(Boolean);
  }
  const { spans } = laneBy(trace, selection.lane, selection.id);
  const [from, to] = extent(selection);
  const task = selection.lane === "cpu" ? spans.other[selection.i] : selection.id;
  const cpu = selection.lane === "cpu" ? `CPU ${selection.id}` : "";
  const who = task === 0 ? cpu : [cpu, taskLabel(trace, task)].filter(Boolean).join(": ");
  return [
    `${who} ${stateText(trace, spans.state[selection.i])}`,
    `${exact(to - from)}, from ${exact(from)} to ${exact(to)}`,
  ];
}

function zoomToSelection() {
  const [from, to] = extent(app.selection);
  const room = Math.max(to - from, 40) * 1.5;
  look(from - room, to + room);
}
