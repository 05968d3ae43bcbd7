import { describe, expect } from "vitest";
import { once, reply } from "../../src/index.js";
import { proxyTest } from "../../src/matchers/vitest.js";
import { probeWith } from "../support/probe.js";

const counting = probeWith("on_configure: metric 0 seen", "on_request_headers: inc 4 1");
const options = { filters: [counting], upstreams: { web: reply(200) } };

describe('proxyTest(), isolate "test"', () => {
  const it = proxyTest(options);
  const seen = new Set<unknown>();

  it.for([1, 2, 3])("test %d begins afresh, on the same proxy", async (_, { proxy }) => {
    seen.add(proxy);
    expect(proxy).toHaveMetric("seen", 0);
    await proxy.send();
    expect(proxy).toHaveMetric("seen", 1);
    expect(proxy.accessLog).toHaveLength(1);
    expect(seen.size).toBe(1);
  });
});

describe.concurrent('proxyTest(), isolate "test", side by side', () => {
  const it = proxyTest(options);
  const busy = new Set<unknown>();

  it.for([1, 2, 3])("test %d has a proxy to itself", async (_, { proxy, expect: check }) => {
    check(busy.has(proxy)).toBe(false);
    busy.add(proxy);
    await new Promise((done) => setTimeout(done, 5));
    check((await proxy.send()).response.status).toBe(200);
    check(proxy.accessLog).toHaveLength(1);
    busy.delete(proxy);
  });
});

describe('proxyTest(), isolate "file"', () => {
  const it = proxyTest(options, { isolate: "file" });

  it.for([1, 2])("test %d goes on where the one before ended", async (number, { proxy }) => {
    await proxy.send();
    expect(proxy).toHaveMetric("seen", number);
  });
});

describe('proxyTest(), isolate "none"', () => {
  const own = { ...options };
  const first = proxyTest(own, { isolate: "none" });
  const second = proxyTest(own, { isolate: "none" });

  first("goes on", async ({ proxy }) => {
    await proxy.send();
    expect(proxy).toHaveMetric("seen", 1);
  });
  second("also where another file has the same options", async ({ proxy }) => {
    await proxy.send();
    expect(proxy).toHaveMetric("seen", 2);
  });
});

describe('proxyTest(), isolate "file" of the same options', () => {
  proxyTest(options, { isolate: "file" })("each file begins afresh", ({ proxy }) => {
    expect(proxy).toHaveMetric("seen", 0);
  });
});

describe("answers that nobody asked for", () => {
  const it = proxyTest({ filters: [], upstreams: { web: once(reply(200)) } });

  it.fails("fail the test", ({ proxy }) => {
    expect(proxy.unused).toHaveLength(1);
  });
  it("and do not hurt the next", async ({ proxy }) => {
    expect((await proxy.send()).response.status).toBe(200);
  });
});
