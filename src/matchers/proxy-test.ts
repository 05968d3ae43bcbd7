import { afterAll, test } from "vitest";
import type { ProxyOptions } from "../harness/proxy-options.js";
import type { Proxy, ProxySnapshot } from "../harness/proxy.js";

export interface ProxyTestOptions {
  /**
   * "test": each test begins with the state that a fresh proxy has, at the price of a restore. "file": one proxy whose state goes
   * on from test to test. Default "test".
   */
  readonly isolate?: "test" | "file";
}

interface Ready {
  readonly proxy: Proxy;
  readonly snapshot: ProxySnapshot;
}

/**
 * vitest's `test` with a `proxy` in its context, closed after the last test.
 *
 * With `isolate: "test"` tests may run concurrently: each has a proxy to itself, and one that is done is handed to the next.
 * Answers of `once`, `times` and `sequence` that a test did not ask for fail it (UPSTREAM_UNUSED).
 */
export function proxyTest(options: ProxyOptions, { isolate = "test" }: ProxyTestOptions = {}) {
  const all: Proxy[] = [];
  const idle: Ready[] = [];
  let shared: Promise<Proxy> | undefined;
  const create = async (): Promise<Proxy> => {
    const proxy = await (await import("../harness/create-proxy.js")).createProxy(options);
    all.push(proxy);
    return proxy;
  };
  afterAll(() => {
    for (const proxy of all) proxy.close();
  });
  return test.extend<{ proxy: Proxy }>({
    // oxlint-disable-next-line no-empty-pattern -- vitest reads from it what a fixture needs
    proxy: async ({}, use) => {
      if (isolate === "file") return use(await (shared ??= create()));
      let ready = idle.pop();
      if (ready === undefined) {
        const proxy = await create();
        ready = { proxy, snapshot: proxy.snapshot() };
      }
      const { proxy, snapshot } = ready;
      await use(proxy);
      try {
        proxy.assertUsed();
      } finally {
        proxy.restore(snapshot);
        idle.push(ready);
      }
    },
  });
}
