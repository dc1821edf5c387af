// Takes columns out of the page: base64, inflated, then integers of variable length. The way there is
// src/report/columns.rs.

function unbase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** The bytes of a column; its element is removed, since nobody needs the text any more. */
async function inflated(id) {
  const element = document.getElementById(id);
  const packed = new Blob([unbase64(element.textContent)]);
  element.remove();
  const stream = packed.stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Reads unsigned numbers into `out`. Beyond 2^53 they aren't exact; `exactly` reads such a one alone. */
function readUints(bytes, out) {
  let at = 0;
  for (let i = 0; i < out.length; i++) {
    let byte = bytes[at++];
    let value = byte & 127;
    for (let unit = 128; byte > 127; unit *= 128) {
      byte = bytes[at++];
      value += (byte & 127) * unit;
    }
    out[i] = value;
  }
  return out;
}

const unfold = (value) => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

/** Sums of differences: each number is told as the difference from the one before. */
function addUp(folded) {
  let sum = 0;
  for (let i = 0; i < folded.length; i++) {
    sum += unfold(folded[i]);
    folded[i] = sum;
  }
  return folded;
}

/** One number of any size, as text. */
function exactly(bytes, at, signed) {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at++];
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) break;
  }
  if (signed) value = value & 1n ? -((value + 1n) >> 1n) : value >> 1n;
  return value;
}

/** One number as far as it is exact. */
function number(bytes, at) {
  let byte = bytes[at++];
  let value = byte & 127;
  for (let unit = 128; byte > 127; unit *= 128) {
    byte = bytes[at++];
    value += (byte & 127) * unit;
  }
  return value;
}

/** The columns of one side, read when they are asked for. */
class Columns {
  constructor(side, counts) {
    this.side = side;
    this.counts = new Map(counts);
  }

  bytes(name) {
    return inflated(`${this.side}-${name}`);
  }

  async uints(name, Type) {
    return readUints(await this.bytes(name), new Type(this.counts.get(name)));
  }

  async deltas(name) {
    return addUp(await this.uints(name, Float64Array));
  }

  /** Spans of lanes from gaps and lengths; `counts` says how many each lane has. */
  async spans(prefix, counts) {
    const from = await this.uints(`${prefix}-gap`, Float64Array);
    const to = await this.uints(`${prefix}-len`, Float64Array);
    let i = 0;
    for (const count of counts) {
      let clock = 0;
      for (const end = i + count; i < end; i++) {
        clock += from[i];
        from[i] = clock;
        clock += to[i];
        to[i] = clock;
      }
    }
    return { from, to };
  }
}
