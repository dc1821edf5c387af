// The timeline of one trace: an axis, rows, labels, arrows, and what is selected.

/** The height of the axis, above the rows. */
const AXIS = 26;
const FONT = '12px system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const STRONG = `600 ${FONT}`;
/** Between a row and its bar, at least; and the most that a bar is high. */
const MARGIN = 4;
const MOST_BAR = 26;

class Timeline {
  constructor(trace, side) {
    this.trace = trace;
    this.side = side;
    this.canvas = h("canvas", {
      tabindex: "0",
      role: "application",
      "aria-roledescription": "timeline",
      "aria-label": `Timeline of the ${trace.about.source} run. Press Enter to select, arrow keys to go from span to span, question mark for help. The tab Events has the same as a table.`,
    });
    this.spacer = h("div", { class: "spacer" }, this.canvas);
    this.scroller = h("div", { class: "rows", tabindex: "-1" }, this.spacer);
    this.element = h("section", { class: "timeline", "aria-label": `${trace.about.source} run` });
    if (app.traces.length > 1) this.element.append(h("h2", { class: "side" }, ...sideTitle(trace)));
    this.element.append(this.scroller);
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.links = new Links(this);
    this.widths = new Map();
    this.left = 0;
    this.scroller.addEventListener("scroll", () => this.redraw());
    new ResizeObserver(() => this.lay()).observe(this.scroller);
    on("rows", () => this.lay());
    on("view selection hover measure query shows theme", () => this.redraw());
    this.lay();
  }

  get scroll() {
    return this.scroller.scrollTop;
  }

  lay() {
    this.layout = layRows(this.trace, this.side, this.scroller.clientHeight - AXIS);
    this.context.font = FONT;
    const widest = this.layout.rows
      .slice(0, 2000)
      .reduce((most, row) => Math.max(most, this.measureText(row.label)), 60);
    this.names = Math.ceil(Math.min(widest, 190)) + 24;
    this.spacer.style.height = `${this.layout.height + AXIS}px`;
    this.redraw();
  }

  redraw() {
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  measureText(text) {
    if (!this.widths.has(text)) this.widths.set(text, this.context.measureText(text).width);
    return this.widths.get(text);
  }

  /** The text, or as much of it as there is room for. */
  fit(text, room) {
    if (this.measureText(text) <= room) return text;
    const each = this.measureText(text) / text.length;
    let length = Math.min(text.length - 1, Math.floor((room - 10) / each) + 2);
    while (length > 1 && this.measureText(`${text.slice(0, length)}…`) > room) length--;
    return length > 1 ? `${text.slice(0, length)}…` : "";
  }

  x(at) {
    return this.left + ((at - app.view.from) / (app.view.to - app.view.from)) * this.room;
  }

  time(x) {
    return app.view.from + ((x - this.left) / this.room) * (app.view.to - app.view.from);
  }

  get room() {
    return this.width - this.left - 12;
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.scroller.clientWidth;
    this.height = this.scroller.clientHeight;
    if (this.width === 0 || this.height === 0) return;
    // The time axis begins at the same place in all timelines.
    this.left = Math.max(...app.timelines.map(({ names }) => names));
    const [wide, high] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      Object.assign(this.canvas, { width: wide, height: high });
      Object.assign(this.canvas.style, { width: `${this.width}px`, height: `${this.height}px` });
      this.widths.clear();
    }
    this.colours ??= new Colours();
    const { context, colours } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colours.text.background;
    context.fillRect(0, 0, wide, high);
    const axis = ticks(app.view.from, app.view.to, this.room / 90);
    const runs = this.paintRows(ratio, axis);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = FONT;
    context.textBaseline = "middle";
    this.clip(() => {
      this.links.draw();
      this.drawLabels(runs, ratio);
      this.drawMarks();
      this.drawHits();
      this.drawSelection();
      this.drawMeasure();
    });
    this.drawNames();
    this.drawAxis(axis);
    tellCrowd();
  }

