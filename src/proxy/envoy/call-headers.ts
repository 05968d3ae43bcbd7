import type { HeaderMap } from "../header-map.js";

/** What a plugin's call gets from its own router: what the guest wrote of it is overwritten where it stands. [R] */
export function routeCall(headers: HeaderMap, timeoutMs: number): void {
  if (!/^https?$/i.test(headers.first(":scheme") ?? "")) headers.overwrite(":scheme", "http");
  headers.overwrite("x-envoy-internal", "true");
  if (timeoutMs > 0) headers.overwrite("x-envoy-expected-rq-timeout-ms", String(timeoutMs));
}
