// The proof of `pwh bench`: planted regressions are told by their own threshold, and a filter beside itself raises no alarm.
// Runs of a few seconds each, one after the other; prints a table, and exits with 1 when a goal is missed.
import { bench } from "../dist/bench/index.js";

const runs = Number(process.argv[2] ?? 20);
/** @param {string} name */
const module = (name) => `fixtures/bench/${name}.wasm`;
const short = { rounds: 30, roundMs: 10, memoryExchanges: 8192 };
/** @type {readonly [name: string, threshold: string][]} */
const limits = [
  ["slower", "ratio<1.05"],
  ["leaks", "memory_slope==0"],
  ["logs-twice", "log_bytes<=26"],
  ["adds-hostcall", "hostcalls<=4"],
];
const thresholds = limits.map(([, threshold]) => threshold);

/** @param {string} name */
async function verdicts(name) {
  const { report } = await bench(module(name), { ...short, against: module("plain"), thresholds });
  const { low, high, value } = /** @type {NonNullable<typeof report.against>} */ (report.against).ratio;
  const failed = report.thresholds.filter(({ verdict }) => verdict === "failed").map(({ threshold }) => threshold);
  console.log(
    `  ${name.padEnd(14)} ratio ${value.toFixed(3)} (${low.toFixed(3)} … ${high.toFixed(3)}) failed: ${failed.join(", ") || "none"}`,
  );
  return failed;
}

let missed = 0;
const lines = [];
for (const [name, threshold] of limits) {
  let found = 0;
  for (let i = 0; i < runs; i++) if ((await verdicts(name)).includes(threshold)) found++;
  const good = found >= Math.ceil(runs * 0.95);
  if (!good) missed++;
  lines.push(
    `${name.padEnd(14)} ${threshold.padEnd(18)} told in ${found} of ${runs} runs  ${good ? "reached" : "MISSED"}`,
  );
}
let alarms = 0;
for (let i = 0; i < runs; i++) if ((await verdicts("plain")).length > 0) alarms++;
if (alarms > 1) missed++;
lines.push(
  `plain          all of them        alarms in ${alarms} of ${runs} runs  ${alarms > 1 ? "MISSED" : "reached"}`,
);
console.log(lines.join("\n"));
process.exitCode = missed > 0 ? 1 : 0;
