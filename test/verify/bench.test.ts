// Which requests and whose CPU are measured. Nothing here judges a time.
import { spawn } from "node:child_process";
import { describe, expect, onTestFinished, test } from "vitest";
import { messageOf } from "../../src/errors.js";
import { findEnvoy } from "../../src/verify/envoy/find.js";
import { addedCpu } from "../../src/verify/added-cpu.js";
import { workerClock } from "../../src/verify/envoy/worker-cpu.js";
import { fixture } from "../support/fixtures.js";
import { pwh } from "../support/pwh.js";

const envoy = await findEnvoy().catch((thrown: unknown) => messageOf(thrown));
if (typeof envoy === "string") console.warn(`Skipped: ${envoy}`);
const module = "fixtures/bench/plain.wasm";

test.each([
  { given: [module, "--http2"], says: "--http2 or trailers" },
  { given: [module, "--record", "x.jsonl"], says: "Cannot use --bench with --record" },
  { given: ["nowhere.wasm"], says: "there is no such file" },
])("pwh verify --bench refuses $given", ({ given, says }) => {
  const { code, err } = pwh(["verify", "--bench", ...given]);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(says) });
});

test("a process without Envoy's worker has no clock", () => {
  const child = spawn("sleep", ["60"]);
  onTestFinished(() => void child.kill());
  expect(() => workerClock(child.pid!)).toThrow("no thread is called wrk:worker_0");
});

describe.skipIf(typeof envoy === "string")("the added CPU in a real Envoy", () => {
  test("every request is counted by Envoy, on both sides", { timeout: 60_000 }, async () => {
    const exchange = { module: fixture("bench/plain.wasm"), response: { status: 201 } };
    const found = await addedCpu(exchange, { rounds: 5, requests: 40, connections: 4 });
    for (const side of [found.with, found.without]) {
      expect(side.requests).toBe(200);
      expect(side.statuses).toEqual({ "201": 200 });
      expect(side.cpuUs).toHaveLength(5);
      expect(side.cpuUs.every((us) => us >= 0)).toBe(true);
    }
    expect(found.addedUs).toEqual(found.with.cpuUs.map((us, i) => us - found.without.cpuUs[i]!));
  });

  test("a module that Envoy does not start with is told, with its words", { timeout: 60_000 }, async () => {
    const exchange = { module: Buffer.from("0061736d01000000", "hex") };
    await expect(addedCpu(exchange, { rounds: 1, requests: 1 })).rejects.toMatchObject({ code: "ENVOY_STUCK" });
  });

  test("pwh verify --bench shows Envoy's beside ours", { timeout: 120_000 }, () => {
    const { code, out, err } = pwh(["verify", "--bench", module], { timeoutMs: 110_000 }); // forty Envoys are started
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/with the filter .*; 20000 requests, 20000 times 200\n/);
    expect(out).toMatch(/\n {2}added .* µs \(/);
    expect(out).toMatch(/\n {2}here .* no latency in Envoy/);
  });
});
