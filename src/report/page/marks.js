// What a timeline draws over its rows: events, jobs, printed lines, hits, the selection, the measured piece.

/** Events, jobs, what was printed: things that have a moment and no length. */
Object.assign(Timeline.prototype, {
  drawMarks() {
    const { context, trace, colours } = this;
    for (const row of this.visible()) {
      if (row.kind === "task") {
        this.drawEvents(row);
        this.drawEnd(row);
      }
      if (row.kind === "print") this.drawPrints(row);
    }
    const { task, release, deadline, missed } = trace.job;
    trace.longestJob ??= deadline.reduce((longest, end, i) => Math.max(longest, end - release[i]), 0);
    let budget = 2000;
    for (
      let i = lowerBound(release, app.view.from - trace.longestJob, 0, release.length);
      i < task.length && budget > 0 && release[i] <= app.view.to;
      i++
    ) {
      const row = this.layout.byLane.get(`task.${task[i]}`);
      if (!row) continue;
      budget -= 1;
      const [top, bottom] = this.bar(row);
      this.triangle(this.x(release[i]), bottom + 6, -5, colours.text.muted);
      this.triangle(this.x(deadline[i]), top - 6, 5, missed[i] ? colours.text.interrupt : colours.text.muted);
    }
    context.globalAlpha = 1;
  },

  triangle(x, y, high, colour) {
    const { context } = this;
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(x - 4, y);
    context.lineTo(x + 4, y);
    context.lineTo(x, y + high);
    context.fill();
  },

  /** A small stroke for each event of the row, where they are few enough to be told apart. */
  drawEvents(row) {
    const { context, trace, colours } = this;
    const events = trace.eventsOf(row.id);
    const time = (event) => trace.at[event];
    const begin = upperBoundBy(events, time, app.view.from - 1);
    const end = upperBoundBy(events, time, app.view.to);
    if (end - begin > this.room / 5) return;
    const [, bottom] = this.bar(row);
    context.fillStyle = colours.text.text;
    for (let k = begin; k < end; k++) {
      if (app.hiddenKinds.has(trace.kindName(events[k]))) continue;
      context.fillRect(Math.round(this.x(time(events[k]))), bottom - 1, 1, 4);
    }
  },

  /** A stroke where a thread ends, and its exit status beside it. */
  drawEnd(row) {
    const { context, trace, colours } = this;
    const { end } = trace.tasks[row.id];
    if (end === null || end === undefined || end < app.view.from || end > app.view.to) return;
    const [top, bottom] = this.bar(row);
    const x = Math.round(this.x(end));
    context.fillStyle = colours.text.text;
    context.fillRect(Math.min(x, this.width - 14), top - 2, 2, bottom - top + 4);
    row.exit ??= trace.lastEvent(row.id, end, (event) => trace.isKind(event, "process_exit"), 50);
    const text = row.exit >= 0 ? `exit ${trace.field(row.exit, "status")}` : "ends";
    if (x + this.measureText(text) + 10 > this.width - 12) return;
    context.fillStyle = colours.text.muted;
    context.textAlign = "left";
    context.fillText(text, x + 7, (top + bottom) / 2 + 0.5);
  },

  drawPrints(row) {
    const { context, trace, colours } = this;
    const time = (event) => trace.at[event];
    const begin = upperBoundBy(row.events, time, app.view.from - 1);
    const end = upperBoundBy(row.events, time, app.view.to);
    const y = row.y - this.scroll + AXIS + row.height / 2;
    context.textAlign = "left";
    context.fillStyle = colours.text.text;
    let stroke = -1;
    for (let k = begin; k < end; k++) {
      const x = Math.round(this.x(time(row.events[k])));
      if (x === stroke) {
        k = Math.max(k, upperBoundBy(row.events, time, this.time(x + 0.5)) - 1);
        continue;
      }
      stroke = x;
      context.fillRect(x, y - 6, 1, 12);
      const next = k + 1 < end ? this.x(time(row.events[k + 1])) : this.width;
      const text = eventText(trace, row.events[k]);
      const shown = next - x > 30 ? this.fit(text, next - x - 10) : "";
      if (shown) context.fillText(shown, x + 4, y + 0.5);
    }
  },

  drawHits() {
    const { context, trace, colours } = this;
    if (app.hits.length === 0) return;
    context.fillStyle = colours.text.accent;
    let last = -1;
    const mine = app.hits[this.side] ?? [];
    for (let k = upperBoundBy(mine, (event) => trace.at[event], app.view.from - 1); k < mine.length; k++) {
      const at = trace.at[mine[k]];
      if (at > app.view.to) break;
      const x = Math.round(this.x(at));
      if (x === last) {
        k = Math.max(k, upperBoundBy(mine, (event) => trace.at[event], this.time(x + 0.5)) - 1);
        continue;
      }
      last = x;
      context.fillRect(x - 1, AXIS, 3, 4);
    }
  },

  drawSelection() {
    const { context, trace, colours } = this;
    const outline = (selection, width, colour) => {
      if (selection?.side !== this.side) return;
      const { event } = selection;
      const row = this.rowOf(selection);
      if (!row) return;
      const [from, to] = extent(selection);
      const [top, bottom] = this.bar(row);
      const left = Math.max(this.x(from), this.left - 4);
      const right = Math.min(this.x(to), this.width + 4);
      context.strokeStyle = colour;
      context.lineWidth = width;
      if (event === undefined) context.strokeRect(left, top - 1, Math.max(right - left, 2), bottom - top + 2);
      else {
        context.beginPath();
        context.moveTo(left + 0.5, top - 3);
        context.lineTo(left + 0.5, bottom + 4);
        context.stroke();
        this.triangle(left + 0.5, top - 4, 5, colour);
      }
    };
    outline(app.hover, 1, colours.text.text);
    outline(app.selection, 2.5, colours.text.accent);
  },

  /** Where a selection is shown; an event at its thread, or at its CPU if that idled. */
  rowOf({ lane, id, event }) {
    const { trace, layout } = this;
    if (event === undefined) return layout.byLane.get(`${lane}.${id}`);
    if (trace.isKind(event, "print") && !layout.byLane.has(`task.${trace.task[event]}`))
      return layout.byLane.get("print.undefined");
    return layout.byLane.get(`task.${trace.task[event]}`) ?? layout.byLane.get(`cpu.${trace.cpu[event] - 1}`);
  },

  drawMeasure() {
    const { context, colours } = this;
    const { measure } = app;
    if (!measure) return;
    const to = measure.to ?? measure.from;
    const [left, right] = [this.x(Math.min(measure.from, to)), this.x(Math.max(measure.from, to))];
    context.fillStyle = colours.text.accent;
    context.globalAlpha = 0.12;
    context.fillRect(left, AXIS, right - left, this.height);
    context.globalAlpha = 1;
    context.fillRect(left, AXIS, 1, this.height);
    context.fillRect(right, AXIS, 1, this.height);
    if (measure.to === undefined) return;
    const text = exact(Math.abs(Math.round(measure.to) - Math.round(measure.from)));
    const wide = this.measureText(text) + 14;
    const x = Math.min(Math.max((left + right) / 2, this.left + wide / 2), this.width - wide / 2 - 12);
    context.beginPath();
    context.roundRect(x - wide / 2, AXIS + 4, wide, 20, 10);
    context.fill();
    context.fillStyle = colours.text.background;
    context.textAlign = "center";
    context.fillText(text, x, AXIS + 14.5);
  },
});
