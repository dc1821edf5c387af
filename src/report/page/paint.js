// Spans as pixels. Work is bounded by the number of pixels, however many spans there are: each column of pixels asks
// its lane once, and lanes answer from sums.

/** Paints that a column of several spans shows by height, from below; blocked and idle are the height that is left. */
const STACKED = ["user", "kernel", "fault", "switch", "interrupt", "deferred", "ready"];
/** Up to so many spans are added one by one. */
const FEW = 24;

/** The theme's colours, as the canvas and as pixels want them. */
class Colours {
  constructor() {
    const style = getComputedStyle(document.documentElement);
    this.text = {};
    this.pixel = {};
    const names = [
      "background",
      "band",
      "grid",
      "text",
      "muted",
      "arrow",
      "message",
      "pending",
      "accent",
      ...app.paints,
    ];
    for (const name of names) {
      const text = style.getPropertyValue(`--${name}`).trim();
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
      this.text[name] = text;
      this.pixel[name] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    }
    this.paints = Uint32Array.from(app.paints, (name) => this.pixel[name]);
    this.stacked = STACKED.map((name) => app.paints.indexOf(name));
    this.line = app.paints.indexOf("blocked");
    this.nothing = app.paints.indexOf("idle");
    this.on = app.paints.map((name) => {
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(this.text[name].slice(at, at + 2), 16) / 255);
      return 0.2126 * red ** 2 + 0.7152 * green ** 2 + 0.0722 * blue ** 2 > 0.2 ? "#101418" : "#ffffff";
    });
  }
}

/** A rectangle of pixels that rows are painted into. */
class Pixels {
  constructor(context, width, height) {
    this.image = context.createImageData(Math.max(width, 1), Math.max(height, 1));
    this.data = new Uint32Array(this.image.data.buffer);
    this.width = this.image.width;
    this.height = this.image.height;
  }

  fill(left, top, right, bottom, colour) {
    const [begin, end] = [Math.max(top, 0), Math.min(bottom, this.height)];
    for (let y = begin; y < end; y++) this.data.fill(colour, y * this.width + left, y * this.width + right);
  }
}

/** Paints one lane between `top` and `bottom`; returns what is wide enough for a label: span, left, right. */
function paintLane(pixels, lane, scale, top, bottom, colours) {
  const { from, to } = lane.spans;
  const { step } = scale;
  const runs = [];
  const shares = new Float64Array(app.paints.length);
  // The sums up to the column whose number is `summed`, which the next one goes on from.
  let before = new Float64Array(app.paints.length);
  let now = new Float64Array(app.paints.length);
  let summed = -1;
  let i = lane.start;
  let x = 0;
  while (x < pixels.width) {
    const begin = scale.from + x * step;
    i = lane.after(begin, i);
    if (i >= lane.end) break;
    if (from[i] >= begin + step) {
      x = Math.max(x + 1, Math.floor((from[i] - scale.from) / step));
      continue;
    }
    const right = Math.min(pixels.width, Math.floor((to[i] - scale.from) / step));
    if (right > x && (from[i] <= begin || right > x + 1)) {
      paintBlock(pixels, x, right, top, bottom, lane.paint(i), scale, colours);
      if (right - x > 1) runs.push({ i, left: x, right });
      x = right;
      continue;
    }
    const end = begin + step;
    const last = Math.min(lane.after(end, i), lane.end - 1);
    shares.fill(0);
    if (last - i <= FEW) {
      for (let j = i; j <= last; j++) {
        shares[lane.paint(j)] += Math.max(0, Math.min(to[j], end) - Math.max(from[j], begin));
      }
    } else {
      if (summed !== x) lane.until(begin, before, i);
      lane.until(end, now, i);
      for (let paint = 0; paint < shares.length; paint++) shares[paint] = now[paint] - before[paint];
      [before, now] = [now, before];
      summed = x + 1;
    }
    if (isEdge(from, to, i, last, begin, end)) {
      const most = greatest(shares);
      if (shares[most] * 2 >= step) paintBlock(pixels, x, x + 1, top, bottom, most, scale, colours);
    } else paintStack(pixels, x, top, bottom, shares, step, colours);
    x += 1;
  }
  return runs;
}

/** Whether a column only has the ends of longer spans: then it belongs to the one that has most of it. */
function isEdge(from, to, i, last, begin, end) {
  for (let j = i; j <= last; j++) if (from[j] >= begin && to[j] <= end) return false;
  return true;
}

function greatest(shares) {
  let best = 0;
  for (let i = 1; i < shares.length; i++) if (shares[i] > shares[best]) best = i;
  return best;
}

/** A piece of one state: a bar, or a line in the middle for who waits. */
function paintBlock(pixels, left, right, top, bottom, paint, scale, colours) {
  if (paint === colours.nothing) return;
  if (paint === colours.line) {
    const middle = (top + bottom) >> 1;
    pixels.fill(left, middle - scale.thin, right, middle + scale.thin, colours.paints[paint]);
    return;
  }
  pixels.fill(left, top, right, bottom, colours.paints[paint]);
}

/** One column of pixels that stands for several spans, as shares of its time. However little it is, it is seen. */
function paintStack(pixels, x, top, bottom, shares, whole, colours) {
  const height = bottom - top;
  let upto = 0;
  let floor = bottom;
  for (const paint of colours.stacked) {
    if (shares[paint] <= 0) continue;
    upto += shares[paint];
    const ceiling = bottom - Math.max(Math.round(Math.min(upto / whole, 1) * height), 2);
    if (ceiling < floor) pixels.fill(x, ceiling, x + 1, floor, colours.paints[paint]);
    floor = ceiling;
  }
  if (shares[colours.line] > 0 && floor > (top + bottom) >> 1) {
    paintBlock(pixels, x, x + 1, top, bottom, colours.line, { thin: 1 }, colours);
  }
}
