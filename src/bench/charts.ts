import type { Estimate } from "./statistics.js";

/** Text as HTML and SVG take it, in attributes too. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

const [width, height, left, right, top, bottom] = [760, 240, 70, 20, 14, 42];

interface Axis {
  readonly label: string;
  readonly low: number;
  readonly high: number;
  readonly show: (value: number) => string;
}

/** Round numbers from low to high: steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough)!;
  const found: number[] = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) found.push(n * step + 0);
  return found;
}

/** @param draw Gets the places of values on both axes. */
function chart(title: string, x: Axis, y: Axis, draw: (px: Place, py: Place) => string): string {
  const px: Place = (value) => left + ((value - x.low) / (x.high - x.low || 1)) * (width - left - right);
  const py: Place = (value) => height - bottom - ((value - y.low) / (y.high - y.low || 1)) * (height - top - bottom);
  const grid = ticks(y.low, y.high).map(
    (value) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(py(value))}" y2="${at(py(value))}"/>` +
      `<text x="${left - 8}" y="${at(py(value) + 4)}" text-anchor="end">${escaped(y.show(value))}</text>`,
  );
  const marks = ticks(x.low, x.high).map(
    (value) =>
      `<text x="${at(px(value))}" y="${height - bottom + 16}" text-anchor="middle">${escaped(x.show(value))}</text>`,
  );
  return (
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">${grid.join("")}${marks.join("")}` +
    `<text x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">${escaped(x.label)}</text>` +
    `<text transform="translate(14 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>` +
    `${draw(px, py)}</svg>`
  );
}

type Place = (value: number) => number;
const at = (value: number): string => value.toFixed(1);

/** Where the label of a line begins, or ends when it would leave the picture. */
const beside = (x: number): string =>
  x > width - right - 90 ? `x="${at(x - 4)}" text-anchor="end"` : `x="${at(x + 4)}"`;

/** How often values lay in each of fifty ranges, up to their 99th percentile; lines at those named. */
export function histogram(
  title: string,
  values: readonly number[],
  lines: readonly (readonly [string, number])[],
  show: Axis["show"],
): string {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[0] ?? 0;
  const high = Math.max(sorted[Math.floor(sorted.length * 0.99)] ?? 1, low + 1e-6);
  const bins = Array.from({ length: 50 }, () => 0);
  for (const value of sorted) if (value <= high) bins[Math.min(49, Math.floor(((value - low) / (high - low)) * 50))]!++;
  const most = Math.max(1, ...bins);
  const x = { label: "an exchange, up to the 99th percentile", low, high, show };
  const y = { label: "exchanges", low: 0, high: most, show: String };
  return chart(title, x, y, (px, py) => {
    const bars = bins.map((count, i) => {
      const from = px(low + ((high - low) * i) / 50);
      const to = px(low + ((high - low) * (i + 1)) / 50);
      return `<rect class="bar" x="${at(from)}" width="${at(Math.max(0.5, to - from - 1))}" y="${at(py(count))}" height="${at(py(0) - py(count))}"><title>${count}</title></rect>`;
    });
    const named = lines.filter(([, value]) => value <= high);
    const marks = named.map(
      ([name, value], i) =>
        `<line class="mark" x1="${at(px(value))}" x2="${at(px(value))}" y1="${top}" y2="${at(py(0))}"/>` +
        `<text class="strong" ${beside(px(value))} y="${top + 10 + i * 14}">${escaped(name)} ${escaped(show(value))}</text>`,
    );
    return bars.join("") + marks.join("");
  });
}

/** Lines through values in order; the first `warm` of them are drawn apart. */
export function timeline(
  title: string,
  warm: readonly number[],
  rounds: readonly number[],
  show: Axis["show"],
): string {
  const all = [...warm, ...rounds];
  // the first piece can be many times the rest: it may be cut off, with its value told
  const high = Math.min(Math.max(...all), Math.max(...rounds, ...warm.slice(3)) * 1.3) * 1.05;
  const x = { label: "pieces of the warm-up, then rounds", low: 0, high: Math.max(1, all.length - 1), show: String };
  const y = { label: "median", low: 0, high, show };
  return chart(title, x, y, (px, py) => {
    const points = (values: readonly number[], first: number): string =>
      values.map((value, i) => `${at(px(first + i))},${at(py(Math.min(value, high)))}`).join(" ");
    const cut =
      all[0]! > high ? `<text class="strong" x="${left + 6}" y="${top + 10}">↑ ${escaped(show(all[0]!))}</text>` : "";
    const end = at(px(warm.length - 0.5));
    return (
      `<rect class="shade" x="${left}" width="${at(px(warm.length - 0.5) - left)}" y="${top}" height="${height - top - bottom}"/>` +
      `<text x="${end}" y="${height - bottom - 6}" text-anchor="end" dx="-6">warm-up</text>` +
      `<polyline class="other" points="${points(warm, 0)}"/><polyline class="own" points="${points(rounds, warm.length)}"/>${cut}`
    );
  });
}