  clip(draw) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(this.left, AXIS, this.room, this.height - AXIS);
    context.clip();
    draw();
    context.restore();
  }

  /** The rows that can be seen, from the first to the last. */
  visible() {
    const { rows } = this.layout;
    const first = Math.max(upperBoundBy(rows, (row) => row.y, this.scroll) - 1, 0);
    let last = first;
    while (last < rows.length && rows[last].y < this.scroll + this.height) last++;
    return rows.slice(first, last);
  }

  paintRows(ratio, axis) {
    const { context, colours } = this;
    const left = Math.round(this.left * ratio);
    const pixels = this.pixelsOf(Math.round(this.room * ratio), Math.round((this.height - AXIS) * ratio));
    pixels.data.fill(colours.pixel.background);
    const scale = {
      from: app.view.from,
      step: (app.view.to - app.view.from) / pixels.width,
      thin: Math.max(1, Math.round(ratio)),
    };
    const runs = [];
    const visible = this.visible();
    for (const row of visible) {
      if (row.kind === "heading") continue;
      const [top, bottom] = this.bar(row).map((y) => Math.round((y - AXIS) * ratio));
      pixels.fill(0, top, pixels.width, bottom, colours.pixel.band);
    }
    for (const at of axis.places) {
      const x = Math.round((at - scale.from) / scale.step);
      if (x >= 0 && x < pixels.width) pixels.fill(x, 0, x + 1, pixels.height, colours.pixel.grid);
    }
    for (const row of visible) {
      const [top, bottom] = this.bar(row).map((y) => Math.round((y - AXIS) * ratio));
      if (row.lane) {
        for (const run of paintLane(pixels, row.lane, scale, top, bottom, colours)) runs.push({ ...run, row });
      } else if (row.kind === "irq") this.paintInterrupts(pixels, row, scale, top, bottom);
    }
    context.putImageData(pixels.image, left, Math.round(AXIS * ratio));
    return runs;
  }

  pixelsOf(width, height) {
    if (this.pixels?.width !== width || this.pixels?.height !== height)
      this.pixels = new Pixels(this.context, width, height);
    return this.pixels;
  }

  bar(row) {
    const top = row.y - this.scroll + AXIS;
    const margin = Math.max(row.height < 22 ? MARGIN / 2 : MARGIN, Math.floor((row.height - MOST_BAR) / 2));
    return [top + margin, top + row.height - margin];
  }

  /** Pale from the raised line to the moment at which the CPU took it, which is a stroke. */
  paintInterrupts(pixels, row, scale, top, bottom) {
    const { colours, trace } = this;
    const { raised, recognised } = trace.irq;
    const time = (i) => (recognised[i] > 0 ? recognised[i] : raised[i]) - 1;
    let drawn = -1;
    for (let k = upperBoundBy(row.places, time, scale.from - 1); k < row.places.length; k++) {
      const i = row.places[k];
      const x = Math.floor((time(i) - scale.from) / scale.step);
      const begin = raised[i] > 0 ? Math.floor((raised[i] - 1 - scale.from) / scale.step) : x;
      if (begin >= pixels.width) break;
      if (x === drawn) {
        // Those of the same column are under each other: go on with the first of the next.
        k = Math.max(k, upperBoundBy(row.places, time, scale.from + (x + 1) * scale.step - 1) - 1);
        continue;
      }
      drawn = x;
      pixels.fill(Math.max(begin, 0), top + 2, Math.min(x, pixels.width), bottom - 2, colours.pixel.pending);
      if (recognised[i] > 0 && x < pixels.width)
        pixels.fill(Math.max(x, 0), top, Math.min(x + scale.thin * 2, pixels.width), bottom, colours.pixel.interrupt);
    }
  }

  /** Names inside of bars that are wide enough. */
  drawLabels(runs, ratio) {
    const { context, trace, colours } = this;
    context.textAlign = "center";
    for (const { i, left, right, row } of runs) {
      const room = (right - left) / ratio - 8;
      if (room < 22 || row.height < 18) continue;
      const state = row.lane.spans.state[i];
      const paint = row.lane.paint(i);
      const labels = row.kind === "cpu" ? this.cpuLabels(row.lane, i) : [stateLabel(trace, state)];
      const text = labels.find((label) => this.measureText(label) <= room) ?? this.fit(labels.at(-1), room);
      if (!text) continue;
      const x = this.left + (left + right) / 2 / ratio;
      const y = row.y - this.scroll + AXIS + row.height / 2 + 0.5;
      // Lines and arrows go behind the text.
      const wide = this.measureText(text) + (paint === colours.line ? 10 : 4);
      context.fillStyle = paint === colours.line ? colours.text.band : colours.text[app.paints[paint]];
      const [top, bottom] = this.bar(row);
      const half = paint === colours.line ? 7 : Math.min(7, (bottom - top) / 2 - 4);
      context.fillRect(x - wide / 2, y - half, wide, 2 * half);
      context.fillStyle = paint === colours.line ? colours.text.muted : colours.on[paint];
      context.fillText(text, x, y);
    }
  }

  /** What a CPU's bar may say, the most telling first. */
  cpuLabels(lane, i) {
    const { trace } = this;
    const { is } = trace.states[lane.spans.state[i]];
    const task = taskName(trace, lane.spans.other[i]);
    if (is === "user") return [task];
    if (is === "idle" || is === "switch") return [""];
    const label = stateLabel(trace, lane.spans.state[i]);
    return is === "kernel" ? [`${task}: ${label}`, task] : [label];
  }

  drawNames() {
    const { context, colours } = this;
    context.fillStyle = colours.text.background;
    context.fillRect(0, 0, this.left - 6, this.height);
    for (const row of this.visible()) {
      const y = row.y - this.scroll + AXIS + row.height / 2 + (row.kind === "heading" ? 2 : 0.5);
      if (row.kind === "heading") {
        context.font = STRONG.replace("12px", "11px");
        context.textAlign = "left";
        context.fillStyle = colours.text.muted;
        context.fillText(row.label, 12, y);
        context.font = FONT;
      } else {
        context.textAlign = "right";
        context.fillStyle = colours.text.text;
        context.fillText(this.fit(row.label, this.left - 24), this.left - 12, y);
      }
    }
  }

  drawAxis(axis) {
    const { context, colours } = this;
    context.fillStyle = colours.text.background;
    context.fillRect(0, 0, this.width, AXIS);
    context.fillStyle = colours.text.muted;
    context.textAlign = "center";
    let free = 0;
    for (const at of axis.places) {
      const text = axis.write(at);
      const half = this.measureText(text) / 2;
      const x = Math.min(Math.max(this.x(at), half + 2), this.width - half - 2);
      if (x - half < Math.max(free, this.left - half)) continue;
      context.fillText(text, x, AXIS / 2 - 1);
      free = x + half + 10;
    }
    context.fillStyle = colours.text.grid;
    context.fillRect(this.left, AXIS - 2, this.room, 1);
  }
}
