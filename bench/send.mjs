// What a whole exchange through the proxy costs: `send()` to the same callbacks made by hand, a chain of five to one filter.
import { createProxy, loadPlugin, noReply, reply } from "../dist/index.js";

const module = "fixtures/http-headers/http-headers.wasm";
const configuration = { header: "x-filter", value: "on" };
/** @type {[string, string][]} */
const own = ["user-agent", "accept", "x-a", "x-b", "x-c"].map((name) => [name, "1"]);
/** @type {[string, string][]} */
const request = [
  [":authority", "a"],
  [":path", "/"],
  [":method", "GET"],
  [":scheme", "http"],
  ...own,
  ["x-forwarded-proto", "http"],
  ["x-request-id", "00000000-0000-4000-8000-000000000001"],
];
/** @type {[string, string][]} */
const response = [
  [":status", "200"],
  ["content-type", "text/plain"],
  ["content-length", "5"],
  ["x-envoy-upstream-service-time", "0"],
];

async function byHand() {
  const plugin = await loadPlugin(module, { configuration, budgetMs: 0 });
  return () => {
    const stream = plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response);
    stream.responseBody("hello");
    stream.responseBody("", { endOfStream: true });
    if (stream.client.status !== 200) throw new Error("the exchange failed");
    plugin.clearLogs();
  };
}

/** @param {number} count */
async function bySend(count) {
  const filters = Array.from({ length: count }, (_, i) => ({ module, configuration, name: `p${i}`, vmId: `v${i}` }));
  const web = reply(200, "hello", { headers: [["content-type", "text/plain"]] });
  const proxy = await createProxy({ filters, upstreams: { web }, budgetMs: 0 });
  return async () => {
    const exchange = await proxy.send({ authority: "a", headers: own });
    if (exchange.response.status !== 200) throw new Error("the exchange failed");
    proxy.forgetPast();
  };
}

/**
 * Nanoseconds of each, round by round.
 *
 * @param {number} rounds
 */
export async function sendRounds(rounds) {
  const works = [await byHand(), await bySend(1), await bySend(5)];
  /** @type {number[][]} */
  const times = works.map(() => []);
  for (let round = -10; round < rounds; round++) {
    for (const [i, work] of works.entries()) {
      const start = performance.now();
      for (let n = 0; n < 500; n++) await work();
      if (round >= 0) times[i]?.push(((performance.now() - start) * 1e6) / 500);
    }
  }
  return times;
}

/** Milliseconds of the machine's time in which a paused request waits out five minutes. */
export async function idleMs() {
  const filters = [
    {
      module: "fixtures/probe/probe.wasm",
      configuration: "on_request_headers: return 1",
      failurePolicy: /** @type {const} */ ("FAIL_CLOSED"),
    },
  ];
  const proxy = await createProxy({ filters, upstreams: { web: noReply }, budgetMs: 0 });
  let best = Infinity;
  for (let i = 0; i < 50; i++) {
    const start = performance.now();
    const { response } = await proxy.send();
    best = Math.min(best, performance.now() - start);
    if (response.status !== 504) throw new Error("the idle timeout did not fire");
  }
  return best;
}
