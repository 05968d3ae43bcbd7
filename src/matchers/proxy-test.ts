import { afterAll, test } from "vitest";
import type { ProxyOptions } from "../harness/proxy-options.js";
import type { Proxy, ProxySnapshot } from "../harness/proxy.js";

export interface ProxyTestOptions {
  /**
   * "test": each test begins with the state that a fresh proxy has, at the price of a restore. "file": each file does, and within it the
   * state goes on from test to test. "none": it goes on from file to file, too, where they share the options, being run in one
   * process with vitest's own isolation off. Default "test".
   */
  readonly isolate?: "test" | "file" | "none";
}

interface Ready {
  readonly proxy: Proxy;
  readonly snapshot: ProxySnapshot;
}

/** Proxies of files and of more than one file, by the options that they were made of; they live as long as the process. */
const shared = new WeakMap<ProxyOptions, Promise<Ready>>();

async function ready(options: ProxyOptions): Promise<Ready> {
  const proxy = await (await import("../harness/create-proxy.js")).createProxy(options);
  return { proxy, snapshot: proxy.snapshot() };
}

/**
 * vitest's `test` with a `proxy` in its context, closed after the last test.
 *
 * With `isolate: "test"` tests may run concurrently: each has a proxy to itself, and one that is done is handed to the next.
 * Answers of `once`, `times` and `sequence` that a test did not ask for fail it (UPSTREAM_UNUSED).
 */
export function proxyTest(options: ProxyOptions, { isolate = "test" }: ProxyTestOptions = {}) {
  const all: Ready[] = [];
  const idle: Ready[] = [];
  let ofFile: Promise<Proxy> | undefined;
  const openFile = async (): Promise<Proxy> => {
    const there = shared.get(options) ?? ready(options);
    shared.set(options, there);
    const { proxy, snapshot } = await there;
    if (isolate === "file") proxy.restore(snapshot);
    return proxy;
  };
  afterAll(() => {
    for (const { proxy } of all) proxy.close();
  });
  return test.extend<{ proxy: Proxy }>({
    // oxlint-disable-next-line no-empty-pattern -- vitest reads from it what a fixture needs
    proxy: async ({}, use) => {
      if (isolate !== "test") return use(await (ofFile ??= openFile()));
      let mine = idle.pop();
      if (mine === undefined) all.push((mine = await ready(options)));
      const { proxy, snapshot } = mine;
      await use(proxy);
      try {
        proxy.assertUsed();
      } finally {
        proxy.restore(snapshot);
        idle.push(mine);
      }
    },
  });
}
