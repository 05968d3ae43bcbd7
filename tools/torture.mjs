// npm run torture -- --runs 1000000 --seed 1
// Makes hostile calls through a relay guest, of dist/. A failure is made again by: --seed S --only INDEX
import { parseArgs } from "node:util";
import { HarnessError } from "../dist/errors.js";
import { torture } from "../dist/harness/hostile.js";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
/** @param {string} name @param {string} given */
function whole(name, given) {
  if (!/^\d+$/.test(given))
    throw new HarnessError("OPTION_INVALID", `Cannot use --${name} ${given}: it is no whole number`);
  return Number(given);
}
const seed = whole("seed", values.seed);
const runs = whole("runs", values.runs);
const only = values.only === undefined ? undefined : whole("only", values.only);

let shown = 0;
/** @param {number} done */
function onProgress(done) {
  if (!process.stderr.isTTY || Date.now() - shown < 200) return;
  shown = Date.now();
  process.stderr.write(`\r${done.toLocaleString("en")} of ${runs.toLocaleString("en")} calls`);
}

const report = await torture({ runs, seed, onProgress, ...(only !== undefined && { only }) });
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

const { memory, failure } = report;
const mb = /** @param {number} bytes */ (bytes) => (bytes / 1048576).toFixed(1);
const outcomes = [...report.outcomes].map(([name, count]) => `${name} ${count}`).join(", ");
const heap = [memory.start, memory.middle, memory.end].map((at) => mb(at.heap)).join(" → ");
const buffers = [memory.start, memory.middle, memory.end].map((at) => mb(at.buffers)).join(" → ");
console.log(
  `${report.runs} hostile calls in ${report.seconds.toFixed(1)} s (${Math.round(report.runs / report.seconds)}/s, seed ${seed}, ` +
    `slowest ${report.slowestMs.toFixed()} ms, memory compared around ${report.compared}): ${outcomes}; ` +
    `JS heap ${heap} MB, buffers ${buffers} MB`,
);
if (only !== undefined) console.log(`the last: ${report.last}`);
if (failure !== undefined) {
  console.error(`Call ${failure.index} went wrong, ${failure.call}\n${failure.what}`);
  console.error(`Again: npm run torture -- --seed ${seed} --only ${failure.index}`);
  process.exitCode = 1;
}
