// Run by run.mjs with a young generation that holds everything: bytes of JS heap that an exchange takes, printed.
import { harnessExchange } from "./exchange.mjs";

const file = process.argv[2] ?? "";
const { run } = await harnessExchange(file);
run(20_000);
const gc = /** @type {() => void} */ (globalThis.gc);
const times = 2000;
const samples = Array.from({ length: 9 }, () => {
  gc();
  const before = process.memoryUsage().heapUsed;
  run(times);
  return (process.memoryUsage().heapUsed - before) / times;
});
console.log(samples.toSorted((a, b) => a - b)[4]);
