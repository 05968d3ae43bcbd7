import { escaped } from "./charts.js";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** A function below its callers: how many samples met it or what it called. */
interface Frame {
  readonly name: string;
  readonly guest: boolean;
  weight: number;
  readonly children: Map<string, Frame>;
}

const [width, row, least] = [760, 19, 0.002];

/**
 * A flame graph of the exchanges in a `.cpuprofile`: callers above what they call, widths by samples; the guest's functions in a
 * colour of their own.
 */
export function flameGraph(cpuprofile: string): string {
  const { nodes, samples } = JSON.parse(cpuprofile) as { nodes: readonly ProfileNode[]; samples: readonly number[] };
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const hits = new Map<number, number>();
  for (const id of samples) hits.set(id, (hits.get(id) ?? 0) + 1);
  const top: Frame = { name: "exchanges", guest: false, weight: 0, children: new Map() };
  const add = (node: ProfileNode, into: Frame | undefined): number => {
    const { functionName, url } = node.callFrame;
    const collects = functionName === "(garbage collector)";
    // what makes the exchanges, around them, is not shown
    const starts =
      into === undefined && (collects || (functionName === "exchange" && url.endsWith("/bench/subject.js")));
    const name = functionName === "" ? "(anonymous)" : functionName;
    const parent = starts ? top : into;
    let frame: Frame | undefined;
    if (parent !== undefined) {
      const key = `${name} ${url}`;
      frame = parent.children.get(key);
      if (frame === undefined) {
        frame = { name, guest: url.startsWith("wasm:"), weight: 0, children: new Map() };
        parent.children.set(key, frame);
      }
    }
    let weight = frame === undefined ? 0 : (hits.get(node.id) ?? 0);
    for (const id of node.children ?? []) weight += add(byId.get(id)!, frame);
    if (frame !== undefined) frame.weight += weight;
    return frame === undefined || starts ? 0 : weight;
  };
  add(nodes[0]!, undefined);
  for (const { weight } of top.children.values()) top.weight += weight;
  return top.weight === 0 ? "<p>No sample met an exchange.</p>" : drawn(top);
}

function drawn(top: Frame): string {
  const parts: string[] = [];
  let deepest = 0;
  const draw = (frame: Frame, x: number, depth: number): void => {
    const wide = (frame.weight / top.weight) * width;
    if (wide < width * least) return;
    deepest = Math.max(deepest, depth);
    const share = `${((frame.weight / top.weight) * 100).toFixed(1)} %`;
    const fits = Math.floor((wide - 6) / 6.2);
    const label = frame.name.length <= fits ? frame.name : fits < 3 ? "" : `${frame.name.slice(0, fits - 1)}…`;
    parts.push(
      `<g><title>${escaped(frame.name)}: ${share}</title><rect class="frame ${frame.guest ? "guest" : "host"}" x="${x.toFixed(2)}" y="${depth * row}" ` +
        `width="${Math.max(0.5, wide - 0.5).toFixed(2)}" height="${row - 1}"/>` +
        `<text class="on" x="${(x + 3).toFixed(2)}" y="${depth * row + 13}">${escaped(label)}</text></g>`,
    );
    let at = x;
    for (const child of [...frame.children.values()].sort((a, b) => b.weight - a.weight)) {
      draw(child, at, depth + 1);
      at += (child.weight / top.weight) * width;
    }
  };
  draw(top, 0, 0);
  return `<svg viewBox="0 0 ${width} ${(deepest + 1) * row}" role="img" aria-label="Flame graph">${parts.join("")}</svg>`;
}
