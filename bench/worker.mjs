// A thread that makes exchanges for as long as it is told, and says how many.
import { parentPort, workerData } from "node:worker_threads";
import { harnessExchange } from "./exchange.mjs";

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
const { run } = await harnessExchange(workerData.file);
port.on("message", (/** @type {number} */ forMs) => {
  const end = performance.now() + forMs;
  let made = 0;
  for (; performance.now() < end; made += 200) run(200);
  port.postMessage(made);
});
run(20_000);
port.postMessage("ready");
