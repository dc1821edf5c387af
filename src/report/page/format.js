// Numbers as people read them: times with a unit that fits, counts with their thousands apart.

const UNITS = [
  [1, "ns"],
  [1e3, "µs"],
  [1e6, "ms"],
  [1e9, "s"],
];

/** Between a number and its unit no line is broken. */
const GAP = "\u00a0";

/** The largest unit that isn't larger than the time. */
function unitOf(nanos) {
  const size = Math.abs(nanos);
  return UNITS.findLast(([unit]) => size >= unit) ?? UNITS[0];
}

/** A time to the nanosecond: `36.9 µs`, `1.234567 ms`. */
function exact(nanos) {
  if (nanos === 0) return "0";
  const [unit, name] = unitOf(nanos);
  const digits = Math.round(Math.log10(unit));
  const text = (nanos / unit).toFixed(digits);
  return `${digits > 0 ? text.replace(/\.?0+$/, "") : text}${GAP}${name}`;
}

/** A time in about three digits. */
function brief(nanos) {
  if (nanos === 0) return "0";
  const [unit, name] = unitOf(nanos);
  const value = nanos / unit;
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  return `${digits > 0 ? text.replace(/\.?0+$/, "") : text}${GAP}${name}`;
}

const count = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

const percent = (share) => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)}${GAP}%`;

const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

function bytesText(number) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  let value = number;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(1))}${GAP}${units[unit]}`;
}

/** Round places for an axis: the distance between them, and how they are written. */
function ticks(from, to, most) {
  const least = Math.max((to - from) / Math.max(most, 1), 1);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = Math.max(
    [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least),
    1,
  );
  const [unit, name] = unitOf(Math.max(to - from, step));
  const digits = Math.max(0, Math.ceil(Math.log10(unit / step) - 1e-9));
  const places = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++) places.push(n * step);
  return { places, step, write: (at) => (at === 0 ? "0" : `${(at / unit).toFixed(digits)}${GAP}${name}`) };
}
