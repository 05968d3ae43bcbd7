// `npm run bench`: our own speed, as ratios to floors measured in the same run. --short takes a tenth of the rounds.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { floorExchange, harnessExchange, stringPrice } from "./exchange.mjs";
import { interleave, median, ratio } from "./measure.mjs";

process.chdir(new URL("..", import.meta.url).pathname);
const short = process.argv.includes("--short");
const rounds = short ? 15 : 60;
/** @type {{ what: string, value: number, goal: number, unit: string, note: string }[]} */
const table = [];
/** @param {string} what @param {number} value @param {number} goal @param {string} unit @param {string} [note] */
const row = (what, value, goal, unit, note = "") => table.push({ what, value, goal, unit, note });

const fixture = "fixtures/http-headers/http-headers.wasm";
{
  const ours = await harnessExchange(fixture);
  const floor = await floorExchange(fixture);
  const [a, b] = /** @type {[number[], number[]]} */ (
    interleave(
      [
        { name: "ours", run: ours.run },
        { name: "floor", run: floor.run },
      ],
      { rounds, equal: true },
    )
  );
  row("TinyGo http-headers, reused VM, to floor", ratio(a, b), 1.7, "x", `${us(median(a))} to ${us(median(b))}`);
}
{
  const file = "fixtures/http-headers-c/http-headers.wasm";
  const ours = await harnessExchange(file);
  const floor = await floorExchange(file);
  const price = stringPrice();
  const [a, b, c] = /** @type {[number[], number[], number[]]} */ (
    interleave(
      [
        { name: "ours", run: ours.run },
        { name: "floor", run: floor.run },
        { name: "string", run: price.run },
      ],
      { rounds },
    )
  );
  const perCall = a.map((value, i) => (value - /** @type {number} */ (b[i])) / 14);
  row(
    "C: host time per hostcall, in string prices",
    ratio(perCall, c),
    3,
    "x",
    `${us(median(perCall))} to ${us(median(c))}`,
  );
}

const node = process.execPath;
const pwh = "dist/cli/main.js";
row("pwh --version", commandMs([pwh, "--version"]), 200, "ms");
row("pwh --help", commandMs([pwh, "--help"]), 200, "ms");
row('import "proxy-wasm-harness"', importMs(), 25, "ms");
row("pwh run of the fixture", commandMs([pwh, "run", fixture]), 300, "ms");

let reached = 0;
for (const { what, value, goal, unit, note } of table) {
  const ok = value <= goal;
  if (ok) reached++;
  console.log(
    `${what.padEnd(48)} ${value.toFixed(unit === "x" ? 2 : 0).padStart(7)} ${unit}   goal ${goal} ${unit}   ${ok ? "reached" : "NOT reached"}   ${note}`,
  );
}
console.log(`${reached} of ${table.length} goals reached`);
// CI's machines are noisy: only twice the goal is a failure there
if (short && table.some(({ value, goal }) => value > 2 * goal)) process.exitCode = 1;

/** @param {number} ns */
function us(ns) {
  return `${(ns / 1000).toFixed(2)} µs`;
}

/** The fastest of several starts, in milliseconds: what the command itself takes. @param {string[]} args */
function commandMs(args) {
  if (!existsSync(args[0] ?? "")) throw new Error("Build first: npm run build");
  return Math.min(
    ...Array.from({ length: short ? 3 : 7 }, () => {
      const start = performance.now();
      execFileSync(node, args, { stdio: "ignore" });
      return performance.now() - start;
    }),
  );
}

/** Milliseconds of the import alone, asked of fresh processes. */
function importMs() {
  const script = 'const t = performance.now(); await import("./dist/index.js"); console.log(performance.now() - t)';
  const times = Array.from({ length: short ? 3 : 7 }, () =>
    Number(execFileSync(node, ["--input-type=module", "-e", script], { encoding: "utf8" })),
  );
  return Math.min(...times);
}