/** Values with their intervals, and a line `fixed + each * x` through them. */
export function fitted(
  title: string,
  label: string,
  points: readonly { readonly value: number; readonly us: Estimate }[],
  line: { readonly fixed: number; readonly each: number },
  show: Axis["show"],
): string {
  const most = Math.max(...points.map(({ value }) => value));
  const high = Math.max(...points.map(({ us }) => us.high), line.fixed + line.each * most) * 1.05;
  const x = { label, low: 0, high: most * 1.03, show: String };
  return chart(title, x, { label: "an exchange, median", low: 0, high, show }, (px, py) => {
    const dots = points.map(
      ({ value, us }) =>
        `<line class="whisker" x1="${at(px(value))}" x2="${at(px(value))}" y1="${at(py(us.low))}" y2="${at(py(us.high))}"/>` +
        `<circle class="dot" cx="${at(px(value))}" cy="${at(py(us.value))}" r="4"><title>${value}: ${escaped(show(us.value))}</title></circle>`,
    );
    const ends = [0, most].map((value) => `${at(px(value))},${at(py(Math.max(0, line.fixed + line.each * value)))}`);
    return `<polyline class="other" points="${ends.join(" ")}"/>${dots.join("")}`;
  });
}

/** Ratios with their intervals, beside 1. */
export function ratios(title: string, rows: readonly (readonly [name: string, Estimate])[]): string {
  const [low, high] = [
    Math.min(0.95, ...rows.map(([, one]) => one.low)) - 0.01,
    Math.max(1.05, ...rows.map(([, one]) => one.high)) + 0.01,
  ];
  const tall = rows.length * 44 + 30;
  const px: Place = (value) => 20 + ((value - low) / (high - low)) * (width - 40);
  const axis = ticks(low, high).map(
    (value) =>
      `<line class="grid" x1="${at(px(value))}" x2="${at(px(value))}" y1="0" y2="${tall - 20}"/>` +
      `<text x="${at(px(value))}" y="${tall - 4}" text-anchor="middle">${value.toFixed(2)}</text>`,
  );
  const drawn = rows.map(([name, one], i) => {
    const y = i * 44 + 30;
    return (
      `<text x="20" y="${y - 14}">${escaped(name)}</text>` +
      `<line class="whisker" x1="${at(px(one.low))}" x2="${at(px(one.high))}" y1="${y}" y2="${y}"/>` +
      `<circle class="dot" cx="${at(px(one.value))}" cy="${y}" r="5"/>`
    );
  });
  return `<svg viewBox="0 0 ${width} ${tall}" role="img" aria-label="${escaped(title)}">${axis.join("")}<line class="mark" x1="${at(px(1))}" x2="${at(px(1))}" y1="0" y2="${tall - 20}"/>${drawn.join("")}</svg>`;
}

/** One bar for each row, longest first as given. */
export function bars(
  title: string,
  rows: readonly { readonly name: string; readonly value: number; readonly kind: string }[],
  show: Axis["show"],
): string {
  const most = Math.max(1e-9, ...rows.map(({ value }) => value));
  const start = 300;
  const drawn = rows.map(({ name, value, kind }, i) => {
    const long = Math.max(1, (Math.max(0, value) / most) * (width - start - 90));
    const y = i * 22;
    const label = name.length > 40 ? `${name.slice(0, 39)}…` : name;
    return (
      `<text x="${start - 8}" y="${y + 15}" text-anchor="end">${escaped(label)}</text>` +
      `<rect class="bar ${escaped(kind)}" x="${start}" y="${y + 3}" width="${at(long)}" height="16"><title>${escaped(name)}</title></rect>` +
      `<text class="strong" x="${at(start + long + 6)}" y="${y + 15}">${escaped(show(value))}</text>`
    );
  });
  return `<svg viewBox="0 0 ${width} ${rows.length * 22 + 4}" role="img" aria-label="${escaped(title)}">${drawn.join("")}</svg>`;
}
