// The whole run in one strip, and which part of it the timelines show.

class Overview {
  constructor() {
    this.canvas = byId("overview");
    this.context = this.canvas.getContext("2d", { alpha: false });
    on("view theme", () => this.redraw());
    on("query", () => {
      this.columns = null;
      this.redraw();
    });
    new ResizeObserver(() => {
      this.image = this.columns = null;
      this.redraw();
    }).observe(this.canvas);
    on("theme", () => (this.image = null));
    let grip = null;
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return app.bounds.from + ((event.clientX - box.left) / box.width) * (app.bounds.to - app.bounds.from);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      const { from, to } = app.view;
      const inside = at(event) >= from && at(event) <= to && to - from < app.bounds.to - app.bounds.from;
      grip = inside ? { off: at(event) - from } : { start: at(event) };
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!grip) return;
      const { from, to } = app.view;
      if (grip.off !== undefined) look(at(event) - grip.off, at(event) - grip.off + to - from);
      else grip.end = at(event);
      this.redraw();
      this.grip = grip;
    });
    this.canvas.addEventListener("pointerup", (event) => {
      if (grip?.start !== undefined) {
        const [a, b] = [grip.start, at(event)].sort((a, b) => a - b);
        const length = app.view.to - app.view.from;
        if (b - a > (app.bounds.to - app.bounds.from) / 400) look(a, b);
        else look(a - length / 2, a + length / 2);
      }
      grip = this.grip = null;
      this.redraw();
    });
    this.canvas.addEventListener(
      "wheel",
      (event) => {
        zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * 0.002))), at(event));
        event.preventDefault();
      },
      { passive: false },
    );
  }

  redraw() {
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (wide === 0) return;
    const { context } = this;
    if (!this.image) {
      Object.assign(this.canvas, { width: Math.round(wide * ratio), height: Math.round(high * ratio) });
      this.colours = new Colours();
      this.image = this.paint();
    }
    context.putImageData(this.image.image, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const x = (at) => ((at - app.bounds.from) / (app.bounds.to - app.bounds.from)) * wide;
    const [left, right] = [x(app.view.from), x(app.view.to)];
    context.fillStyle = this.colours.text.background;
    context.globalAlpha = 0.66;
    context.fillRect(0, 0, left, high);
    context.fillRect(right, 0, wide - right, high);
    context.globalAlpha = 1;
    context.strokeStyle = this.colours.text.accent;
    context.lineWidth = 2;
    context.strokeRect(
      Math.min(Math.max(left, 1), wide - 4),
      1,
      Math.max(Math.min(right, wide - 1) - left, 3),
      high - 2,
    );
    context.fillStyle = this.colours.text.accent;
    if (this.grip?.end !== undefined) {
      context.globalAlpha = 0.3;
      context.fillRect(x(this.grip.start), 0, x(this.grip.end) - x(this.grip.start), high);
      context.globalAlpha = 1;
    }
    this.drawHits(x);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  /** One stroke for each column of pixels that has a hit. */
  drawHits(x) {
    this.columns ??= new Set(
      app.hits.flatMap((hits, side) => hits.map((event) => Math.round(x(app.traces[side].at[event])))),
    );
    for (const column of this.columns) this.context.fillRect(column, 0, 2, 5);
  }

  /** A strip for each trace. */
  paint() {
    const pixels = new Pixels(this.context, this.canvas.width, this.canvas.height);
    pixels.data.fill(this.colours.pixel.background);
    const high = (pixels.height - 6) / app.traces.length;
    app.traces.forEach((trace, i) => {
      const [top, bottom] = [Math.round(4 + i * high), Math.round(4 + (i + 1) * high) - 2];
      pixels.fill(0, top, pixels.width, bottom, this.colours.pixel.band);
      this.paintCpus(pixels, trace.cpus, top, bottom);
    });
    return pixels;
  }

  /** All CPUs together: the share of each state in each column. */
  paintCpus(pixels, cpus, top, bottom) {
    const step = (app.bounds.to - app.bounds.from) / pixels.width;
    if (cpus.length === 1) {
      paintLane(pixels, cpus[0], { from: app.bounds.from, step, thin: 1 }, top, bottom, this.colours);
      return;
    }
    const [now, sum] = [0, 0].map(() => new Float64Array(app.paints.length));
    const last = cpus.map(() => new Float64Array(app.paints.length));
    for (let x = 0; x < pixels.width; x++) {
      sum.fill(0);
      cpus.forEach((lane, cpu) => {
        if (lane.length === 0) return;
        lane.until(app.bounds.from + (x + 1) * step, now);
        for (let paint = 0; paint < sum.length; paint++) sum[paint] += now[paint] - last[cpu][paint];
        last[cpu].set(now);
      });
      paintStack(pixels, x, top, bottom, sum, step * cpus.length, this.colours);
    }
  }
}
