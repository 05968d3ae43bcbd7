import { expect } from "vitest";
import { matchers } from "./matchers.js";
import type { ProxyWasmMatchers } from "./matchers.js";

declare module "vitest" {
  // oxlint-disable-next-line no-explicit-any, no-empty-object-type -- as vitest declares it
  interface Matchers<T = any> extends ProxyWasmMatchers<T> {}
}

expect.extend(matchers);

export { matchers };
export { describeScenarios } from "./describe-scenarios.js";
export { proxyTest } from "./proxy-test.js";
export type { ProxyTestOptions } from "./proxy-test.js";
export type * from "./matchers.js";
