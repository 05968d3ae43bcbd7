// Imports point down the layers and make no circle. Types may point anywhere below the same rule, but may make circles
// within a layer: they are gone when the program runs.
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../src/", import.meta.url));
/** From the bottom up. Those of one row never import each other. */
const layers = [
  ["errors"],
  ["abi", "manifest"],
  ["vm"],
  ["wasi"],
  ["host"],
  ["proxy"],
  ["harness"],
  ["fuzz"],
  ["scenario"],
  ["lint"],
  ["suites", "bench", "deploy", "verify", "report"],
  ["matchers"],
  ["cli"],
];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"));

const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(root + from, "utf8");
  const found = text.matchAll(/(?:^|\n)(?:import|export)\s+(type\s)?[^;]*?from\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/g);
  return [...found].map(([, type, fixed, lazy]) => ({
    from,
    to: posix.normalize(posix.join(posix.dirname(from), (fixed ?? lazy)!.replace(/\.js$/, ".ts"))),
    typeOnly: type !== undefined || lazy !== undefined,
  }));
});

const layerOf = (file: string): number =>
  layers.findIndex((row) => row.some((name) => file.startsWith(`${name}/`) || file === `${name}.ts`));

test("the test sees the imports", () => {
  expect(imports.length).toBeGreaterThan(200);
});

test("every file has a layer", () => {
  expect(files.filter((file) => layerOf(file) < 0)).toEqual(["index.ts"]);
});

test("no import points up, or sideways between the jobs", () => {
  const wrong = imports.filter(({ from, to }) => {
    if (from === "index.ts") return false;
    const [a, b] = [layerOf(from), layerOf(to)];
    return b > a || (a === b && from.split("/")[0] !== to.split("/")[0]);
  });
  expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
});

test("no circle of imports when the program runs", () => {
  const edges = new Map(files.map((file) => [file, imports.filter((one) => one.from === file && !one.typeOnly)]));
  const done = new Set<string>();
  const circle = (file: string, path: readonly string[]): string | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(" -> ");
    if (done.has(file)) return undefined;
    for (const { to } of edges.get(file) ?? []) {
      const found = circle(to, [...path, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  expect(files.map((file) => circle(file, [])).filter(Boolean)).toEqual([]);
});
